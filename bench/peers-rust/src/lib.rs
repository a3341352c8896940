//! What the two peers share: their arguments.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Parser;

/// A peer of the benchmark; threads are set by `RAYON_NUM_THREADS`.
#[derive(Parser)]
pub struct Arguments {
    /// A prepared workload.
    pub folder: PathBuf,
    /// Threads to use.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
}

/// Batches kept as tensors: with single rows, all of them would cost more memory than they tell.
pub const MOST_BATCHES: usize = 20_000;
