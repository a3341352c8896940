//! What was measured, as kept in `bench/results.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bench_protocol::Workload;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::process::ProcessError;
use super::systems::System;
use super::{chart, markdown};

/// The largest relative difference of a loss of the first steps that counts as agreement: single precision
/// summed in another order, and scikit-learn's ε inside the bias correction.
pub const TOLERANCE: f64 = 1e-4;

/// Every group measured so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub groups: Vec<Group>,
}

/// One workload with one number of threads, measured in one alternating run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub workload: Workload,
    pub threads: usize,
    pub rounds: usize,
    pub peaks: Peaks,
    pub machine: Machine,
    pub rows: Vec<Row>,
}

/// What the machine can do at most.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Peaks {
    /// Multiply-adds, as two operations each, per second.
    pub flops: f64,
    /// Bytes read and written per second by copying.
    pub bytes: f64,
}

/// One system in a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub label: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a system gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Measured(Measurement),
    Failed(String),
}

/// The figures of one system.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measurement {
    pub versions: BTreeMap<String, String>,
    /// Median seconds of a step, per round.
    pub rounds_s: Vec<f64>,
    pub losses: Vec<f64>,
    pub final_loss: f64,
    pub peak_rss_bytes: u64,
    pub startup_s: f64,
}

/// The results could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// A file.
    #[error("cannot access {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file does not hold results.
    #[error("{} does not hold results ({source}); delete it to begin anew", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
}

impl Results {
    /// Reads `bench/results.json`; nothing if there is none.
    pub fn read(root: &Path) -> Result<Results, ResultsError> {
        let path = root.join("bench/results.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| ResultsError::Format { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Results::default()),
            Err(source) => Err(ResultsError::File { path, source }),
        }
    }

    /// Puts a group in its place, instead of an older one of the same workload and threads.
    pub fn insert(&mut self, group: Group) {
        self.groups.retain(|old| (&old.workload.name, old.threads) != (&group.workload.name, group.threads));
        self.groups.push(group);
        let order: Vec<String> =
            bench_protocol::workloads().into_iter().map(|workload| workload.name).collect();
        let place = |name: &str| order.iter().position(|other| other == name);
        self.groups.sort_by_key(|group| (place(&group.workload.name), group.threads));
    }

    /// Writes the JSON, the page and the chart.
    pub fn write(&self, root: &Path) -> Result<(), ResultsError> {
        let path = root.join("bench/results.json");
        let json = serde_json::to_string_pretty(self)
            .map_err(|source| ResultsError::Format { path: path.clone(), source })?;
        write(path, &(json + "\n"))?;
        write(root.join("bench/RESULTS.md"), &markdown::page(self))?;
        write(root.join("bench/results.svg"), &chart::draw(self))
    }
}

fn write(path: PathBuf, text: &str) -> Result<(), ResultsError> {
    fs::write(&path, text).map_err(|source| ResultsError::File { path, source })
}

impl Group {
    /// The systems that were measured, in the order of the table.
    pub fn measured(&self) -> impl Iterator<Item = (&Row, &Measurement)> {
        self.rows.iter().filter_map(|row| match &row.outcome {
            Outcome::Measured(measurement) => Some((row, measurement)),
            Outcome::Failed(_) => None,
        })
    }

    /// Steepest's figures.
    pub fn steepest(&self) -> Option<&Measurement> {
        self.measured().find(|(row, _)| row.name == "steepest").map(|(_, measurement)| measurement)
    }

    /// The fastest other system.
    pub fn best_peer(&self) -> Option<(&Row, &Measurement)> {
        let peers = self.measured().filter(|(row, _)| row.name != "steepest");
        peers.min_by(|(_, a), (_, b)| a.median_s().total_cmp(&b.median_s()))
    }

    /// The largest relative difference of a system's first losses from those of the first system.
    pub fn difference(&self, measurement: &Measurement) -> f64 {
        let Some((_, reference)) = self.measured().next() else { return 0.0 };
        let pairs = measurement.losses.iter().zip(&reference.losses);
        let worst = pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1e-12)).fold(0.0, f64::max);
        if measurement.losses.iter().any(|loss| loss.is_nan())
            || measurement.losses.len() != reference.losses.len()
        {
            f64::INFINITY
        } else {
            worst
        }
    }

    /// One line for each system whose losses differ too much.
    pub fn disagreements(&self) -> Vec<String> {
        let far = self.measured().filter(|(_, measurement)| self.difference(measurement) > TOLERANCE);
        let line = |(row, measurement): (&Row, &Measurement)| {
            let (name, difference) = (&self.workload.name, self.difference(measurement));
            format!("  {name}, {} thread(s): {} is off by {difference:.1e}", self.threads, row.label)
        };
        far.map(line).collect()
    }
}

impl Row {
    /// The row of a system, given how its process ended.
    pub fn of(system: &System, outcome: Result<Measurement, ProcessError>) -> Row {
        let outcome = match outcome {
            Ok(measurement) => Outcome::Measured(measurement),
            Err(error) => Outcome::Failed(error.to_string()),
        };
        Row { name: system.name.to_owned(), label: system.label.to_owned(), outcome }
    }
}

impl Measurement {
    /// The median over the rounds of the median seconds of a step.
    pub fn median_s(&self) -> f64 {
        let mut sorted = self.rounds_s.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
        (upper + lower) / 2.0
    }

    /// The fastest and the slowest round.
    pub fn range_s(&self) -> (f64, f64) {
        let fastest = self.rounds_s.iter().copied().fold(f64::INFINITY, f64::min);
        let slowest = self.rounds_s.iter().copied().fold(0.0, f64::max);
        (fastest, slowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::systems;

    fn group(rows: &[(&str, &[f64], &[f64])]) -> Group {
        let row = |(name, rounds_s, losses): &(&str, &[f64], &[f64])| {
            let systems = systems::choose(&[(*name).to_owned()]).unwrap();
            let measurement = Measurement {
                rounds_s: rounds_s.to_vec(),
                losses: losses.to_vec(),
                ..Measurement::default()
            };
            Row::of(systems[0], Ok(measurement))
        };
        Group {
            workload: bench_protocol::workloads().remove(0),
            threads: 2,
            rounds: 3,
            peaks: Peaks { flops: 1e11, bytes: 1e10 },
            machine: Machine::default(),
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn the_middle_of_the_rounds_counts_and_the_fastest_peer_is_compared() {
        let group = group(&[
            ("torch-eager", &[3e-3, 2e-3, 9e-3], &[1.0]),
            ("jax-jit", &[4e-3, 2e-3, 3e-3, 1e-3], &[1.0]),
            ("steepest", &[1e-3], &[1.0]),
        ]);
        let (row, peer) = group.best_peer().unwrap();
        assert_eq!((row.name.as_str(), peer.median_s(), peer.range_s()), ("jax-jit", 2.5e-3, (1e-3, 4e-3)));
        assert_eq!(group.steepest().unwrap().median_s(), 1e-3);
        let mut results = Results::default();
        results.insert(group.clone());
        results.insert(group);
        assert_eq!(results.groups.len(), 1);
        let page = markdown::page(&results);
        assert!(page.contains("| 1.00 ms | JAX jit, optax | 2.50 ms | **2.50×** |"), "{page}");
        assert!(chart::draw(&results).contains("2.50× (2.50 ms)"));
        let json = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&json).unwrap().groups[0].rows.len(), 3);
    }

    #[test]
    fn other_losses_are_a_disagreement() {
        let rows: [(&str, &[f64], &[f64]); 4] = [
            ("torch-eager", &[1.0], &[2.0, 1.0]),
            ("jax-jit", &[1.0], &[2.0, 1.00001]),
            ("burn", &[1.0], &[2.0, 1.001]),
            ("steepest", &[1.0], &[2.0, f64::NAN]),
        ];
        let lines = group(&rows).disagreements();
        assert!(lines.len() == 2 && lines[0].contains("Burn") && lines[1].contains("Steepest"), "{lines:?}");
        let short = group(&[("torch-eager", &[1.0], &[2.0, 1.0]), ("steepest", &[1.0], &[2.0])]);
        assert_eq!(short.disagreements().len(), 1);
    }
}
