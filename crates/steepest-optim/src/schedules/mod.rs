//! One file for each schedule, and the registry that names them.

pub mod constant;

pub use self::constant::Constant;
use crate::schedule::ScheduleSpec;

/// The schedules, by name.
pub static SCHEDULES: &[&ScheduleSpec] = &[&constant::SPEC];
