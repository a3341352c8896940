//! Steepest as a peer of the benchmark: the workload's step as one plan.

use std::collections::BTreeMap;

use bench_protocol::{Folder, FolderError, Peer};

/// A step that could not be built or taken.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The workload could not be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The engine cannot run this workload.
    #[error("the engine cannot run `{workload}`")]
    Unsupported {
        /// The workload's name.
        workload: String,
    },
}

/// The engine, ready to take steps.
pub struct Steepest {}

impl Steepest {
    /// Builds and compiles the step.
    pub fn new(folder: &Folder, _threads: usize) -> Result<Steepest, PeerError> {
        Err(PeerError::Unsupported { workload: folder.workload.name.clone() })
    }
}

impl Peer for Steepest {
    type Error = PeerError;

    fn run(&mut self, _steps: usize) -> Result<(), PeerError> {
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, PeerError> {
        Ok(0.0)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("steepest".to_owned(), env!("CARGO_PKG_VERSION").to_owned())])
    }
}
