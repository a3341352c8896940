//! What is recorded of an epoch before it ends: of a long one, a curve should show more than its end.

use serde::Serialize;

use super::Trainer;
use crate::TrainError;

/// Lines of the record that a run has about, if its epochs are fewer.
const LINES: u64 = 100;
/// Updates of a line at least, so that its mean says something.
const LEAST_STEPS: u64 = 50;

/// A line of `metrics.jsonl` within an epoch.
#[derive(Serialize)]
struct PartRecord {
    step: u64,
    epoch: f64,
    /// The mean loss of the rows since the line before, each measured before its update.
    recent_loss: f64,
    learning_rate: f64,
    seconds: f64,
}

impl Trainer {
    /// Lines of the record for each epoch, the epoch's own included.
    fn parts(&self) -> u64 {
        let steps = self.total_steps.div_ceil(LINES).max(LEAST_STEPS);
        (self.batches.per_epoch() / steps).max(1)
    }

    /// The same as [`Trainer::line_after_this`], worked out once for each line: a step on one row is short.
    #[inline]
    pub(super) fn next_line(&mut self) -> u64 {
        if self.next_line <= self.state.step {
            self.next_line = self.line_after_this();
        }
        self.next_line
    }

    /// The update after which the next line within the epoch is due, or the first of the next epoch.
    fn line_after_this(&self) -> u64 {
        let (step, per_epoch, parts) = (self.state.step, self.batches.per_epoch().max(1), self.parts());
        let within = step % per_epoch;
        // The cuts are at n · per_epoch / parts, rounded up.
        let cut = (within * parts / per_epoch + 1) * per_epoch;
        step - within + cut.div_ceil(parts)
    }

    /// The mean loss of the rows since the last line, if epochs have several.
    pub(super) fn recent_loss(&self) -> Option<f64> {
        let (loss, rows) =
            (self.state.loss_sum - self.state.line_loss, self.state.rows - self.state.line_rows);
        (self.parts() > 1 && rows > 0).then(|| loss / rows as f64)
    }

    /// Records what came of the epoch since the last line.
    pub(super) fn write_line(&mut self) -> Result<(), TrainError> {
        let (step, seconds) = (self.state.step, self.seconds());
        let epoch = step as f64 / self.batches.per_epoch().max(1) as f64;
        if let (Some(recent_loss), Some(directory)) = (self.recent_loss(), &mut self.directory) {
            directory.log(&PartRecord {
                step,
                epoch,
                recent_loss,
                learning_rate: self.last_rate,
                seconds,
            })?;
        }
        (self.state.line_loss, self.state.line_rows) = (self.state.loss_sum, self.state.rows);
        Ok(())
    }
}
