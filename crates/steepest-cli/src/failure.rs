//! What ends a command early, and how it is told.

use std::io;
use std::path::{Path, PathBuf};

use steepest::data::DataError;
use steepest::report::ReportError;
use steepest::train::{SpecError, StopReason, TrainError, VectorsError};

use crate::style::Style;

/// What ends a command early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Data(Box<DataError>),
    #[error(transparent)]
    Train(Box<TrainError>),
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The run ended without a model worth keeping, or before it was done.
    #[error("{reason}")]
    Stopped { reason: Box<StopReason>, directory: Option<PathBuf> },
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("nothing registered is called `{name}`")]
    UnknownName { name: String, help: String },
    #[error("{} is a data file: which column is to be predicted?", path.display())]
    NoTarget { path: PathBuf, columns: Vec<String> },
    #[error("{} has no model yet: the run is under way, or was interrupted", directory.display())]
    NoModelYet { directory: PathBuf },
    #[error("{} exists already", path.display())]
    Exists { path: PathBuf },
    #[error("{} is to be predicted from and written to at once", path.display())]
    SameFile { path: PathBuf },
    /// What is wrong with standard input, of which a copy was read.
    #[error("{}", of_input(error.to_string(), copy))]
    Input { copy: PathBuf, error: Box<Failure> },
}

/// A message about a copy of standard input, as one about standard input.
fn of_input(message: String, copy: &Path) -> String {
    message.replace(&copy.display().to_string(), "standard input")
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Failure {
        Failure::Data(Box::new(error))
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Failure {
        Failure::Train(Box::new(error))
    }
}

impl From<VectorsError> for Failure {
    fn from(error: VectorsError) -> Failure {
        TrainError::from(error).into()
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Failure {
        TrainError::from(error).into()
    }
}

impl Failure {
    /// Whether it is only that nobody reads the answer any more.
    pub fn is_closed_pipe(&self) -> bool {
        let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        match self {
            Failure::Output(error) => closed(error),
            Failure::Train(error) => matches!(&**error, TrainError::Io { source, .. } if closed(source)),
            Failure::Input { error, .. } => error.is_closed_pipe(),
            _ => false,
        }
    }

    /// The line that is meant, with a mark below the place.
    fn excerpt(&self) -> Option<String> {
        match self {
            Failure::Train(error) => match &**error {
                TrainError::Spec(error) => error.excerpt(),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the user can do; some messages say it themselves.
    fn help(&self) -> Option<String> {
        match self {
            Failure::Train(error) => error.help(),
            Failure::Stopped { reason, directory: Some(directory) }
                if matches!(**reason, StopReason::Interrupted { .. }) =>
            {
                Some(format!("go on with `steepest train --resume {}`", directory.display()))
            }
            Failure::Stopped { reason, .. } => reason.help(),
            Failure::File { .. } => Some("check the path and your rights".to_owned()),
            Failure::UnknownName { help, .. } => Some(help.clone()),
            Failure::NoTarget { columns, .. } => Some(which_target(columns)),
            Failure::NoModelYet { directory } => {
                Some(format!("`steepest train --resume {}` goes on with it", directory.display()))
            }
            Failure::Exists { .. } => Some("remove it first, or name another with `--output`".to_owned()),
            Failure::SameFile { .. } => Some("name another file with `--output`".to_owned()),
            Failure::Input { copy, error } => error.help().map(|help| of_input(help, copy)),
            _ => None,
        }
    }

    /// The whole message: what, where, and what to do.
    pub fn render(&self, style: &Style) -> String {
        self.render_as("error:", style)
    }

    /// The same behind another word.
    pub fn render_as(&self, word: &str, style: &Style) -> String {
        let message = self.to_string();
        let (what, rest) = message.split_once('\n').unwrap_or((&message, ""));
        let mut out = format!("{} {}\n", style.red(word), style.bold(what));
        for line in self.excerpt().iter().flat_map(|text| text.lines()) {
            out += &format!("{}\n", style.dim(line));
        }
        let help = self.help().map(|help| format!("  help: {help}"));
        for line in rest.lines().map(str::to_owned).chain(help) {
            out += &match line.trim_start().strip_prefix("help:") {
                Some(help) => format!("  {}{help}\n", style.cyan("help:")),
                None => format!("{line}\n"),
            };
        }
        out
    }
}

fn which_target(columns: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = columns.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = columns.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("add `--target COLUMN`; the columns are {}{more}", shown.join(", "))
}
