//! The ε-insensitive loss.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Description, Hyperparameter};

use super::hinge::SQUARED;
use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// The ε-insensitive loss of support vector regression: errors below ε cost nothing.
///
/// ℓ = 1/K Σₖ max(0, |eₖ| − ε) with e = ŷ − y, or the squares; predictions and targets of shape `[batch, K]` (or
/// `[batch]`). At the edges |e| = ε the derivative is 0. ε = 0 is the absolute (or squared) error. The target is
/// standardized unless the data say otherwise, and ε is in that unit.
///
/// Reference: Vapnik, 1995, *The nature of statistical learning theory*, section 6.1.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{EpsilonInsensitive, Loss};
/// let graph = Graph::new();
/// let loss = EpsilonInsensitive { epsilon: 0.5, squared: false };
/// let loss = loss.per_example(graph.host_scalar("p"), graph.host_scalar("t"));
/// let at = |p: f64| evaluate(&graph, &[loss], &Feeds::new().scalar("p", p).scalar("t", 0.0));
/// assert_eq!(at(-2.0)?[0].to_f64(), [1.5]);
/// assert_eq!(at(0.25)?[0].to_f64(), [0.0]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpsilonInsensitive {
    /// ε, the error that costs nothing.
    pub epsilon: f64,
    /// Whether the loss is squared.
    pub squared: bool,
}

impl Default for EpsilonInsensitive {
    fn default() -> EpsilonInsensitive {
        EpsilonInsensitive { epsilon: 0.1, squared: false }
    }
}

impl Loss for EpsilonInsensitive {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (prediction, target) = aligned("epsilon-insensitive", prediction, target);
        let beyond = ((prediction - target).abs() - self.epsilon).relu();
        mean_of_rest(if self.squared { beyond.square() } else { beyond })
    }
}

/// The ε-insensitive loss.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "epsilon-insensitive",
        summary: "The absolute error beyond ε; smaller errors cost nothing.",
        formula: "ℓ = 1/K Σₖ max(0, |eₖ| − ε), e = ŷ − y",
        reference: "Vapnik, 1995, The nature of statistical learning theory, sec. 6.1",
        hyperparameters: &[
            Hyperparameter {
                name: "epsilon",
                symbol: "ε",
                summary: "The error that costs nothing, in units of the (standardized) target.",
                accepts: Accepts::NON_NEGATIVE,
                default: steepest_spec::Default::Number(0.1),
                source: "scikit-learn SGDRegressor, SVR",
            },
            SQUARED,
        ],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<EpsilonInsensitive>(&SPEC.about, settings, &[])?)),
};
