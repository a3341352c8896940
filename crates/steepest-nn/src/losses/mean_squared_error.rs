//! Mean squared error.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{Loss, LossSpec, aligned, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// Mean squared error.
///
/// ℓ = 1/K Σₖ (ŷₖ − yₖ)², with predictions ŷ and targets y of shape `[batch, K]` (or `[batch]`).
///
/// The same as PyTorch's and Keras' with their mean reduction. There is no factor ½: the gradient is
/// 2 (ŷ − y) / K.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Loss, MeanSquaredError};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let (p, t) = (graph.input("p", [2, 1]), graph.input("t", [2]));
/// let loss = MeanSquaredError {}.per_example(p, t);
/// let feeds = Feeds::new()
///     .with("p", Tensor::f64([2, 1], vec![1.0, 5.0])?)
///     .with("t", Tensor::f64([2], vec![3.0, 5.0])?);
/// assert_eq!(evaluate(&graph, &[loss], &feeds)?[0].to_f64(), [4.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanSquaredError {}

impl Loss for MeanSquaredError {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
        let (prediction, target) = aligned("mean-squared-error", prediction, target);
        mean_of_rest((prediction - target).square())
    }
}

/// Mean squared error.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "mean-squared-error",
        summary: "The mean of the squared differences.",
        formula: "ℓ = 1/K Σₖ (ŷₖ − yₖ)²",
        reference: "Gauss, 1809; PyTorch MSELoss",
        hyperparameters: &[],
    },
    target: Target::Values,
    build: |settings| Ok(Box::new(configure::<MeanSquaredError>(&SPEC.about, settings, &[])?)),
};
