//! The stopping rules: one small state machine, saved in every checkpoint.

use serde::{Deserialize, Serialize};

use crate::exact;
use crate::{Best, StopOptions, StopReason};

/// What the stopping rules remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stopping {
    /// The best validation loss so far.
    pub best: Option<Best>,
    /// Epochs since then.
    pub since_best: u64,
    /// The training losses of the last `window + 1` epochs.
    #[serde(with = "exact::list")]
    pub losses: Vec<f64>,
}

impl Stopping {
    /// Takes note of an epoch; returns whether it is the best so far.
    ///
    /// A loss that is not a number is never an improvement.
    pub fn observe(
        &mut self,
        options: &StopOptions,
        (epoch, step): (u64, u64),
        train_loss: f64,
        validation_loss: Option<f64>,
    ) -> bool {
        self.losses.push(train_loss);
        let keep = usize::try_from(options.window).unwrap_or(usize::MAX).saturating_add(1);
        let surplus = self.losses.len().saturating_sub(keep);
        self.losses.drain(..surplus);
        let Some(loss) = validation_loss else { return false };
        let improved = loss.is_finite() && self.best.is_none_or(|best| loss < best.loss - options.min_delta);
        if improved {
            self.best = Some(Best { epoch, step, loss });
            self.since_best = 0;
        } else {
            self.since_best += 1;
        }
        improved
    }

    /// Whether a rule says that training ends after these epochs. A function of what is remembered, so
    /// that a resumed run hears the same.
    pub fn verdict(&self, options: &StopOptions, epoch: u64) -> Option<StopReason> {
        let patience = options.patience.filter(|&patience| patience > 0 && self.since_best >= patience);
        if let (Some(best), Some(patience)) = (self.best, patience) {
            return Some(StopReason::Plateau { epoch, patience, best });
        }
        let (tolerance, window) = (options.tolerance?, options.window);
        if (self.losses.len() as u64) <= window {
            return None;
        }
        let (low, high) = self
            .losses
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &loss| (low.min(loss), high.max(loss)));
        let scale = low.abs().max(high.abs());
        let change = if scale > 0.0 { (high - low) / scale } else { 0.0 };
        let best = self.best;
        (change < tolerance).then_some(StopReason::Converged { epoch, change, tolerance, window, best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(patience: u64, tolerance: Option<f64>) -> StopOptions {
        StopOptions { patience: Some(patience), tolerance, window: 2, ..StopOptions::default() }
    }

    fn run(options: &StopOptions, losses: &[(f64, Option<f64>)]) -> (Stopping, Vec<Option<StopReason>>) {
        let mut stopping = Stopping::default();
        let mut verdicts = Vec::new();
        for (epoch, (train, validation)) in (1..).zip(losses) {
            stopping.observe(options, (epoch, epoch * 10), *train, *validation);
            verdicts.push(stopping.verdict(options, epoch));
        }
        (stopping, verdicts)
    }

    #[test]
    fn patience_counts_epochs_without_improvement() {
        let losses = [0.5, 0.4, 0.41, 0.39, 0.4, 0.42].map(|v| (0.3, Some(v)));
        let (stopping, verdicts) = run(&options(2, None), &losses);
        assert!(verdicts[..5].iter().all(Option::is_none));
        let best = Best { epoch: 4, step: 40, loss: 0.39 };
        assert_eq!(stopping.best, Some(best));
        assert_eq!(verdicts[5], Some(StopReason::Plateau { epoch: 6, patience: 2, best }));
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_no_improvement() {
        let losses = [f64::NAN, 0.4, f64::NAN, f64::NAN].map(|v| (0.3, Some(v)));
        let (stopping, verdicts) = run(&options(2, None), &losses);
        assert_eq!(stopping.best.map(|best| best.epoch), Some(2));
        assert!(verdicts[3].is_some());
    }

    #[test]
    fn min_delta_is_what_counts_as_improvement() {
        let strict = StopOptions { min_delta: 0.1, ..options(1, None) };
        let (stopping, verdicts) = run(&strict, &[(0.3, Some(0.5)), (0.3, Some(0.45))]);
        assert_eq!((stopping.best.map(|best| best.epoch), verdicts[1].is_some()), (Some(1), true));
    }

    #[test]
    fn convergence_needs_a_whole_window() {
        let losses = [1.0, 1.0001, 1.0002].map(|loss| (loss, None));
        let (_, verdicts) = run(&options(0, Some(1e-3)), &losses);
        assert_eq!((verdicts[0].is_none(), verdicts[1].is_none()), (true, true));
        assert!(matches!(verdicts[2], Some(StopReason::Converged { epoch: 3, window: 2, .. })));
        let (_, verdicts) = run(&options(0, Some(1e-5)), &losses);
        assert!(verdicts[2].is_none());
    }

    #[test]
    fn patience_zero_never_stops() {
        let (_, verdicts) = run(&options(0, None), &[(0.3, Some(0.1)); 50]);
        assert!(verdicts.iter().all(Option::is_none));
    }
}
