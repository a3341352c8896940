//! Multi-head attention.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::{Buffer, Shape, Tensor};

use super::positions::rotate;
use super::{LayerSpec, not_ahead, wrong_input};
use crate::registry::configure;
use crate::{Dense, Dropout, Init, Layer, Scope};

/// Self-attention with several heads.
///
/// Q, K, V = x W + b, cut into heads of size d = width / heads; A = softmax(Q Kᵀ / √d); y = (A V) W' + b', with
/// x and y of shape `[batch, T, width]`. With `causal`, position t sees positions 0 … t; with lengths
/// ([`MultiHeadAttention::masked`]), none sees the padding behind an example's end. With `rotary`, Q and K
/// are turned by angles that grow with the position.
///
/// Parameters are `in_proj.weight` of shape `[width, 3 · width]` (Q, K, V side by side), `in_proj.bias`,
/// `out_proj.weight` and `out_proj.bias`: PyTorch's `MultiheadAttention`, transposed. Initial weights are Xavier
/// and biases zero, as there.
///
/// The width must be a multiple of the heads; with `rotary`, d must be even.
///
/// Reference: Vaswani et al., 2017, *Attention is all you need*, eq. 1 and section 3.2.2.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{MultiHeadAttention, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let x = graph.input("x", [8, 16, 32]);
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("attention", &MultiHeadAttention::causal(4), x);
/// assert_eq!(*y.shape(), [8, 16, 32]);
/// assert_eq!(trace.parameters()[0].1.shape()[..], [32, 96]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MultiHeadAttention {
    /// The number of heads.
    pub heads: usize,
    /// Whether a position sees only those before it, and itself.
    pub causal: bool,
    /// Whether queries and keys are turned by their positions.
    pub rotary: bool,
    /// The share of attention weights dropped in training.
    pub dropout: f64,
    /// Whether the four products have a bias.
    pub use_bias: bool,
    /// Initial weights of the four products.
    pub weight_init: Init,
}

impl MultiHeadAttention {
    /// Attention in which every position sees every other.
    pub fn new(heads: usize) -> MultiHeadAttention {
        let weight_init = Init::xavier_uniform();
        MultiHeadAttention { heads, causal: false, rotary: false, dropout: 0.0, use_bias: true, weight_init }
    }

    /// Attention in which a position sees only those before it, and itself.
    pub fn causal(heads: usize) -> MultiHeadAttention {
        MultiHeadAttention { causal: true, ..MultiHeadAttention::new(heads) }
    }

    /// Attention that does not see what stands behind the end of each example: `lengths` are reals of shape
    /// `[batch]`.
    ///
    /// What it gives at positions behind the end means nothing. An example of length 0 counts as one of length 1.
    #[track_caller]
    pub fn masked<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>, lengths: Option<Var<'g>>) -> Var<'g> {
        self.masked_with(cx, x, lengths, &self.weight_init)
    }

    /// The same with other initial weights for the product that mixes the heads.
    #[track_caller]
    pub(crate) fn masked_with<'g>(
        &self,
        cx: &mut Scope<'_, 'g>,
        x: Var<'g>,
        lengths: Option<Var<'g>>,
        out_init: &Init,
    ) -> Var<'g> {
        let fits = match x.shape()[..] {
            [_, _, width] => {
                x.ty().is_real()
                    && self.heads > 0
                    && width.is_multiple_of(self.heads)
                    && (!self.rotary || (width / self.heads).is_multiple_of(2))
            }
            _ => false,
        };
        if !fits {
            let heads = if self.rotary { "twice its heads, for rotary positions" } else { "its heads" };
            let needs = format!(
                "real values of shape [batch, length, width], the width a multiple of {heads}, of which there are {}",
                self.heads
            );
            wrong_input("attention", x, &needs, "choose a `width` and a number of `heads` that divides it");
            return x;
        }
        not_ahead(cx, "attention", x, !self.causal, "set `causal = true`");
        let (batch, length, width) = (x.dim(0), x.dim(1), x.dim(2));
        let (heads, size) = (self.heads, width / self.heads);
        let (weight, bias) = cx.layer("in_proj", |cx| {
            cx.called_in_pytorch("");
            let weight = cx.param("weight", [width, 3 * width], &self.weight_init);
            let shape = [3 * width, width];
            cx.stored_in_pytorch("weight", "in_proj_weight", &[width, 3 * width], &[1, 0], &shape);
            let bias = self.use_bias.then(|| cx.param("bias", [3 * width], &Init::zeros()));
            cx.stored_in_pytorch("bias", "in_proj_bias", &[3 * width], &[0], &[3 * width]);
            cx.channels_first(false);
            (weight, bias)
        });
        // A product for each part, so that none is cut out of a larger one; heads are views.
        let part = |k: usize| {
            let (first, end) = (k * width, (k + 1) * width);
            let y = x.matmul(weight.slice(1, first, end));
            let y = bias.map_or(y, |bias| y + bias.slice(0, first, end));
            y.reshape([batch, length, heads, size]).permute(&[0, 2, 1, 3])
        };
        let (mut query, mut key, value) = (part(0), part(1), part(2));
        if self.rotary {
            (query, key) = (rotate(query), rotate(key));
        }
        // Where none sees what is behind it, blocks of positions are mixed: what is hidden from all of a block is not computed.
        let block = if self.causal { length.div_ceil(MOST_BLOCKS).max(LEAST_BLOCK) } else { length.max(1) };
        let mixed = (0..length).step_by(block).map(|first| {
            let end = length.min(first + block);
            let seen = if self.causal { end } else { length };
            let [key, value] = [key, value].map(|rows| rows.slice(2, 0, seen));
            self.mix(cx, [query.slice(2, first, end), key, value], first, lengths)
        });
        let mixed: Vec<Var<'g>> = mixed.collect();
        let mixed = match mixed[..] {
            [] => return x,
            [all] => all,
            [first, ref rest @ ..] => first.concat(rest, 2),
        };
        let mixed = mixed.permute(&[0, 2, 1, 3]).reshape([batch, length, width]);
        cx.apply("out_proj", &self.dense(width, out_init), mixed)
    }

    /// What the queries of positions from `first` on make of keys and values: softmax(Q Kᵀ / √d) V.
    #[track_caller]
    fn mix<'g>(
        &self,
        cx: &mut Scope<'_, 'g>,
        [query, key, value]: [Var<'g>; 3],
        first: usize,
        lengths: Option<Var<'g>>,
    ) -> Var<'g> {
        let scores = query.matmul(key.transpose()) * (1.0 / (query.dim(-1) as f64).sqrt());
        let scores = self.hide(scores, first, lengths);
        Dropout { rate: self.dropout }.forward(cx, scores.softmax_last()).matmul(value)
    }

    fn dense(&self, outputs: usize, init: &Init) -> Dense {
        Dense { use_bias: self.use_bias, ..Dense::new(outputs).weight_init(init.clone()) }
    }

    /// Scores `[batch, heads, rows, T]`, of positions from `first` on, with a very small number where a row must not look.
    #[track_caller]
    fn hide<'g>(&self, scores: Var<'g>, first: usize, lengths: Option<Var<'g>>) -> Var<'g> {
        if !self.causal && lengths.is_none() {
            return scores;
        }
        let (batch, positions, length) = (scores.dim(0), scores.dim(2), scores.dim(-1));
        let rows = Shape::from([batch, self.heads, positions, 1]);
        // How many positions each row sees.
        let sees = |row: usize| if self.causal { first + row % positions.max(1) + 1 } else { length };
        let limits = (0..rows.elements()).map(|row| sees(row) as f64).collect();
        let Ok(limits) = Tensor::new(rows, Buffer::F64(limits)) else { return scores };
        let mut limit = scores.graph().literal(limits);
        if let Some(lengths) = lengths {
            let lengths = lengths.reshape([batch, 1, 1, 1]).maximum(scores.constant(1.0));
            limit = limit.minimum(lengths);
        }
        let Ok(columns) =
            Tensor::new(Shape::from([length]), Buffer::F64((0..length).map(|j| j as f64).collect()))
        else {
            return scores;
        };
        let columns = scores.graph().literal(columns);
        columns.less(limit).select(scores, scores.constant(HIDDEN))
    }
}

/// The fewest positions of a block.
const LEAST_BLOCK: usize = 32;
/// The most blocks: of eight, 44 % of the scores are not computed; more would save little, and make the plan longer.
const MOST_BLOCKS: usize = 8;

/// A score so small that its power is 0, and finite, so that a difference of two is 0.
const HIDDEN: f64 = -1e30;

impl Layer for MultiHeadAttention {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let lengths = cx.lengths_of(x);
        self.masked(cx, x, lengths)
    }
}

/// Multi-head attention.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "attention",
        summary: "Self-attention with several heads.",
        formula: "A = softmax(Q Kᵀ / √d), y = (A V) W' + b', Q, K, V = x W + b",
        reference: "Vaswani et al., 2017, Attention is all you need, eq. 1, sec. 3.2.2",
        hyperparameters: &[
            Hyperparameter {
                name: "heads",
                symbol: "h",
                summary: "The number of heads; it divides the width.",
                accepts: Accepts::SIZE,
                default: Default::Integer(1),
                source: "ours; Vaswani et al., 2017, have 8",
            },
            Hyperparameter {
                name: "causal",
                symbol: "",
                summary: "Whether a position sees only those before it, and itself.",
                accepts: Accepts::Bool,
                default: Default::Bool(false),
                source: "PyTorch MultiheadAttention",
            },
            Hyperparameter {
                name: "rotary",
                symbol: "",
                summary: "Whether queries and keys are turned by their positions.",
                accepts: Accepts::Bool,
                default: Default::Bool(false),
                source: "Su et al., 2021, RoFormer",
            },
            Hyperparameter {
                name: "dropout",
                symbol: "p",
                summary: "The share of attention weights dropped in training.",
                accepts: Accepts::FRACTION,
                default: Default::Number(0.0),
                source: "PyTorch MultiheadAttention",
            },
            Hyperparameter {
                name: "use-bias",
                symbol: "b",
                summary: "Whether the four products have a bias.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "PyTorch MultiheadAttention",
            },
            Hyperparameter {
                name: "weight-init",
                symbol: "W",
                summary: "Initial weights: an initializer, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("xavier-uniform"),
                source: "PyTorch MultiheadAttention; Glorot and Bengio, 2010",
            },
        ],
    },
    build: |settings| {
        crate::registry::check_text::<crate::InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        Ok(Box::new(configure::<MultiHeadAttention>(&SPEC.about, settings, &[])?))
    },
};
