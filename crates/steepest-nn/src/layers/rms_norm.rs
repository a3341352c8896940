//! Root mean square normalization.

use serde::{Deserialize, Serialize};
use steepest_graph::{Initial, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::LayerSpec;
use super::layer_norm::{is_normalizable, mean_last};
use crate::registry::configure;
use crate::{Layer, Scope};

/// Normalization of each example by its root mean square over the last axis.
///
/// y = x / √(mean(x²) + ε) ⊙ γ, with the mean over the last axis of x of shape `[batch, …, n]` and γ of
/// shape `[n]`, which starts as 1. The same in training and evaluation.
///
/// PyTorch's `RMSNorm` takes the machine epsilon of the data type for ε unless told otherwise.
///
/// Reference: Zhang and Sennrich, 2019, *Root mean square layer normalization*, eq. 4.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Phase, RmsNorm, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2]);
/// let layer = RmsNorm { epsilon: 1e-12 };
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("norm", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2], vec![1.0, 7.0])?);
/// let y = evaluate(&graph, &[y], &feeds)?[0].to_f64();
/// assert!((y[0] - 0.2).abs() < 1e-9 && (y[1] - 1.4).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RmsNorm {
    /// ε, added to the mean square.
    pub epsilon: f64,
}

impl std::default::Default for RmsNorm {
    fn default() -> RmsNorm {
        RmsNorm { epsilon: 1e-6 }
    }
}

impl Layer for RmsNorm {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        if !is_normalizable("rms-norm", x) {
            return x;
        }
        let gain = cx.param_from("weight", [x.dim(-1)], Initial::Constant(1.0));
        let scale = 1.0 / (mean_last(x.square()) + self.epsilon).sqrt();
        // ∂L/∂x = s (g − y mean(g y)).
        let y = (x * scale)
            .with_derivative(x, &[scale], |grad, y, others| others[0] * (grad - y * mean_last(grad * y)));
        let y = y * gain;
        cx.normalizes(&["weight"], x, y);
        y
    }
}

/// Root mean square normalization.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "rms-norm",
        summary: "Normalizes each example by its root mean square over the last axis.",
        formula: "y = x / √(mean(x²) + ε) ⊙ γ",
        reference: "Zhang and Sennrich, 2019, Root mean square layer normalization, eq. 4",
        hyperparameters: &[Hyperparameter {
            name: "epsilon",
            symbol: "ε",
            summary: "Added to the mean square.",
            accepts: Accepts::POSITIVE,
            default: Default::Number(1e-6),
            source: "T5 and LLaMA; PyTorch RMSNorm has the machine epsilon",
        }],
    },
    build: |settings| Ok(Box::new(configure::<RmsNorm>(&SPEC.about, settings, &[])?)),
};
