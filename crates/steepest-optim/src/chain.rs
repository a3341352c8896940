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
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Chain, Momentum, Parameter, ScaleByRate, minimize};
/// // Two steps on f(x) = x; the rate is halved between them.
/// let descend = |chain: Chain| {
///     let graph = Graph::new();
///     let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(0.0));
///     minimize(x, &[Parameter::new("x", x)], &chain);
///     let mut feeds = Feeds::new().scalar("learning-rate", 1.0);
///     advance(&graph, &[], &mut feeds)?;
///     feeds = feeds.scalar("learning-rate", 0.5);
///     advance(&graph, &[], &mut feeds)?;
///     Ok::<_, steepest_graph::PlanErrors>(feeds.get("x").map(|x| x.to_f64()[0]))
/// };
/// let gamma = Momentum { gamma: 0.9 };
/// // 1, then 0.9 · 1 + 0.5 · 1
/// assert_eq!(descend(Chain::new().then(ScaleByRate).then(gamma))?, Some(-2.4));
/// // 1, then 0.5 · (0.9 · 1 + 1)
/// assert_eq!(descend(Chain::new().then(gamma).then(ScaleByRate))?, Some(-1.95));
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

    /// Each link is asked when its turn comes.
    fn works_on_rows(&self) -> bool {
        true
    }

    fn is_linear(&self) -> bool {
        self.links.iter().all(Transform::is_linear)
    }
}
