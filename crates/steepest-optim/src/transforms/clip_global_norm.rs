//! Clipping by the norm of all gradients together.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// Shortens the update of all parameters together to a length: u ← u·min(1, c/‖u‖).
///
/// ‖u‖ is the Euclidean norm over all elements of all parameters, computed as s·r with s = max|u| and
/// r = √Σ(u/s)², so that squares neither overflow nor vanish: a gradient of 1e20 in single precision is
/// shortened to the length c, where the plain formula has c/∞ and returns zeros. If even s·r overflows,
/// the update is still (u/s)·(c/r). Updates within c stay exactly as they are.
///
/// The norm before clipping is reported to the host as `gradient-norm`. If any element is NaN or
/// infinite, so is the norm, and the update is NaN: it is not hidden, and the run stops.
///
/// PyTorch divides by ‖u‖ + 1e-6; optax is exact, as here. Pascanu et al. 2013, On the difficulty of
/// training recurrent neural networks, algorithm 1.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{ClipGlobalNorm, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(0.0));
/// let y = graph.variable("y", VariableKind::Parameter, [], Initial::Constant(0.0));
/// let parameters = [Parameter::new("x", x), Parameter::new("y", y)];
/// let applied = minimize(-3.0 * x - 4.0 * y, &parameters, &ClipGlobalNorm { norm: 1.0 });
/// let mut feeds = Feeds::new();
/// let norm = advance(&graph, &[applied.reports[0].1], &mut feeds)?[0].to_f64()[0];
/// let value = |name| feeds.get(name).map_or(0.0, |v| v.to_f64()[0]);
/// assert!((norm - 5.0).abs() < 1e-15);
/// assert!((value("x") - 0.6).abs() < 1e-15 && (value("y") - 0.8).abs() < 1e-15);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClipGlobalNorm {
    /// The largest norm, c.
    pub norm: f64,
}

impl Transform for ClipGlobalNorm {
    fn name(&self) -> &str {
        "clip-global-norm"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let c = cx.number(self.norm);
        let Some((s, r)) = updates.scaled_norm() else { return updates };
        let norm = s * r;
        cx.report("gradient-norm", norm);
        let within = norm.less_equal(c);
        cx.each(updates, |_, u| within.select(u, (u / s) * (c / r)))
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

/// `kind = "clip-global-norm"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "clip-global-norm",
        summary: "Shortens the update of all parameters together to a length.",
        formula: "u ← u·min(1, c/‖u‖)",
        reference: "Pascanu et al. 2013, On the difficulty of training recurrent neural networks, algorithm 1",
        hyperparameters: &[Hyperparameter {
            name: "norm",
            symbol: "c",
            summary: "The largest Euclidean norm of all updates together.",
            accepts: Accepts::POSITIVE,
            default: Default::Required,
            source: "",
        }],
    },
    build: |settings| Ok(Box::new(ClipGlobalNorm { norm: settings.number("norm") })),
};
