//! `cargo xtask bench`: Steepest and its peers on the same work, in turn, and what came out.
//!
//! For each workload and number of threads every system runs as a process of its own. All are started, take
//! their first steps, and then wait; rounds of timed steps go round the table, one system at a time, so that
//! slow minutes of the machine hit all of them. The losses of the first steps must agree.

mod chart;
mod machine;
mod markdown;
mod process;
mod results;
mod systems;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use bench_protocol::{Folder, FolderError, Workload};
use clap::Args;

use process::{Process, ProcessError};
use results::{Group, Results, ResultsError, Row};
use systems::{Programs, System};

/// Pause before each turn: the worker threads of some systems spin for a while after their work.
const PAUSE: Duration = Duration::from_millis(300);

/// What to measure.
#[derive(Args)]
pub struct Options {
    /// Workloads; all of them if none is named.
    workloads: Vec<String>,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<NonZeroUsize>,
    /// Turns of each system.
    #[arg(long, default_value = "7")]
    rounds: NonZeroUsize,
    /// Systems; all of them if none is named. `--systems list` prints their names.
    #[arg(long, value_delimiter = ',')]
    systems: Vec<String>,
    /// Interpreter of an environment with the packages of bench/requirements.txt; without it, bench/.venv,
    /// which is made if it is missing.
    #[arg(long, env = "STEEPEST_BENCH_PYTHON")]
    python: Option<PathBuf>,
    /// Leave bench/RESULTS.md as it is.
    #[arg(long)]
    no_write: bool,
}

/// A benchmark that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No such workload.
    #[error("no workload `{name}`; there are {}", known.join(", "))]
    Workload {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such system.
    #[error("no system `{name}`; there are {}", known.join(", "))]
    System {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// The reason.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{command}` failed with {status}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The peaks could not be understood.
    #[error("the peak measurement printed no JSON: {0}")]
    Peaks(serde_json::Error),
    /// A workload's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The results could not be kept.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// Losses differ: the systems did not do the same work.
    #[error("the losses of the first steps disagree:\n{}", lines.join("\n"))]
    Disagree {
        /// One line per disagreement.
        lines: Vec<String>,
    },
}

/// Measures, prints, and writes `bench/RESULTS.md`.
pub fn run(root: &Path, options: &Options) -> Result<ExitCode, BenchError> {
    let systems = systems::choose(&options.systems)?;
    let workloads = choose_workloads(&options.workloads)?;
    let programs = Programs::build(root, options.python.as_deref(), &systems)?;
    let mut results = Results::read(root)?;
    let machine = machine::describe(root);
    let mut disagreements = Vec::new();
    let rounds = options.rounds.get();
    for threads in options.threads.iter().map(|threads| threads.get()) {
        let peaks = programs.peaks(threads)?;
        for workload in &workloads {
            let folder = prepared(root, &programs, workload)?;
            let rows = measure(&programs, &systems, workload, &folder, threads, rounds);
            let group =
                Group { workload: workload.clone(), threads, rounds, peaks, machine: machine.clone(), rows };
            println!("\n{}", markdown::group(&group));
            disagreements.extend(group.disagreements());
            results.insert(group);
        }
    }
    if !options.no_write {
        results.write(root)?;
        println!("wrote bench/RESULTS.md, bench/results.json and bench/results.svg");
    }
    if disagreements.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(BenchError::Disagree { lines: disagreements })
    }
}

fn choose_workloads(names: &[String]) -> Result<Vec<Workload>, BenchError> {
    if names.is_empty() {
        return Ok(bench_protocol::workloads());
    }
    let find = |name: &String| {
        bench_protocol::find(name).map_err(|known| BenchError::Workload { name: name.clone(), known })
    };
    names.iter().map(find).collect()
}

/// The folder of a workload, written if it is missing or of another description.
fn prepared(root: &Path, programs: &Programs, workload: &Workload) -> Result<PathBuf, BenchError> {
    let path = root.join("target/bench").join(&workload.name);
    let fresh = Folder::open(&path).is_ok_and(|folder| folder.workload == *workload);
    if !fresh {
        // Another description may mean other arrays: begin anew.
        let _absent = fs::remove_dir_all(&path);
        checked(Command::new(&programs.steepest).arg("prepare").arg(&workload.name).arg(&path))?;
    }
    Ok(path)
}

/// Runs every system on one workload, in turns.
fn measure(
    programs: &Programs,
    systems: &[&'static System],
    workload: &Workload,
    folder: &Path,
    threads: usize,
    rounds: usize,
) -> Vec<Row> {
    eprintln!("{} on {threads} thread(s):", workload.name);
    let mut running: Vec<(&System, Result<Process, ProcessError>)> = Vec::new();
    for system in systems.iter().filter(|system| (system.takes)(workload)) {
        let started = Process::start(&mut programs.command(system, folder, threads), folder, system.name);
        let process = started.and_then(|mut process| process.settle().map(|()| process));
        match &process {
            Ok(process) => eprintln!("  {:<22} ready after {:.2} s", system.name, process.startup_s),
            Err(error) => eprintln!("  {:<22} {error}", system.name),
        }
        running.push((system, process));
    }
    for round in 0..rounds {
        let count = running.len();
        for turn in 0..count {
            // Another system begins each round.
            let (_, process) = &mut running[(round + turn) % count];
            if let Ok(running) = process {
                thread::sleep(PAUSE);
                if let Err(error) = running.round() {
                    *process = Err(error);
                }
            }
        }
    }
    running.into_iter().map(|(system, process)| Row::of(system, process.and_then(Process::finish))).collect()
}

/// Runs a command that must succeed.
fn checked(command: &mut Command) -> Result<(), BenchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| BenchError::Start { program, source })?;
    if status.success() {
        Ok(())
    } else {
        Err(BenchError::Failed { command: format!("{command:?}"), status })
    }
}
