//! What can go wrong with a run.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use steepest_data::DataError;
use steepest_graph::{ExecutorError, PlanErrors, VariablesError};
use steepest_nn::NnError;

use crate::{Fault, PyTorchFault, SpecError, VectorFileFault, VectorsError};

/// What can go wrong with a run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The spec cannot be used.
    #[error("{0}")]
    Spec(Box<SpecError>),
    /// The data cannot be used.
    #[error("{0}")]
    Data(Box<DataError>),
    /// The model, the loss or a metric cannot be used.
    #[error("{0}")]
    Nn(Box<NnError>),
    /// The training step cannot be compiled.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// The training step cannot be run.
    #[error("{0}")]
    Executor(Box<ExecutorError>),
    /// Values of variables that do not belong to the model.
    #[error("{0}")]
    Variables(Box<VariablesError>),
    /// A function whose value or slope is not finite where the search has come to.
    #[error("the function is not finite at step {step}: value {value}, largest slope {largest_slope}")]
    NotFinite {
        /// The step.
        step: u64,
        /// The value.
        value: f64,
        /// The largest |∂f/∂x|.
        largest_slope: f64,
    },
    /// A question that the model cannot answer.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// A file of word vectors that cannot be used.
    #[error("{}: {fault}", path.display())]
    VectorFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: VectorFileFault,
    },
    /// A line of a file of pairs of words that is none.
    #[error("{} line {line}: expected two words and a score, got `{got}`", path.display())]
    Pairs {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What stands there.
        got: String,
    },
    /// A file of pairs of words without one that is known.
    #[error("{} has no pair of words that both have a vector ({unknown} with one that has none)", path.display())]
    NoPairs {
        /// The file.
        path: PathBuf,
        /// Pairs with a word that has no vector.
        unknown: usize,
    },
    /// A learning rate that leads nowhere.
    #[error("the learning rate must be a number above 0, got {got}")]
    LearningRate {
        /// The rate.
        got: f64,
    },
    /// A batch that would not fit into memory.
    #[error("a batch of {rows} rows needs {bytes} bytes for its inputs alone")]
    BatchTooLarge {
        /// Rows of the batch.
        rows: usize,
        /// Bytes of its inputs.
        bytes: usize,
    },
    /// A data set without rows.
    #[error("there are no rows to {what}")]
    NoRows {
        /// What was to be done with them.
        what: &'static str,
    },
    /// Rows without any target to compare predictions with.
    #[error("no row of {} has a `{target}`, so predictions cannot be scored", path.display())]
    NoLabels {
        /// The file.
        path: PathBuf,
        /// The target column.
        target: String,
    },
    /// A model that carries states from window to window, on rows that do not follow one another.
    #[error("states are to be carried from row to row, but rows do not follow one another")]
    NotContinuous,
    /// A target that there is no usual task for.
    #[error("the data have no target to learn")]
    NoTarget,
    /// A model that was trained on data in memory, used on a file.
    #[error("the model was trained on data in memory, so it does not know how to read a file")]
    NoPreprocessor,
    /// A model that predicts no tokens, asked to write text.
    #[error("the model is not for text but for {task}")]
    NotALanguageModel {
        /// What it is for.
        task: String,
    },
    /// A language model, asked to predict the rows of a table.
    #[error("the model is for text, which has no rows to predict")]
    LanguageModel,
    /// Nothing to go on from.
    #[error("the prompt is empty, and a text goes on from at least one token")]
    Prompt,
    /// A way of choosing tokens that chooses none.
    #[error("`{key}` must be {accepts}, got {got}")]
    Sampling {
        /// The setting.
        key: &'static str,
        /// What it may be.
        accepts: &'static str,
        /// What it is.
        got: String,
    },
    /// A file or folder of the run that cannot be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was to be done: `"write"`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder that holds another run.
    #[error("{} already holds a run", path.display())]
    DirectoryInUse {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a run.
    #[error("{} holds no run: it has no `run.toml`", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A setting that a resumed run cannot change.
    #[error("a resumed run keeps its `{key}`")]
    FixedByRun {
        /// The key of the override.
        key: String,
    },
    /// A setting that makes no sense where rows are taken once.
    #[error("`{key}` needs rows that can be taken more than once, and a stream has none")]
    NotInAStream {
        /// The key.
        key: &'static str,
    },
    /// No rows of classes to fit probabilities to.
    #[error("`run.calibrate` needs validation rows of a classification")]
    NothingToCalibrate,
    /// A run that no spec describes.
    #[error("the parts of the run in {} were put together in Rust", path.display())]
    ForeignRun {
        /// The folder.
        path: PathBuf,
    },
    /// A run whose data are no longer what they were.
    #[error("{} has changed since the run began (fingerprint {was}, now {now})", path.display())]
    DataChanged {
        /// The data file.
        path: PathBuf,
        /// Its fingerprint when the run began.
        was: String,
        /// Its fingerprint now.
        now: String,
    },
    /// A run of another program version whose files are written differently.
    #[error("{} was written in format {got}; this version reads up to format {known}", path.display())]
    NewerRun {
        /// The file.
        path: PathBuf,
        /// Its format.
        got: u64,
        /// The newest format known.
        known: u64,
    },
    /// A file of the run with contents that make no sense.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A model file that cannot be used.
    #[error("{}: {fault}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Weights of PyTorch that cannot be used.
    #[error("{}: {fault}", path.display())]
    PyTorch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: PyTorchFault,
    },
    /// A model that was not built from a spec, loaded without the model.
    #[error("{} holds the weights of a model written in Rust", path.display())]
    ForeignModel {
        /// The file.
        path: PathBuf,
    },
}

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.help().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

macro_rules! boxed {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for TrainError {
            fn from(error: $error) -> TrainError {
                TrainError::$variant(Box::new(error))
            }
        }
    )*};
}

// Boxed, so that every function that can fail stays cheap when it does not.
boxed!(Data(DataError), Nn(NnError), Executor(ExecutorError), Variables(VariablesError), Spec(SpecError));

impl TrainError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TrainError {
        move |source| TrainError::Io { what, path: path.to_owned(), source }
    }

    /// What the user can do, if that can be told. (Errors of data and plans carry it in their text.)
    pub fn help(&self) -> Option<String> {
        Some(match self {
            TrainError::Spec(error) => return error.help(),
            TrainError::Nn(error) => return error.help(),
            TrainError::Vectors(error) => return Some(error.help()),
            TrainError::NotFinite { .. } => "begin elsewhere, or set a smaller learning rate".to_owned(),
            TrainError::BatchTooLarge { .. } => "set a smaller `batch.size`".to_owned(),
            TrainError::NoRows { .. } => "give a data file with rows".to_owned(),
            TrainError::NoLabels { .. } => "`steepest predict` predicts rows without one".to_owned(),
            TrainError::NotContinuous => {
                "set `data.stride` to the same number as `data.window`, or `model.carry = false`".to_owned()
            }
            TrainError::NoTarget => "name the column to predict as `data.target`".to_owned(),
            TrainError::NoPreprocessor => {
                "give it data in memory: `SavedModel::score`, `Predictor::dataset`".to_owned()
            }
            TrainError::NotALanguageModel { .. } => {
                "train one on a text: `data.tokens = \"characters\"`, `model.kind = \"gpt\"`".to_owned()
            }
            TrainError::LanguageModel => "let it write: `steepest generate`, or `Generator`".to_owned(),
            TrainError::VectorFile { fault: VectorFileFault::Name { .. }, .. } => {
                "name a column without white space in its names by `--column`".to_owned()
            }
            TrainError::VectorFile { .. } => {
                "give vectors in word2vec's text or binary format, or a model".to_owned()
            }
            TrainError::Pairs { .. } => "part the two words and the score by tabs or commas".to_owned(),
            TrainError::NoPairs { .. } => {
                "give pairs of words of the text that the vectors are of".to_owned()
            }
            TrainError::Prompt => "give a prompt of at least one character: `--prompt TEXT`".to_owned(),
            TrainError::Sampling { .. } => {
                "`--temperature 0` takes the most probable token, 1 samples as the model learned; without `--top-k` all tokens \
                 may be chosen"
                    .to_owned()
            }
            TrainError::DirectoryInUse { path } => {
                format!("resume it with `steepest train --resume {}`, or name another folder", path.display())
            }
            TrainError::FixedByRun { .. } => {
                "it may change `stop.*`, `run.*` and where the data are; for all else begin a new run"
                    .to_owned()
            }
            TrainError::NotInAStream { .. } => {
                "leave it out: every row is scored before it is learned from; or set `data.stream = false`, to read all rows into memory"
                    .to_owned()
            }
            TrainError::NothingToCalibrate => {
                "hold rows out, `data.split.validation = 0.15`, or leave `run.calibrate` out".to_owned()
            }
            TrainError::ForeignRun { .. } => "go on with it in Rust by `Training::resume`".to_owned(),
            TrainError::NotARun { .. } => "name the folder that a training run has written".to_owned(),
            TrainError::DataChanged { .. } => {
                "put the old file back, or start a new run; a resumed run must see the same rows".to_owned()
            }
            TrainError::NewerRun { .. } => {
                "use the version of Steepest that wrote it, or a newer one".to_owned()
            }
            TrainError::Model { fault, .. } => return fault.help(),
            TrainError::PyTorch { fault, .. } => return Some(fault.help()),
            TrainError::ForeignModel { .. } => "load it in Rust with `SavedModel::load_with`".to_owned(),
            _ => return None,
        })
    }
}
