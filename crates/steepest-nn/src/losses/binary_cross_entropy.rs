//! Binary cross-entropy.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// Binary cross-entropy of logits.
///
/// ℓ = −y ln σ(z) − (1 − y) ln(1 − σ(z)) = ln(1 + eᶻ) − y z, with logits z of shape `[batch]` or
/// `[batch, 1]` and targets y in `[0, 1]`. The second form overflows for no z, and its derivative is
/// σ(z) − y. Several logits of an example (`[batch, K]`: independent labels) are averaged.
///
/// The same as PyTorch's `BCEWithLogitsLoss` and Keras' `BinaryCrossentropy(from_logits=True)`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{BinaryCrossEntropy, Loss};
/// let graph = Graph::new();
/// let loss = BinaryCrossEntropy {}.per_example(graph.host_scalar("z"), graph.host_scalar("y"));
/// let at = |z: f64| evaluate(&graph, &[loss], &Feeds::new().scalar("z", z).scalar("y", 1.0));
/// assert!((at(0.0)?[0].to_f64()[0] - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(at(-800.0)?[0].to_f64(), [800.0]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropy {}

impl Loss for BinaryCrossEntropy {
    #[track_caller]
    fn per_example<'g>(&self, logits: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (z, y) = aligned("binary-cross-entropy", logits, target);
        mean_of_rest(z.softplus() - y * z)
    }
}

/// Binary cross-entropy of logits.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "binary-cross-entropy",
        summary: "The negative log-likelihood of yes and no, from logits.",
        formula: "ℓ = ln(1 + eᶻ) − y z",
        reference: "Cox, 1958, The regression analysis of binary sequences; PyTorch BCEWithLogitsLoss",
        hyperparameters: &[],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<BinaryCrossEntropy>(&SPEC.about, settings, &[])?)),
};
