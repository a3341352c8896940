//! What the trainer watches for: gradients that vanish or explode, overfitting, divergence.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::exact;
use crate::gradient_look::Gradient;
use crate::{EvalReport, Finding, stopping::Stopping};

/// The loss has grown by this factor since the first epoch: diverging.
const DIVERGING: f64 = 10.0;
/// The norm of the gradient has grown by this factor since its smallest: exploding.
const EXPLODING: f64 = 1e4;
/// A norm of the gradient below this share of the loss of the same rows moves nothing: vanishing.
const VANISHING: f64 = 1e-7;
/// Epochs since the best validation loss, and how far above it: overfitting.
const OVERFITTING: (u64, f64) = (5, 1.1);

/// What has been seen so far; saved in every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    told: BTreeSet<String>,
    first_loss: Option<Exact>,
    best_train_loss: Option<Exact>,
    smallest_norm: Option<Exact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Exact(#[serde(with = "exact")] f64);

impl Watch {
    /// What is to be said after an epoch; each kind of finding once in a run.
    pub fn look(
        &mut self,
        epoch: u64,
        report: &EvalReport,
        gradient: Option<Gradient>,
        stopping: &Stopping,
    ) -> Vec<Finding> {
        let (loss, first) = (report.train_loss, self.first_loss.get_or_insert(Exact(report.train_loss)).0);
        let mut found = Vec::new();
        if first > 0.0 && loss > DIVERGING * first {
            found.push(Finding::Diverging { epoch, loss, first, learning_rate: report.learning_rate });
        }
        if let Some(Gradient { norm, loss: of_batch }) = gradient {
            let usual = self.smallest_norm.map_or(norm, |smallest| smallest.0);
            if norm > EXPLODING * usual && norm > 1.0 {
                found.push(Finding::ExplodingGradient { epoch, norm, usual });
            }
            if norm < VANISHING * of_batch && loss > 0.5 * first {
                found.push(Finding::VanishingGradient { epoch, norm, loss });
            }
            self.smallest_norm = Some(Exact(usual.min(norm)));
        }
        found.extend(self.overfitting(epoch, report, stopping));
        found.retain(|finding| self.told.insert(finding.name().to_owned()));
        found
    }

    fn overfitting(&mut self, epoch: u64, report: &EvalReport, stopping: &Stopping) -> Option<Finding> {
        if report.best {
            self.best_train_loss = Some(Exact(report.train_loss));
            return None;
        }
        let (best, validation, then) = (stopping.best?, report.validation_loss?, self.best_train_loss?.0);
        let risen = stopping.since_best >= OVERFITTING.0 && validation > OVERFITTING.1 * best.loss;
        (risen && best.loss > 0.0 && report.train_loss < then).then_some(Finding::Overfitting {
            epoch,
            best_epoch: best.epoch,
            best: best.loss,
            validation,
            train: report.train_loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopOptions;

    fn report(train_loss: f64, validation_loss: Option<f64>, gradient_norm: Option<f64>) -> EvalReport {
        EvalReport {
            step: 0,
            epoch: 0.0,
            train_loss,
            recent_loss: None,
            validation_loss,
            validation: Vec::new(),
            best: false,
            learning_rate: 0.1,
            gradient_norm,
            seconds: 0.0,
            rows_per_s: 0.0,
        }
    }

    fn names(epochs: &[EvalReport]) -> Vec<&'static str> {
        // A look at rows that fare as the epoch did.
        let gradients = epochs
            .iter()
            .map(|epoch| epoch.gradient_norm.map(|norm| Gradient { norm, loss: epoch.train_loss }));
        names_with(epochs, &gradients.collect::<Vec<_>>())
    }

    fn names_with(epochs: &[EvalReport], gradients: &[Option<Gradient>]) -> Vec<&'static str> {
        let options = StopOptions { epochs: Some(9), patience: Some(0), window: 3, ..StopOptions::default() };
        let (mut watch, mut stopping) = (Watch::default(), Stopping::default());
        let mut all = Vec::new();
        for ((epoch, report), &gradient) in (1..).zip(epochs).zip(gradients) {
            let best = stopping.observe(&options, (epoch, epoch), report.train_loss, report.validation_loss);
            let report = EvalReport { best, ..report.clone() };
            all.extend(watch.look(epoch, &report, gradient, &stopping).iter().map(Finding::name));
        }
        all
    }

    #[test]
    fn each_finding_is_told_once() {
        let losses = [1.0, 20.0, 30.0].map(|loss| report(loss, None, None));
        assert_eq!(names(&losses), ["diverging"]);
    }

    #[test]
    fn gradients_vanish_and_explode() {
        assert_eq!(
            names(&[report(1.0, None, Some(0.5)), report(1.0, None, Some(1e4))]),
            ["exploding-gradient"]
        );
        assert_eq!(names(&[report(1.0, None, Some(1e-9))]), ["vanishing-gradient"]);
        // A small gradient at a small loss is what training is for.
        assert!(names(&[report(1.0, None, Some(0.5)), report(1e-3, None, Some(1e-11))]).is_empty());
        // Rows that a hinge loss is content with have no gradient, whatever the others lose.
        let content = Some(Gradient { norm: 0.0, loss: 0.0 });
        assert!(names_with(&[report(1.0, None, Some(0.0))], &[content]).is_empty());
    }

    #[test]
    fn overfitting_is_a_rise_while_training_falls() {
        let mut epochs = vec![report(1.0, Some(0.5), None)];
        epochs
            .extend((1..8).map(|i| report(1.0 - 0.1 * f64::from(i), Some(0.5 + 0.03 * f64::from(i)), None)));
        assert_eq!(names(&epochs), ["overfitting"]);
        let noisy = epochs.iter().map(|e| report(1.0, e.validation_loss, None)).collect::<Vec<_>>();
        assert!(names(&noisy).is_empty());
    }
}
