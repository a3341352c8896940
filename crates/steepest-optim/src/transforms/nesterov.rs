//! Nesterov's momentum.

use steepest_spec::{Description, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::momentum::GAMMA;
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// Momentum that looks one step ahead: v ← γv + g; u = g + γv.
///
/// Nesterov takes the gradient at θ + γv; here, as in PyTorch and optax, θ stands for that shifted point
/// and the gradient is the ordinary one (Bengio et al. 2013, Advances in optimizing recurrent networks,
/// section 3.5). Keras has the same with the rate inside the velocity.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Nesterov, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(x, &[Parameter::new("x", x)], &Nesterov { gamma: 0.5 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![1.5])); // v = 1; 3 − (1 + 0.5 · 1)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Nesterov {
    /// Share of the velocity that is kept, γ.
    pub gamma: f64,
}

impl Nesterov {
    /// The defaults.
    pub const DEFAULT: Nesterov = Nesterov { gamma: 0.9 };

    fn from_settings(settings: &Settings) -> Nesterov {
        Nesterov { gamma: settings.number(GAMMA.name) }
    }
}

impl Default for Nesterov {
    fn default() -> Nesterov {
        Nesterov::DEFAULT
    }
}

impl Transform for Nesterov {
    fn name(&self) -> &str {
        "nesterov"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| {
            let v = p.update_slot("v", |v| self.gamma * v + g);
            g + self.gamma * v
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

const REFERENCE: &str =
    "Nesterov 1983; Sutskever et al. 2013, On the importance of initialization and momentum, eq. 3-4";

/// The direction alone, without the learning rate.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "nesterov",
        summary: "Momentum that looks one step ahead.",
        formula: "v ← γ·v + g; u ← g + γ·v",
        reference: REFERENCE,
        hyperparameters: &[GAMMA],
    },
    build: |settings| Ok(Box::new(Nesterov::from_settings(settings))),
};

/// `kind = "nesterov"`: PyTorch's `SGD(nesterov=True)`.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "nesterov",
        summary: "Gradient descent with Nesterov's momentum as in PyTorch.",
        formula: "v ← γ·v + ∇J(θ); θ ← θ − α·(∇J(θ) + γ·v)",
        reference: REFERENCE,
        hyperparameters: &[learning_rate(1e-3, "PyTorch `SGD`"), GAMMA, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let nesterov = Nesterov::from_settings(settings);
        Ok(Box::new(on_gradient(settings).then(nesterov).then(ScaleByRate)))
    },
};
