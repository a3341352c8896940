//! Linear regression.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::registry::{check_text, configure};
use crate::{Dense, Flatten, Init, InitializerSpec, Layer, Scope, Sparse, Task};

/// Linear regression.
///
/// ŷ = x W + b, with features x of shape `[batch, …]` (further axes are flattened), W of shape
/// `[features, outputs]`. With the mean squared error this is ordinary least squares. Parameters are
/// `linear.weight` and `linear.bias`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Phase, Trace, Linear, Layer};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2]);
/// let y = Linear::new(1).forward(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), x);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 2], vec![2.0, 3.0])?)
///     .with("linear.weight", Tensor::f64([2, 1], vec![10.0, 1.0])?)
///     .with("linear.bias", Tensor::f64([1], vec![0.5])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [23.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Linear {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// Initial values of W. The problem is convex: any start ends at the same minimum.
    pub weight_init: Init,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Linear {
    /// A model that starts at zero.
    pub fn new(outputs: usize) -> Linear {
        Linear { outputs, weight_init: Init::zeros(), use_bias: true }
    }
}

impl Linear {
    fn dense(&self) -> Dense {
        let dense = Dense { use_bias: self.use_bias, ..Dense::new(self.outputs) };
        dense.weight_init(self.weight_init.clone())
    }
}

impl Layer for Linear {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let x = Flatten {}.forward(cx, x);
        cx.layer("linear", |cx| {
            cx.called_in_pytorch("");
            self.dense().forward(cx, x)
        })
    }

    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        cx.layer("linear", |cx| {
            cx.called_in_pytorch("");
            self.dense().forward_sparse(cx, x)
        })
    }
}

/// Linear regression: ordinary least squares.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "linear",
        summary: "Linear regression: ordinary least squares.",
        formula: "ŷ = x W + b",
        reference: "Gauss, 1809, Theoria motus",
        hyperparameters: &[
            Hyperparameter {
                name: "weight-init",
                symbol: "W",
                summary: "Initial weights: an initializer, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("zeros"),
                source: "the problem is convex; scikit-learn's linear models start at zero",
            },
            Hyperparameter {
                name: "use-bias",
                symbol: "b",
                summary: "Whether b is added.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "scikit-learn fit_intercept",
            },
        ],
    },
    suits: |task| matches!(task, Task::Regression { .. }),
    configure: |settings, task| {
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        Ok(Box::new(configure::<Linear>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
