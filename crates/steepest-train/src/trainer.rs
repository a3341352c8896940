//! The trainer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steepest_data::{Part, Prepared};

use crate::{Evaluation, Event, RunSpec, SavedModel, StopReason, TrainError};

/// A run.
#[derive(Debug)]
pub struct Trainer {
    interrupt: Arc<AtomicBool>,
}

/// What a run is about, for the first lines that a user sees.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What is predicted, in words.
    pub task: String,
    /// Inputs of the model per row.
    pub inputs: usize,
    /// Outputs of the model per row.
    pub outputs: usize,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Rows of training, validation and test.
    pub rows: [usize; 3],
    /// Updates in an epoch.
    pub steps_per_epoch: u64,
    /// Updates at most.
    pub steps: u64,
    /// Threads.
    pub threads: usize,
}

impl Trainer {
    /// Reads the data, builds and compiles everything, and makes the run's folder.
    ///
    /// # Errors
    /// Whatever is wrong with the spec, the data or the folder.
    pub fn new(spec: &RunSpec) -> Result<Trainer, TrainError> {
        let _ = spec;
        Err(TrainError::NoTarget)
    }

    /// The same with data that have been prepared.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_data(spec: &RunSpec, data: Prepared) -> Result<Trainer, TrainError> {
        let _ = (spec, data);
        Err(TrainError::NoTarget)
    }

    /// Goes on with the run in a folder from its newest whole checkpoint. Overrides may change `stop.*`,
    /// `run.threads` and the paths of the data.
    ///
    /// # Errors
    /// Whatever is wrong with the folder, or with the data.
    pub fn resume(directory: impl AsRef<Path>, overrides: &[String]) -> Result<Trainer, TrainError> {
        let _ = (directory.as_ref(), overrides);
        Err(TrainError::NoTarget)
    }

    /// Trains: an iterator of what happens, that ends with [`Event::Stopped`].
    pub fn run(&mut self) -> Run<'_> {
        Run { trainer: self }
    }

    /// Trains to the end.
    ///
    /// # Errors
    /// The first error of the run.
    pub fn train(&mut self) -> Result<StopReason, TrainError> {
        Err(TrainError::NoTarget)
    }

    /// Setting it ends the run cleanly after the step at hand, with a checkpoint.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// What was noticed about the data.
    pub fn data_findings(&self) -> &[steepest_data::Finding] {
        &[]
    }

    /// What the run is about.
    pub fn overview(&self) -> Overview {
        Overview {
            task: String::new(),
            inputs: 0,
            outputs: 0,
            parameters: 0,
            rows: [0; 3],
            steps_per_epoch: 0,
            steps: 0,
            threads: 0,
        }
    }

    /// The spec with everything filled in that the data decided.
    pub fn spec(&self) -> Option<&RunSpec> {
        None
    }

    /// The compiled training step, pass by pass.
    pub fn explain(&self) -> String {
        String::new()
    }

    /// Scores the present weights on a part of the data; none if there is no such part.
    ///
    /// # Errors
    /// Those of running the plan.
    pub fn evaluate(&mut self, part: Part) -> Result<Option<Evaluation>, TrainError> {
        let _ = part;
        Ok(None)
    }

    /// The model with its present weights.
    ///
    /// # Errors
    /// If the model was not built from a spec.
    pub fn model(&self) -> Result<SavedModel, TrainError> {
        Err(TrainError::NoTarget)
    }
}

/// The events of a run, one after the other.
#[derive(Debug)]
pub struct Run<'t> {
    trainer: &'t mut Trainer,
}

impl Iterator for Run<'_> {
    type Item = Result<Event, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        let _ = &self.trainer;
        None
    }
}
