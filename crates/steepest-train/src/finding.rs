//! What a run notices about itself, in plain words.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use steepest_spec::counted;

/// Something that a run noticed about itself. Its text says what, with the numbers, and what to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
#[non_exhaustive]
pub enum Finding {
    /// States are carried through streams of one length, for which some windows of the text are too many.
    WindowsLeftOut {
        /// How many windows no epoch sees.
        windows: usize,
        /// Streams side by side: rows of a batch.
        streams: usize,
        /// Windows of each stream.
        length: u64,
    },
    /// The gradient is next to nothing while the loss does not fall.
    VanishingGradient {
        /// The epoch.
        epoch: u64,
        /// The norm of the gradient.
        norm: f64,
        /// The training loss.
        loss: f64,
    },
    /// The gradient has become far larger than it was.
    ExplodingGradient {
        /// The epoch.
        epoch: u64,
        /// The norm of the gradient.
        norm: f64,
        /// The smallest norm so far.
        usual: f64,
    },
    /// The validation loss rises while the training loss falls.
    Overfitting {
        /// The epoch.
        epoch: u64,
        /// The epoch of the best validation loss.
        best_epoch: u64,
        /// The best validation loss.
        best: f64,
        /// The validation loss.
        validation: f64,
        /// The training loss.
        train: f64,
    },
    /// The training loss is far above where it was.
    Diverging {
        /// The epoch.
        epoch: u64,
        /// The training loss.
        loss: f64,
        /// The training loss of the first epoch.
        first: f64,
        /// The learning rate.
        learning_rate: f64,
    },
    /// A checkpoint could not be used, and the one before it was.
    DamagedCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// No checkpoint could be used, so the run begins anew.
    NoCheckpoint {
        /// The folder of the run.
        path: PathBuf,
    },
}

impl Finding {
    /// A name for this kind of finding; each is told once.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Finding::VanishingGradient { .. } => "vanishing-gradient",
            Finding::ExplodingGradient { .. } => "exploding-gradient",
            Finding::Overfitting { .. } => "overfitting",
            Finding::Diverging { .. } => "diverging",
            Finding::DamagedCheckpoint { .. } => "damaged-checkpoint",
            Finding::NoCheckpoint { .. } => "no-checkpoint",
            Finding::WindowsLeftOut { .. } => "windows-left-out",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::WindowsLeftOut { windows, streams, length } => write!(
                f,
                "{} of the text {} left out: states are carried through {streams} streams of {} each; another \
                 `batch.size` leaves out fewer",
                counted(*windows as u64, "window"),
                if *windows == 1 { "is" } else { "are" },
                counted(*length, "window"),
            ),
            Finding::VanishingGradient { epoch, norm, loss } => write!(
                f,
                "the gradient has nearly vanished at epoch {epoch} (norm {norm:.1e}) while the loss stays at {loss:.4}; \
                 try another activation or initializer, or fewer layers"
            ),
            Finding::ExplodingGradient { epoch, norm, usual } => write!(
                f,
                "the gradient is exploding at epoch {epoch}: its norm is {norm:.1e}, it was {usual:.1e}; \
                 try `optimizer.clip-norm = 1` or a smaller learning rate"
            ),
            Finding::Overfitting { epoch, best_epoch, best, validation, train } => write!(
                f,
                "overfitting at epoch {epoch}: the validation loss has risen from {best:.4} (epoch {best_epoch}) to \
                 {validation:.4} while the training loss fell to {train:.4}; try a smaller model, dropout or \
                 `optimizer.l2`; the weights of epoch {best_epoch} are kept"
            ),
            Finding::Diverging { epoch, loss, first, learning_rate } => write!(
                f,
                "diverging at epoch {epoch}: the training loss is {loss:.4}, it began with {first:.4}; \
                 try a learning rate below {learning_rate:.1e}"
            ),
            Finding::DamagedCheckpoint { path, fault } => {
                write!(f, "the checkpoint {} cannot be used ({fault}); taking the one before", path.display())
            }
            Finding::NoCheckpoint { path } => {
                write!(f, "no checkpoint in {} can be used; the run begins anew", path.display())
            }
        }
    }
}
