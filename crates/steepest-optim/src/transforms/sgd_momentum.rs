//! PyTorch's form of momentum.

use steepest_spec::Description;

use crate::spec::{CLIP_NORM, CLIP_VALUE, L2, OptimizerSpec, learning_rate, on_gradient};
use crate::transforms::momentum::{GAMMA, Momentum};
use crate::transforms::scale_by_rate::ScaleByRate;

/// Momentum as in PyTorch and optax: the velocity accumulates gradients, and the rate of the step
/// multiplies all of it. A change of the rate acts at once; the preset `momentum` has the other form.
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "sgd-momentum",
        summary: "Gradient descent with momentum as in PyTorch, the learning rate outside the velocity.",
        formula: "v ← γ·v + ∇J(θ); θ ← θ − α·v",
        reference: "Polyak 1964; Sutskever et al. 2013, On the importance of initialization and momentum",
        hyperparameters: &[learning_rate(1e-3, "PyTorch `SGD`"), GAMMA, L2, CLIP_NORM, CLIP_VALUE],
    },
    build: |settings| {
        let momentum = Momentum::from_settings(settings);
        Ok(Box::new(on_gradient(settings).then(momentum).then(ScaleByRate)))
    },
};
