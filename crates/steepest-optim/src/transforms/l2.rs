//! The L2 penalty.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// The gradient of the penalty λ/2·‖θ‖², added to the gradient of the loss: g ← g + λθ.
///
/// First in a chain, so that what follows (averages, squares) sees it: the *coupled* form, called
/// `weight_decay` in PyTorch's `SGD`, `Adam`, `RMSprop` and `Adagrad`. With adaptive rules, weights with
/// large gradients decay less; the *decoupled* form without that effect is
/// [`WeightDecay`](crate::WeightDecay). All parameters are penalized, biases too, as in PyTorch.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{L2, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x, &[Parameter::new("x", x)], &L2 { lambda: 0.5 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![0.5])); // 3 − (1 + 0.5 · 3)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct L2 {
    /// Strength of the penalty, λ.
    pub lambda: f64,
}

impl Transform for L2 {
    fn name(&self) -> &str {
        "l2"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| g + self.lambda * p.value())
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

/// `kind = "l2"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "l2",
        summary: "Adds the gradient of an L2 penalty: coupled weight decay.",
        formula: "g ← g + λ·θ",
        reference: "Krogh & Hertz 1991, A simple weight decay can improve generalization",
        hyperparameters: &[Hyperparameter {
            name: "lambda",
            symbol: "λ",
            summary: "Strength of the penalty.",
            accepts: Accepts::NON_NEGATIVE,
            default: Default::Required,
            source: "",
        }],
    },
    build: |settings| Ok(Box::new(L2 { lambda: settings.number("lambda") })),
};
