//! The training steps of the benchmark's workloads, as plans.
#![forbid(unsafe_code)]

mod step;

pub use step::{LOSS, compile};
