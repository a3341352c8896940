//! Development tasks, run as `cargo xtask TASK`.
#![forbid(unsafe_code)]

mod bench;
mod data;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of Steepest.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure Steepest and its peers on the same work.
    Bench(bench::Options),
    /// Fetch real data sets into data/, or list what there is.
    Data {
        /// Names from the list.
        names: Vec<String>,
    },
    /// Check the architecture invariants of the source tree.
    Tidy {
        /// Print every warning instead of their number.
        #[arg(long)]
        warnings: bool,
    },
}

/// A task that could not be carried out.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    #[error(transparent)]
    Data(#[from] data::DataError),
    #[error(transparent)]
    Tidy(#[from] tidy::TidyError),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Bench(options) => bench::run(&repository(), &options).map_err(Error::from),
        Task::Data { names } => data::run(&repository(), &names).map_err(Error::from),
        Task::Tidy { warnings } => tidy::run(&repository(), warnings).map_err(Error::from),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository, one level above this crate.
fn repository() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
