//! What can be wrong with a run spec, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use steepest_nn::NnError;
use steepest_spec::SettingError;

/// A place in a run spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the text.
    Text {
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// The whole line.
        source: String,
        /// How many characters are meant.
        width: usize,
    },
    /// In an override such as `--set batch.size=0`.
    Override(String),
    /// Nowhere: something is missing.
    Absent,
}

/// A run spec that cannot be used: what, where, and what to do about it.
///
/// ```
/// use steepest_train::RunSpec;
/// let text = "[data]\ntrain = \"a.csv\"\ntarget = \"y\"\n[batch]\nsiz = 3\n";
/// let error = RunSpec::parse(text, "run.toml", &[]).err().unwrap();
/// assert_eq!(error.to_string(), "run.toml:5:1: `batch` has no setting `siz`");
/// assert_eq!(error.help().unwrap(), "did you mean `size`?");
/// ```
#[derive(thiserror::Error)]
pub struct SpecError {
    /// The file, or what stands for it.
    pub origin: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    #[source]
    pub kind: Box<SpecProblem>,
}

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.help().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Text { line, column, .. } => {
                write!(f, "{}:{line}:{column}: {}", self.origin.display(), self.kind)
            }
            Place::Override(text) => write!(f, "--set {text}: {}", self.kind),
            Place::Absent => write!(f, "{}: {}", self.origin.display(), self.kind),
        }
    }
}

/// What is wrong with a run spec.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecProblem {
    /// A file that cannot be read.
    #[error("cannot read the spec: {0}")]
    Io(#[source] std::io::Error),
    /// Text that is not TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// What the TOML parser says.
        message: String,
    },
    /// An override that is not `section.key=value`.
    #[error("an override is written `section.key=value`")]
    Override,
    /// A section that no spec has.
    #[error("there is no section or key `{name}`")]
    UnknownSection {
        /// The name as written.
        name: String,
        /// Keys of sections that are called so, such as `stop.epochs`.
        keys: Vec<String>,
        /// The nearest section.
        nearest: Option<&'static str>,
        /// All sections.
        known: Vec<&'static str>,
    },
    /// A value where a section is needed.
    #[error("`{name}` is a section, not a key")]
    NotASection {
        /// The section's name.
        name: String,
        /// The key that is most often meant: `optimizer.kind`.
        key: String,
    },
    /// A date, or a table in a list, which no key takes.
    #[error("`{key}` cannot be a {got}")]
    BadType {
        /// The key.
        key: String,
        /// The type as TOML calls it.
        got: &'static str,
    },
    /// A `kind` that is not registered.
    #[error("no {what} is called `{name}`")]
    UnknownKind {
        /// What was looked for: `"optimizer"`.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The nearest registered name.
        nearest: Option<&'static str>,
        /// All registered names.
        known: Vec<&'static str>,
    },
    /// A key or value that its section does not accept.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A model, loss or metric that cannot be built.
    #[error(transparent)]
    Nn(#[from] NnError),
    /// An option of the data that cannot be used.
    #[error(transparent)]
    Data(#[from] steepest_data::DataError),
}

impl SpecError {
    pub(crate) fn absent(origin: &Path, kind: impl Into<SpecProblem>) -> SpecError {
        SpecError { origin: origin.to_owned(), place: Place::Absent, kind: Box::new(kind.into()) }
    }

    /// What the user can do, if that can be told.
    pub fn help(&self) -> Option<String> {
        match &*self.kind {
            SpecProblem::Io(_) => Some("check the path; `steepest init DATA` writes a spec".to_owned()),
            SpecProblem::UnknownSection { keys, .. } if !keys.is_empty() => {
                let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                Some(format!("did you mean {}?", keys.join(" or ")))
            }
            SpecProblem::NotASection { key, .. } => {
                Some(format!("did you mean `{key}`? Its other keys: `steepest list`"))
            }
            SpecProblem::UnknownSection { nearest, known, .. }
            | SpecProblem::UnknownKind { nearest, known, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("the known ones are {}", known.join(", ")),
            }),
            SpecProblem::Setting(error) => error.help(),
            SpecProblem::Nn(error) => error.help(),
            _ => None,
        }
    }

    /// The line of the spec that is meant with a mark below the place, for showing to a user.
    ///
    /// ```
    /// use steepest_train::RunSpec;
    /// let error = RunSpec::parse("[data]\ntrain = 3\n", "run.toml", &[]).err().unwrap();
    /// assert_eq!(error.excerpt().unwrap(), "  | train = 3\n  |         ^");
    /// ```
    pub fn excerpt(&self) -> Option<String> {
        let Place::Text { column, source, width, .. } = &self.place else { return None };
        let (indent, marks) = (" ".repeat(column.saturating_sub(1)), "^".repeat((*width).max(1)));
        Some(format!("  | {source}\n  | {indent}{marks}"))
    }
}
