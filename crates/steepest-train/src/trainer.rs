//! The trainer: initialize → forward → loss → backward → update → repeat, until a stopping rule speaks.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use steepest_data::{BatchIter, Batches, Dataset, Part, Prepared, Preprocessor, prepare};
use steepest_graph::{Cost, VariableKind, Variables};
use steepest_optim::{Progress, Schedule, Transform};
use steepest_tensor::{Key, Pool, Tensor};

use crate::blueprint::Blueprint;
use crate::checkpoint::{State, Weights};
use crate::evaluator::Evaluator;
use crate::gradient_look::GradientLook;
use crate::run_directory::RunDirectory;
use crate::stepper::{StepContext, StepPlans, Stepper};
use crate::{
    EvalReport, Evaluation, Event, RunOptions, RunSpec, SavedModel, StepReport, StopOptions, StopReason,
    TrainError, Training,
};

/// Steps between looks at the clock for a checkpoint within an epoch.
const STEPS_BETWEEN_LOOKS: u64 = 64;

/// A run: its data, its compiled step, its weights, and where it stands.
///
/// ```
/// use steepest_data::Dataset;
/// use steepest_train::{Event, StopReason, Training};
/// let x: Vec<f32> = (0..40).map(|i| i as f32 / 20.0 - 1.0).collect();
/// let labels = x.iter().map(|&x| u32::from(x > 0.2)).collect();
/// let data = Dataset::classification([1], x, labels, ["low".into(), "high".into()])?;
/// let mut trainer = Training::new(data.clone()).validation(data).learning_rate(0.05).epochs(30).trainer()?;
/// let mut losses = Vec::new();
/// for event in trainer.run() {
///     match event? {
///         Event::Eval(report) => losses.push(report.train_loss),
///         Event::Stopped(reason) => assert!(matches!(reason, StopReason::Budget { epochs: 30, .. })),
///         _ => {}
///     }
/// }
/// assert!(losses[29] < 0.5 * losses[0], "{losses:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer {
    blueprint: Arc<Blueprint>,
    spec: Option<RunSpec>,
    preprocessor: Option<Preprocessor>,
    data_findings: Vec<steepest_data::Finding>,
    train: Dataset,
    validation: Option<Dataset>,
    test: Option<Dataset>,
    optimizer: Box<dyn Transform>,
    rate: f64,
    schedule: Box<dyn Schedule>,
    stop: StopOptions,
    options: RunOptions,
    batches: Batches,
    upcoming: BatchIter,
    variables: Variables,
    best: Weights,
    stepper: Stepper,
    cost: Cost,
    evaluator: Evaluator,
    gradients: GradientLook,
    pool: Pool,
    directory: Option<RunDirectory>,
    state: State,
    last_checkpoint: (u64, Instant),
    last_rate: f64,
    /// When the clock of the present stretch of training was started, and the seconds before it.
    clock: (Instant, f64),
    interrupt: Arc<AtomicBool>,
    pending: VecDeque<Event>,
    scores: Vec<(String, Evaluation)>,
    ended: bool,
}

/// What a run is about, for the first lines that a user sees.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What is predicted, in words.
    pub task: String,
    /// Inputs of the model per row.
    pub inputs: usize,
    /// Outputs of the model per row.
    pub outputs: usize,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Rows of training, validation and test.
    pub rows: [usize; 3],
    /// Updates in an epoch.
    pub steps_per_epoch: u64,
    /// Updates at most.
    pub steps: u64,
    /// Updates made already, in a resumed run.
    pub steps_done: u64,
    /// Threads.
    pub threads: usize,
    /// What a run of the plan costs.
    pub cost: Cost,
}

impl Trainer {
    /// Reads the data, builds and compiles everything, and makes the run's folder if the spec names one.
    ///
    /// # Errors
    /// Whatever is wrong with the spec, the data or the folder.
    pub fn new(spec: &RunSpec) -> Result<Trainer, TrainError> {
        Trainer::with_data(spec, prepare(&spec.data, spec.seed)?)
    }

    /// The same with data that have been prepared.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_data(spec: &RunSpec, data: Prepared) -> Result<Trainer, TrainError> {
        Training::from_spec(spec, data)?.trainer()
    }

    /// Goes on with the run in a folder from its newest whole checkpoint: weights and metrics will be, bit
    /// for bit, those of a run that was never interrupted. Overrides may change `stop.*` and `run.*`.
    ///
    /// # Errors
    /// Whatever is wrong with the folder, or with the data; [`TrainError::DataChanged`].
    pub fn resume(directory: impl AsRef<Path>, overrides: &[String]) -> Result<Trainer, TrainError> {
        let directory = directory.as_ref();
        let mut spec = RunSpec::load(RunDirectory::spec(directory)?, overrides)?;
        spec.run.directory = Some(directory.to_owned());
        let data = prepare(&spec.data, spec.seed)?;
        Training::from_spec(&spec, data)?.resume()
    }

    pub(crate) fn build(mut training: Training, resume: bool) -> Result<Trainer, TrainError> {
        let blueprint = training.blueprint()?;
        let rows = training.train.rows();
        if rows == 0 {
            return Err(TrainError::NoRows { what: "train on" });
        }
        let key = Key::new(training.seed).stream("shuffle");
        let batches = match training.batch.rows(rows) < rows {
            true => Batches::shuffled(rows, training.batch, key),
            // One batch holds everything, in whatever order.
            false => Batches::sequential(rows, training.batch),
        };
        let plans = StepPlans::compile(&blueprint, &*training.optimizer, &batches)?;
        let mut variables = Variables::new(&plans.variables(), blueprint.precision);
        let (cost, stepper) = (plans.cost(), plans.bind(&variables)?);
        let mut spec = training.spec();
        let options = training.run;
        let evaluator = Evaluator::new(&blueprint, options.metrics.as_deref())?;
        if let Some(spec) = &mut spec {
            spec.run.metrics = Some(evaluator.metrics());
        }
        let mut state = State { files: training.files, ..State::default() };
        let (mut best, mut pending) = (Weights::new(), VecDeque::with_capacity(16));
        let directory = match &options.directory {
            None => None,
            Some(path) if resume => {
                let (directory, saved, saved_best, findings) =
                    RunDirectory::reopen(path, options.keep_checkpoints, &mut variables)?;
                if saved.step > 0 {
                    check_files(&saved, &state)?;
                    state = State { files: state.files, ..saved };
                }
                best = saved_best;
                pending.extend(findings.into_iter().map(Event::Warning));
                Some(directory)
            }
            Some(path) => {
                let text = describe(spec.as_ref(), &state)?;
                Some(RunDirectory::create(path, &text, options.keep_checkpoints)?)
            }
        };
        let pool = options.threads.map_or_else(Pool::for_this_machine, Pool::new);
        let now = Instant::now();
        Ok(Trainer {
            gradients: GradientLook::new(batches.per_epoch()),
            upcoming: batches.iter_from(batches.position(state.step)),
            last_checkpoint: (state.step, now),
            clock: (now, state.seconds),
            blueprint,
            spec,
            preprocessor: training.preprocessor,
            data_findings: training.data_findings,
            train: training.train,
            validation: training.validation.filter(|data| !data.is_empty()),
            test: training.test.filter(|data| !data.is_empty()),
            optimizer: training.optimizer,
            rate: training.learning_rate,
            schedule: training.schedule,
            stop: training.stop,
            options,
            batches,
            variables,
            best,
            stepper,
            cost,
            evaluator,
            pool,
            directory,
            state,
            last_rate: 0.0,
            interrupt: Arc::default(),
            pending,
            scores: Vec::new(),
            ended: false,
        })
    }

    /// Trains: an iterator of what happens, that ends with [`Event::Stopped`].
    pub fn run(&mut self) -> Run<'_> {
        self.clock = (Instant::now(), self.state.seconds);
        self.ended = false;
        Run { trainer: self }
    }

    /// Trains to the end.
    ///
    /// # Errors
    /// The first error of the run.
    pub fn train(&mut self) -> Result<StopReason, TrainError> {
        let mut reason = StopReason::Interrupted { step: self.state.step };
        for event in self.run() {
            if let Event::Stopped(stopped) = event? {
                reason = stopped;
            }
        }
        Ok(reason)
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
            None => return self.step().map(Some),
        }
        Ok(self.pending.pop_front())
    }

    /// Whether a stopping rule speaks before the next update.
    fn verdict(&self) -> Option<StopReason> {
        let (step, epoch) = (self.state.step, self.state.step.div_ceil(self.batches.per_epoch().max(1)));
        if self.interrupt.load(Ordering::Relaxed) {
            return Some(StopReason::Interrupted { step });
        }
        if self.state.rows == 0
            && let Some(reason) = self.state.stopping.verdict(&self.stop, epoch)
        {
            return Some(reason);
        }
        let best = self.state.stopping.best;
        (step >= self.total_steps()).then_some(StopReason::Budget { epochs: epoch, steps: step, best })
    }

    /// One update. Allocates nothing, but at the end of an epoch.
    fn step(&mut self) -> Result<Event, TrainError> {
        let Some(batch) = self.upcoming.next() else { return Err(TrainError::NoRows { what: "train on" }) };
        let (step, rows) = (self.state.step + 1, batch.len());
        let rate = self.rate * self.schedule.at(self.progress(step));
        let cx = StepContext { data: &self.train, variables: &mut self.variables, pool: &self.pool };
        let loss = self.stepper.step(cx, &batch, rows == self.batches.size(), step, rate)?;
        self.state.step = step;
        self.state.loss_sum += loss * rows as f64;
        self.state.rows += rows as u64;
        self.last_rate = rate;
        let epoch = batch.start().epoch + 1;
        if !loss.is_finite() {
            self.diverged("the loss", loss)?;
        } else if batch.is_last_of_epoch() {
            self.end_epoch()?;
        } else if step.is_multiple_of(STEPS_BETWEEN_LOOKS) || self.options.checkpoint_every.is_some() {
            self.save_if_due()?;
        }
        Ok(Event::Step(StepReport { step, epoch, loss, learning_rate: rate, rows }))
    }

    /// Measures what an epoch, or the last part of one, came to.
    fn end_epoch(&mut self) -> Result<(), TrainError> {
        let (step, per_epoch) = (self.state.step, self.batches.per_epoch().max(1));
        let epoch = step.div_ceil(per_epoch);
        if self.first_bad_tensor().is_some() {
            return self.diverged("the loss", self.state.loss_sum / self.state.rows.max(1) as f64);
        }
        let seconds = self.seconds();
        let validation = match &self.validation {
            Some(data) => {
                Some(self.evaluator.evaluate(&self.blueprint, data, &mut self.variables, &self.pool)?)
            }
            None => None,
        };
        let gradient_norm = self.gradients.norm(
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
            validation_loss,
            validation: validation.map(|evaluation| evaluation.metrics).unwrap_or_default(),
            best,
            learning_rate: self.last_rate,
            gradient_norm,
            seconds,
            rows_per_s: self.state.rows as f64 / (seconds - self.state.epoch_began).max(1e-9),
        };
        let findings = self.state.watch.look(epoch, &report, &self.state.stopping);
        if let Some(directory) = &mut self.directory {
            directory.log(&report)?;
        }
        self.pending.push_back(Event::Eval(Box::new(report)));
        self.pending.extend(findings.into_iter().map(Event::Warning));
        (self.state.loss_sum, self.state.rows) = (0.0, 0);
        self.state.epoch_began = self.seconds();
        if self.verdict().is_none() { self.save_if_due() } else { Ok(()) }
    }

    /// Ends the run because a number is not finite; `otherwise` is what to name if no tensor is at fault.
    fn diverged(&mut self, otherwise: &str, loss: f64) -> Result<(), TrainError> {
        let tensor = self.first_bad_tensor().unwrap_or_else(|| otherwise.to_owned());
        let (step, best) = (self.state.step, self.state.stopping.best);
        self.finish(StopReason::Diverged { step, tensor, loss, learning_rate: self.last_rate, best })
    }

    /// The first parameter, state or slot that is not finite.
    fn first_bad_tensor(&self) -> Option<String> {
        let bad = |spec: &&steepest_graph::VariableSpec| {
            self.variables.slice(&spec.name).is_some_and(|values| !values.is_finite())
        };
        let of_kind = |kind| self.variables.specs().iter().filter(move |spec| spec.kind == kind).find(bad);
        let first = of_kind(VariableKind::Parameter).or_else(|| of_kind(VariableKind::State));
        first.or_else(|| of_kind(VariableKind::Slot)).map(|spec| format!("`{}`", spec.name))
    }

    /// Saves, restores the best weights, scores the test rows, writes the model.
    fn finish(&mut self, reason: StopReason) -> Result<(), TrainError> {
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
            for (name, tensor) in &self.best {
                self.variables.set(name, tensor)?;
            }
            self.score()?;
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
                    self.pending.push_back(Event::Test(Box::new(evaluation)));
                }
            }
        }
        Ok(())
    }

    fn write_model(&mut self) -> Result<(), TrainError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let path = directory.model();
        self.model().save(&path)?;
        self.pending.push_back(Event::Saved(path));
        Ok(())
    }

    fn save_if_due(&mut self) -> Result<(), TrainError> {
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

    /// Parameters and states as they are.
    fn weights(&self) -> Weights {
        let kept = self.variables.specs().iter().filter(|spec| spec.kind != VariableKind::Slot);
        kept.filter_map(|spec| Some((spec.name.clone(), self.variables.get(&spec.name)?))).collect()
    }

    fn seconds(&self) -> f64 {
        self.clock.1 + self.clock.0.elapsed().as_secs_f64()
    }

    fn total_steps(&self) -> u64 {
        let epochs = self.stop.epochs.saturating_mul(self.batches.per_epoch());
        self.stop.steps.map_or(epochs, |steps| steps.min(epochs))
    }

    fn progress(&self, step: u64) -> Progress {
        let (total, steps_per_epoch) = (Some(self.total_steps()), Some(self.batches.per_epoch()));
        Progress { step, total, steps_per_epoch }
    }

    /// Setting it ends the run cleanly after the step at hand, with a checkpoint.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// What was noticed about the data.
    pub fn data_findings(&self) -> &[steepest_data::Finding] {
        &self.data_findings
    }

    /// What the run is about.
    pub fn overview(&self) -> Overview {
        let parameters = self.variables.specs().iter().filter(|spec| spec.kind == VariableKind::Parameter);
        let rows = |data: &Option<Dataset>| data.as_ref().map_or(0, Dataset::rows);
        Overview {
            task: self.blueprint.task.to_string(),
            inputs: self.blueprint.example.elements(),
            outputs: self.blueprint.task.outputs(),
            parameters: parameters.map(|spec| spec.shape.elements()).sum(),
            rows: [self.train.rows(), rows(&self.validation), rows(&self.test)],
            steps_per_epoch: self.batches.per_epoch(),
            steps: self.total_steps(),
            steps_done: self.state.step,
            threads: self.pool.threads(),
            cost: self.cost,
        }
    }

    /// The spec with everything filled in that the data decided; none if a part was set by hand.
    pub fn spec(&self) -> Option<&RunSpec> {
        self.spec.as_ref()
    }

    /// What turns rows of a file into numbers; none for data that did not come from a file.
    pub fn preprocessor(&self) -> Option<&Preprocessor> {
        self.preprocessor.as_ref()
    }

    /// The compiled training step, pass by pass.
    pub fn explain(&self) -> String {
        let plans = StepPlans::compile(&self.blueprint, &*self.optimizer, &self.batches);
        // They have been compiled before, so there is no error to be expected.
        plans.map_or_else(|error| error.to_string(), |plans| plans.explain())
    }

    /// Scores the present weights on a part of the data; none if there is no such part.
    ///
    /// # Errors
    /// Those of running the plan.
    pub fn evaluate(&mut self, part: Part) -> Result<Option<Evaluation>, TrainError> {
        let data = match part {
            Part::Train => Some(&self.train),
            Part::Validation => self.validation.as_ref(),
            Part::Test => self.test.as_ref(),
        };
        let Some(data) = data else { return Ok(None) };
        self.evaluator.evaluate(&self.blueprint, data, &mut self.variables, &self.pool).map(Some)
    }

    /// A parameter, state or slot of the optimizer by name, as it is now.
    pub fn tensor(&self, name: &str) -> Option<Tensor> {
        self.variables.get(name)
    }

    /// Names of all parameters, states and slots.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.variables.specs().iter().map(|spec| spec.name.as_str())
    }

    /// The model with its present weights; after training these are the best ones.
    pub fn model(&self) -> SavedModel {
        SavedModel {
            spec: self.spec.clone(),
            preprocessor: self.preprocessor.clone(),
            blueprint: Arc::clone(&self.blueprint),
            weights: self.weights(),
            scores: self.scores.clone(),
            steps: self.state.step,
        }
    }
}

/// The text of `run.toml`: what made the run, and everything it depends on.
fn describe(spec: Option<&RunSpec>, state: &State) -> Result<String, TrainError> {
    let mut text = format!("# Steepest {}\n", env!("CARGO_PKG_VERSION"));
    for (path, fingerprint) in &state.files {
        text += &format!("# data {} has the fingerprint {fingerprint}\n", path.display());
    }
    match spec {
        Some(spec) => {
            let absolute = spec.clone().absolute();
            text += &absolute.map_err(TrainError::io("find", Path::new(".")))?.resolved();
        }
        None => text += "# The parts of this run were set in Rust; `Training::resume` goes on with it.\n",
    }
    Ok(text)
}

/// Whether the data files are those that the run began with.
fn check_files(saved: &State, now: &State) -> Result<(), TrainError> {
    for ((_, was), (path, is)) in saved.files.iter().zip(&now.files) {
        if was != is {
            let (was, now) = (was.to_string(), is.to_string());
            return Err(TrainError::DataChanged { path: path.clone(), was, now });
        }
    }
    Ok(())
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("overview", &self.overview()).finish_non_exhaustive()
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
