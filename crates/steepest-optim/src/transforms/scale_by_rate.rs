//! The learning rate.

use steepest_spec::Description;

use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// Multiplies by the learning rate of the step: u ← αₜ·u.
///
/// The host feeds αₜ, the base rate times the schedule's factor, as the scalar `learning-rate`. Where
/// the link stands in a chain matters to what remembers updates; see [`Chain`](crate::Chain).
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Parameter, ScaleByRate, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x.square(), &[Parameter::new("x", x)], &ScaleByRate);
/// let mut feeds = Feeds::new().scalar("learning-rate", 0.25);
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![1.5])); // 3 − 0.25 · 6
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScaleByRate;

impl Transform for ScaleByRate {
    fn name(&self) -> &str {
        "scale-by-rate"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let rate = cx.rate();
        cx.each(updates, |_, u| rate * u)
    }

    fn works_on_rows(&self) -> bool {
        true
    }

    fn is_linear(&self) -> bool {
        true
    }
}

/// `kind = "scale-by-rate"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "scale-by-rate",
        summary: "Multiplies updates by the learning rate of the step.",
        formula: "u ← αₜ·u",
        reference: "",
        hyperparameters: &[],
    },
    build: |_| Ok(Box::new(ScaleByRate)),
};
