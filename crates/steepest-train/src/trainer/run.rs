//! The loop of training.

use std::sync::atomic::Ordering;
use std::time::Instant;

use steepest_data::Part;
use steepest_optim::Progress;
use steepest_tensor::Flush;

use super::Trainer;
use super::upcoming::{FEW_ROWS, PLACES_AHEAD, ROWS_AHEAD};
use crate::stepper::{StepContext, StepRows};
use crate::{EvalReport, Event, StepReport, StopReason, TrainError};

/// Steps between looks at the clock for a checkpoint within an epoch.
const STEPS_BETWEEN_LOOKS: u64 = 64;

impl Trainer {
    /// Trains: an iterator of what happens, that ends with [`Event::Stopped`].
    pub fn run(&mut self) -> Run<'_> {
        self.begin();
        Run { trainer: self }
    }

    /// Starts the clock of a stretch of training.
    fn begin(&mut self) {
        self.clock = (Instant::now(), self.state.seconds);
        self.ended = false;
    }

    /// Trains to the end.
    ///
    /// # Errors
    /// The first error of the run.
    pub fn train(&mut self) -> Result<StopReason, TrainError> {
        let mut reason = StopReason::Interrupted { step: self.state.step };
        self.begin();
        loop {
            while let Some(event) = self.pending.pop_front() {
                if let Event::Stopped(stopped) = event {
                    reason = stopped;
                }
            }
            if self.ended {
                return Ok(reason);
            }
            match self.verdict() {
                Some(reason) => self.finish(reason)?,
                None => _ = self.stretch(u64::MAX)?,
            }
        }
    }

    /// The next event; none after the last. The whole of training is here: a verdict, or a step.
    fn advance(&mut self) -> Result<Option<Event>, TrainError> {
        if let Some(event) = self.pending.pop_front() {
            return Ok(Some(event));
        }
        if self.ended {
            return Ok(None);
        }
        match self.verdict() {
            Some(reason) => self.finish(reason)?,
            None => return self.stretch(1).map(|report| Some(Event::Step(report))),
        }
        Ok(self.pending.pop_front())
    }

    /// Whether a stopping rule speaks before the next update.
    #[inline]
    pub(super) fn verdict(&self) -> Option<StopReason> {
        let step = self.state.step;
        let epochs = || step.div_ceil(self.batches.per_epoch().max(1));
        if self.interrupt.load(Ordering::Relaxed) {
            return Some(StopReason::Interrupted { step });
        }
        if self.state.rows == 0
            && let Some(reason) = self.state.stopping.verdict(&self.stop, epochs())
        {
            return Some(reason);
        }
        let budget = || StopReason::Budget { epochs: epochs(), steps: step, best: self.state.stopping.best };
        (step >= self.total_steps).then(budget)
    }

    /// Updates, at most so many, until there is something else to do; the report of the last one. Allocates nothing, but
    /// at the end of an epoch.
    fn stretch(&mut self, most: u64) -> Result<StepReport, TrainError> {
        let looks = self.options.checkpoint_every.map_or(STEPS_BETWEEN_LOOKS, |_| 1);
        let next_look = (self.state.step / looks + 1) * looks;
        let next_line = self.next_line();
        let end = self.state.step.saturating_add(most).min(next_look).min(next_line).min(self.total_steps);
        let flush = Flush::begin();
        let (report, last) = loop {
            let (report, last) = self.step()?;
            let interrupted = self.interrupt.load(Ordering::Relaxed);
            if last || report.step >= end || interrupted || !report.loss.is_finite() {
                break (report, last);
            }
        };
        drop(flush);
        if !report.loss.is_finite() {
            self.diverged("the loss", report.loss)?;
        } else if last {
            self.end_epoch()?;
        } else {
            if report.step == next_line {
                self.write_line()?;
            }
            if report.step == next_look {
                self.save_if_due()?;
            }
        }
        Ok(report)
    }

    /// One update; its report, and whether it is the last of its epoch.
    #[inline]
    fn step(&mut self) -> Result<(StepReport, bool), TrainError> {
        let Some(batch) = self.upcoming.advance() else {
            return Err(TrainError::NoRows { what: "train on" });
        };
        if self.asks {
            self.ask_ahead();
        }
        let present = StepRows { start: batch.start, rows: self.upcoming.rows(0) };
        let (step, rows) = (self.state.step + 1, present.rows.len());
        let rate = self.rate_at(step);
        let cx = StepContext { data: &self.train, variables: &mut self.variables, pool: &self.pool };
        let loss = self.stepper.step(cx, present, rows == self.batches.size(), step, rate)?;
        self.state.step = step;
        self.state.loss_sum += loss * rows as f64;
        self.state.rows += rows as u64;
        self.last_rate = rate;
        let report = StepReport { step, epoch: batch.start.epoch + 1, loss, learning_rate: rate, rows };
        Ok((report, batch.last))
    }

    /// Asks the cache for what steps to come will read.
    #[inline]
    fn ask_ahead(&self) {
        let rows = |steps| self.upcoming.rows(steps).iter().map(|&row| row as usize);
        if self.batches.size() > FEW_ROWS {
            return self.train.prefetch(rows(1));
        }
        self.train.prefetch_places(rows(PLACES_AHEAD));
        self.train.prefetch(rows(ROWS_AHEAD));
        self.stepper.prefetch(&self.train, &self.variables, rows(1));
    }

    /// Measures what an epoch, or the last part of one, came to.
    pub(super) fn end_epoch(&mut self) -> Result<(), TrainError> {
        let (step, per_epoch) = (self.state.step, self.batches.per_epoch().max(1));
        let epoch = step.div_ceil(per_epoch);
        if self.first_bad_tensor().is_some() {
            return self.diverged("the loss", self.state.loss_sum / self.state.rows.max(1) as f64);
        }
        let seconds = self.seconds();
        let validation = self.evaluate(Part::Validation)?;
        let gradient = self.gradients.look(
            epoch,
            &self.blueprint,
            &self.batches,
            step,
            StepContext { data: &self.train, variables: &mut self.variables, pool: &self.pool },
        )?;
        let train_loss = self.state.loss_sum / self.state.rows.max(1) as f64;
        let validation_loss = validation.as_ref().map(|evaluation| evaluation.loss);
        let best = self.state.stopping.observe(&self.stop, (epoch, step), train_loss, validation_loss);
        if best {
            self.best = self.weights();
        }
        let report = EvalReport {
            step,
            epoch: step as f64 / per_epoch as f64,
            train_loss,
            recent_loss: self.recent_loss(),
            validation_loss,
            validation: validation.map(|evaluation| evaluation.metrics).unwrap_or_default(),
            best,
            learning_rate: self.last_rate,
            gradient_norm: gradient.map(|gradient| gradient.norm),
            seconds,
            rows_per_s: self.state.rows as f64 / (seconds - self.state.epoch_began).max(1e-9),
        };
        let findings = self.state.watch.look(epoch, &report, gradient, &self.state.stopping);
        if let Some(directory) = &mut self.directory {
            directory.log(&report)?;
        }
        self.pending.push_back(Event::Eval(Box::new(report)));
        self.pending.extend(findings.into_iter().map(Event::Warning));
        (self.state.loss_sum, self.state.rows) = (0.0, 0);
        (self.state.line_loss, self.state.line_rows) = (0.0, 0);
        self.state.epoch_began = self.seconds();
        if self.verdict().is_none() { self.save_if_due() } else { Ok(()) }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.clock.1 + self.clock.0.elapsed().as_secs_f64()
    }

    /// The learning rate of an update.
    pub(super) fn rate_at(&self, step: u64) -> f64 {
        self.rate * self.schedule.at(self.progress(step))
    }

    pub(super) fn progress(&self, step: u64) -> Progress {
        let (total, steps_per_epoch) = (Some(self.total_steps), Some(self.batches.per_epoch()));
        Progress { step, total, steps_per_epoch }
    }
}

/// The events of a run, one after the other.
#[derive(Debug)]
pub struct Run<'t> {
    trainer: &'t mut Trainer,
}

impl Iterator for Run<'_> {
    type Item = Result<Event, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.trainer.advance();
        if event.is_err() {
            self.trainer.ended = true;
        }
        event.transpose()
    }
}
