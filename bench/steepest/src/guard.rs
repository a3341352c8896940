//! What each workload's plan costs, counted without a clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use steepest_graph::PlanErrors;

use crate::compile;

/// The costs of the benchmark's plans, by workload: what `bench/guard.json` holds.
pub type Guard = BTreeMap<String, Counts>;

/// The costs of one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Instructions dispatched by a step, the parts of tiles included.
    pub instructions: usize,
    /// Barriers at which threads meet.
    pub barriers: usize,
    /// Bytes of everything that lives within a step.
    pub arena_bytes: usize,
    /// Bytes of parameters and slots.
    pub variable_bytes: usize,
    /// Floating-point operations of a step.
    pub flops: u64,
    /// Bytes that the kernels of a step read and write.
    pub bytes_moved: u64,
}

impl Counts {
    /// The counts with their names.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("instructions", self.instructions as u64),
            ("barriers", self.barriers as u64),
            ("arena_bytes", self.arena_bytes as u64),
            ("variable_bytes", self.variable_bytes as u64),
            ("flops", self.flops),
            ("bytes_moved", self.bytes_moved),
        ]
    }
}

/// Compiles every workload and counts.
///
/// # Errors
/// If a workload does not compile.
pub fn count() -> Result<Guard, PlanErrors> {
    let counted = bench_protocol::workloads().into_iter().map(|workload| {
        let cost = compile(&workload)?.cost();
        let counts = Counts {
            instructions: cost.instructions,
            barriers: cost.barriers,
            arena_bytes: cost.arena_bytes,
            variable_bytes: cost.variable_bytes,
            flops: cost.flops,
            bytes_moved: cost.bytes_moved,
        };
        Ok((workload.name, counts))
    });
    counted.collect()
}
