//! The proximal step of the L1 penalty.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::weight_decay::{DECAYING, Decaying};
use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// Shrinks what the step leaves towards zero, and stops there: θ ← S(θ − u, αₜ·λ) with
/// S(x, t) = sign(x)·max(|x| − t, 0).
///
/// This is the exact step for the penalty λ·Σ|θ|, which a subgradient can only make small: elements become
/// exactly 0 and stay there until their gradient outweighs λ. Last in a chain, after
/// [`ScaleByRate`](crate::ScaleByRate); αₜ is the learning rate of the step. Behind a rule that gives every
/// element a step of its own (Adam), the threshold is still the same for all of them. Of a table that is trained
/// by rows, only the rows of the batch shrink.
///
/// scikit-learn's `SGDClassifier` has the cumulative form of Tsuruoka et al. 2009 instead. Parikh & Boyd 2014,
/// Proximal algorithms, section 6.5.2; Daubechies et al. 2004 for the method as a whole.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Chain, Parameter, ProximalL1, ScaleByRate, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(1.0));
/// let y = graph.variable("y", VariableKind::Parameter, [], Initial::Constant(0.5));
/// let chain = Chain::new().then(ScaleByRate).then(ProximalL1::new(0.5));
/// minimize(x + y, &[Parameter::new("x", x), Parameter::new("y", y)], &chain);
/// let mut feeds = Feeds::new().scalar("learning-rate", 0.5);
/// advance(&graph, &[], &mut feeds)?;
/// let value = |name| feeds.get(name).map(|v| v.to_f64()[0]);
/// assert_eq!((value("x"), value("y")), (Some(0.25), Some(0.0))); // 1 − 0.5 − 0.25, and 0.5 − 0.5
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProximalL1 {
    /// Strength of the penalty, λ.
    pub lambda: f64,
    /// Which parameters shrink.
    pub decaying: Decaying,
}

impl ProximalL1 {
    /// Shrinks all parameters.
    pub const fn new(lambda: f64) -> ProximalL1 {
        ProximalL1 { lambda, decaying: Decaying::All }
    }
}

impl Transform for ProximalL1 {
    fn name(&self) -> &str {
        "proximal-l1"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let threshold = cx.rate() * self.lambda;
        cx.each(updates, |p, u| {
            let theta = p.value();
            if !self.decaying.includes(theta.shape().rank()) {
                return u;
            }
            let x = theta - u;
            theta - x.sign() * (x.abs() - threshold).relu()
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

/// `kind = "proximal-l1"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "proximal-l1",
        summary: "Shrinks what the step leaves towards zero, for an L1 penalty.",
        formula: "θ ← S(θ − u, αₜ·λ), S(x, t) = sign(x)·max(|x| − t, 0)",
        reference: "Parikh & Boyd 2014, Proximal algorithms, section 6.5.2",
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
        Ok(Box::new(ProximalL1 { lambda, decaying }))
    },
};
