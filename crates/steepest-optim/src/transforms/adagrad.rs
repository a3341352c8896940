//! AdaGrad.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, TransformSpec, learning_rate, on_gradient};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::{Transform, UpdateScope, Updates};

/// AdaGrad's direction: the gradient, divided by the root of the sum of all squared gradients so far.
///
/// ```text
/// G ← G + g²
/// u = g / (√G + ε)
/// ```
///
/// G has the parameter's shape and begins with `initial`. Steps of an element become shorter as 1/√t;
/// elements whose gradients are rare, as in sparse data, keep long steps. As in PyTorch, G begins with 0
/// and ε = 1e-10 stands outside the root; optax and Keras begin with 0.1 and have ε = 1e-7 inside.
///
/// Duchi, Hazan & Singer 2011, Adaptive subgradient methods, the diagonal form of algorithm 1.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// use steepest_optim::{Adagrad, Parameter, minimize};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(3.0));
/// minimize(4.0 * x, &[Parameter::new("x", x)], &Adagrad { initial: 9.0, epsilon: 0.0 });
/// let mut feeds = Feeds::new();
/// advance(&graph, &[], &mut feeds)?;
/// assert_eq!(feeds.get("x").map(|x| x.to_f64()), Some(vec![2.2])); // 3 − 4 / √(9 + 16)
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Adagrad {
    /// What the sum of squares begins with.
    pub initial: f64,
    /// What is added to the denominator, ε.
    pub epsilon: f64,
}

impl Adagrad {
    /// PyTorch's values.
    pub const DEFAULT: Adagrad = Adagrad { initial: 0.0, epsilon: 1e-10 };

    fn from_settings(settings: &Settings) -> Adagrad {
        Adagrad { initial: settings.number(INITIAL.name), epsilon: settings.number(EPSILON.name) }
    }
}

impl std::default::Default for Adagrad {
    fn default() -> Adagrad {
        Adagrad::DEFAULT
    }
}

impl Transform for Adagrad {
    fn name(&self) -> &str {
        "adagrad"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| {
            let sum = p.update_slot_from("sum", self.initial, |sum| sum + g.square());
            g / (sum.sqrt() + self.epsilon)
        })
    }

    fn works_on_rows(&self) -> bool {
        true
    }
}

const SOURCE: &str = "PyTorch `Adagrad`";
const REFERENCE: &str = "Duchi, Hazan & Singer 2011, Adaptive subgradient methods, algorithm 1";

const INITIAL: Hyperparameter = Hyperparameter {
    name: "initial-accumulator",
    symbol: "G₀",
    summary: "What the sum of squared gradients begins with.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(Adagrad::DEFAULT.initial),
    source: SOURCE,
};

const EPSILON: Hyperparameter = Hyperparameter {
    name: "epsilon",
    symbol: "ε",
    summary: "Added to the denominator, so that a zero gradient gives 0; in units of the gradient.",
    accepts: Accepts::POSITIVE,
    default: Default::Number(Adagrad::DEFAULT.epsilon),
    source: SOURCE,
};

/// The direction alone, without the learning rate.
pub static RULE: TransformSpec = TransformSpec {
    about: Description {
        name: "adagrad",
        summary: "The gradient divided by the root of the sum of all its squares so far.",
        formula: "G ← G + g²; u ← g / (√G + ε)",
        reference: REFERENCE,
        hyperparameters: &[INITIAL, EPSILON],
    },
    build: |settings| Ok(Box::new(Adagrad::from_settings(settings))),
};

/// `kind = "adagrad"`.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "adagrad",
        summary: "Steps that become shorter for each weight as its gradients add up; suits sparse data.",
        formula: "G ← G + g²; θ ← θ − α·g / (√G + ε)",
        reference: REFERENCE,
        hyperparameters: &[learning_rate(0.01, SOURCE), INITIAL, EPSILON, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let adagrad = Adagrad::from_settings(settings);
        Ok(Box::new(on_gradient(settings).then(adagrad).then(ScaleByRate)))
    },
};
