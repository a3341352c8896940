//! One file for each rule, and the registries that name them.

pub mod adam;
pub mod clip_global_norm;
pub mod clip_value;
pub mod l2;
pub mod momentum;
pub mod scale_by_rate;
pub mod sgd;
pub mod sgd_momentum;

pub use self::{
    adam::Adam, clip_global_norm::ClipGlobalNorm, clip_value::ClipValue, l2::L2, momentum::Momentum,
    scale_by_rate::ScaleByRate,
};
use crate::spec::{OptimizerSpec, TransformSpec};

/// The optimizers, by name.
pub static OPTIMIZERS: &[&OptimizerSpec] = &[&sgd::SPEC, &momentum::SPEC, &sgd_momentum::SPEC, &adam::SPEC];

/// The links that chains are made of, by name.
pub static TRANSFORMS: &[&TransformSpec] = &[
    &scale_by_rate::SPEC,
    &clip_value::SPEC,
    &clip_global_norm::SPEC,
    &l2::SPEC,
    &momentum::RULE,
    &adam::RULE,
];
