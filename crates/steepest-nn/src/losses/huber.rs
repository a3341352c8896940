//! The Huber loss.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Description, Hyperparameter};

use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// The Huber loss: squared for small errors, linear for large ones.
///
/// With e = ŷ − y, ℓ = 1/K Σₖ (½ e² if |e| ≤ δ, else δ (|e| − ½ δ)); predictions and targets of shape
/// `[batch, K]` (or `[batch]`).
///
/// A tiny δ is δ times the absolute error, a huge δ is half the squared error. The same as PyTorch's
/// `HuberLoss`; `SmoothL1Loss` is this divided by δ.
///
/// Reference: Huber, 1964, *Robust estimation of a location parameter*.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Huber, Loss};
/// let graph = Graph::new();
/// let loss = Huber { delta: 1.0 }.per_example(graph.host_scalar("p"), graph.host_scalar("t"));
/// let at = |p: f64| evaluate(&graph, &[loss], &Feeds::new().scalar("p", p).scalar("t", 0.0));
/// assert_eq!(at(0.5)?[0].to_f64(), [0.125]);
/// assert_eq!(at(-3.0)?[0].to_f64(), [2.5]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Huber {
    /// δ, the error above which the loss is linear.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Huber {
        Huber { delta: 1.0 }
    }
}

impl Loss for Huber {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (prediction, target) = aligned("huber", prediction, target);
        let error = prediction - target;
        let (size, delta) = (error.abs(), error.constant(self.delta));
        let small = size.less_equal(delta);
        mean_of_rest(small.select(0.5 * error.square(), delta * (size - 0.5 * delta)))
    }
}

/// The Huber loss.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "huber",
        summary: "Squared for small errors, linear for large ones.",
        formula: "ℓ = 1/K Σₖ (½ eₖ² if |eₖ| ≤ δ, else δ (|eₖ| − ½ δ)), e = ŷ − y",
        reference: "Huber, 1964, Robust estimation of a location parameter",
        hyperparameters: &[Hyperparameter {
            name: "delta",
            symbol: "δ",
            summary: "The error above which the loss is linear, in units of the target.",
            accepts: Accepts::POSITIVE,
            default: steepest_spec::Default::Number(1.0),
            source: "PyTorch HuberLoss, Keras Huber",
        }],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<Huber>(&SPEC.about, settings, &[])?)),
};
