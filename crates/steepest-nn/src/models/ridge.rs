//! Ridge regression.

use steepest_spec::Description;

use super::ModelSpec;
use super::elastic_net::ElasticNet;
use super::svm::{L2, USE_BIAS};
use crate::Task;

/// Ridge regression: an [elastic net](ElasticNet) without the penalty that makes zeros.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "ridge",
        summary: "Linear regression whose weights are kept small.",
        formula: "ŷ = x W + b, min ℓ + λ₂/2·‖W‖²",
        reference: "Hoerl and Kennard, 1970, Ridge regression: biased estimation for nonorthogonal problems",
        hyperparameters: &[L2, USE_BIAS],
    },
    suits: |task| matches!(task, Task::Regression { .. }),
    configure: |settings, task| {
        let (l2, use_bias) = (settings.number("l2"), settings.flag("use-bias"));
        Ok(Box::new(ElasticNet { name: "ridge", outputs: task.outputs(), l1: 0.0, l2, use_bias }))
    },
};
