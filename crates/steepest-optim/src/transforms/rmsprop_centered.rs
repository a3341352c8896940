//! RMSprop by the variance of the gradient.

use steepest_spec::{Description, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::rmsprop::{EPSILON, MOMENTUM, RHO, RmsProp, momentum};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// The gradient, divided by an estimate of its standard deviation.
///
/// ```text
/// v ← ρ·v + (1 − ρ)·g²
/// m ← ρ·m + (1 − ρ)·g
/// u = g / (√(v − m²) + ε)
/// ```
///
/// A steady gradient has a small variance and so makes long steps. v − m² is at least 0 but for rounding,
/// which is cut off; PyTorch, whose form this is, lets it become NaN. Graves has ε inside the root.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Parameter, RmsPropCentered, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(4.0 * x, &[Parameter::new("x", x)], &RmsPropCentered { rho: 0.5, epsilon: 0.0 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![1.0])); // 3 − 4 / √(8 − 2²)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RmsPropCentered {
    /// Share of the averages that is kept, ρ.
    pub rho: f64,
    /// What is added to the denominator, ε.
    pub epsilon: f64,
}

impl RmsPropCentered {
    /// PyTorch's values.
    pub const DEFAULT: RmsPropCentered =
        RmsPropCentered { rho: RmsProp::DEFAULT.rho, epsilon: RmsProp::DEFAULT.epsilon };

    fn from_settings(settings: &Settings) -> RmsPropCentered {
        RmsPropCentered { rho: settings.number(RHO.name), epsilon: settings.number(EPSILON.name) }
    }
}

impl Default for RmsPropCentered {
    fn default() -> RmsPropCentered {
        RmsPropCentered::DEFAULT
    }
}

impl Transform for RmsPropCentered {
    fn name(&self) -> &str {
        "rmsprop-centered"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let (rho, zero) = (self.rho, cx.number(0.0));
        cx.each(updates, |p, g| {
            let v = p.update_slot("v", |v| rho * v + (1.0 - rho) * g.square());
            let m = p.update_slot("m", |m| rho * m + (1.0 - rho) * g);
            let variance = (v - m.square()).maximum(zero);
            g / (variance.sqrt() + self.epsilon)
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

const REFERENCE: &str = "Graves 2013, Generating sequences with recurrent neural networks, eq. 38-45";

/// The direction alone, without the learning rate.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "rmsprop-centered",
        summary: "The gradient divided by an estimate of its standard deviation.",
        formula: "v ← ρ·v + (1−ρ)·g²; m ← ρ·m + (1−ρ)·g; u ← g / (√(v − m²) + ε)",
        reference: REFERENCE,
        hyperparameters: &[RHO, EPSILON],
    },
    build: |settings| Ok(Box::new(RmsPropCentered::from_settings(settings))),
};

/// `kind = "rmsprop-centered"`: PyTorch's `RMSprop(centered=True)`.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "rmsprop-centered",
        summary: "Gradient descent with each weight's gradient divided by its standard deviation.",
        formula: "v ← ρ·v + (1−ρ)·g²; m ← ρ·m + (1−ρ)·g; b ← γ·b + g / (√(v − m²) + ε); θ ← θ − α·b",
        reference: REFERENCE,
        hyperparameters: &[
            learning_rate(0.01, "PyTorch `RMSprop`"),
            RHO,
            EPSILON,
            MOMENTUM,
            L2,
            CLIP_NORM,
            CLIP_VALUE,
        ],
    },
    build: |settings| {
        let rmsprop = RmsPropCentered::from_settings(settings);
        let chain = on_gradient(settings).then(rmsprop).then_some(momentum(settings));
        Ok(Box::new(chain.then(ScaleByRate)))
    },
};
