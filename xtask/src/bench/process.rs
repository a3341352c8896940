//! A system as a process that answers over its standard streams.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use bench_protocol::Message;

use super::results::Measurement;

/// A running system.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
    /// Seconds from the start of the process to the end of its first step.
    pub startup_s: f64,
    measured: Measurement,
}

/// A system that gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started or spoken to.
    #[error("cannot run: {0}")]
    Run(#[from] std::io::Error),
    /// It ended, or said something else than asked for.
    #[error("no answer: {last}")]
    Answer {
        /// The last line it wrote.
        last: String,
    },
}

impl Process {
    /// Starts a system and waits for the end of its first step.
    pub fn start(command: &mut Command, folder: &Path, name: &str) -> Result<Process, ProcessError> {
        let log = folder.join(format!("{name}.log"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let started = Instant::now();
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| ProcessError::Answer { last: String::new() })?;
        let output = BufReader::new(output);
        let mut process =
            Process { child, input, output, log, startup_s: 0.0, measured: Measurement::default() };
        let Message::Ready { versions } = process.hear()? else { return Err(process.silent()) };
        process.startup_s = started.elapsed().as_secs_f64();
        process.measured.startup_s = process.startup_s;
        process.measured.versions = versions;
        Ok(process)
    }

    /// Waits for the end of the first steps, whose losses are compared.
    pub fn settle(&mut self) -> Result<(), ProcessError> {
        let Message::Waiting = self.hear()? else { return Err(self.silent()) };
        Ok(())
    }

    /// One round of timed steps.
    pub fn round(&mut self) -> Result<(), ProcessError> {
        if let Some(input) = &mut self.input {
            input.write_all(b"round\n")?;
            input.flush()?;
        }
        let Message::Round { median_step_s } = self.hear()? else { return Err(self.silent()) };
        self.measured.rounds_s.push(median_step_s);
        Ok(())
    }

    /// Ends the conversation.
    pub fn finish(mut self) -> Result<Measurement, ProcessError> {
        self.input = None;
        let Message::End { losses, final_loss, peak_rss_bytes } = self.hear()? else {
            return Err(self.silent());
        };
        self.child.wait()?;
        let mut measured = std::mem::take(&mut self.measured);
        measured.losses = losses;
        measured.final_loss = final_loss;
        measured.peak_rss_bytes = peak_rss_bytes;
        Ok(measured)
    }

    fn hear(&mut self) -> Result<Message, ProcessError> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|_| self.silent())
    }

    fn silent(&self) -> ProcessError {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        ProcessError::Answer { last: text.lines().last().unwrap_or("it ended without a word").to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended after `finish`; otherwise nobody waits for its answer any more.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
