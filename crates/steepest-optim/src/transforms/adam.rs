//! Adam.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// Adam's direction: the average of gradients, divided by the root of the average of their squares.
///
/// ```text
/// m ← β₁·m + (1 − β₁)·g          m̂ = m / (1 − β₁ᵗ)
/// v ← β₂·v + (1 − β₂)·g²         v̂ = v / (1 − β₂ᵗ)
/// u = m̂ / (√v̂ + ε)
/// ```
///
/// g, m, v and u have the parameter's shape. An element of u is about ±1 while gradients agree, so the
/// rate that follows is the length of a step. ε, added after the bias correction as in PyTorch and optax,
/// damps elements whose gradients are of its size; Keras divides by √v + ε̂ instead. β₁ = 0 leaves
/// [RMSprop](crate::RmsProp) with bias correction.
///
/// Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Adam, Chain, Parameter, ScaleByRate, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// let adam = Chain::new().then(Adam { epsilon: 0.0, ..Adam::default() }).then(ScaleByRate);
/// minimize(1e-3 * x, &[Parameter::new("x", x)], &adam);
/// let mut feeds = Feeds::new().scalar("step", 1.0).scalar("learning-rate", 0.1);
/// advance(&graph, &[], &mut feeds)?;
/// let value = feeds.get("x").map_or(0.0, |x| x.to_f64()[0]);
/// assert!((value - 2.9).abs() < 1e-12, "the first step has the length α, however small the gradient");
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Share of the first moment that is kept, β₁.
    pub beta1: f64,
    /// Share of the second moment that is kept, β₂.
    pub beta2: f64,
    /// What is added to the denominator, ε.
    pub epsilon: f64,
}

impl Adam {
    /// The paper's values.
    pub const DEFAULT: Adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

    pub(crate) fn from_settings(settings: &Settings) -> Adam {
        Adam {
            beta1: settings.number(BETA1.name),
            beta2: settings.number(BETA2.name),
            epsilon: settings.number(EPSILON.name),
        }
    }
}

impl std::default::Default for Adam {
    fn default() -> Adam {
        Adam::DEFAULT
    }
}

impl Transform for Adam {
    fn name(&self) -> &str {
        "adam"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let (t, beta1, beta2) = (cx.step(), cx.number(self.beta1), cx.number(self.beta2));
        cx.each(updates, |p, g| {
            let m = p.update_slot("m", |m| beta1 * m + (1.0 - beta1) * g);
            let v = p.update_slot("v", |v| beta2 * v + (1.0 - beta2) * g.square());
            let m_hat = m / (1.0 - beta1.pow(t));
            let v_hat = v / (1.0 - beta2.pow(t));
            m_hat / (v_hat.sqrt() + self.epsilon)
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

const SOURCE: &str = "Kingma & Ba 2015, algorithm 1";

pub(crate) const BETA1: Hyperparameter = Hyperparameter {
    name: "beta1",
    symbol: "β₁",
    summary: "Share of the average gradient that is kept from one step to the next.",
    accepts: Accepts::FRACTION,
    default: Default::Number(Adam::DEFAULT.beta1),
    source: SOURCE,
};

pub(crate) const BETA2: Hyperparameter = Hyperparameter {
    name: "beta2",
    symbol: "β₂",
    summary: "Share of the average squared gradient that is kept from one step to the next.",
    accepts: Accepts::FRACTION,
    default: Default::Number(Adam::DEFAULT.beta2),
    source: SOURCE,
};

pub(crate) const EPSILON: Hyperparameter = Hyperparameter {
    name: "epsilon",
    symbol: "ε",
    summary: "Added to the denominator, so that a zero gradient gives 0; in units of the gradient.",
    accepts: Accepts::POSITIVE,
    default: Default::Number(Adam::DEFAULT.epsilon),
    source: SOURCE,
};

/// The direction alone, without the learning rate.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "adam",
        summary: "The average of gradients divided by the root of the average of their squares.",
        formula: "m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; u ← m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)",
        reference: "Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1",
        hyperparameters: &[BETA1, BETA2, EPSILON],
    },
    build: |settings| Ok(Box::new(Adam::from_settings(settings))),
};

/// `kind = "adam"`: a step of α along Adam's direction.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "adam",
        summary: "Steps of about the learning rate for each weight, whatever the scale of its gradient.",
        formula: "m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − α·m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)",
        reference: "Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1",
        hyperparameters: &[learning_rate(1e-3, SOURCE), BETA1, BETA2, EPSILON, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let adam = Adam::from_settings(settings);
        Ok(Box::new(on_gradient(settings).then(adam).then(ScaleByRate)))
    },
};
