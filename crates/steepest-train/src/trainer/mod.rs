//! The trainer: initialize → forward → loss → backward → update → repeat, until a stopping rule speaks.

mod cause;
mod ending;
mod lines;
mod run;
mod upcoming;
mod views;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use steepest_data::{Batches, Dataset, Prepared, Preprocessor, prepare};
use steepest_graph::{Cost, Variables};
use steepest_optim::{Average, Schedule, Transform};
use steepest_tensor::{Key, Pool};

use crate::averaging::{averaged, averaging};
use crate::blueprint::Blueprint;
use crate::calibration::Calibration;
use crate::checkpoint::{State, Weights};
use crate::evaluator::Evaluator;
use crate::gradient_look::GradientLook;
use crate::run_directory::RunDirectory;
use crate::stepper::{StepPlans, Stepper};
use crate::training::{set_states, with_shrinkage};
use crate::{
    Evaluation, Event, Finding, PyTorchOptions, RunOptions, RunSpec, StopOptions, TrainError, Training,
};

use upcoming::Upcoming;

pub use run::Run;
pub use views::Overview;

/// The bytes of a batch's rows up to which they are asked of the cache ahead of their step: a part of its first level.
const MOST_ASKED: usize = 16 << 10;

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
    upcoming: Upcoming,
    /// Whether the cache is asked for the rows of steps to come.
    asks: bool,
    /// The updates of the whole training.
    total_steps: u64,
    /// What makes means of the weights, as long as these are not in their place for good.
    average: Option<Average>,
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
    /// The update after which the next line is due, once it is worked out.
    next_line: u64,
    /// When the clock of the present stretch of training was started, and the seconds before it.
    clock: (Instant, f64),
    interrupt: Arc<AtomicBool>,
    pending: VecDeque<Event>,
    scores: Vec<(String, Evaluation)>,
    /// What probabilities are calibrated by; empty until the end, and where nobody asked for it.
    calibration: Calibration,
    ended: bool,
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
    /// for bit, those of a run that was never interrupted. Overrides may change `stop.*`, `run.*`
    /// and the paths of the data.
    ///
    /// # Errors
    /// Whatever is wrong with the folder, or with the data; [`TrainError::DataChanged`].
    pub fn resume(directory: impl AsRef<Path>, overrides: &[String]) -> Result<Trainer, TrainError> {
        let directory = directory.as_ref();
        let movable = ["stop.", "run.", "data.train", "data.validation", "data.test", "data.labels"];
        let key = |text: &String| text.split('=').next().unwrap_or_default().trim().to_owned();
        if let Some(key) =
            overrides.iter().map(key).find(|key| !movable.iter().any(|free| key.starts_with(free)))
        {
            return Err(TrainError::FixedByRun { key });
        }
        let path = RunDirectory::spec(directory)?;
        let text = std::fs::read_to_string(&path).map_err(TrainError::io("read", &path))?;
        if text.contains(BY_HAND) {
            return Err(TrainError::ForeignRun { path: directory.to_owned() });
        }
        let mut spec = RunSpec::parse(&text, &path, overrides)?;
        spec.run.directory = Some(directory.to_owned());
        let data = prepare(&spec.data, spec.seed)?;
        Training::from_spec(&spec, data)?.resume()
    }

    pub(crate) fn build(mut training: Training, resume: bool) -> Result<Trainer, TrainError> {
        let blueprint = training.blueprint()?;
        training.optimizer = with_shrinkage(blueprint.model.shrinkage(), training.optimizer);
        let rows = training.train.rows();
        if rows == 0 {
            return Err(TrainError::NoRows { what: "train on" });
        }
        let held_out = training.validation.as_ref().is_some_and(|data| !data.classes().is_empty());
        if training.run.calibrate && !held_out {
            return Err(TrainError::NothingToCalibrate);
        }
        if !(training.learning_rate > 0.0 && training.learning_rate.is_finite()) {
            return Err(TrainError::LearningRate { got: training.learning_rate });
        }
        let key = Key::new(training.seed).stream("shuffle");
        let batches = match training.batch.rows(rows) < rows {
            _ if blueprint.model.carries() => {
                if !training.train.is_continuous() {
                    return Err(TrainError::NotContinuous);
                }
                Batches::streams(rows, training.batch)
            }
            true => Batches::shuffled(rows, training.batch, key),
            // One batch holds everything, in whatever order.
            false => Batches::sequential(rows, training.batch),
        };
        let left_out = rows - batches.rows().min(rows);
        training.stop = training.stop.resolved(batches.per_epoch());
        let total_steps = training.stop.total_steps(batches.per_epoch());
        let average = averaging(training.run.average.as_ref(), Some(total_steps), Some(batches.per_epoch()))?;
        training.optimizer = averaged(training.optimizer, average);
        let plans = StepPlans::compile(&blueprint, &*training.optimizer, &batches, &training.train)?;
        let mut variables = Variables::new(&plans.variables(), blueprint.precision);
        set_states(&blueprint, &training.train, &mut variables)?;
        let (cost, stepper) = (plans.cost(), plans.bind(&variables, &blueprint.form)?);
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
        if left_out > 0 {
            let (streams, length) = (batches.size(), batches.per_epoch());
            let finding = Finding::WindowsLeftOut { windows: left_out, streams, length };
            pending.push_back(Event::Warning(finding));
        }
        let pool = options.threads.map_or_else(Pool::for_this_machine, Pool::new);
        let few = batches.size() <= upcoming::FEW_ROWS;
        let bytes = training.train.size_bytes() / rows * batches.size();
        if batches.per_epoch() > 1 {
            training.train.in_large_pages();
        }
        let now = Instant::now();
        let init_from = options.init_from.clone().filter(|_| state.step == 0);
        let mut trainer = Trainer {
            gradients: GradientLook::new(batches.per_epoch()),
            upcoming: Upcoming::new(&batches, batches.position(state.step)),
            asks: batches.per_epoch() > 1 && (few || bytes <= MOST_ASKED),
            total_steps,
            average,
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
            next_line: 0,
            interrupt: Arc::default(),
            pending,
            scores: Vec::new(),
            calibration: Calibration::new(),
            ended: false,
        };
        if let Some(path) = init_from {
            trainer.import_pytorch(path, &PyTorchOptions::default())?;
        }
        Ok(trainer)
    }
}

/// What `run.toml` says of a run that no spec describes.
const BY_HAND: &str =
    "# The parts of this run were put together in Rust; `Training::resume` goes on with it.\n";

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
        None => text += BY_HAND,
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
