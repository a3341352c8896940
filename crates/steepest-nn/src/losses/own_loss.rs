//! The loss of a model that knows it itself.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{LossSpec, mean_of_rest};
use crate::Target;
use crate::losses::Loss;

/// ℓ = ŷ, the model's own output: for models that are not taught what to answer, such as word vectors.
///
/// There is no target; the mean over all axes but the first is made small.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Loss, OwnLoss};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let y = graph.input("y", [2, 2]);
/// let loss = OwnLoss {}.per_example(y, y);
/// let feeds = Feeds::new().with("y", Tensor::f64([2, 2], vec![1.0, 3.0, 0.5, 0.0])?);
/// assert_eq!(evaluate(&graph, &[loss], &feeds)?[0].to_f64(), [2.0, 0.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLoss {}

impl Loss for OwnLoss {
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, _target: Var<'g>) -> Var<'g> {
        mean_of_rest(prediction)
    }

    fn target(&self) -> Target {
        Target::Nothing
    }
}

/// The loss of a model that knows it itself.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "own-loss",
        summary: "What the model itself gives as its loss.",
        formula: "ℓ = ŷ",
        reference: "",
        hyperparameters: &[],
    },
    target: Target::Nothing,
    build: |_| Ok(Box::new(OwnLoss {})),
};
