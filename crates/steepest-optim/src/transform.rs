//! What every link of an optimizer is.

use crate::scope::UpdateScope;
use crate::updates::Updates;

/// Turns updates into updates: gradients enter the first link of a chain, and what leaves the last is
/// subtracted from the parameters.
///
/// A transform is plain configuration. [`apply`](Transform::apply) writes the paper's formula on graph
/// variables once, while the training step is built; the compiler fuses it with everything around it.
/// What a transform remembers between steps are named slots of the scope, never fields of its own.
///
/// Your own transform is a struct and a formula:
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Chain, Parameter, ScaleByRate, Transform, UpdateScope, Updates, minimize};
///
/// /// Goes by the sign of an average of the gradients: m ← βm + (1 − β)g; u = sign(m).
/// struct SignOfMomentum { beta: f64 }
///
/// impl Transform for SignOfMomentum {
///     fn name(&self) -> &str { "sign-of-momentum" }
///
///     fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
///         cx.each(updates, |p, g| {
///             let m = p.update_slot("m", |m| self.beta * m + (1.0 - self.beta) * g);
///             m.sign()
///         })
///     }
/// }
///
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// let chain = Chain::new().then(SignOfMomentum { beta: 0.9 }).then(ScaleByRate);
/// minimize(x.square(), &[Parameter::new("x", x)], &chain);
///
/// let mut feeds = Feeds::new().scalar("learning-rate", 0.25);
/// advance(&graph, &[], &mut feeds)?;
/// let value = |name| feeds.get(name).map(|v| v.to_f64()[0]);
/// assert_eq!(value("x"), Some(2.75));
/// assert!((value("x/sign-of-momentum.m").unwrap_or(0.0) - 0.6).abs() < 1e-15); // 0.9 · 0 + 0.1 · 6
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
pub trait Transform: Send + Sync {
    /// The name in kebab-case. It is part of the names of the slots, and so of every checkpoint.
    fn name(&self) -> &str;

    /// Writes the formula.
    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g>;

    /// Whether the formula holds for some rows of a table alone, as one written element by element does, or
    /// one whose sums over all elements may take absent rows for zeros (a norm). Otherwise the whole update
    /// of a table enters, and the table is no longer changed [by rows](crate::Parameter::by_rows).
    ///
    /// Default: no, which is always right.
    fn works_on_rows(&self) -> bool {
        false
    }

    /// Whether the updates are only multiplied by numbers that are the same for all of them, so that the sum
    /// of what leaves is what a sum becomes. Repeated rows then need not be added up first.
    ///
    /// Default: no, which is always right.
    fn is_linear(&self) -> bool {
        false
    }
}

impl<T: Transform + ?Sized> Transform for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        (**self).apply(cx, updates)
    }

    fn works_on_rows(&self) -> bool {
        (**self).works_on_rows()
    }

    fn is_linear(&self) -> bool {
        (**self).is_linear()
    }
}
