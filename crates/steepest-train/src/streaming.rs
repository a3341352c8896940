//! Training in one pass over rows that are more than fit into memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;
use steepest_data::{
    BatchSize, Dataset, FeatureForm, Prepared, Preprocessor, Scaling, Schema, Stream, Window,
};
use steepest_graph::{VariableKind, Variables};
use steepest_nn::Task;
use steepest_optim::{Average, Progress, Schedule, Transform};
use steepest_tensor::{Pool, Slice};

use crate::averaging::{averaged, averaging, weights};
use crate::blueprint::{Blueprint, Extent};
use crate::checkpoint::{State, StreamState, Weights};
use crate::evaluator::{class, room};
use crate::program::Program;
use crate::run_directory::RunDirectory;
use crate::stepper::ranges;
use crate::training::{set_states, with_shrinkage};
use crate::{Evaluation, Finding, RunSpec, SavedModel, TrainError, Training};

/// Rows of a batch up to which the weights of the next one are asked of the cache.
const FEW_ROWS: usize = 8;

/// One pass over rows that may be more than fit into memory, with progressive validation: the loss of every row is
/// measured before the row is learned from, so that its mean says how well the model predicts what it has not seen.
///
/// Reading and encoding have a thread of their own. A row's place follows from its number, so a run that was killed
/// and resumed ends in the same weights, to the last bit, as one that was not; a resumed run needs the same file, or
/// the same bytes on standard input.
///
/// ```
/// use steepest_train::{RunSpec, StreamEvent, Streaming};
/// # let path = std::env::temp_dir().join("steepest-streaming-example.svm");
/// # let line = |i: u32| format!("{} {}:1 {}:1\n", i % 2, i % 2, 2 + i % 5);
/// # std::fs::write(&path, (0..2000).map(line).collect::<String>()).unwrap();
/// let spec = RunSpec::new(&path, "label")?.with("data.stream", true)?.with("model.kind", "\"logistic\"")?
///     .with("optimizer.learning-rate", 0.1)?;
/// let mut losses = Vec::new();
/// for event in Streaming::new(&spec)?.run() {
///     if let StreamEvent::Progress(line) = event? {
///         losses.push(line.since_last);
///     }
/// }
/// assert!(losses.last() < Some(&(0.8 * losses[0])), "{losses:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Streaming {
    spec: RunSpec,
    blueprint: Arc<Blueprint>,
    preprocessor: Preprocessor,
    findings: Vec<steepest_data::Finding>,
    warnings: Vec<Finding>,
    optimizer: Box<dyn Transform>,
    average: Option<Average>,
    rate: f64,
    schedule: Box<dyn Schedule>,
    batch: usize,
    stream: Stream,
    variables: Variables,
    programs: BTreeMap<Extent, Program>,
    pool: Pool,
    directory: Option<RunDirectory>,
    state: State,
    at: StreamState,
    began: Instant,
    saved: Instant,
    interrupt: Arc<AtomicBool>,
}

/// What a stream tells while it goes on.
#[derive(Clone, Debug)]
pub enum StreamEvent {
    /// The rows so far are a power of two, or a little more, or all.
    Progress(Progressive),
    /// A checkpoint, or the model, was written.
    Saved(PathBuf),
    /// The rows of `data.test` were scored with the final weights.
    Test(Box<Evaluation>),
    /// The pass has ended; always the last event.
    Ended(Passed),
}

/// A line of progressive validation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progressive {
    /// The mean loss since the start.
    pub average: f64,
    /// The mean loss since the last line.
    pub since_last: f64,
    /// Rows so far.
    pub rows: u64,
    /// The sum of their weights.
    pub weight: f64,
    /// The target of the last row: a number, or the name of its class.
    pub label: String,
    /// What was predicted for it: a number, a logit of two classes, or the name of a class.
    pub prediction: String,
    /// Its features that are not 0.
    pub features: usize,
}

/// How a pass ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// Rows trained on.
    pub rows: u64,
    /// The sum of their weights.
    pub weight: f64,
    /// The mean loss of all rows, each measured before it was learned from.
    pub average: f64,
    /// Features that were not 0.
    pub features: u64,
    /// Rows without a target, which were read over.
    pub unlabelled: u64,
    /// Updates.
    pub steps: u64,
    /// Seconds.
    pub seconds: f64,
    /// Whether it was interrupted before the last row.
    pub interrupted: bool,
    /// The first tensor that is not finite, if training has diverged.
    pub diverged: Option<String>,
}

impl Streaming {
    /// Opens the stream of a spec, compiles the step, and makes the run's folder if the spec names one.
    ///
    /// # Errors
    /// Whatever is wrong with the spec, the first rows or the folder; [`TrainError::NotInAStream`].
    pub fn new(spec: &RunSpec) -> Result<Streaming, TrainError> {
        Streaming::open(spec, false)
    }

    /// Goes on with the run in a folder from its newest whole checkpoint.
    ///
    /// # Errors
    /// Whatever is wrong with the folder or the data.
    pub fn resume(directory: impl AsRef<Path>) -> Result<Streaming, TrainError> {
        let directory = directory.as_ref();
        let mut spec = RunSpec::load(RunDirectory::spec(directory)?, &[])?;
        spec.run.directory = Some(directory.to_owned());
        Streaming::open(&spec, true)
    }

    fn open(spec: &RunSpec, resume: bool) -> Result<Streaming, TrainError> {
        check(spec)?;
        let BatchSize::Mini(batch) = spec.batch else {
            return Err(TrainError::NotInAStream { key: "batch.size = \"full\"" });
        };
        // What the stream begins with decides the model; where it goes on is known only with the model's weights.
        let mut state = State::default();
        let mut stream = Stream::open(&spec.data, batch)?;
        let sample = stream.sample().clone();
        let prepared = Prepared {
            train: sample.clone(),
            validation: None,
            test: None,
            preprocessor: stream.preprocessor().clone(),
            schema: Arc::new(Schema::default()),
            findings: stream.findings().to_vec(),
            files: Vec::new(),
        };
        if sample.is_empty() {
            return Err(TrainError::NoRows { what: "train on" });
        }
        let mut training = Training::from_spec(spec, prepared)?;
        let spec = training.spec().unwrap_or_else(|| spec.clone());
        let blueprint = training.blueprint()?;
        let average = averaging(spec.run.average.as_ref(), spec.stop.steps, None)?;
        let optimizer = averaged(with_shrinkage(blueprint.model.shrinkage(), training.optimizer), average);
        let rows = batch.get().min(sample.rows());
        let plan = blueprint.train_and_predict(room(&sample, 0..rows), &*optimizer)?;
        let mut variables = Variables::new(plan.variables(), blueprint.precision);
        set_states(&blueprint, &sample, &mut variables)?;
        let mut warnings = Vec::new();
        let keep = spec.run.keep_checkpoints;
        let directory = match &spec.run.directory {
            None => None,
            Some(path) if resume => {
                let (directory, saved, _, found) = RunDirectory::reopen(path, keep, &mut variables)?;
                state = saved;
                warnings = found;
                Some(directory)
            }
            Some(path) => {
                let absolute = spec.clone().absolute().map_err(TrainError::io("find", Path::new(".")))?;
                let text = format!("# Steepest {}\n{}", env!("CARGO_PKG_VERSION"), absolute.resolved());
                Some(RunDirectory::create(path, &text, keep)?)
            }
        };
        let at = state.stream.clone().unwrap_or_default();
        if state.stream.is_some() {
            stream.go_on(at.start)?;
        }
        let threads = spec.run.threads;
        Ok(Streaming {
            blueprint,
            preprocessor: stream.preprocessor().clone(),
            findings: stream.findings().to_vec(),
            warnings,
            optimizer,
            average,
            rate: training.learning_rate,
            schedule: training.schedule,
            batch: batch.get(),
            stream,
            variables,
            programs: BTreeMap::new(),
            pool: threads.map_or_else(Pool::for_this_machine, Pool::new),
            directory,
            state,
            at,
            began: Instant::now(),
            saved: Instant::now(),
            interrupt: Arc::default(),
            spec,
        })
    }

    /// The spec with everything filled in that the first rows decided.
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// What the model predicts, in words.
    pub fn task(&self) -> String {
        self.blueprint.task.to_string()
    }

    /// Inputs of the model per row, and numbers that are trained.
    pub fn sizes(&self) -> (usize, usize) {
        let parameters = self.variables.specs().iter().filter(|spec| spec.kind == VariableKind::Parameter);
        (self.blueprint.example.elements(), parameters.map(|spec| spec.shape.elements()).sum())
    }

    /// What was noticed about the data.
    pub fn findings(&self) -> &[steepest_data::Finding] {
        &self.findings
    }

    /// What was noticed about the run's folder.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Setting it ends the pass cleanly after the rows at hand, with a checkpoint.
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// Trains: an iterator of what happens, that ends with [`StreamEvent::Ended`].
    pub fn run(self) -> impl Iterator<Item = Result<StreamEvent, TrainError>> {
        let (began, saved) = (Instant::now(), Instant::now());
        Run { streaming: Streaming { began, saved, ..self }, pending: Vec::new().into_iter(), ended: false }
    }

    /// Trains on a window; returns whether to go on.
    fn window(&mut self, window: &Window, events: &mut Vec<StreamEvent>) -> Result<bool, TrainError> {
        let data = &window.data;
        for range in ranges(data.rows(), self.batch) {
            let extent = room(data, range.clone());
            let (step, rate) = (self.state.step + 1, self.rate_at(self.state.step + 1));
            let program = match self.programs.entry(extent) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let plan = self.blueprint.train_and_predict(extent, &*self.optimizer)?;
                    entry.insert(Program::new(plan, &self.variables, &self.blueprint.form)?)
                }
            };
            program.fill(data, range.clone())?;
            if self.batch <= FEW_ROWS {
                let next = range.end..(range.end + self.batch).min(data.rows());
                program.prefetch(data, &self.variables, next);
            }
            program.set(step, rate);
            program.run(&mut self.variables, &self.pool)?;
            let loss = program.loss();
            self.state.step = step;
            self.at.rows += range.len() as u64;
            self.at.loss += loss * range.len() as f64;
            self.at.weight += data.weight(range.clone());
            if !loss.is_finite() {
                return Ok(false);
            }
            if self.at.rows >= self.at.last_rows.saturating_mul(2).max(1) {
                let last = program.predictions();
                let line = self.at.line(
                    data,
                    range.end - 1,
                    described(last, range.len(), self.blueprint.task, data),
                );
                events.push(StreamEvent::Progress(line));
            }
            if self.spec.stop.steps.is_some_and(|most| step >= most) {
                break;
            }
        }
        self.at.features += features(data, 0..data.rows()) as u64;
        self.at.start.cursor = window.cursor;
        self.at.start.unlabelled = window.unlabelled;
        Ok(self.spec.stop.steps.is_none_or(|most| self.state.step < most))
    }

    fn rate_at(&self, step: u64) -> f64 {
        let progress = Progress { step, total: self.spec.stop.steps, steps_per_epoch: None };
        self.rate * self.schedule.at(progress)
    }

    fn first_bad_tensor(&self) -> Option<String> {
        let bad = |name: &str| self.variables.slice(name).is_some_and(|values| !values.is_finite());
        self.variables.specs().iter().map(|spec| &spec.name).find(|name| bad(name)).cloned()
    }

    fn save(&mut self) -> Result<Option<PathBuf>, TrainError> {
        self.saved = Instant::now();
        self.state.stream = Some(self.at.clone());
        let Some(directory) = &mut self.directory else { return Ok(None) };
        directory.save(&mut self.state, &self.variables, &Weights::new()).map(Some)
    }

    /// The model with its present weights.
    pub fn model(&self) -> SavedModel {
        SavedModel {
            spec: Some(self.spec.clone()),
            preprocessor: Some(self.preprocessor.clone()),
            blueprint: Arc::clone(&self.blueprint),
            weights: weights(self.average, &self.variables, self.state.step),
            scores: Vec::new(),
            steps: self.state.step,
            calibration: Vec::new(),
        }
    }

    /// What is done once, at the end.
    fn end(&mut self, diverged: bool, interrupted: bool) -> Result<Vec<StreamEvent>, TrainError> {
        let mut events = Vec::new();
        let diverged = match diverged {
            true => Some(self.first_bad_tensor().unwrap_or_else(|| "the loss".to_owned())),
            false => self.first_bad_tensor(),
        };
        if diverged.is_none() {
            events.extend(self.save()?.map(StreamEvent::Saved));
            let mut model = self.model();
            if let Some(test) = self.spec.data.test.as_ref().filter(|_| !interrupted) {
                let (evaluation, _) = model.evaluate(test)?;
                model.scores.push(("test".to_owned(), evaluation.clone()));
                events.push(StreamEvent::Test(Box::new(evaluation)));
            }
            if let Some(path) = self.directory.as_ref().map(RunDirectory::model) {
                model.save(&path)?;
                events.push(StreamEvent::Saved(path));
            }
        }
        let StreamState { rows, weight, loss, features, start, .. } = &self.at;
        events.push(StreamEvent::Ended(Passed {
            rows: *rows,
            weight: *weight,
            average: loss / weight,
            features: *features,
            unlabelled: start.unlabelled,
            steps: self.state.step,
            seconds: self.began.elapsed().as_secs_f64(),
            interrupted,
            diverged,
        }));
        Ok(events)
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Settings that a stream cannot follow.
fn check(spec: &RunSpec) -> Result<(), TrainError> {
    let data = &spec.data;
    let keys = [
        ("data.validation", data.validation.is_some()),
        ("data.split.validation", data.split.validation.is_some_and(|share| share > 0.0)),
        ("data.split.test", data.split.test.is_some_and(|share| share > 0.0)),
        ("data.embed", !data.preprocess.embed.is_empty()),
        ("data.tokens", data.tokens.is_some()),
        ("run.calibrate", spec.run.calibrate),
        ("stop.epochs", spec.stop.epochs.is_some_and(|epochs| epochs > 1)),
        ("stop.patience", spec.stop.patience.is_some_and(|patience| patience > 0)),
        ("stop.tolerance", spec.stop.tolerance.is_some()),
    ];
    match keys.into_iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(TrainError::NotInAStream { key }),
        None => Ok(()),
    }
}

impl StreamState {
    /// The line after a row, after which the next one begins.
    fn line(&mut self, data: &Dataset, row: usize, (label, prediction): (Target, String)) -> Progressive {
        let line = Progressive {
            average: self.loss / self.weight,
            since_last: (self.loss - self.last_loss) / (self.weight - self.last_weight),
            rows: self.rows,
            weight: self.weight,
            label: label.at(data, row),
            prediction,
            features: features(data, row..row + 1),
        };
        (self.last_rows, self.last_weight, self.last_loss) = (self.rows, self.weight, self.loss);
        line
    }
}

/// How targets are written.
enum Target {
    Number(Scaling),
    Class(Vec<String>),
}

impl Target {
    fn at(&self, data: &Dataset, row: usize) -> String {
        match self {
            Target::Number(scaling) => data
                .numbers()
                .get(row)
                .map_or_else(String::new, |value| format!("{:.4}", scaling.invert(*value))),
            Target::Class(names) => {
                let class = data.classes().get(row).and_then(|&class| names.get(class as usize).cloned());
                class.unwrap_or_default()
            }
        }
    }
}

/// How targets are written, and what was predicted for the last row of a batch.
fn described(predictions: Slice<'_>, rows: usize, task: Task, data: &Dataset) -> (Target, String) {
    use steepest_data::TargetKind;
    let width = predictions.len() / rows.max(1);
    let number = |scaling: Scaling| format!("{:.4}", scaling.invert(predictions.get((rows - 1) * width)));
    match data.target_kind() {
        TargetKind::Regression { scaling, .. } => (Target::Number(scaling), number(scaling)),
        TargetKind::Classes { names } => {
            let prediction = match task {
                Task::Binary | Task::Regression { .. } => number(Scaling::IDENTITY),
                _ => names.get(class(predictions, rows - 1, width)).cloned().unwrap_or_default(),
            };
            (Target::Class(names.to_vec()), prediction)
        }
        _ => (Target::Class(Vec::new()), String::new()),
    }
}

/// Features of some rows that are not 0, of dense ones all.
fn features(data: &Dataset, rows: Range<usize>) -> usize {
    match data.form() {
        FeatureForm::Sparse { .. } => data.entries(rows),
        _ => data.feature_width() * rows.len(),
    }
}

/// The events of a pass, one after the other.
struct Run {
    streaming: Streaming,
    pending: std::vec::IntoIter<StreamEvent>,
    ended: bool,
}

impl Run {
    fn advance(&mut self) -> Result<Option<StreamEvent>, TrainError> {
        loop {
            if let Some(event) = self.pending.next() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            self.pending = self.work()?.into_iter();
        }
    }

    /// Trains on the next window, or ends the pass.
    fn work(&mut self) -> Result<Vec<StreamEvent>, TrainError> {
        let streaming = &mut self.streaming;
        let mut events = Vec::new();
        let interrupted = streaming.interrupt.load(Ordering::Relaxed);
        let window = if interrupted { None } else { streaming.stream.next().transpose()? };
        let goes_on = match &window {
            Some(window) => streaming.window(window, &mut events)?,
            None => false,
        };
        if let Some(directory) = &mut streaming.directory {
            for event in &events {
                if let StreamEvent::Progress(line) = event {
                    directory.log(line)?;
                }
            }
        }
        if goes_on {
            if streaming.saved.elapsed().as_secs_f64() >= streaming.spec.run.checkpoint_seconds {
                events.extend(streaming.save()?.map(StreamEvent::Saved));
            }
            return Ok(events);
        }
        self.ended = true;
        let diverged = window.is_some() && !streaming.at.loss.is_finite();
        events.extend(streaming.end(diverged, interrupted)?);
        Ok(events)
    }
}

impl Iterator for Run {
    type Item = Result<StreamEvent, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.advance();
        self.ended |= event.is_err();
        event.transpose()
    }
}
