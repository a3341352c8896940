//! The training steps of the benchmark's workloads, as plans.
#![forbid(unsafe_code)]

mod guard;
mod step;

pub use guard::{Counts, Guard, count};
pub use step::{LOSS, compile};
