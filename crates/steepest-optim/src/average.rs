//! The running mean of the parameters.

use crate::{Transform, UpdateScope, Updates};

/// Keeps what the mean of the parameters over the updates after the first t₀ follows from, and changes no update.
///
/// The mean is θ̄ₜ = (θ_{t₀+1} + … + θₜ) / (t − t₀). Summed by parts it is θₜ + dₜ / (t − t₀) with
/// dₜ = dₜ₋₁ + max(t − 1 − t₀, 0)·u, where u is what the step subtracts. Since d changes only where u does, a table that is
/// trained by rows is averaged exactly, at the cost of the rows of the batch. Last in a chain, behind everything
/// that changes the update. [`Average::mean`] is what d makes of a parameter.
///
/// The mean of the iterates of stochastic gradient descent varies less than the last of them, and is asymptotically as
/// good as the best estimator. PyTorch's `AveragedModel` and scikit-learn's `SGDClassifier(average=True)` keep the mean itself.
///
/// References: Polyak and Juditsky, 1992, *Acceleration of stochastic approximation by averaging*, eq. 3; the sum by
/// parts: Daumé, 2006, *Practical structured learning techniques for natural language processing*, fig. 2.3.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Average, Chain, Parameter, ScaleByRate, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(1.0));
/// let chain = Chain::new().then(ScaleByRate).then(Average { after: 1 });
/// minimize(x.square(), &[Parameter::new("x", x)], &chain);
/// let (mut feeds, mut sum) = (Feeds::new().scalar("learning-rate", 0.25), 0.0);
/// for step in 1..=4u64 {
///     feeds = feeds.scalar("step", step as f64);
///     advance(&graph, &[], &mut feeds)?;
///     let value = |name| feeds.get(name).map_or(f64::NAN, |v| v.to_f64()[0]);
///     sum += if step > 1 { value("x") } else { 0.0 };
///     if step > 1 {
///         let mean = Average { after: 1 }.mean(value("x"), value("x/average.d"), step);
///         assert!((mean - sum / (step - 1) as f64).abs() < 1e-15);
///     }
/// }
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Average {
    /// The updates before the mean begins, t₀.
    pub after: u64,
}

impl Average {
    /// The name of the slot d of a parameter.
    pub fn slot(parameter: &str) -> String {
        format!("{parameter}/average.d")
    }

    /// θ̄ₜ of θₜ and dₜ; θₜ as long as there is nothing to average.
    pub fn mean(self, theta: f64, d: f64, t: u64) -> f64 {
        theta + d / t.saturating_sub(self.after).max(1) as f64
    }
}

impl Transform for Average {
    fn name(&self) -> &str {
        "average"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let before = cx.number(self.after as f64 + 1.0);
        let weight = (cx.step() - before).maximum(cx.number(0.0));
        cx.each(updates, |p, u| {
            p.add_to_slot("d", weight * u);
            u
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }

    fn is_linear(&self) -> bool {
        true
    }
}
