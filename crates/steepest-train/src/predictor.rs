//! Predictions for rows of a file, in memory that does not grow with the file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use steepest_data::{
    ColumnKind, Dataset, Encoder, FeatureForm, ReadOptions, Scaling, Table, read_sequences, sources,
};
use steepest_graph::Variables;
use steepest_nn::Task;
use steepest_tensor::{Pool, Slice, SliceMut};

use crate::blueprint::Extent;
use crate::evaluator::{class, room, rows_at_a_time};
use crate::program::Program;
use crate::stepper::ranges;
use crate::{SavedModel, TrainError, calibration};

/// Predicts rows of data files, or of data in memory, with a saved model.
///
/// ```
/// use steepest_data::Dataset;
/// use steepest_nn::Dense;
/// use steepest_train::{Prediction, Predictor, Training};
/// let x: Vec<f32> = (0..64).map(|i| i as f32 / 32.0 - 1.0).collect();
/// let y = x.iter().map(|&x| 3.0 * f64::from(x)).collect();
/// let data = Dataset::regression([1], x, y)?;
/// let mut trainer = Training::new(data).model(Dense::new(1)).learning_rate(0.1).trainer()?;
/// trainer.train()?;
/// let model = trainer.model();
/// let new = Dataset::unlabelled([1], vec![2.0f32])?;
/// let Prediction::Numbers(y) = &Predictor::new(&model)?.dataset(&new)?[0] else { panic!("a number") };
/// assert!((y[0] - 6.0).abs() < 0.1, "{y:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Predictor<'m> {
    model: &'m SavedModel,
    variables: Variables,
    programs: BTreeMap<Extent, Program>,
    pool: Pool,
    rows: usize,
}

/// What a model predicts for one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// Numbers, in the target's own unit.
    Numbers(Vec<f64>),
    /// The most probable class, the first of equal ones, and the probability of each.
    Class {
        /// The number of the class.
        class: usize,
        /// The probability of each class; they add up to 1.
        probabilities: Vec<f64>,
    },
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
        let blueprint = &model.blueprint;
        let rows = rows_at_a_time(blueprint);
        let extent = Extent { rows, entries: 0 };
        let plan = blueprint.predict(extent)?;
        let variables = model.variables(&plan)?;
        let programs = BTreeMap::from([(extent, Program::new(plan, &variables, &blueprint.form)?)]);
        Ok(Predictor { model, variables, programs, pool: Pool::for_this_machine(), rows })
    }

    /// Reads a data file and writes a CSV with the same rows in the same order: the file's own columns,
    /// then `prediction`, and for classes `probability:<class>` for each.
    ///
    /// # Errors
    /// Whatever is wrong with the file, or with writing.
    pub fn csv(&mut self, data: impl AsRef<Path>, out: &mut dyn Write) -> Result<Predicted, TrainError> {
        let learned = self.model.preprocessor.as_ref().ok_or(TrainError::NoPreprocessor)?;
        if learned.tokenizer.is_some() {
            return Err(TrainError::LanguageModel);
        }
        if let Some((data, findings)) = read_sequences(data.as_ref(), learned, false)? {
            let rows = self.dataset(&data)?;
            let predicted = written(&rows, learned.target.classes(), out)?;
            return Ok(Predicted { findings, ..predicted });
        }
        let base = self.model.spec.as_ref().map(|spec| spec.data.read.clone()).unwrap_or_default();
        let options = ReadOptions { labels: None, ..learned.input_options(&base) };
        let mut source = sources::open(data.as_ref(), &options)?;
        let mut table = source.table().keep_text();
        let mut encoder = Encoder::new(learned, &table)?;
        let mut csv = csv::Writer::from_writer(out);
        let write = |error: csv::Error| {
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    io::Error::other(format!("a row has {len} fields, the header {expected_len}"))
                }
                _ => io::Error::other("the rows are not CSV"),
            };
            TrainError::io("write", Path::new("the predictions"))(source)
        };
        csv.write_record(self.header(&table)).map_err(write)?;
        let mut predicted = Predicted { rows: 0, findings: Vec::new() };
        let classes = learned.target.classes();
        while source.fill(&mut table, self.rows)? > 0 {
            let rows = table.rows();
            let predictions = match self.model.blueprint.form {
                FeatureForm::Dense => self.run(rows, learned.target.scaling(), |features| {
                    match features {
                        SliceMut::F32(features) => encoder.features(&table, 0..rows, features)?,
                        SliceMut::F64(features) => encoder.features(&table, 0..rows, features)?,
                    }
                    Ok(())
                })?,
                _ => self.dataset(&encoder.dataset::<f32>(&table, 0..rows, false)?)?,
            };
            for (row, prediction) in predictions.iter().enumerate() {
                table
                    .text(row)
                    .into_iter()
                    .flatten()
                    .try_for_each(|field| csv.write_field(field))
                    .map_err(write)?;
                fields(prediction, classes)
                    .iter()
                    .try_for_each(|field| csv.write_field(field))
                    .map_err(write)?;
                csv.write_record(None::<&[u8]>).map_err(write)?;
            }
            predicted.rows += rows as u64;
            table.clear();
        }
        csv.flush().map_err(TrainError::io("write", Path::new("the predictions")))?;
        predicted.findings = encoder.findings();
        Ok(predicted)
    }

    /// Predicts rows in memory.
    ///
    /// # Errors
    /// If the rows do not have the model's inputs.
    pub fn dataset(&mut self, data: &Dataset) -> Result<Vec<Prediction>, TrainError> {
        let scaling = self.model.preprocessor.as_ref().map_or(Scaling::IDENTITY, |p| p.target.scaling());
        let mut all = Vec::with_capacity(data.rows());
        for range in ranges(data.rows(), self.rows) {
            let program = self.program(room(data, range.clone()))?;
            program.fill(data, range.clone())?;
            all.extend(self.predict(room(data, range.clone()), scaling)?);
        }
        Ok(all)
    }

    /// What the model puts out for rows in memory, row after row: numbers or logits.
    pub(crate) fn outputs(&mut self, data: &Dataset) -> Result<Vec<f64>, TrainError> {
        let mut all = Vec::new();
        for range in ranges(data.rows(), self.rows) {
            let program = self.program(room(data, range.clone()))?;
            program.fill(data, range.clone())?;
            let extent = room(data, range);
            if let Some(program) = self.programs.get_mut(&extent) {
                program.run(&mut self.variables, &self.pool)?;
                let outputs = program.predictions();
                all.extend((0..outputs.len()).map(|i| outputs.get(i)));
            }
        }
        Ok(all)
    }

    /// The program for so many rows.
    fn program(&mut self, extent: Extent) -> Result<&mut Program, TrainError> {
        use std::collections::btree_map::Entry;
        let blueprint = &self.model.blueprint;
        Ok(match self.programs.entry(extent) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(Program::new(blueprint.predict(extent)?, &self.variables, &blueprint.form)?)
            }
        })
    }

    /// Predicts the rows that have been filled in.
    fn predict(&mut self, extent: Extent, scaling: Scaling) -> Result<Vec<Prediction>, TrainError> {
        let (rows, task) = (extent.rows, self.model.blueprint.task);
        let Some(program) = self.programs.get_mut(&extent) else { return Ok(Vec::new()) };
        program.run(&mut self.variables, &self.pool)?;
        let outputs = program.predictions();
        let width = outputs.len() / rows.max(1);
        let calibration = &self.model.calibration;
        let of_row = |row| {
            let probabilities = calibration::probabilities(
                calibration,
                &(row * width..(row + 1) * width).map(|i| outputs.get(i)).collect::<Vec<_>>(),
            );
            match (prediction(outputs, row, width, task, scaling), probabilities) {
                (Prediction::Class { class, .. }, Some(probabilities)) => {
                    Prediction::Class { class, probabilities }
                }
                (prediction, _) => prediction,
            }
        };
        Ok((0..rows).map(of_row).collect())
    }

    /// Fills the features of some rows and predicts them.
    fn run(
        &mut self,
        rows: usize,
        scaling: Scaling,
        fill: impl FnOnce(SliceMut<'_>) -> Result<(), TrainError>,
    ) -> Result<Vec<Prediction>, TrainError> {
        let program = self.program(Extent::of(rows))?;
        if let Some(features) = program.features() {
            fill(features)?;
        }
        self.predict(Extent::of(rows), scaling)
    }

    fn header(&self, table: &Table) -> Vec<String> {
        // Columns made of others are not of the file.
        let crosses = self.model.spec.as_ref().map_or(0, |spec| spec.data.read.crosses.len());
        let of_file = table.schema().columns.len().saturating_sub(crosses);
        let sparse = table.schema().columns.iter().any(|column| column.kind == ColumnKind::Sparse);
        // A line of sparse features is one field.
        let own: Vec<String> = match sparse {
            true => vec!["line".to_owned()],
            false => table.schema().names().take(of_file).map(str::to_owned).collect(),
        };
        let outputs = self.model.blueprint.task.outputs();
        let classes = self.model.preprocessor.as_ref().map(|p| p.target.classes()).unwrap_or_default();
        let predictions = match self.model.blueprint.task {
            Task::Regression { outputs: 2.. } => (1..=outputs).map(|i| format!("prediction:{i}")).collect(),
            _ => vec!["prediction".to_owned()],
        };
        own.into_iter()
            .chain(predictions)
            .chain(classes.iter().map(|class| format!("probability:{class}")))
            .collect()
    }
}

/// Predictions of rows that have no columns to stand beside: the row's number, the class, probabilities.
fn written(rows: &[Prediction], classes: &[String], out: &mut dyn Write) -> Result<Predicted, TrainError> {
    let failed = |source| TrainError::io("write", Path::new("the predictions"))(source);
    let names = classes.iter().map(|class| format!(",probability:{class}"));
    writeln!(out, "row,prediction{}", names.collect::<String>()).map_err(failed)?;
    for (row, prediction) in rows.iter().enumerate() {
        writeln!(out, "{},{}", row + 1, fields(prediction, classes).join(",")).map_err(failed)?;
    }
    Ok(Predicted { rows: rows.len() as u64, findings: Vec::new() })
}

/// The numbers, or the class and the probability of each.
fn fields(prediction: &Prediction, classes: &[String]) -> Vec<String> {
    match prediction {
        Prediction::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
        Prediction::Class { class, probabilities } => {
            let name = classes.get(*class).cloned().unwrap_or_else(|| class.to_string());
            std::iter::once(name).chain(probabilities.iter().map(|&p| share(p))).collect()
        }
    }
}

/// A probability to six digits, so that the logarithm of a small one can be taken too.
fn share(p: f64) -> String {
    if p == 0.0 || p >= 1e-3 { format!("{p:.6}") } else { format!("{p:.5e}") }
}

fn prediction(outputs: Slice<'_>, row: usize, width: usize, task: Task, scaling: Scaling) -> Prediction {
    let of_row = (row * width..(row + 1) * width).map(|i| outputs.get(i));
    match task {
        Task::Regression { .. } | Task::Ranking { .. } | Task::Context { .. } => {
            Prediction::Numbers(of_row.map(|value| scaling.invert(value)).collect())
        }
        Task::Binary => {
            let yes = 1.0 / (1.0 + (-outputs.get(row)).exp());
            Prediction::Class { class: class(outputs, row, width), probabilities: vec![1.0 - yes, yes] }
        }
        Task::Multiclass { .. } | Task::NextToken { .. } => {
            let logits: Vec<f64> = of_row.collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let probabilities = powers.into_iter().map(|power| power / sum).collect();
            Prediction::Class { class: class(outputs, row, width), probabilities }
        }
    }
}

impl std::fmt::Debug for Predictor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictor").field("model", &self.model).finish_non_exhaustive()
    }
}
