//! Everything that a run is, at one moment.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use steepest_data::{Fingerprint, StreamStart};
use steepest_graph::Variables;
use steepest_tensor::Tensor;

use crate::container::{self, Kind, Stored};
use crate::stopping::Stopping;
use crate::watch::Watch;
use crate::{Fault, TrainError, exact};

/// Everything of a run that is not a tensor and not a function of the spec.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Updates made. Epoch and place in it follow from this number.
    pub step: u64,
    /// Σ loss · rows over the rows of the present epoch so far.
    #[serde(with = "exact")]
    pub loss_sum: f64,
    /// Those rows.
    pub rows: u64,
    /// `loss_sum` at the last line of the record within the epoch.
    #[serde(default, with = "exact")]
    pub line_loss: f64,
    /// `rows` at that line.
    #[serde(default)]
    pub line_rows: u64,
    /// Stopping rules.
    pub stopping: Stopping,
    /// What was noticed and said.
    pub watch: Watch,
    /// Seconds of training.
    #[serde(with = "exact")]
    pub seconds: f64,
    /// Seconds of training when the present epoch began.
    #[serde(with = "exact")]
    pub epoch_began: f64,
    /// Bytes of the metrics log that belong to this state.
    pub log_bytes: u64,
    /// The data files and their fingerprints.
    pub files: Vec<(PathBuf, Fingerprint)>,
    /// Where a stream stands; none for data in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamState>,
}

/// Where a stream stands, and what came of it so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamState {
    /// Where its next rows begin.
    pub start: StreamStart,
    /// Rows trained on.
    pub rows: u64,
    /// The sum of their weights.
    #[serde(with = "exact")]
    pub weight: f64,
    /// Σ weight · loss, each measured before its row was learned from.
    #[serde(with = "exact")]
    pub loss: f64,
    /// Rows and the two sums at the last line of the record.
    pub last_rows: u64,
    /// Σ weight at that line.
    #[serde(with = "exact")]
    pub last_weight: f64,
    /// Σ weight · loss at that line.
    #[serde(with = "exact")]
    pub last_loss: f64,
    /// Features that were not 0.
    pub features: u64,
}

/// Weights that a run would go back to.
pub(crate) type Weights = Vec<(String, Tensor)>;

/// What a name in a checkpoint begins with if it is one of the best weights.
const BEST: &str = "best:";

pub(crate) fn write(
    path: &Path,
    state: &State,
    variables: &Variables,
    best: &Weights,
) -> Result<(), TrainError> {
    let present = variables.specs().iter().filter_map(|spec| {
        Some(Stored::of_slice(spec.name.clone(), spec.shape, variables.slice(&spec.name)?))
    });
    let best = best.iter().map(|(name, tensor)| Stored::of_tensor(format!("{BEST}{name}"), tensor));
    let tensors: Vec<Stored> = present.chain(best).collect();
    let written = serde_json::to_value(state).map_err(std::io::Error::other);
    let written = written.and_then(|state| container::write(path, Kind::Checkpoint, state, &tensors));
    written.map_err(TrainError::io("write", path))
}

/// Reads a checkpoint into the variables; gives back the state and the best weights.
pub(crate) fn read(path: &Path, variables: &mut Variables) -> Result<(State, Weights), Fault> {
    let contents = container::read(path, Kind::Checkpoint)?;
    let state: State = serde_json::from_value(contents.document).map_err(|_| Fault::NotAModel)?;
    let mut best = Weights::new();
    let mut present = Vec::new();
    for (name, tensor) in contents.tensors {
        match name.strip_prefix(BEST) {
            Some(name) => best.push((name.to_owned(), tensor)),
            None => present.push((name, tensor)),
        }
    }
    // All or nothing: a checkpoint of another model leaves the variables as they were.
    let fits = |(name, tensor): &(String, Tensor)| {
        variables.get(name).is_some_and(|own| own.shape() == tensor.shape() && own.dtype() == tensor.dtype())
    };
    if present.len() != variables.specs().len() || !present.iter().chain(&best).all(fits) {
        return Err(Fault::OtherModel);
    }
    for (name, tensor) in &present {
        variables.set(name, tensor).map_err(|_| Fault::OtherModel)?;
    }
    Ok((state, best))
}
