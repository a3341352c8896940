//! Clipping element by element.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// Limits each element of the update: u ← min(max(u, −c), c).
///
/// It changes the direction of the update; [`ClipGlobalNorm`](crate::ClipGlobalNorm) does not. NaN stays
/// NaN, so that the run stops with the tensor's name and does not hide it.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{ClipValue, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x.square(), &[Parameter::new("x", x)], &ClipValue { limit: 1.0 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![2.0]));
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClipValue {
    /// The largest absolute value of an element, c.
    pub limit: f64,
}

impl Transform for ClipValue {
    fn name(&self) -> &str {
        "clip-value"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let c = cx.number(self.limit);
        cx.each(updates, |_, u| u.maximum(-c).minimum(c))
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

/// `kind = "clip-value"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "clip-value",
        summary: "Limits each element of the updates.",
        formula: "u ← min(max(u, −c), c)",
        reference: "Mikolov 2012, Statistical language models based on neural networks, section 3.2.2",
        hyperparameters: &[Hyperparameter {
            name: "limit",
            symbol: "c",
            summary: "The largest absolute value of an element, in units of the update.",
            accepts: Accepts::POSITIVE,
            default: Default::Required,
            source: "",
        }],
    },
    build: |settings| Ok(Box::new(ClipValue { limit: settings.number("limit") })),
};
