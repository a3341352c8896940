//! The logistic loss of a difference of scores.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{LossSpec, mean_of_rest};
use crate::Target;
use crate::losses::Loss;

/// ℓ = ln(1 + exp(−d)) for d, how much higher the score is of what should rank higher; there is no target.
///
/// Reference: Rendle et al., 2009, *BPR: Bayesian personalized ranking from implicit feedback*, eq. 4.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Loss, PairwiseLogistic};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let d = graph.input("d", [2, 1]);
/// let loss = PairwiseLogistic {}.per_example(d, d);
/// let feeds = Feeds::new().with("d", Tensor::f64([2, 1], vec![0.0, 40.0])?);
/// let losses = evaluate(&graph, &[loss], &feeds)?[0].to_f64();
/// assert!((losses[0] - 2f64.ln()).abs() < 1e-12 && losses[1] < 1e-15, "{losses:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairwiseLogistic {}

impl Loss for PairwiseLogistic {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, _target: Var<'g>) -> Var<'g> {
        mean_of_rest((-prediction).softplus())
    }

    fn target(&self) -> Target {
        Target::Nothing
    }
}

/// The logistic loss of a difference of scores.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "pairwise-logistic",
        summary: "The logistic loss of how much higher the right one of two scores is.",
        formula: "ℓ = ln(1 + exp(−d))",
        reference: "Rendle et al., 2009, BPR: Bayesian personalized ranking from implicit feedback, eq. 4",
        hyperparameters: &[],
    },
    target: Target::Nothing,
    build: |_| Ok(Box::new(PairwiseLogistic {})),
};
