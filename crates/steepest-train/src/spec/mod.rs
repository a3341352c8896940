//! The run spec: everything that a run depends on, checked, with every default filled in.

mod document;
mod error;
mod read;
mod schema;
mod sections;
mod write;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use steepest_data::{BatchSize, DataOptions};
use steepest_optim::Span;
use steepest_spec::{Description, SettingError, Settings, Value};

pub use error::{Place, SpecError, SpecProblem};
pub use schema::schema;
pub use sections::{ROOT, SECTIONS, Section};

/// One of a registry with its settings, all checked: the model, the optimizer, ….
#[derive(Clone, Debug)]
pub struct Choice {
    about: &'static Description,
    settings: Settings,
}

impl Choice {
    /// A registered thing with the settings that were written; the others have their defaults.
    ///
    /// # Errors
    /// The first setting that is unknown, unacceptable or missing.
    pub fn new(
        about: &'static Description,
        written: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Choice, SettingError> {
        Ok(Choice { about, settings: Settings::new(about, written)? })
    }

    /// Fills in a setting that it has and that is unset.
    pub(crate) fn set_default(&mut self, key: &str, value: Value) {
        self.settings.set_default(self.about, key, value);
    }

    /// The name in its registry.
    pub fn kind(&self) -> &'static str {
        self.about.name
    }

    /// What it says of itself.
    pub fn about(&self) -> &'static Description {
        self.about
    }

    /// Its settings, defaults included.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// When training ends. The rule that speaks first wins.
///
/// What is unset depends on the number of steps in an epoch: an epoch of a small table is a handful of
/// steps, and a hundred of them train nothing.
///
/// ```
/// use steepest_train::StopOptions;
/// let all = StopOptions::default();
/// assert_eq!((all.epochs_of(2), all.patience_of(2)), (1500, 150));
/// assert_eq!((all.epochs_of(1000), all.patience_of(1000)), (100, 10));
/// let some = StopOptions { epochs: Some(40), ..StopOptions::default() };
/// assert_eq!((some.epochs_of(2), some.patience_of(2)), (40, 10));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StopOptions {
    /// At most this many passes over the data; none: 100, or as many as make 3,000 steps, or `steps`.
    pub epochs: Option<u64>,
    /// At most this many steps.
    pub steps: Option<u64>,
    /// Epochs without improvement of the validation loss after which training stops; 0 means never;
    /// none: a tenth of the epochs, at least 10.
    pub patience: Option<u64>,
    /// What the validation loss must fall by to count as improved.
    pub min_delta: f64,
    /// Stop when the training loss changes by less than this share over `window` epochs.
    pub tolerance: Option<f64>,
    /// Epochs that `tolerance` looks back.
    pub window: u64,
}

impl Default for StopOptions {
    /// What a spec has that does not say.
    fn default() -> StopOptions {
        StopOptions { epochs: None, steps: None, patience: None, min_delta: 0.0, tolerance: None, window: 10 }
    }
}

impl StopOptions {
    /// The fewest steps of a training whose epochs and steps are unset.
    const STEPS: u64 = 3000;
    /// The fewest epochs of such a training.
    const EPOCHS: u64 = 100;
    /// The least patience that is not set.
    const PATIENCE: u64 = 10;

    /// The most passes over data with so many steps in one.
    pub fn epochs_of(&self, steps_per_epoch: u64) -> u64 {
        let of = |steps: u64| steps.div_ceil(steps_per_epoch.max(1));
        match (self.epochs, self.steps) {
            (Some(epochs), _) => epochs,
            (None, Some(steps)) => of(steps),
            (None, None) => of(StopOptions::STEPS).max(StopOptions::EPOCHS),
        }
    }

    /// The epochs without improvement, on data with so many steps in one, after which training stops.
    pub fn patience_of(&self, steps_per_epoch: u64) -> u64 {
        self.patience.unwrap_or_else(|| (self.epochs_of(steps_per_epoch) / 10).max(StopOptions::PATIENCE))
    }

    /// The most updates, with so many of them in a pass over the data.
    pub(crate) fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        let epochs = self.epochs_of(steps_per_epoch).saturating_mul(steps_per_epoch);
        self.steps.map_or(epochs, |steps| steps.min(epochs))
    }

    /// The same with what is unset written out.
    pub(crate) fn resolved(mut self, steps_per_epoch: u64) -> StopOptions {
        self.patience = Some(self.patience_of(steps_per_epoch));
        self.epochs = Some(self.epochs_of(steps_per_epoch));
        self
    }
}

/// The precision that a run computes in.
pub use steepest_tensor::DType as Precision;

/// Where results go, and what they are computed with.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// The folder of the run; none: nothing is written.
    pub directory: Option<PathBuf>,
    /// What is measured beside the loss; none: the usual metrics of the task.
    pub metrics: Option<Vec<String>>,
    /// Fits probabilities to the validation rows at the end, by a sigmoid of each output (Platt, 1999).
    pub calibrate: bool,
    /// The span after which the mean of the weights begins, with which the model is scored and saved; none: the weights
    /// are those of the last step.
    pub average: Option<Span>,
    /// The numbers that are computed with.
    pub precision: Precision,
    /// Threads; they change the time, never the result. None: one per core.
    pub threads: Option<NonZeroUsize>,
    /// A checkpoint after every such span.
    pub checkpoint_every: Option<Span>,
    /// A checkpoint whenever so many seconds have passed, unless `checkpoint_every` is set.
    pub checkpoint_seconds: f64,
    /// Checkpoints kept, the newest.
    pub keep_checkpoints: usize,
    /// Weights to begin with: a model file, or a PyTorch state dictionary in safetensors. None: the initializers'.
    pub init_from: Option<PathBuf>,
}

impl Default for RunOptions {
    /// What a spec has that does not say.
    fn default() -> RunOptions {
        RunOptions {
            directory: None,
            metrics: None,
            calibrate: false,
            average: None,
            precision: Precision::F32,
            threads: None,
            checkpoint_every: None,
            checkpoint_seconds: 10.0,
            keep_checkpoints: 2,
            init_from: None,
        }
    }
}

/// Everything that a run depends on, checked, with every default filled in.
///
/// It is read from TOML: sections `data`, `model`, `loss`, `optimizer`, `schedule`, `batch`, `stop` and
/// `run`, where every key but the data and the target has a default ([`SECTIONS`], [`schema`]).
///
/// ```
/// use steepest_train::RunSpec;
/// let text = r#"
///     seed = 7
///     [data]
///     train = "digits.csv"
///     target = "label"
///     [optimizer]
///     kind = "adam"
///     learning-rate = 0.01
/// "#;
/// let spec = RunSpec::parse(text, "examples/digits.toml", &["batch.size=32".to_owned()])?;
/// assert_eq!(spec.data.train, std::path::Path::new("examples/digits.csv"));
/// assert_eq!((spec.learning_rate(), spec.batch.rows(1000), spec.stop.epochs_of(32)), (0.01, 32, 100));
/// # Ok::<(), steepest_train::SpecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Where all random numbers come from.
    pub seed: u64,
    /// Which rows, which column to predict, and how columns become numbers.
    pub data: DataOptions,
    /// What is trained.
    pub model: Choice,
    /// What training makes small; none: the usual loss of the task.
    pub loss: Option<Choice>,
    /// How gradients become updates.
    pub optimizer: Choice,
    /// What the learning rate is multiplied by in the course of training.
    pub schedule: Choice,
    /// How many rows one step sees.
    pub batch: BatchSize,
    /// When training ends.
    pub stop: StopOptions,
    /// Where results go, and what they are computed with.
    pub run: RunOptions,
}

impl RunSpec {
    /// Reads a spec. `origin` is the file it comes from: errors name it, and relative paths of data
    /// start at its folder. `overrides` (`section.key=value`) replace what the text says; their paths
    /// start at the current folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and column.
    pub fn parse(text: &str, origin: impl AsRef<Path>, overrides: &[String]) -> Result<RunSpec, SpecError> {
        read::read(text, origin.as_ref(), overrides)
    }

    /// Reads a spec from a file. See [`RunSpec::parse`].
    ///
    /// # Errors
    /// As [`RunSpec::parse`], and if the file cannot be read.
    pub fn load(path: impl AsRef<Path>, overrides: &[String]) -> Result<RunSpec, SpecError> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|error| SpecError::absent(path, SpecProblem::Io(error)))?;
        RunSpec::parse(&text, path, overrides)
    }

    /// The spec that trains on a file to predict a column, with all defaults.
    ///
    /// ```
    /// use steepest_train::RunSpec;
    /// let spec = RunSpec::new("iris.csv", "species")?.with("optimizer.learning-rate", 0.01)?;
    /// assert_eq!((spec.model.kind(), spec.learning_rate()), ("mlp", 0.01));
    /// # Ok::<(), steepest_train::SpecError>(())
    /// ```
    ///
    /// # Errors
    /// None that a file name and a column name can cause.
    pub fn new(train: impl AsRef<Path>, target: &str) -> Result<RunSpec, SpecError> {
        let mut spec = RunSpec::parse("[data]\ntrain = \"\"\ntarget = \"\"\n", "defaults", &[])?;
        spec.data.train = train.as_ref().to_owned();
        spec.data.target = target.to_owned();
        Ok(spec)
    }

    /// The same spec with one key changed: `"batch.size"`, `"model.kind"`, ….
    ///
    /// # Errors
    /// If there is no such key, or it does not accept the value.
    pub fn with(&self, key: &str, value: impl ToString) -> Result<RunSpec, SpecError> {
        RunSpec::parse(&self.resolved(), "spec", &[format!("{key}={}", value.to_string())])
    }

    /// The base learning rate, which the schedule multiplies.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.settings.number(steepest_optim::LEARNING_RATE)
    }

    /// The spec as TOML with every key written out; what is unset stands there as a comment.
    ///
    /// Reading it gives the same spec.
    pub fn resolved(&self) -> String {
        write::write(self, false)
    }

    /// Like [`RunSpec::resolved`], and every key has a comment that says what it is and accepts.
    pub fn commented(&self) -> String {
        write::write(self, true)
    }

    /// Writes the paths of data out in full, so that the spec means the same from every folder.
    ///
    /// # Errors
    /// If the current folder is not known.
    pub fn absolute(mut self) -> std::io::Result<RunSpec> {
        let data = &mut self.data;
        if data.train != Path::new("-") {
            data.train = std::path::absolute(&data.train)?;
        }
        for path in [&mut data.validation, &mut data.test, &mut data.read.labels, &mut self.run.init_from]
            .into_iter()
            .flatten()
        {
            *path = std::path::absolute(&path)?;
        }
        Ok(self)
    }
}
