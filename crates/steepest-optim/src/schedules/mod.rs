//! One file for each schedule, and the registry that names them.

pub mod constant;
pub mod cosine;
pub mod exponential;
pub mod linear;
pub mod piecewise;
pub mod step;

pub use self::{
    constant::Constant, cosine::Cosine, exponential::Exponential, linear::Linear, piecewise::Piecewise,
    step::Step,
};
use crate::schedule::ScheduleSpec;

/// The schedules, by name.
pub static SCHEDULES: &[&ScheduleSpec] =
    &[&constant::SPEC, &step::SPEC, &exponential::SPEC, &linear::SPEC, &cosine::SPEC, &piecewise::SPEC];
