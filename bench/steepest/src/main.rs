//! Steepest's side of the benchmark, the data that all peers share, and the machine's peaks.
//! `cargo xtask bench` calls it.
#![forbid(unsafe_code)]

mod peaks;
mod peer;
mod prepare;
mod scaling;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use bench_protocol::{Folder, FolderError, ServeError, Workload};
use clap::{Parser, Subcommand};
use steepest_graph::PlanErrors;

/// Steepest's side of the benchmark.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write a workload's description and arrays into a folder.
    Prepare {
        /// The workload's name.
        workload: String,
        /// Where to write.
        folder: PathBuf,
    },
    /// Take steps of the workload in a folder, as the harness asks.
    Run {
        /// Written by `prepare`.
        folder: PathBuf,
        /// Threads of the executor.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// Measure the machine's multiply-add and copy peaks, and print them as JSON.
    Peaks {
        /// Threads that work at once.
        #[arg(long, default_value = "1")]
        threads: NonZeroUsize,
    },
    /// Measure what a step costs as the work grows, print a table, and draw the curves.
    Scaling {
        /// Where the data of a point are written.
        folder: PathBuf,
        /// The picture, an SVG file.
        picture: PathBuf,
    },
    /// Print what every workload's plan costs, as JSON: what `bench/guard.json` holds.
    Guard,
    /// Print a workload's plan.
    Explain {
        /// The workload's name.
        workload: String,
    },
}

/// A task that could not be carried out.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no workload `{name}`; there are {}", known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Prepare(#[from] prepare::PrepareError),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    #[error(transparent)]
    Peer(#[from] peer::PeerError),
    #[error(transparent)]
    Scaling(#[from] scaling::ScalingError),
    #[error(transparent)]
    Serve(#[from] ServeError<peer::PeerError>),
}

fn main() -> ExitCode {
    match carry_out(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(task: Task) -> Result<(), Error> {
    match task {
        Task::Prepare { workload: name, folder } => {
            Ok(prepare::prepare(&Folder::create(&folder, find(name)?)?)?)
        }
        Task::Run { folder, threads } => {
            let folder = Folder::open(&folder)?;
            let mut peer = peer::Steepest::new(&folder, threads)?;
            Ok(bench_protocol::serve(&mut peer, &folder.workload)?)
        }
        Task::Peaks { threads } => {
            let (flops, bytes) = (peaks::flops(threads.get()), peaks::bytes(threads.get()));
            println!("{}", serde_json::json!({ "flops": flops, "bytes": bytes }));
            Ok(())
        }
        Task::Scaling { folder, picture } => Ok(scaling::scaling(&folder, &picture)?),
        Task::Guard => {
            println!("{}", serde_json::to_string_pretty(&steepest_bench::count()?)?);
            Ok(())
        }
        Task::Explain { workload } => {
            println!("{}", steepest_bench::compile(&find(workload)?)?.explain());
            Ok(())
        }
    }
}

fn find(name: String) -> Result<Workload, Error> {
    bench_protocol::find(&name).map_err(|known| Error::Unknown { name, known })
}
