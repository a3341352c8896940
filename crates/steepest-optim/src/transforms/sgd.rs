//! Gradient descent.

use steepest_spec::Description;

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, learning_rate, on_gradient};
use crate::transforms::scale_by_rate::ScaleByRate;

/// Gradient descent: θ ← θ − α·∇J(θ).
///
/// It is called stochastic, mini-batch or batch by the number of samples ∇J is taken over, which is the
/// batch's business and not the rule's. A chain of [`ScaleByRate`] alone.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "sgd",
        summary: "Gradient descent, without memory.",
        formula: "θ ← θ − α·∇J(θ)",
        reference: "Cauchy 1847; Robbins & Monro 1951, A stochastic approximation method",
        hyperparameters: &[learning_rate(1e-3, "PyTorch `SGD`"), L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| Ok(Box::new(on_gradient(settings).then(ScaleByRate))),
};
