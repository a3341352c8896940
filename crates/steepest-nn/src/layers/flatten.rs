//! Flattening.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::{LayerSpec, wrong_input};
use crate::registry::configure;
use crate::{Layer, Scope};

/// One row of features for each example: `[batch, a, b, …]` becomes `[batch, a·b·…]`, in row-major order.
///
/// A value of shape `[batch]` becomes `[batch, 1]`. Equal to PyTorch's `Flatten(1)`.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Flatten, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let x = graph.input("x", [32, 28, 28]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("flat", &Flatten {}, x);
/// assert_eq!(*y.shape(), [32, 784]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        let Some((&batch, features)) = shape.split_first() else {
            wrong_input("flatten", x, "a batch axis", "give it values of shape [batch, …]");
            return x;
        };
        let flat = x.reshape([batch, features.iter().product()]);
        cx.flattens(x, flat);
        flat
    }
}

/// One row of features for each example.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "flatten",
        summary: "One row of features for each example.",
        formula: "[batch, a, b, …] → [batch, a·b·…]",
        reference: "PyTorch Flatten(1)",
        hyperparameters: &[],
    },
    build: |settings| Ok(Box::new(configure::<Flatten>(&SPEC.about, settings, &[])?)),
};
