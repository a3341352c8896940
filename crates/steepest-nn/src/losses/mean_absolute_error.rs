//! Mean absolute error.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// Mean absolute error.
///
/// ℓ = 1/K Σₖ |ŷₖ − yₖ|, with predictions ŷ and targets y of shape `[batch, K]` (or `[batch]`). The
/// derivative where ŷ = y is 0, as in PyTorch's `L1Loss`. Its minimizer is the conditional median.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Loss, MeanAbsoluteError};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let loss = MeanAbsoluteError {}.per_example(graph.input("p", [1, 2]), graph.input("t", [1, 2]));
/// let feeds = Feeds::new()
///     .with("p", Tensor::f64([1, 2], vec![1.0, 5.0])?)
///     .with("t", Tensor::f64([1, 2], vec![4.0, 4.0])?);
/// assert_eq!(evaluate(&graph, &[loss], &feeds)?[0].to_f64(), [2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanAbsoluteError {}

impl Loss for MeanAbsoluteError {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (prediction, target) = aligned("mean-absolute-error", prediction, target);
        mean_of_rest((prediction - target).abs())
    }
}

/// Mean absolute error.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "mean-absolute-error",
        summary: "The mean of the absolute differences.",
        formula: "ℓ = 1/K Σₖ |ŷₖ − yₖ|",
        reference: "Laplace, 1774; PyTorch L1Loss",
        hyperparameters: &[],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<MeanAbsoluteError>(&SPEC.about, settings, &[])?)),
};
