//! The lasso.

use steepest_spec::Description;

use super::ModelSpec;
use super::elastic_net::{ElasticNet, L1};
use super::svm::USE_BIAS;
use crate::Task;

/// The lasso: an [elastic net](ElasticNet) with only the penalty that makes zeros.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "lasso",
        summary: "Linear regression of which many weights are zero.",
        formula: "ŷ = x W + b, min ℓ + λ₁·Σ|W|",
        reference: "Tibshirani, 1996, Regression shrinkage and selection via the lasso",
        hyperparameters: &[L1, USE_BIAS],
    },
    suits: |task| matches!(task, Task::Regression { .. }),
    configure: |settings, task| {
        let (l1, use_bias) = (settings.number("l1"), settings.flag("use-bias"));
        Ok(Box::new(ElasticNet { name: "lasso", outputs: task.outputs(), l1, l2: 0.0, use_bias }))
    },
};
