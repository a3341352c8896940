//! What a run tells while it goes on.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use steepest_spec::counted;

use crate::exact;
use crate::{Evaluation, Finding};

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// An update was made.
    Step(StepReport),
    /// An epoch ended, or the last part of one: losses and metrics.
    Eval(Box<EvalReport>),
    /// A checkpoint was written.
    Saved(PathBuf),
    /// Something that the user should know.
    Warning(Finding),
    /// The held-out test rows were scored with the final weights.
    Test(Box<Evaluation>),
    /// The run has ended; always the last event.
    Stopped(StopReason),
}

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The number of the update, 1 at the first.
    pub step: u64,
    /// The epoch it belongs to, 1 at the first.
    pub epoch: u64,
    /// The mean loss of the batch, before the update.
    pub loss: f64,
    /// The learning rate of the update.
    pub learning_rate: f64,
    /// Rows of the batch.
    pub rows: usize,
}

/// What an epoch came to. One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// Updates made so far.
    pub step: u64,
    /// Passes over the data so far; not whole if training stopped within one.
    pub epoch: f64,
    /// The mean loss of the epoch's rows, each measured before its update.
    pub train_loss: f64,
    /// The mean loss of the rows since the last line of the record, where a long epoch has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent_loss: Option<f64>,
    /// The mean loss of the validation rows.
    pub validation_loss: Option<f64>,
    /// Metrics of the validation rows by name; none where one is not defined.
    pub validation: Vec<(String, Option<f64>)>,
    /// Whether the validation loss is the best so far.
    pub best: bool,
    /// The learning rate of the last update.
    pub learning_rate: f64,
    /// The Euclidean norm of the gradient of all parameters, on the last whole batch.
    pub gradient_norm: Option<f64>,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Training rows per second, over this epoch.
    pub rows_per_s: f64,
}

impl EvalReport {
    /// The validation metric of this name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.validation.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value)
    }
}

impl fmt::Display for EvalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {} · step {} · train loss {:.5}", self.epoch, self.step, self.train_loss)?;
        if let Some(loss) = self.validation_loss {
            write!(f, " · validation loss {loss:.5}")?;
        }
        for (name, value) in &self.validation {
            match value {
                Some(value) => write!(f, " · {name} {value:.4}")?,
                None => write!(f, " · {name} undefined")?,
            }
        }
        if self.best { write!(f, " · best") } else { Ok(()) }
    }
}

/// The best validation loss so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The epoch at whose end it was measured, 1 at the first.
    pub epoch: u64,
    /// Updates made until then.
    pub step: u64,
    /// The validation loss.
    #[serde(with = "exact")]
    pub loss: f64,
}

/// An operation that made a number that is not finite out of finite ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The operation.
    pub op: String,
    /// The layer that built it; empty outside layers.
    pub layer: String,
    /// The source line that built it.
    pub location: String,
    /// The number.
    #[serde(with = "exact")]
    pub value: f64,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.op)?;
        if !self.layer.is_empty() {
            write!(f, " of layer `{}`", self.layer)?;
        }
        write!(f, ", built at {}, gave {:e}", self.location, self.value)
    }
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum StopReason {
    /// All epochs, or all steps, are done.
    Budget {
        /// Epochs begun.
        epochs: u64,
        /// Updates made.
        steps: u64,
        /// Whose weights were restored.
        best: Option<Best>,
    },
    /// The training loss hardly changes any more.
    Converged {
        /// The epoch.
        epoch: u64,
        /// The largest relative change within the window.
        #[serde(with = "exact")]
        change: f64,
        /// The limit it fell below.
        #[serde(with = "exact")]
        tolerance: f64,
        /// Epochs looked back.
        window: u64,
        /// Whose weights were restored.
        best: Option<Best>,
    },
    /// The validation loss has not improved for long enough.
    Plateau {
        /// The epoch.
        epoch: u64,
        /// Epochs without improvement.
        patience: u64,
        /// Whose weights were restored.
        best: Best,
    },
    /// A number was not finite any more.
    Diverged {
        /// The update at which it was seen.
        step: u64,
        /// The first tensor that is not finite.
        tensor: String,
        /// The operation that made the first number that is not finite, where that could be found.
        #[serde(default)]
        cause: Option<Cause>,
        /// The loss at that update.
        #[serde(with = "exact")]
        loss: f64,
        /// The learning rate of that update.
        #[serde(with = "exact")]
        learning_rate: f64,
        /// Whose weights were restored.
        best: Option<Best>,
    },
    /// The user interrupted it.
    Interrupted {
        /// Updates made.
        step: u64,
    },
}

impl StopReason {
    /// The best epoch, if there is validation.
    pub fn best(&self) -> Option<Best> {
        match self {
            StopReason::Budget { best, .. }
            | StopReason::Converged { best, .. }
            | StopReason::Diverged { best, .. } => *best,
            StopReason::Plateau { best, .. } => Some(*best),
            StopReason::Interrupted { .. } => None,
        }
    }

    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        match self {
            StopReason::Diverged { learning_rate, .. } => Some(format!(
                "try `optimizer.learning-rate = {:e}` or `optimizer.clip-norm = 1`; check that the data are standardized",
                learning_rate / 10.0
            )),
            StopReason::Interrupted { .. } => Some("resume it to go on from there".to_owned()),
            StopReason::Budget { epochs, best: Some(best), .. } if best.epoch == *epochs => {
                Some("the last epoch was the best one: more epochs may do better (`stop.epochs`)".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Budget { epochs, steps, .. } => {
                let (epochs, steps) = (counted(*epochs, "epoch"), counted(*steps, "step"));
                write!(f, "stopped after {epochs} ({steps}), the whole budget")?;
            }
            StopReason::Converged { epoch, change, tolerance, window, .. } => write!(
                f,
                "converged at epoch {epoch}: the training loss changed by {change:.2e} over {}, less than {tolerance:e}",
                counted(*window, "epoch")
            )?,
            StopReason::Plateau { epoch, patience, .. } => write!(
                f,
                "stopped at epoch {epoch}: the validation loss has not improved for {}",
                counted(*patience, "epoch")
            )?,
            StopReason::Diverged { step, tensor, cause, loss, learning_rate, .. } => {
                write!(f, "diverged at step {step}: {tensor} is not finite (loss {loss}, ")?;
                write!(f, "learning rate {learning_rate})")?;
                if let Some(cause) = cause {
                    write!(f, "; first, {cause}")?;
                }
            }
            StopReason::Interrupted { step } => write!(f, "interrupted after step {step}")?,
        }
        match self.best() {
            Some(best) => {
                write!(f, "; kept the weights of epoch {} (validation loss {:.6})", best.epoch, best.loss)
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_as_a_sentence_with_its_numbers() {
        let best = Best { epoch: 7, step: 70, loss: 0.25 };
        let table = [
            (
                StopReason::Budget { epochs: 7, steps: 70, best: Some(best) },
                "stopped after 7 epochs (70 steps), the whole budget; kept the weights of epoch 7 (validation loss \
                 0.250000)",
                Some("the last epoch was the best one: more epochs may do better (`stop.epochs`)"),
            ),
            (
                StopReason::Converged { epoch: 9, change: 5e-5, tolerance: 1e-4, window: 5, best: None },
                "converged at epoch 9: the training loss changed by 5.00e-5 over 5 epochs, less than 1e-4",
                None,
            ),
            (
                StopReason::Plateau { epoch: 17, patience: 10, best },
                "stopped at epoch 17: the validation loss has not improved for 10 epochs; kept the weights of \
                 epoch 7 (validation loss 0.250000)",
                None,
            ),
            (
                StopReason::Diverged {
                    step: 3,
                    tensor: "`mlp.0.weight`".to_owned(),
                    cause: Some(Cause {
                        op: "exp".to_owned(),
                        layer: "mlp.0".to_owned(),
                        location: "src/main.rs:7:9".to_owned(),
                        value: f64::INFINITY,
                    }),
                    loss: f64::NAN,
                    learning_rate: 10.0,
                    best: None,
                },
                "diverged at step 3: `mlp.0.weight` is not finite (loss NaN, learning rate 10); first, `exp` of \
                 layer `mlp.0`, built at src/main.rs:7:9, gave inf",
                Some(
                    "try `optimizer.learning-rate = 1e0` or `optimizer.clip-norm = 1`; check that the data are \
                     standardized",
                ),
            ),
            (
                StopReason::Interrupted { step: 5 },
                "interrupted after step 5",
                Some("resume it to go on from there"),
            ),
        ];
        for (reason, sentence, help) in table {
            assert_eq!((reason.to_string().as_str(), reason.help().as_deref()), (sentence, help));
            let json = serde_json::to_string(&reason).unwrap();
            let again: StopReason = serde_json::from_str(&json).unwrap();
            assert_eq!(again.to_string(), sentence, "{json}");
        }
    }
}
