//! Layer normalization.

use serde::{Deserialize, Serialize};
use steepest_graph::{Initial, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{LayerSpec, wrong_input};
use crate::registry::configure;
use crate::{Init, Layer, Scope};

/// Normalization of each example by its own mean and variance over the last axis.
///
/// y = (x − μ) / √(σ² + ε) ⊙ γ + β, with μ and σ² (divided by n) over the last axis of x of shape
/// `[batch, …, n]`, and γ and β of shape `[n]`, which start as 1 and 0. The same in training and evaluation.
///
/// Too small an ε lets rows without variation explode in single precision. The same as PyTorch's
/// `LayerNorm(n)`.
///
/// Reference: Ba, Kiros and Hinton, 2016, *Layer normalization*, eq. 4.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{LayerNorm, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2]);
/// let layer = LayerNorm { epsilon: 1e-12, ..LayerNorm::default() };
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("norm", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2], vec![3.0, 7.0])?);
/// let y = evaluate(&graph, &[y], &feeds)?[0].to_f64();
/// assert!((y[0] + 1.0).abs() < 1e-9 && (y[1] - 1.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LayerNorm {
    /// ε, added to the variance.
    pub epsilon: f64,
    /// Whether there is a β.
    pub use_bias: bool,
}

impl std::default::Default for LayerNorm {
    fn default() -> LayerNorm {
        LayerNorm { epsilon: 1e-5, use_bias: true }
    }
}

/// Σ over the last axis, divided by its size; that axis stays with size 1.
#[track_caller]
pub(crate) fn mean_last(x: Var<'_>) -> Var<'_> {
    x.sum_last() * (1.0 / x.dim(-1) as f64)
}

/// Reports a value without an axis to normalize over.
#[track_caller]
pub(crate) fn is_normalizable(op: &'static str, x: Var<'_>) -> bool {
    let fits = x.ty().is_real() && x.shape().rank() >= 2;
    if !fits {
        let help = "give it reals with an axis of features behind the batch";
        wrong_input(op, x, "real values of shape [batch, …, features]", help);
    }
    fits
}

impl Layer for LayerNorm {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        if !is_normalizable("layer-norm", x) {
            return x;
        }
        let n = x.dim(-1);
        let centered = x - mean_last(x);
        let scale = 1.0 / (mean_last(centered.square()) + self.epsilon).sqrt();
        // ∂L/∂x = s (g − mean(g) − y mean(g y)): of y alone, so that what it is made of need not be kept.
        let y = (centered * scale).with_derivative(x, &[scale], |grad, y, others| {
            others[0] * (grad - mean_last(grad) - y * mean_last(grad * y))
        });
        let gain = cx.param_from("weight", [n], Initial::Constant(1.0));
        let y = y * gain;
        let y = if self.use_bias { y + cx.param("bias", [n], &Init::zeros()) } else { y };
        cx.normalizes(&["weight", "bias"], x, y);
        y
    }
}

/// Layer normalization.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "layer-norm",
        summary: "Normalizes each example by its own mean and variance over the last axis.",
        formula: "y = (x − μ) / √(σ² + ε) ⊙ γ + β",
        reference: "Ba, Kiros and Hinton, 2016, Layer normalization, eq. 4",
        hyperparameters: &[
            Hyperparameter {
                name: "epsilon",
                symbol: "ε",
                summary: "Added to the variance.",
                accepts: Accepts::POSITIVE,
                default: Default::Number(1e-5),
                source: "PyTorch LayerNorm",
            },
            Hyperparameter {
                name: "use-bias",
                symbol: "β",
                summary: "Whether β is added.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "PyTorch LayerNorm",
            },
        ],
    },
    build: |settings| Ok(Box::new(configure::<LayerNorm>(&SPEC.about, settings, &[])?)),
};
