//! Transforms one after the other.

use crate::scope::UpdateScope;
use crate::transform::Transform;
use crate::updates::Updates;

/// Transforms one after the other: what leaves one enters the next.
///
/// The order is the meaning. `[scale-by-rate, momentum]` accumulates updates that already carry the
/// learning rate of their step; `[momentum, scale-by-rate]` accumulates gradients and applies today's
/// rate to all of them. They agree only while the rate does not change:
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, evaluate};
/// use steepest_optim::{Chain, Momentum, Parameter, ScaleByRate, minimize};
/// use steepest_tensor::Tensor;
/// // The second step on f(x) = x: the velocity of the first step is fed, and the rate has been halved.
/// let second = |chain: Chain, velocity: f64| {
///     let graph = Graph::new();
///     let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(0.0));
///     let applied = minimize(x, &[Parameter::new("x", x)], &chain);
///     let feeds = Feeds::new().scalar("learning-rate", 0.5).scalar("x/momentum.v", velocity);
///     evaluate(&graph, &[applied.next("x").unwrap_or(x)], &feeds).map(|v| v[0].to_f64()[0])
/// };
/// let gamma = Momentum { gamma: 0.9 };
/// assert_eq!(second(Chain::new().then(ScaleByRate).then(gamma), 1.0)?, -1.4); // 0.9 · 1 + 0.5
/// assert_eq!(second(Chain::new().then(gamma).then(ScaleByRate), 1.0)?, -0.95); // 0.5 · (0.9 + 1)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Default)]
pub struct Chain {
    links: Vec<Box<dyn Transform>>,
}

impl Chain {
    /// A chain that changes nothing: the updates are the gradients.
    pub fn new() -> Chain {
        Chain::default()
    }

    /// Adds a link at the end.
    #[must_use]
    pub fn then(mut self, link: impl Transform + 'static) -> Chain {
        self.links.push(Box::new(link));
        self
    }

    /// Adds a link at the end, if there is one.
    #[must_use]
    pub fn then_some(self, link: Option<impl Transform + 'static>) -> Chain {
        match link {
            Some(link) => self.then(link),
            None => self,
        }
    }

    /// The names of the links, in order.
    pub fn names(&self) -> Vec<&str> {
        self.links.iter().map(|link| link.name()).collect()
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Chain").field(&self.names()).finish()
    }
}

impl Transform for Chain {
    fn name(&self) -> &str {
        "chain"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        self.links.iter().fold(updates, |updates, link| cx.run(link, updates))
    }
}
