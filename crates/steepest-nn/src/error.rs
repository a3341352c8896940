//! What can be wrong with the name or the settings of a layer, loss, metric, model or initializer, or
//! with the numbers given to a metric. (A shape that does not fit is a problem of the graph.)

use std::fmt;
use steepest_spec::SettingError;

use crate::Task;

/// Why something could not be built or fed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A name that is not registered.
    #[error("no {kind} is called `{name}`")]
    UnknownName {
        /// What was looked for: `"loss"`, `"layer"`, …
        kind: &'static str,
        /// The name as written.
        name: String,
        /// The nearest registered name.
        nearest: Option<String>,
        /// All registered names.
        known: Vec<&'static str>,
    },
    /// A setting that cannot be used.
    #[error("{owner}: {source}")]
    Setting {
        /// The thing it belongs to.
        owner: &'static str,
        /// What is wrong.
        source: SettingError,
    },
    /// A setting whose text names nothing usable, such as an unknown initializer.
    #[error("{owner}: `{key}` = {got}: {source}")]
    Field {
        /// The thing it belongs to.
        owner: &'static str,
        /// The setting.
        key: &'static str,
        /// The value as written.
        got: String,
        /// What is wrong.
        source: Box<NnError>,
    },
    /// A layer of a list that cannot be built.
    #[error("layer {place} of the list, counted from 0, `{written}`: {source}")]
    Listed {
        /// Its place, 0 at the first, as in the names of its parameters.
        place: usize,
        /// The layer as written.
        written: String,
        /// What is wrong.
        source: Box<NnError>,
    },
    /// Settings that the configuration's type does not have.
    #[error("{owner}: {source}")]
    Configuration {
        /// The thing it belongs to.
        owner: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A text that is not `name` or `name(setting=value, …)`.
    #[error("`{text}` cannot be read as {kind}")]
    Malformed {
        /// What was to be read.
        kind: &'static str,
        /// The text as written.
        text: String,
    },
    /// A model or metric used for a task it is not made for.
    #[error("the {kind} `{name}` is not for {task}")]
    Unsuited {
        /// `"model"` or `"metric"`.
        kind: &'static str,
        /// Its name.
        name: &'static str,
        /// The task.
        task: Task,
        /// Those that suit the task.
        suited: Vec<&'static str>,
    },
    /// Predictions and targets that do not belong together.
    #[error("{metric}: {predictions} predictions for {targets} targets, expected {per_target} per target")]
    Lengths {
        /// The metric.
        metric: &'static str,
        /// How many predicted numbers were given.
        predictions: usize,
        /// How many targets were given.
        targets: usize,
        /// How many predicted numbers belong to a target.
        per_target: usize,
    },
    /// A class label outside the range of the task.
    #[error("{metric}: label {label} at position {position}, expected a class from 0 to {}", classes.saturating_sub(1))]
    Label {
        /// The metric.
        metric: &'static str,
        /// The label.
        label: f64,
        /// The position in the targets of this update.
        position: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A saved state of another metric or version.
    #[error("{metric}: a saved state of {got} numbers, expected {expected}")]
    State {
        /// The metric.
        metric: &'static str,
        /// How many numbers were expected, in words.
        expected: String,
        /// How many were given.
        got: usize,
    },
}

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for NnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.help().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl NnError {
    /// The setting it is about.
    pub fn key(&self) -> Option<&str> {
        match self {
            NnError::Setting { source, .. } => Some(source.key()),
            NnError::Field { key, .. } => Some(key),
            NnError::Listed { .. } => Some("layers"),
            _ => None,
        }
    }

    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        match self {
            NnError::UnknownName { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            NnError::UnknownName { known, .. } => Some(format!("the known ones are {}", known.join(", "))),
            NnError::Setting { source, .. } => source.help(),
            NnError::Field { source, .. } | NnError::Listed { source, .. } => source.help(),
            NnError::Malformed { .. } => {
                Some("write a name, or a name with settings: `normal(std=0.02)`".to_owned())
            }
            NnError::Unsuited { suited, .. } => Some(format!("suited are {}", suited.join(", "))),
            NnError::Lengths { .. } => Some("give each metric the batch's whole output".to_owned()),
            NnError::Label { .. } => Some("number the classes from 0 without gaps".to_owned()),
            NnError::State { .. } => Some("it was saved by another metric, task or version".to_owned()),
            NnError::Configuration { .. } => None,
        }
    }
}
