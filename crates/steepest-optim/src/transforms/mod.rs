//! One file for each rule, and the registries that name them.

pub mod adagrad;
pub mod adam;
pub mod adamw;
pub mod clip_global_norm;
pub mod clip_value;
pub mod l2;
pub mod momentum;
pub mod nesterov;
pub mod proximal_l1;
pub mod rmsprop;
pub mod rmsprop_centered;
pub mod scale_by_rate;
pub mod sgd;
pub mod sgd_momentum;
pub mod weight_decay;

pub use self::{
    adagrad::Adagrad,
    adam::Adam,
    clip_global_norm::ClipGlobalNorm,
    clip_value::ClipValue,
    l2::L2,
    momentum::Momentum,
    nesterov::Nesterov,
    proximal_l1::ProximalL1,
    rmsprop::RmsProp,
    rmsprop_centered::RmsPropCentered,
    scale_by_rate::ScaleByRate,
    weight_decay::{Decaying, WeightDecay},
};
use crate::spec::{OptimizerSpec, TransformSpec};

/// The optimizers, by name.
pub static OPTIMIZERS: &[&OptimizerSpec] = &[
    &sgd::SPEC,
    &momentum::SPEC,
    &sgd_momentum::SPEC,
    &nesterov::SPEC,
    &adagrad::SPEC,
    &rmsprop::SPEC,
    &rmsprop_centered::SPEC,
    &adam::SPEC,
    &adamw::SPEC,
];

/// The links that chains are made of, by name.
pub static TRANSFORMS: &[&TransformSpec] = &[
    &clip_value::SPEC,
    &clip_global_norm::SPEC,
    &l2::SPEC,
    &momentum::RULE,
    &nesterov::RULE,
    &adagrad::RULE,
    &rmsprop::RULE,
    &rmsprop_centered::RULE,
    &adam::RULE,
    &scale_by_rate::SPEC,
    &weight_decay::SPEC,
    &proximal_l1::SPEC,
];
