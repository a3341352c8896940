//! The saved model.

use std::path::Path;

use steepest_data::Preprocessor;
use steepest_nn::Task;

use crate::{Evaluation, RunSpec, TrainError};

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read.
    #[error("cannot read the model: {0}")]
    Io(#[source] std::io::Error),
    /// It is not a model file at all.
    #[error("this is not a Steepest model")]
    NotAModel,
    /// It ends too early.
    #[error("the model file is truncated: {got} bytes of {expected}")]
    Truncated {
        /// Bytes there are.
        got: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// Its checksum does not agree with its contents.
    #[error("the model file is damaged: its checksum is {got}, not {expected}")]
    Damaged {
        /// The checksum of the contents.
        got: String,
        /// The checksum written in the file.
        expected: String,
    },
    /// It was written by a newer version.
    #[error("the model file has format {got}; this version reads up to format {known}")]
    Newer {
        /// Its format.
        got: u64,
        /// The newest format known.
        known: u64,
    },
}

impl Fault {
    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Fault::Io(_) => "check the path; a run writes its model to `model.safetensors`".to_owned(),
            Fault::NotAModel => "give the `model.safetensors` of a run".to_owned(),
            Fault::Truncated { .. } | Fault::Damaged { .. } => {
                "copy it again, or write it anew by resuming its run".to_owned()
            }
            Fault::Newer { .. } => "use the version of Steepest that wrote it, or a newer one".to_owned(),
        })
    }
}

/// A trained model with everything that is needed to use it.
#[derive(Debug)]
pub struct SavedModel {
    spec: Option<RunSpec>,
    preprocessor: Preprocessor,
    task: Task,
    scores: Vec<(String, Evaluation)>,
}

impl SavedModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`TrainError::Model`] with the [`Fault`].
    pub fn load(path: impl AsRef<Path>) -> Result<SavedModel, TrainError> {
        Err(TrainError::Model { path: path.as_ref().to_owned(), fault: Fault::NotAModel })
    }

    /// Writes the model file, at once or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let _ = path.as_ref();
        Ok(())
    }

    /// The spec it was trained by.
    pub fn spec(&self) -> Option<&RunSpec> {
        self.spec.as_ref()
    }

    /// What turns rows into numbers.
    pub fn preprocessor(&self) -> &Preprocessor {
        &self.preprocessor
    }

    /// What it predicts.
    pub fn task(&self) -> Task {
        self.task
    }

    /// How it did on `"validation"` and `"test"` when it was trained.
    pub fn scores(&self) -> &[(String, Evaluation)] {
        &self.scores
    }

    /// Names and shapes of its parameters and states.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        Vec::new()
    }

    /// Scores it on a data file that has the target column.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn evaluate(
        &self,
        data: impl AsRef<Path>,
    ) -> Result<(Evaluation, Vec<steepest_data::Finding>), TrainError> {
        let _ = data.as_ref();
        Err(TrainError::NoTarget)
    }
}
