//! Positions in a sequence.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::{Buffer, Shape, Tensor};

use super::{LayerSpec, wrong_input};
use crate::registry::configure;
use crate::{Init, Layer, Scope};

/// How a model is told where in a sequence something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionKind {
    /// A trained vector for each position, added.
    Learned,
    /// Fixed waves of geometric wavelengths, added.
    Sinusoidal,
    /// Queries and keys are turned by angles that grow with the position; nothing is added.
    Rotary,
    /// Not at all.
    None,
}

impl PositionKind {
    /// The names in a spec.
    pub(crate) const NAMES: &'static [&'static str] = &["learned", "sinusoidal", "rotary", "none"];
}

/// Adds to each element of a sequence what says where it stands.
///
/// y = x + P, with x of shape `[batch, T, d]`. Learned: P of shape `[T, d]` is trained and starts from
/// N(0, 0.02²). Sinusoidal: P[t, 2i] = sin(t / 10000^(2i/d)), P[t, 2i+1] = cos(t / 10000^(2i/d)). Rotary
/// positions and `none` add nothing here; see [`MultiHeadAttention`](crate::MultiHeadAttention).
///
/// References: Vaswani et al., 2017, *Attention is all you need*, section 3.5; Su et al., 2021, *RoFormer*.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Phase, PositionKind, Positions, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2, 2]);
/// let layer = Positions { encoding: PositionKind::Sinusoidal };
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("positions", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2, 2], vec![0.0; 4])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [0.0, 1.0, 1f64.sin(), 1f64.cos()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Positions {
    /// How.
    pub encoding: PositionKind,
}

impl Layer for Positions {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let &[_, length, width] = &x.shape()[..] else {
            wrong_input("positions", x, "a sequence of shape [batch, length, width]", "embed tokens first");
            return x;
        };
        match self.encoding {
            PositionKind::Learned => x + cx.param("weight", [length, width], &Init::normal()),
            PositionKind::Sinusoidal => {
                let wave = |t: usize, i: usize| {
                    let angle = angle(t, i / 2, width);
                    if i.is_multiple_of(2) { angle.sin() } else { angle.cos() }
                };
                x + table(x, length, width, wave)
            }
            PositionKind::Rotary | PositionKind::None => x,
        }
    }
}

/// t / 10000^(2i/d).
fn angle(t: usize, i: usize, d: usize) -> f64 {
    t as f64 / 10_000f64.powf(2.0 * i as f64 / d as f64)
}

/// A `[rows, columns]` table of numbers known now, in the graph of `x`.
#[track_caller]
pub(crate) fn table<'g>(
    x: Var<'g>,
    rows: usize,
    columns: usize,
    value: impl Fn(usize, usize) -> f64,
) -> Var<'g> {
    let values = (0..rows * columns).map(|k| value(k / columns.max(1), k % columns.max(1))).collect();
    let tensor = Tensor::new(Shape::from([rows, columns]), Buffer::F64(values));
    // There are as many values as the shape says.
    tensor.map_or_else(|_| x.zeros_like(), |tensor| x.graph().literal(tensor))
}

/// Turns the halves of each vector of x `[…, T, d]` into one another, by angles that grow with the position:
/// with (a, b) the halves, y = (a cos θ − b sin θ, b cos θ + a sin θ), θ[t, i] = t / 10000^(2i/d).
///
/// Products of turned queries and keys depend only on the distance of their positions.
#[track_caller]
pub(crate) fn rotate(x: Var<'_>) -> Var<'_> {
    let (length, width, last) = (x.dim(-2), x.dim(-1), x.shape().rank().saturating_sub(1));
    let half = width / 2;
    let (a, b) = (x.slice(last, 0, half), x.slice(last, half, 2 * half));
    let cos = table(x, length, half, |t, i| angle(t, i, width).cos());
    let sin = table(x, length, half, |t, i| angle(t, i, width).sin());
    (a * cos - b * sin).concat(&[b * cos + a * sin], last)
}

/// Positions in a sequence.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "positions",
        summary: "Adds to each element of a sequence what says where it stands.",
        formula: "y = x + P; sinusoidal: P[t, 2i] = sin(t / 10000^(2i/d)), P[t, 2i+1] = cos(…)",
        reference: "Vaswani et al., 2017, Attention is all you need, sec. 3.5",
        hyperparameters: &[Hyperparameter {
            name: "encoding",
            symbol: "P",
            summary: "A trained table, or fixed waves.",
            accepts: Accepts::Choice(PositionKind::NAMES),
            default: Default::Text("learned"),
            source: "GPT-2 (Radford et al., 2019)",
        }],
    },
    build: |settings| Ok(Box::new(configure::<Positions>(&SPEC.about, settings, &[])?)),
};
