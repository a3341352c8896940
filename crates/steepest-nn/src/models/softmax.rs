//! Softmax regression.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::registry::{check_text, configure};
use crate::{Dense, Flatten, Init, InitializerSpec, Layer, Scope, Sparse, Task};

/// Softmax regression, also called multinomial logistic regression.
///
/// z = x W + b and P(class k) = e^zₖ / Σⱼ e^zⱼ, with features x of shape `[batch, …]` (further axes are
/// flattened). The predictions are the logits z, of shape `[batch, classes]`. Parameters are
/// `softmax.weight` and `softmax.bias`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Phase, Trace, Softmax, Layer};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2]);
/// let y = Softmax::new(2).forward(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), x);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 2], vec![2.0, 3.0])?)
///     .with("softmax.weight", Tensor::f64([2, 2], vec![1.0, 0.0, 0.0, 1.0])?)
///     .with("softmax.bias", Tensor::f64([2], vec![0.5, -0.5])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [2.5, 2.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Softmax {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// Initial values of W. The problem is convex: any start ends at the same minimum.
    pub weight_init: Init,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Softmax {
    /// A model that starts at zero.
    pub fn new(outputs: usize) -> Softmax {
        Softmax { outputs, weight_init: Init::zeros(), use_bias: true }
    }
}

impl Softmax {
    fn dense(&self) -> Dense {
        let dense = Dense { use_bias: self.use_bias, ..Dense::new(self.outputs) };
        dense.weight_init(self.weight_init.clone())
    }
}

impl Layer for Softmax {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let x = Flatten {}.forward(cx, x);
        cx.layer("softmax", |cx| {
            cx.called_in_pytorch("");
            self.dense().forward(cx, x)
        })
    }

    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        cx.layer("softmax", |cx| {
            cx.called_in_pytorch("");
            self.dense().forward_sparse(cx, x)
        })
    }
}

/// Softmax regression: one logit for each class.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "softmax",
        summary: "Softmax regression: one logit for each class.",
        formula: "z = x W + b, P(k) = softmax(z)ₖ",
        reference: "Cox, 1966; Bishop, 2006, Pattern recognition and machine learning, sec. 4.3.4",
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
    suits: |task| matches!(task, Task::Multiclass { .. }),
    configure: |settings, task| {
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        Ok(Box::new(configure::<Softmax>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
