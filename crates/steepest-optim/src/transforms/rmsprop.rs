//! RMSprop.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::momentum::{GAMMA, Momentum};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// RMSprop's direction: the gradient, divided by the root of the average of its squares.
///
/// ```text
/// v ← ρ·v + (1 − ρ)·g²
/// u = g / (√v + ε)
/// ```
///
/// v has the parameter's shape and begins with 0, without a correction for it: the first steps are up to
/// 1/√(1 − ρ) times as long as later ones. As in PyTorch, ρ = 0.99 and ε stands outside the root; optax
/// and Keras have ρ = 0.9 and ε inside.
///
/// Tieleman & Hinton 2012, Neural networks for machine learning, lecture 6.5.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Parameter, RmsProp, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(4.0 * x, &[Parameter::new("x", x)], &RmsProp { rho: 0.75, epsilon: 0.0 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![1.0])); // 3 − 4 / √(0.25 · 16)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    /// Share of the average that is kept, ρ.
    pub rho: f64,
    /// What is added to the denominator, ε.
    pub epsilon: f64,
}

impl RmsProp {
    /// PyTorch's values.
    pub const DEFAULT: RmsProp = RmsProp { rho: 0.99, epsilon: 1e-8 };

    fn from_settings(settings: &Settings) -> RmsProp {
        RmsProp { rho: settings.number(RHO.name), epsilon: settings.number(EPSILON.name) }
    }
}

impl std::default::Default for RmsProp {
    fn default() -> RmsProp {
        RmsProp::DEFAULT
    }
}

impl Transform for RmsProp {
    fn name(&self) -> &str {
        "rmsprop"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let rho = self.rho;
        cx.each(updates, |p, g| {
            let v = p.update_slot("v", |v| rho * v + (1.0 - rho) * g.square());
            g / (v.sqrt() + self.epsilon)
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

const SOURCE: &str = "PyTorch `RMSprop`";
const REFERENCE: &str = "Tieleman & Hinton 2012, Neural networks for machine learning, lecture 6.5";

pub(crate) const RHO: Hyperparameter = Hyperparameter {
    name: "rho",
    symbol: "ρ",
    summary: "Share of the average squared gradient that is kept from one step to the next.",
    accepts: Accepts::FRACTION,
    default: Default::Number(RmsProp::DEFAULT.rho),
    source: SOURCE,
};

pub(crate) const EPSILON: Hyperparameter = Hyperparameter {
    name: "epsilon",
    symbol: "ε",
    summary: "Added to the denominator, so that a zero gradient gives 0; in units of the gradient.",
    accepts: Accepts::POSITIVE,
    default: Default::Number(RmsProp::DEFAULT.epsilon),
    source: SOURCE,
};

/// Momentum after the division, off unless set.
pub(crate) const MOMENTUM: Hyperparameter =
    Hyperparameter { default: Default::Number(0.0), source: SOURCE, ..GAMMA };

/// Momentum, if the settings ask for it.
pub(crate) fn momentum(settings: &Settings) -> Option<Momentum> {
    Some(Momentum::from_settings(settings)).filter(|momentum| momentum.gamma > 0.0)
}

/// The direction alone, without the learning rate.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "rmsprop",
        summary: "The gradient divided by the root of the average of its squares.",
        formula: "v ← ρ·v + (1−ρ)·g²; u ← g / (√v + ε)",
        reference: REFERENCE,
        hyperparameters: &[RHO, EPSILON],
    },
    build: |settings| Ok(Box::new(RmsProp::from_settings(settings))),
};

/// `kind = "rmsprop"`: PyTorch's RMSprop, whose momentum comes after the division and before the rate.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "rmsprop",
        summary: "Gradient descent with each weight's gradient divided by its recent size.",
        formula: "v ← ρ·v + (1−ρ)·g²; b ← γ·b + g / (√v + ε); θ ← θ − α·b",
        reference: REFERENCE,
        hyperparameters: &[learning_rate(0.01, SOURCE), RHO, EPSILON, MOMENTUM, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let rmsprop = RmsProp::from_settings(settings);
        let chain = on_gradient(settings).then(rmsprop).then_some(momentum(settings));
        Ok(Box::new(chain.then(ScaleByRate)))
    },
};
