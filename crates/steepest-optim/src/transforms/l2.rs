//! The L2 penalty.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::weight_decay::{DECAYING, Decaying};
use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// The gradient of the penalty λ/2·‖θ‖², added to the gradient of the loss: g ← g + λθ.
///
/// First in a chain, so that what follows (averages, squares) sees it: the *coupled* form, called
/// `weight_decay` in PyTorch's `SGD`, `Adam`, `RMSprop` and `Adagrad`. With adaptive rules, weights with
/// large gradients decay less; the *decoupled* form without that effect is
/// [`WeightDecay`](crate::WeightDecay). All parameters are penalized unless set otherwise, biases too, as in
/// PyTorch. Of a table that is trained by rows, the rows of the batch are.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{L2, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x, &[Parameter::new("x", x)], &L2::new(0.5));
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![0.5])); // 3 − (1 + 0.5 · 3)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct L2 {
    /// Strength of the penalty, λ.
    pub lambda: f64,
    /// Which parameters are penalized.
    pub decaying: Decaying,
}

impl L2 {
    /// A penalty on all parameters.
    pub const fn new(lambda: f64) -> L2 {
        L2 { lambda, decaying: Decaying::All }
    }
}

impl Transform for L2 {
    fn name(&self) -> &str {
        "l2"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| match self.decaying.includes(g.shape().rank()) {
            true => g + self.lambda * p.value(),
            false => g,
        })
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
        hyperparameters: &[
            Hyperparameter {
                name: "lambda",
                symbol: "λ",
                summary: "Strength of the penalty.",
                accepts: Accepts::NON_NEGATIVE,
                default: Default::Required,
                source: "",
            },
            DECAYING,
        ],
    },
    build: |settings| {
        let (lambda, decaying) = (settings.number("lambda"), Decaying::from_settings(settings));
        Ok(Box::new(L2 { lambda, decaying }))
    },
};
