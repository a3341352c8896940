//! AdamW.

use steepest_spec::Description;

use crate::spec::{CLIP_NORM, CLIP_VALUE, OptimizerSpec, learning_rate, on_gradient};
use crate::transforms::adam::{Adam, BETA1, BETA2, EPSILON};
use crate::transforms::scale_by_rate::ScaleByRate;
use crate::transforms::weight_decay::{DECAYING, LAMBDA, WeightDecay};

/// Adam with decoupled weight decay, in PyTorch's form: the decay is scaled by the learning rate of the
/// step and λ = 0.01. optax has the same form with λ = 1e-4.
///
/// The chain is [`Adam`], [`ScaleByRate`], [`WeightDecay`].
pub static SPEC: OptimizerSpec = OptimizerSpec {
    about: Description {
        name: "adamw",
        summary: "Adam with weight decay beside the step, which the averages do not see.",
        formula: "m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; \
                  θ ← (1 − αλ)·θ − α·m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)",
        reference: "Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2",
        hyperparameters: &[
            learning_rate(1e-3, "Loshchilov & Hutter 2019, algorithm 2"),
            BETA1,
            BETA2,
            EPSILON,
            LAMBDA,
            DECAYING,
            CLIP_NORM,
            CLIP_VALUE,
        ],
    },
    build: |settings| {
        let chain = on_gradient(settings).then(Adam::from_settings(settings)).then(ScaleByRate);
        Ok(Box::new(chain.then(WeightDecay::from_settings(settings))))
    },
};
