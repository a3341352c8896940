//! The elastic net: linear regression whose weights are kept small, or zero.

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::svm::{L2, USE_BIAS, linear};
use super::{Inputs, Model, ModelSpec, Shrinkage};
use crate::{Scope, Task};

/// Linear regression with penalties on its weights: ridge (λ₁ = 0), lasso (λ₂ = 0), or both.
///
/// ŷ = x W + b, min ℓ + λ₁·Σ|W| + λ₂/2·‖W‖² with the mean loss ℓ over rows. λ₁ is taken in a proximal step, so
/// that weights become exactly 0; the bias goes free. Features may be dense `[batch, …]` or sparse; of sparse
/// ones, only the weights in the batch are penalized. Parameters are `{name}.weight` and `{name}.bias`.
///
/// With the mean squared error and n rows, scikit-learn's `Ridge` has α = n λ₂/2, `Lasso` α = λ₁/2,
/// `ElasticNet` α·l1_ratio = λ₁/2 and α·(1 − l1_ratio) = λ₂/2.
///
/// Reference: Zou and Hastie, 2005, *Regularization and variable selection via the elastic net*.
///
/// ```
/// use steepest_nn::{ElasticNet, Model, Shrinkage};
/// let lasso = ElasticNet { name: "lasso", outputs: 1, l1: 0.1, l2: 0.0, use_bias: true };
/// assert_eq!(lasso.shrinkage(), Shrinkage { l1: 0.1, l2: 0.0 });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ElasticNet {
    /// The first part of its parameters' names.
    pub name: &'static str,
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// λ₁.
    pub l1: f64,
    /// λ₂.
    pub l2: f64,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Model for ElasticNet {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        linear(cx, self.name, inputs, self.outputs, self.use_bias)
    }

    fn shrinkage(&self) -> Shrinkage {
        Shrinkage { l1: self.l1, l2: self.l2 }
    }
}

pub(super) const L1: Hyperparameter = Hyperparameter {
    name: "l1",
    symbol: "λ₁",
    summary: "Strength of the penalty λ₁·Σ|W|; larger means more weights that are exactly 0.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(1e-4),
    source: "scikit-learn SGDRegressor, `alpha`",
};

/// The elastic net.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "elastic-net",
        summary: "Linear regression whose weights are kept small, and many of them zero.",
        formula: "ŷ = x W + b, min ℓ + λ₁·Σ|W| + λ₂/2·‖W‖²",
        reference: "Zou and Hastie, 2005, Regularization and variable selection via the elastic net",
        hyperparameters: &[L1, L2, USE_BIAS],
    },
    suits: |task| matches!(task, Task::Regression { .. }),
    configure: |settings, task| {
        let (l1, l2) = (settings.number("l1"), settings.number("l2"));
        let (outputs, use_bias) = (task.outputs(), settings.flag("use-bias"));
        Ok(Box::new(ElasticNet { name: "elastic-net", outputs, l1, l2, use_bias }))
    },
};
