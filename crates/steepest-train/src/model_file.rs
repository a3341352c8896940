//! The saved model: one file is enough to predict.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepest_data::{
    Dataset, Encoder, FeatureForm, Preprocessor, Tokenizer, read_corpus, read_sequences, sources,
};
use steepest_graph::{Plan, Variables};
use steepest_nn::{LossSpec, Model, ModelSpec, Registered, Task};
use steepest_tensor::{Key, Pool, Shape, Tensor};

use crate::blueprint::{Blueprint, Extent};
use crate::calibration::Calibration;
use crate::checkpoint::Weights;
use crate::container::{self, Kind, Stored};
use crate::evaluator::Evaluator;
use crate::training::usual_loss;
use crate::{Evaluation, Precision, RunSpec, TrainError};

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
    #[error("the model file is truncated: {got} bytes of at least {expected}")]
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
    /// Its tensors are not those of the model.
    #[error("its tensors are not those of the model")]
    OtherModel,
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
            Fault::OtherModel => "load it with the model it was trained with".to_owned(),
            Fault::Newer { .. } => "use the version of Steepest that wrote it, or a newer one".to_owned(),
        })
    }
}

/// Rows of a file that are evaluated at a time.
const WINDOW: usize = 4096;

/// A trained model with everything that is needed to use it: weights, spec, preprocessing, scores.
///
/// Its file is in the safetensors format, so other programs can read the weights.
#[derive(Clone)]
pub struct SavedModel {
    pub(crate) spec: Option<RunSpec>,
    pub(crate) preprocessor: Option<Preprocessor>,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) weights: Weights,
    pub(crate) scores: Vec<(String, Evaluation)>,
    pub(crate) steps: u64,
    /// What probabilities are calibrated by; empty: not at all.
    pub(crate) calibration: Calibration,
}

/// What stands beside the weights in the file.
#[derive(Serialize, Deserialize)]
struct Document {
    program: String,
    spec: Option<String>,
    preprocessor: Option<Preprocessor>,
    task: Task,
    example: Vec<usize>,
    #[serde(default)]
    form: FeatureForm,
    precision: Precision,
    scores: Vec<(String, Evaluation)>,
    steps: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calibration: Calibration,
}

impl SavedModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// [`TrainError::Model`] with the [`Fault`]; [`TrainError::ForeignModel`] if its model was written in Rust.
    pub fn load(path: impl AsRef<Path>) -> Result<SavedModel, TrainError> {
        SavedModel::read(path.as_ref(), None)
    }

    /// Reads the file of a model written in Rust, which has to be given again.
    ///
    /// # Errors
    /// As [`SavedModel::load`].
    pub fn load_with(path: impl AsRef<Path>, model: impl Model + 'static) -> Result<SavedModel, TrainError> {
        SavedModel::read(path.as_ref(), Some(Box::new(model)))
    }

    fn read(path: &Path, model: Option<Box<dyn Model>>) -> Result<SavedModel, TrainError> {
        let fault = |fault| TrainError::Model { path: path.to_owned(), fault };
        let contents = container::read(path, Kind::Model).map_err(fault)?;
        let document: Document =
            serde_json::from_value(contents.document).map_err(|_| fault(Fault::NotAModel))?;
        // Without a folder, so that the paths in it stay as they were written.
        let name = Path::new(path.file_name().unwrap_or_default());
        let spec = document.spec.as_ref().map(|text| RunSpec::parse(text, name, &[])).transpose()?;
        let (model, loss) = match (model, &spec) {
            (Some(model), _) => {
                let loss = usual_loss(&*model, &document.task)?;
                (model, loss)
            }
            (None, Some(spec)) => {
                let model =
                    ModelSpec::find(spec.model.kind())?.build(spec.model.settings(), &document.task)?;
                let loss = match &spec.loss {
                    Some(loss) => (LossSpec::find(loss.kind())?.build)(loss.settings())?,
                    None => usual_loss(&*model, &document.task)?,
                };
                (model, loss)
            }
            (None, None) => return Err(TrainError::ForeignModel { path: path.to_owned() }),
        };
        let example = Shape::new(&document.example).map_err(|_| fault(Fault::NotAModel))?;
        // Initial values do not matter: all weights are in the file.
        let (key, task, precision) = (Key::new(0), document.task, document.precision);
        let form = document.form;
        let blueprint =
            Blueprint { model, model_at: None, loss, task, example, form, key, precision, weighted: false };
        let blueprint = Arc::new(blueprint);
        let (preprocessor, scores, steps) = (document.preprocessor, document.scores, document.steps);
        let (weights, calibration) = (contents.tensors, document.calibration);
        let model = SavedModel { spec, preprocessor, blueprint, weights, scores, steps, calibration };
        // The weights have to be those of the model: better said now than at the first prediction.
        model.variables(&model.blueprint.predict(Extent::of(1))?).map_err(|_| fault(Fault::OtherModel))?;
        Ok(model)
    }

    /// Writes the model file, at once or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let (path, blueprint) = (path.as_ref(), &self.blueprint);
        let document = Document {
            program: format!("Steepest {}", env!("CARGO_PKG_VERSION")),
            spec: self.spec.as_ref().map(RunSpec::resolved),
            preprocessor: self.preprocessor.clone(),
            task: blueprint.task,
            example: blueprint.example.to_vec(),
            form: blueprint.form.clone(),
            precision: blueprint.precision,
            scores: self.scores.clone(),
            steps: self.steps,
            calibration: self.calibration.clone(),
        };
        let tensors: Vec<Stored> =
            self.weights.iter().map(|(name, tensor)| Stored::of_tensor(name.clone(), tensor)).collect();
        let document = serde_json::to_value(document).map_err(std::io::Error::other);
        let written = document.and_then(|document| container::write(path, Kind::Model, document, &tensors));
        written.map_err(TrainError::io("write", path))
    }

    /// The spec it was trained by; none if a part of it was written in Rust.
    pub fn spec(&self) -> Option<&RunSpec> {
        self.spec.as_ref()
    }

    /// What turns rows of a file into numbers; none if it was trained on data in memory.
    pub fn preprocessor(&self) -> Option<&Preprocessor> {
        self.preprocessor.as_ref()
    }

    /// What it predicts.
    pub fn task(&self) -> Task {
        self.blueprint.task
    }

    /// The shape of one row's features.
    pub fn example(&self) -> Shape {
        self.blueprint.example
    }

    /// How it did on `"validation"` and `"test"` when it was trained.
    pub fn scores(&self) -> &[(String, Evaluation)] {
        &self.scores
    }

    /// Updates that were made to train it, whatever weights were kept in the end.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Its parameters and states by name.
    pub fn weights(&self) -> &[(String, Tensor)] {
        &self.weights
    }

    /// Names and shapes of its parameters and states.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.shape().to_vec())).collect()
    }

    /// Scores it on a data file that has the target column, in memory that does not grow with the file.
    ///
    /// # Errors
    /// Whatever is wrong with the file.
    pub fn evaluate(
        &self,
        data: impl AsRef<Path>,
    ) -> Result<(Evaluation, Vec<steepest_data::Finding>), TrainError> {
        if let Some(tokenizer) = self.tokenizer() {
            return self.evaluate_text(tokenizer, data.as_ref()).map(|evaluation| (evaluation, Vec::new()));
        }
        let learned = self.preprocessor.as_ref().ok_or(TrainError::NoPreprocessor)?;
        if let Some((sequences, findings)) = read_sequences(data.as_ref(), learned, true)? {
            return self.score(&sequences).map(|evaluation| (evaluation, findings));
        }
        let base = self.spec.as_ref().map(|spec| spec.data.read.clone()).unwrap_or_default();
        // The labels of the training images are not those of this file.
        let options = steepest_data::ReadOptions { labels: None, ..learned.read_options(&base) };
        let mut source = sources::open(data.as_ref(), &options)?;
        let (mut table, pool) = (source.table(), Pool::for_this_machine());
        let (mut scoring, mut scores) = (self.scoring()?, None);
        let mut encoder = Encoder::new(learned, &table)?;
        while source.fill(&mut table, WINDOW)? > 0 {
            if let Some(target) = table.schema().find(&learned.target.column) {
                table.drop_missing(target);
                learned.relevant.iter().for_each(|&least| _ = table.drop_below(target, least));
            }
            let rows = encoder.dataset::<f32>(&table, 0..table.rows(), true)?;
            let scores = match &mut scores {
                Some(scores) => scores,
                None => scores.insert(scoring.evaluator.begin(&self.blueprint.task, rows.target_kind())?),
            };
            scoring.evaluator.add(scores, &self.blueprint, &rows, &mut scoring.variables, &pool)?;
            table.clear();
        }
        let mut scores = scores.ok_or(TrainError::NoRows { what: "evaluate" })?;
        if scores.rows() == 0 {
            let (path, target) = (data.as_ref().to_owned(), learned.target.column.clone());
            return Err(TrainError::NoLabels { path, target });
        }
        scores.rank(&self.blueprint, learned.history.as_ref(), &mut scoring.variables, &pool)?;
        Ok((scores.finish(), encoder.findings()))
    }

    fn evaluate_text(&self, tokenizer: &Tokenizer, path: &Path) -> Result<Evaluation, TrainError> {
        let encoding = self.spec.as_ref().and_then(|spec| spec.data.read.encoding.as_deref());
        let tokens = tokenizer.encode(&read_corpus(path, encoding)?)?;
        let window = self.blueprint.example.elements();
        let data = Dataset::language(tokens, window, window, tokenizer.names())?;
        if data.is_empty() { Err(TrainError::NoRows { what: "evaluate" }) } else { self.score(&data) }
    }

    /// Scores it on data in memory.
    ///
    /// # Errors
    /// If the data do not have the model's inputs and targets.
    pub fn score(&self, data: &Dataset) -> Result<Evaluation, TrainError> {
        let mut scoring = self.scoring()?;
        let pool = Pool::for_this_machine();
        scoring.evaluator.evaluate(&self.blueprint, data, &mut scoring.variables, &pool)
    }

    fn scoring(&self) -> Result<Scoring, TrainError> {
        let metrics = self.spec.as_ref().and_then(|spec| spec.run.metrics.as_deref());
        let variables = self.variables(&self.blueprint.predict(Extent::of(1))?)?;
        Ok(Scoring { evaluator: Evaluator::new(&self.blueprint, metrics)?, variables })
    }

    /// The weights in a store that a plan can be bound to.
    pub(crate) fn variables(&self, plan: &Plan) -> Result<Variables, TrainError> {
        let mut variables = Variables::new(plan.variables(), self.blueprint.precision);
        for (name, tensor) in &self.weights {
            variables.set(name, tensor)?;
        }
        match plan.variables().iter().find(|spec| self.weights.iter().all(|(name, _)| *name != spec.name)) {
            Some(spec) => Err(steepest_graph::VariablesError::Unknown { name: spec.name.clone() }.into()),
            None => Ok(variables),
        }
    }
}

struct Scoring {
    evaluator: Evaluator,
    variables: Variables,
}

impl std::fmt::Debug for SavedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.weights.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("SavedModel")
            .field("task", &self.task())
            .field("tensors", &names)
            .finish_non_exhaustive()
    }
}
