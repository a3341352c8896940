//! Momentum: the accumulation itself, and the optimizer whose velocity carries the learning rate.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// Accumulates updates into a velocity: v ← γv + u, from v = 0; the velocity becomes the update.
///
/// After [`ScaleByRate`] it is the rule of the preset `momentum`; before it, that of `sgd-momentum`. See
/// [`Chain`](crate::Chain) for the difference. PyTorch's first step sets v = u, which is the same;
/// its dampening is not offered, since it is a smaller rate under another name.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Momentum, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x, &[Parameter::new("x", x)], &Momentum { gamma: 0.5 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![0.5])); // 3 − 1 − (0.5 · 1 + 1)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    /// Share of the velocity that is kept, γ.
    pub gamma: f64,
}

impl Momentum {
    /// The defaults.
    pub const DEFAULT: Momentum = Momentum { gamma: 0.9 };

    pub(crate) fn from_settings(settings: &Settings) -> Momentum {
        Momentum { gamma: settings.number(GAMMA.name) }
    }
}

impl std::default::Default for Momentum {
    fn default() -> Momentum {
        Momentum::DEFAULT
    }
}

impl Transform for Momentum {
    fn name(&self) -> &str {
        "momentum"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, u| p.update_slot("v", |v| self.gamma * v + u))
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

pub(crate) const GAMMA: Hyperparameter = Hyperparameter {
    name: "momentum",
    symbol: "γ",
    summary: "Share of the velocity that is kept from one step to the next.",
    accepts: Accepts::FRACTION,
    default: Default::Number(Momentum::DEFAULT.gamma),
    source: "the usual value; Sutskever et al. 2013, section 2",
};

/// The accumulation alone.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "momentum",
        summary: "Accumulates updates into a velocity.",
        formula: "v ← γ·v + u; u ← v",
        reference: "Polyak 1964, Some methods of speeding up the convergence of iteration methods",
        hyperparameters: &[GAMMA],
    },
    build: |settings| Ok(Box::new(Momentum::from_settings(settings))),
};

/// Momentum whose velocity carries the learning rate of the step at which each part of it arose.
///
/// The form of textbooks, Keras and scikit-learn: a change of the rate acts on new gradients only.
/// PyTorch's form, in which it acts on the whole velocity at once, is `sgd-momentum`.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "momentum",
        summary: "Gradient descent with momentum, the learning rate inside the velocity.",
        formula: "v ← γ·v + α·∇J(θ); θ ← θ − v",
        reference: "Polyak 1964; Qian 1999, On the momentum term in gradient descent learning algorithms",
        hyperparameters: &[learning_rate(0.01, "Keras `SGD`"), GAMMA, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let momentum = Momentum::from_settings(settings);
        Ok(Box::new(on_gradient(settings).then(ScaleByRate).then(momentum)))
    },
};
