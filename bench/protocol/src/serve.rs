//! The conversation between the harness and a peer, the same as in `peers/protocol.py`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Workload;

/// A line that a peer writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Message {
    /// The first step is done.
    Ready {
        /// Packages and their versions.
        versions: BTreeMap<String, String>,
    },
    /// The first steps, whose losses are compared, are done.
    Waiting,
    /// A round is done.
    Round {
        /// Median seconds of a step, taken over chunks of steps.
        median_step_s: f64,
    },
    /// The peer ends.
    End {
        /// The losses of the first steps.
        losses: Vec<f64>,
        /// The loss of the last step.
        final_loss: f64,
        /// The largest resident set of the process.
        peak_rss_bytes: u64,
    },
}

/// One system, ready to take steps of a workload.
pub trait Peer {
    /// What can go wrong in a step.
    type Error: fmt::Display;

    /// Takes this many steps, and returns when they are done.
    fn run(&mut self, steps: usize) -> Result<(), Self::Error>;

    /// The loss of the last step; of an update alone, the mean square of the first 4096 parameters.
    fn loss(&mut self) -> Result<f64, Self::Error>;

    /// Packages and their versions.
    fn versions(&self) -> BTreeMap<String, String>;
}

/// A conversation that ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError<E: fmt::Display> {
    /// The peer could not take a step.
    #[error("{0}")]
    Peer(E),
    /// The harness is gone.
    #[error("cannot talk to the harness: {0}")]
    Talk(#[from] io::Error),
    /// A message could not be written as JSON.
    #[error("cannot write a message: {0}")]
    Message(#[from] serde_json::Error),
}

/// Answers the harness until its input ends.
pub fn serve<P: Peer>(peer: &mut P, workload: &Workload) -> Result<(), ServeError<P::Error>> {
    let mut losses = vec![recorded(peer)?];
    say(&Message::Ready { versions: peer.versions() })?;
    while losses.len() < workload.losses {
        losses.push(recorded(peer)?);
    }
    say(&Message::Waiting)?;
    for line in io::stdin().lock().lines() {
        line?;
        let median_step_s = timed(peer, workload).map_err(ServeError::Peer)?;
        say(&Message::Round { median_step_s })?;
    }
    let final_loss = peer.loss().map_err(ServeError::Peer)?;
    say(&Message::End { losses, final_loss, peak_rss_bytes: peak_rss_bytes() })
}

fn recorded<P: Peer>(peer: &mut P) -> Result<f64, ServeError<P::Error>> {
    peer.run(1).map_err(ServeError::Peer)?;
    peer.loss().map_err(ServeError::Peer)
}

fn timed<P: Peer>(peer: &mut P, workload: &Workload) -> Result<f64, P::Error> {
    let mut times = Vec::new();
    for _ in 0..workload.steps / workload.chunk {
        let start = Instant::now();
        peer.run(workload.chunk)?;
        times.push(start.elapsed().as_secs_f64() / workload.chunk as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or(f64::NAN))
}

fn say<E: fmt::Display>(message: &Message) -> Result<(), ServeError<E>> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, message)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// The largest resident set of this process so far, where the system tells (Linux); 0 elsewhere.
fn peak_rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
