//! Decoupled weight decay.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::spec::TransformSpec;
use crate::{Transform, UpdateScope, Updates};

/// Which parameters decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decaying {
    /// All of them, as in PyTorch.
    All,
    /// Those with two axes or more: not biases, nor the scales of normalizations.
    Matrices,
}

/// Shrinks the parameters beside the step: u ← u + αₜ·λ·θ, so that θ ← (1 − αₜλ)·θ − u.
///
/// Last in a chain, after [`ScaleByRate`](crate::ScaleByRate): nothing that averages or divides gradients
/// sees it. (Where a gradient should carry it, use [`L2`](crate::L2) first in the chain.) As in PyTorch,
/// αₜ is the learning rate of the step; in the paper, and in optax before its rate, the schedule's factor
/// alone scales λ. A parameter halves in about 0.7/(α·λ) steps: 70 000 with α = 0.001 and λ = 0.01.
///
/// Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Parameter, WeightDecay, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(4.0));
/// minimize(0.0 * x, &[Parameter::new("x", x)], &WeightDecay::new(0.25));
/// let mut feeds = Feeds::new().scalar("learning-rate", 0.5);
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![3.5])); // 4 · (1 − 0.5 · 0.25)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WeightDecay {
    /// Strength of the decay, λ.
    pub lambda: f64,
    /// Which parameters decay.
    pub decaying: Decaying,
}

impl Decaying {
    pub(crate) fn from_settings(settings: &Settings) -> Decaying {
        match settings.text(DECAYING.name) {
            "matrices" => Decaying::Matrices,
            _ => Decaying::All,
        }
    }

    /// Whether a parameter of so many axes decays.
    pub(crate) fn includes(self, rank: usize) -> bool {
        self == Decaying::All || rank >= 2
    }
}

impl WeightDecay {
    /// Decay of all parameters.
    pub const fn new(lambda: f64) -> WeightDecay {
        WeightDecay { lambda, decaying: Decaying::All }
    }

    pub(crate) fn from_settings(settings: &Settings) -> WeightDecay {
        WeightDecay { lambda: settings.number(LAMBDA.name), decaying: Decaying::from_settings(settings) }
    }
}

impl Transform for WeightDecay {
    fn name(&self) -> &str {
        "weight-decay"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        let shrink = cx.rate() * self.lambda;
        cx.each(updates, |p, u| match self.decaying.includes(u.shape().rank()) {
            true => u + shrink * p.value(),
            false => u,
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

pub(crate) const LAMBDA: Hyperparameter = Hyperparameter {
    name: "weight-decay",
    symbol: "λ",
    summary: "Share of each weight that is lost per step, in units of the learning rate.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(0.01),
    source: "PyTorch `AdamW`",
};

pub(crate) const DECAYING: Hyperparameter = Hyperparameter {
    name: "decaying",
    symbol: "",
    summary: "Which parameters decay: all, or matrices (two axes or more), so not biases.",
    accepts: Accepts::Choice(&["all", "matrices"]),
    default: Default::Text("all"),
    source: "PyTorch `AdamW`",
};

/// `kind = "weight-decay"`.
pub static SPEC: TransformSpec = TransformSpec {
    about: Description {
        name: "weight-decay",
        summary: "Shrinks the parameters beside the step: decoupled weight decay.",
        formula: "u ← u + αₜ·λ·θ",
        reference: "Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2",
        hyperparameters: &[LAMBDA, DECAYING],
    },
    build: |settings| Ok(Box::new(WeightDecay::from_settings(settings))),
};
