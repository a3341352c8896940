//! The hinge loss.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// The hinge loss of support vector machines, for yes and no.
///
/// ℓ = max(0, 1 − s z) with s = 2y − 1, or its square; margins z of shape `[batch]` or `[batch, 1]`, targets y
/// 0 or 1. A row on the right side of the margin teaches nothing. At the kink s z = 1 the derivative is 0.
///
/// The sign of z is the class; σ(z) is not a calibrated probability. scikit-learn's `SGDClassifier` has the plain
/// form as `"hinge"`, `LinearSVC` the square, which is smooth.
///
/// Reference: Cortes and Vapnik, 1995, *Support-vector networks*.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Hinge, Loss};
/// let graph = Graph::new();
/// let loss = Hinge { squared: false }.per_example(graph.host_scalar("z"), graph.host_scalar("y"));
/// let at = |z: f64, y: f64| evaluate(&graph, &[loss], &Feeds::new().scalar("z", z).scalar("y", y));
/// assert_eq!(at(0.25, 1.0)?[0].to_f64(), [0.75]);
/// assert_eq!(at(0.25, 0.0)?[0].to_f64(), [1.25]);
/// assert_eq!(at(3.0, 1.0)?[0].to_f64(), [0.0]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Debug, std::default::Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hinge {
    /// Whether the loss is squared.
    pub squared: bool,
}

impl Loss for Hinge {
    #[track_caller]
    fn per_example<'g>(&self, margin: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (z, y) = aligned("hinge", margin, target);
        mean_of_rest(hinge(z, 2.0 * y - 1.0, self.squared))
    }
}

/// max(0, 1 − s z), or its square.
#[track_caller]
pub(super) fn hinge<'g>(z: Var<'g>, sign: Var<'g>, squared: bool) -> Var<'g> {
    let loss = (1.0 - sign * z).relu();
    if squared { loss.square() } else { loss }
}

pub(super) const SQUARED: Hyperparameter = Hyperparameter {
    name: "squared",
    symbol: "",
    summary: "Whether the loss is squared, which makes it smooth and large errors count more.",
    accepts: Accepts::Bool,
    default: Default::Bool(false),
    source: "scikit-learn SGDClassifier; LIBLINEAR's default is the square",
};

/// The hinge loss.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "hinge",
        summary: "What is missing to a margin of 1 on the right side, for yes and no.",
        formula: "ℓ = max(0, 1 − s z), s = 2y − 1",
        reference: "Cortes and Vapnik, 1995, Support-vector networks",
        hyperparameters: &[SQUARED],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<Hinge>(&SPEC.about, settings, &[])?)),
};
