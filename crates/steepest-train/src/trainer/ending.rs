//! How a run ends, and what is written on the way.

use std::time::Instant;

use serde::Serialize;
use steepest_data::Part;
use steepest_graph::{VariableKind, VariableSpec};

use super::Trainer;
use crate::averaging::weights;
use crate::checkpoint::Weights;
use crate::{Event, Predictor, StopReason, TrainError, calibration};

/// The last line of `metrics.jsonl`: the test rows, scored with the weights that were kept.
#[derive(Serialize)]
struct TestRecord<'a> {
    /// The updates that made those weights.
    step: u64,
    test_loss: f64,
    test: &'a [(String, Option<f64>)],
}

impl Trainer {
    /// Ends the run because a number is not finite; `otherwise` is what to name if no tensor is at fault.
    pub(super) fn diverged(&mut self, otherwise: &str, loss: f64) -> Result<(), TrainError> {
        let tensor = self.first_bad_tensor().unwrap_or_else(|| otherwise.to_owned());
        let (step, best) = (self.state.step, self.state.stopping.best);
        let (cause, learning_rate) = (self.cause(), self.last_rate);
        self.finish(StopReason::Diverged { step, tensor, cause, loss, learning_rate, best })
    }

    /// The first parameter, state or slot that is not finite.
    pub(super) fn first_bad_tensor(&self) -> Option<String> {
        let bad =
            |spec: &&VariableSpec| self.variables.slice(&spec.name).is_some_and(|values| !values.is_finite());
        let of_kind = |kind| self.variables.specs().iter().filter(move |spec| spec.kind == kind).find(bad);
        let first = of_kind(VariableKind::Parameter).or_else(|| of_kind(VariableKind::State));
        first.or_else(|| of_kind(VariableKind::Slot)).map(|spec| format!("`{}`", spec.name))
    }

    /// Saves, restores the best weights, scores the test rows, writes the model.
    pub(super) fn finish(&mut self, reason: StopReason) -> Result<(), TrainError> {
        let (diverged, interrupted) = match reason {
            StopReason::Diverged { .. } => (true, false),
            StopReason::Interrupted { .. } => (false, true),
            StopReason::Budget { .. } if self.state.rows > 0 => {
                // The budget ends within an epoch: measure what there is, which may find another reason.
                self.end_epoch()?;
                let reason = self.verdict();
                return if self.ended { Ok(()) } else { reason.map_or(Ok(()), |reason| self.finish(reason)) };
            }
            _ => (false, false),
        };
        self.ended = true;
        if !diverged {
            self.save()?;
        }
        if interrupted {
            self.write_model()?;
        } else if !diverged || !self.best.is_empty() {
            self.put_means()?;
            self.average = None;
            let best = std::mem::take(&mut self.best);
            self.put(&best)?;
            self.best = best;
            self.score()?;
            self.calibrate()?;
            self.write_model()?;
        }
        self.pending.push_back(Event::Stopped(reason));
        Ok(())
    }

    /// Scores the validation and test rows with the final weights.
    fn score(&mut self) -> Result<(), TrainError> {
        self.scores.clear();
        for (name, part) in [("validation", Part::Validation), ("test", Part::Test)] {
            if let Some(evaluation) = self.evaluate(part)? {
                self.scores.push((name.to_owned(), evaluation.clone()));
                if part == Part::Test {
                    let step = self.state.stopping.best.map_or(self.state.step, |best| best.step);
                    let record = TestRecord { step, test_loss: evaluation.loss, test: &evaluation.metrics };
                    if let Some(directory) = &mut self.directory {
                        directory.log(&record)?;
                    }
                    self.pending.push_back(Event::Test(Box::new(evaluation)));
                }
            }
        }
        Ok(())
    }

    /// Fits probabilities to the validation rows, if asked to.
    fn calibrate(&mut self) -> Result<(), TrainError> {
        let Some(data) = self.validation.as_ref().filter(|_| self.options.calibrate) else { return Ok(()) };
        let model = self.model();
        let outputs = Predictor::new(&model)?.outputs(data)?;
        self.calibration = calibration::fit(&outputs, outputs.len() / data.rows().max(1), &data.classes());
        Ok(())
    }

    fn write_model(&mut self) -> Result<(), TrainError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let path = directory.model();
        self.model().save(&path)?;
        self.pending.push_back(Event::Saved(path));
        Ok(())
    }

    pub(super) fn save_if_due(&mut self) -> Result<(), TrainError> {
        if self.directory.is_none() {
            return Ok(());
        }
        let (last, when) = self.last_checkpoint;
        let due = match &self.options.checkpoint_every {
            Some(span) => match span.steps(&self.progress(self.state.step)) {
                Some(every) => self.state.step / every.max(1) > last / every.max(1),
                None => false,
            },
            None => when.elapsed().as_secs_f64() >= self.options.checkpoint_seconds,
        };
        if due { self.save() } else { Ok(()) }
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.state.seconds = self.seconds();
        self.last_checkpoint = (self.state.step, Instant::now());
        let Some(directory) = &mut self.directory else { return Ok(()) };
        let path = directory.save(&mut self.state, &self.variables, &self.best)?;
        self.pending.push_back(Event::Saved(path));
        Ok(())
    }

    /// Parameters and states as they are, or the means of the parameters if the run averages them.
    pub(super) fn weights(&self) -> Weights {
        weights(self.average, &self.variables, self.state.step)
    }

    /// Puts the means of the parameters in their place; returns what was there, if the run averages them.
    pub(super) fn put_means(&mut self) -> Result<Weights, TrainError> {
        if self.average.is_none() {
            return Ok(Weights::new());
        }
        let present = weights(None, &self.variables, self.state.step);
        self.put(&self.weights())?;
        Ok(present)
    }

    /// Sets variables.
    pub(super) fn put(&mut self, weights: &Weights) -> Result<(), TrainError> {
        for (name, tensor) in weights {
            self.variables.set(name, tensor)?;
        }
        Ok(())
    }
}
