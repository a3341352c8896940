//! The folder of a run: its spec, its log, its checkpoints, its model.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use steepest_graph::Variables;

use crate::checkpoint::{self, State, Weights};
use crate::container::{sync_folder, write_at_once};
use crate::{Fault, Finding, TrainError};

const SPEC: &str = "run.toml";
const LOG: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const MODEL: &str = "model.safetensors";

/// The folder of a run that is being written.
pub(crate) struct RunDirectory {
    path: PathBuf,
    log: File,
    log_bytes: u64,
    keep: usize,
}

impl RunDirectory {
    /// Makes the folder of a new run.
    pub fn create(path: &Path, spec: &str, keep: usize) -> Result<RunDirectory, TrainError> {
        let (spec_path, checkpoints) = (path.join(SPEC), path.join(CHECKPOINTS));
        if spec_path.exists() {
            return Err(TrainError::DirectoryInUse { path: path.to_owned() });
        }
        fs::create_dir_all(&checkpoints).map_err(TrainError::io("make", &checkpoints))?;
        let log = path.join(LOG);
        let file = File::create(&log).map_err(TrainError::io("make", &log))?;
        // The spec comes last: a folder with a spec is a run that can be resumed.
        write_at_once(&spec_path, spec.as_bytes()).map_err(TrainError::io("write", &spec_path))?;
        Ok(RunDirectory { path: path.to_owned(), log: file, log_bytes: 0, keep: keep.max(1) })
    }

    /// The spec of the run in a folder.
    pub fn spec(path: &Path) -> Result<PathBuf, TrainError> {
        let spec = path.join(SPEC);
        if spec.is_file() { Ok(spec) } else { Err(TrainError::NotARun { path: path.to_owned() }) }
    }

    /// Opens the folder of a run to go on: reads the newest checkpoint that is whole into the variables and
    /// cuts the log back to it. Without any checkpoint the state is that of the beginning.
    pub fn reopen(
        path: &Path,
        keep: usize,
        variables: &mut Variables,
    ) -> Result<(RunDirectory, State, Weights, Vec<Finding>), TrainError> {
        let mut findings = Vec::new();
        let candidates = checkpoints(path)?;
        let mut found = None;
        for (_, file) in candidates.iter().rev() {
            match checkpoint::read(file, variables) {
                Ok(read) => {
                    found = Some(read);
                    break;
                }
                // Whole, but not of this run: beginning anew would destroy what is there.
                Err(fault @ (Fault::OtherModel | Fault::Newer { .. })) => {
                    return Err(TrainError::Model { path: file.clone(), fault });
                }
                Err(fault) => {
                    findings
                        .push(Finding::DamagedCheckpoint { path: file.clone(), fault: fault.to_string() });
                }
            }
        }
        if found.is_none() && !candidates.is_empty() {
            findings.push(Finding::NoCheckpoint { path: path.to_owned() });
        }
        let (state, best) = found.unwrap_or_default();
        let log_path = path.join(LOG);
        let mut log = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&log_path)
            .map_err(TrainError::io("open", &log_path))?;
        let length = log.metadata().map_err(TrainError::io("read", &log_path))?.len();
        if length < state.log_bytes {
            let what = format!("it has {length} bytes, the checkpoint was written after {}", state.log_bytes);
            return Err(TrainError::Damaged { path: log_path, what });
        }
        let cut = log.set_len(state.log_bytes).and_then(|()| log.seek(SeekFrom::End(0)));
        cut.map_err(TrainError::io("write", &log_path))?;
        let directory =
            RunDirectory { path: path.to_owned(), log, log_bytes: state.log_bytes, keep: keep.max(1) };
        Ok((directory, state, best, findings))
    }

    /// Where the model goes.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// Adds a line to the metrics log.
    pub fn log(&mut self, record: &impl Serialize) -> Result<(), TrainError> {
        let path = self.path.join(LOG);
        let line = serde_json::to_string(record).map_err(std::io::Error::other);
        let line = line.map_err(TrainError::io("write", &path))? + "\n";
        self.log.write_all(line.as_bytes()).map_err(TrainError::io("write", &path))?;
        self.log_bytes += line.len() as u64;
        Ok(())
    }

    /// Writes a checkpoint; older ones than the newest few are removed after it is safe.
    pub fn save(
        &mut self,
        state: &mut State,
        variables: &Variables,
        best: &Weights,
    ) -> Result<PathBuf, TrainError> {
        // What the checkpoint says of the log has to be on the disk before it.
        let log = self.path.join(LOG);
        self.log.sync_data().map_err(TrainError::io("write", &log))?;
        state.log_bytes = self.log_bytes;
        let path = self.path.join(CHECKPOINTS).join(format!("step-{:012}.safetensors", state.step));
        checkpoint::write(&path, state, variables, best)?;
        let all = checkpoints(&self.path)?;
        for (_, old) in &all[..all.len().saturating_sub(self.keep)] {
            fs::remove_file(old).map_err(TrainError::io("remove", old))?;
        }
        sync_folder(&self.path.join(CHECKPOINTS)).map_err(TrainError::io("write", &self.path))?;
        Ok(path)
    }
}

/// The checkpoints of a run by step, oldest first.
fn checkpoints(path: &Path) -> Result<Vec<(u64, PathBuf)>, TrainError> {
    let folder = path.join(CHECKPOINTS);
    let entries = fs::read_dir(&folder).map_err(TrainError::io("read", &folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let file = entry.map_err(TrainError::io("read", &folder))?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let step = name.strip_prefix("step-").and_then(|name| name.strip_suffix(".safetensors"));
        if let Some(step) = step.and_then(|step| step.parse().ok()) {
            found.push((step, file));
        }
    }
    found.sort();
    Ok(found)
}
