//! The parts of a run, to be put together by hand or from a spec.

use std::num::NonZeroUsize;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use steepest_data::{
    BatchSize, Dataset, FeatureForm, Fingerprint, Permutation, Prepared, Preprocessor, Shares, TargetKind,
    TargetsMut,
};
use steepest_graph::Variables;
use steepest_nn::{
    Bpr, Gpt, Loss, LossSpec, Mlp, Model, ModelSpec, NnError, Registered, Shrinkage, Task, Word2vec,
};
use steepest_optim::{
    Adam, Chain, Constant, Decaying, L2, OPTIMIZERS, ProximalL1, SCHEDULES, ScaleByRate, Schedule, Transform,
};
use steepest_spec::Value;
use steepest_tensor::{Key, Tensor};

use crate::blueprint::Blueprint;
use crate::{Choice, RunOptions, RunSpec, SpecError, StopOptions, TrainError, Trainer};

/// Everything that a run is made of: data, model, loss, optimizer, and when to stop.
///
/// A [`RunSpec`] describes one that is made of registered parts. Put together by hand, any part can be
/// your own: a [`Layer`](steepest_nn::Layer) for the model, a function for the loss, a
/// [`Transform`] for the optimizer. What is not set has the default of the spec.
///
/// ```
/// use steepest_data::Dataset;
/// use steepest_nn::{Dense, Sequential};
/// use steepest_train::Training;
/// // y = 2x − 1
/// let x: Vec<f32> = (0..64).map(|i| i as f32 / 32.0 - 1.0).collect();
/// let y = x.iter().map(|&x| 2.0 * f64::from(x) - 1.0).collect();
/// let data = Dataset::regression([1], x, y)?;
/// let mut trainer = Training::new(data).model(Dense::new(1)).learning_rate(0.1).epochs(100).trainer()?;
/// trainer.train()?;
/// let weight = trainer.tensor("weight").map(|w| w.to_f64()[0]);
/// assert!((weight.unwrap_or(0.0) - 2.0).abs() < 0.01, "{weight:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Training {
    pub(crate) spec: Option<RunSpec>,
    pub(crate) train: Dataset,
    pub(crate) validation: Option<Dataset>,
    pub(crate) test: Option<Dataset>,
    pub(crate) preprocessor: Option<Preprocessor>,
    pub(crate) files: Vec<(PathBuf, Fingerprint)>,
    pub(crate) data_findings: Vec<steepest_data::Finding>,
    model: Option<Box<dyn Model>>,
    /// The line that set the model.
    model_at: Option<&'static Location<'static>>,
    loss: Option<Box<dyn Loss>>,
    task: Option<Task>,
    pub(crate) optimizer: Box<dyn Transform>,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: Box<dyn Schedule>,
    pub(crate) batch: BatchSize,
    pub(crate) stop: StopOptions,
    pub(crate) run: RunOptions,
    pub(crate) seed: u64,
}

impl Training {
    /// Training on some rows: a perceptron with one hidden layer, Adam, 100 epochs, batches of 64 rows.
    pub fn new(train: Dataset) -> Training {
        Training {
            spec: None,
            train,
            validation: None,
            test: None,
            preprocessor: None,
            files: Vec::new(),
            data_findings: Vec::new(),
            model: None,
            model_at: None,
            loss: None,
            task: None,
            optimizer: Box::new(Chain::new().then(Adam::default()).then(ScaleByRate)),
            learning_rate: 1e-3,
            schedule: Box::new(Constant),
            batch: BatchSize::Mini(const { NonZeroUsize::new(64).unwrap() }),
            stop: StopOptions::default(),
            run: RunOptions::default(),
            seed: 0,
        }
    }

    /// Training as a spec says, on data that have been prepared as it says.
    ///
    /// # Errors
    /// If the model, the loss or the metrics do not suit the task.
    pub fn from_spec(spec: &RunSpec, data: Prepared) -> Result<Training, TrainError> {
        let mut spec = spec.clone();
        let (task, loss) = task_and_loss(&spec, data.train.target_kind())?;
        // A text's windows are many predictions each, and images and sequences have models of their own.
        let table = spec.data.tokens.is_none() && data.train.example().rank() <= 1;
        if table && !spec.data.is_stream() && data.train.rows() < Shares::FEW_ROWS {
            let strength = prior(spec.model.kind(), &task, data.train.rows());
            strength.into_iter().for_each(|l2| spec.optimizer.set_default("l2", Value::Number(l2)));
        }
        let model =
            ModelSpec::find(spec.model.kind()).and_then(|model| model.build(spec.model.settings(), &task));
        let built = LossSpec::find(loss.kind()).and_then(|found| (found.build)(loss.settings()));
        let optimizer = OPTIMIZERS.iter().find(|known| known.about.name == spec.optimizer.kind());
        let schedule = SCHEDULES.iter().find(|known| known.about.name == spec.schedule.kind());
        let here = |error: NnError| SpecError::absent(Path::new("spec"), error);
        let setting = |error: steepest_spec::SettingError| SpecError::absent(Path::new("spec"), error);
        spec.loss = Some(loss);
        Ok(Training {
            validation: data.validation,
            test: data.test,
            preprocessor: Some(data.preprocessor),
            files: data.files,
            data_findings: data.findings,
            model: Some(model.map_err(here)?),
            loss: Some(built.map_err(here)?),
            task: Some(task),
            optimizer: match optimizer {
                Some(optimizer) => (optimizer.build)(spec.optimizer.settings()).map_err(setting)?,
                None => Box::new(ScaleByRate),
            },
            learning_rate: spec.learning_rate(),
            schedule: match schedule {
                Some(schedule) => (schedule.build)(spec.schedule.settings()).map_err(setting)?,
                None => Box::new(Constant),
            },
            batch: spec.batch,
            stop: spec.stop.clone(),
            run: spec.run.clone(),
            seed: spec.seed,
            spec: Some(spec),
            ..Training::new(data.train)
        })
    }

    /// Rows that choose when to stop.
    #[must_use]
    pub fn validation(mut self, data: Dataset) -> Training {
        self.validation = Some(data);
        self
    }

    /// Rows that are scored once, at the end.
    #[must_use]
    pub fn test(mut self, data: Dataset) -> Training {
        self.test = Some(data);
        self
    }

    /// The model: any [`Layer`](steepest_nn::Layer) whose outputs are what the loss takes.
    #[must_use]
    #[track_caller]
    pub fn model(mut self, model: impl Model + 'static) -> Training {
        self.model = Some(Box::new(model));
        self.model_at = Some(Location::caller());
        self.spec = None;
        self
    }

    /// The loss; without one, the usual loss of the target.
    #[must_use]
    pub fn loss(mut self, loss: impl Loss + 'static) -> Training {
        self.loss = Some(Box::new(loss));
        (self.spec, self.task) = (None, None);
        self
    }

    /// The optimizer, a complete chain from gradient to update.
    #[must_use]
    pub fn optimizer(mut self, optimizer: impl Transform + 'static) -> Training {
        self.optimizer = Box::new(optimizer);
        self.spec = None;
        self
    }

    /// The base learning rate, above 0.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Training {
        self.learning_rate = rate;
        self.spec = self.spec.and_then(|spec| spec.with("optimizer.learning-rate", format!("{rate:?}")).ok());
        self
    }

    /// What the learning rate is multiplied by in the course of training.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Training {
        self.schedule = Box::new(schedule);
        self.spec = None;
        self
    }

    /// How many rows one step sees.
    #[must_use]
    pub fn batch(mut self, size: BatchSize) -> Training {
        self.batch = size;
        self
    }

    /// At most this many passes over the data.
    #[must_use]
    pub fn epochs(mut self, epochs: u64) -> Training {
        self.stop.epochs = Some(epochs);
        self
    }

    /// All rules of stopping.
    #[must_use]
    pub fn stop(mut self, options: StopOptions) -> Training {
        self.stop = options;
        self
    }

    /// Where results go, and what they are computed with.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Training {
        self.run = options;
        self
    }

    /// Where all random numbers come from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Training {
        self.seed = seed;
        self
    }

    /// Compiles everything, and makes the run's folder if one is set.
    ///
    /// # Errors
    /// Whatever does not fit together.
    pub fn trainer(self) -> Result<Trainer, TrainError> {
        Trainer::build(self, false)
    }

    /// Goes on with the run in the folder that is set, from its newest whole checkpoint. The parts must be
    /// those that the run was begun with.
    ///
    /// # Errors
    /// Whatever is wrong with the folder.
    pub fn resume(self) -> Result<Trainer, TrainError> {
        Trainer::build(self, true)
    }

    /// The spec, with what was changed by hand.
    pub(crate) fn spec(&self) -> Option<RunSpec> {
        let (seed, batch, stop, run) = (self.seed, self.batch, self.stop.clone(), self.run.clone());
        self.spec.clone().map(|spec| RunSpec { seed, batch, stop, run, ..spec })
    }

    /// The model and loss in the form that plans are made of; takes them out.
    pub(crate) fn blueprint(&mut self) -> Result<Arc<Blueprint>, TrainError> {
        let tasks = tasks(self.train.target_kind())?;
        let form = self.loss.as_ref().map(|loss| loss.target());
        let fits = |task: &&Task| form.is_none_or(|form| form == task.target());
        let task = self.task.or(tasks.iter().find(fits).or(tasks.first()).copied());
        let task = task.ok_or(TrainError::NoTarget)?;
        let model = self.model.take().unwrap_or_else(|| match task {
            Task::NextToken { vocabulary } => Box::new(Gpt::new(vocabulary)),
            Task::Context { .. } => Box::new(Word2vec::default()),
            Task::Ranking { .. } => Box::new(Bpr::default()),
            _ => Box::new(Mlp::new(&[100], task.outputs())),
        });
        let loss = match self.loss.take() {
            Some(loss) => loss,
            None => usual_loss(&*model, &task)?,
        };
        Ok(Arc::new(Blueprint {
            model,
            model_at: self.model_at,
            loss,
            task,
            example: self.train.example(),
            form: self.train.form(),
            key: Key::new(self.seed).stream("model"),
            precision: self.run.precision,
            weighted: self.train.has_weights(),
        }))
    }
}

/// Sets the states of a model that follow from training rows: those at random places, each once as long as there are enough.
pub(crate) fn set_states(
    blueprint: &Blueprint,
    data: &Dataset,
    variables: &mut Variables,
) -> Result<(), TrainError> {
    let count = blueprint.model.rows_of_states();
    if count == 0 || blueprint.form != FeatureForm::Dense || data.is_empty() {
        return Ok(());
    }
    let order = Permutation::new(blueprint.key.stream("rows"), data.rows() as u64);
    let width = data.feature_width();
    let rows = (0..count).map(|i| order.at((i % data.rows()) as u64) as usize);
    let mut features = vec![0f64; count * width];
    data.fill(rows, &mut features, TargetsMut::None)?;
    // The shape is that of the values.
    let Ok(rows) = Tensor::f64([count, width], features) else { return Ok(()) };
    for (name, state) in blueprint.model.states_of(&rows) {
        variables.set(&name, &state.cast(blueprint.precision))?;
    }
    Ok(())
}

/// An optimizer with the penalties that a model asks for: λ₂ in the gradient, λ₁ in a proximal step.
pub(crate) fn with_shrinkage(shrinkage: Shrinkage, optimizer: Box<dyn Transform>) -> Box<dyn Transform> {
    let Shrinkage { l1, l2 } = shrinkage;
    if l1 <= 0.0 && l2 <= 0.0 {
        return optimizer;
    }
    let decaying = Decaying::Matrices;
    let chain = Chain::new().then_some((l2 > 0.0).then_some(L2 { lambda: l2, decaying }));
    Box::new(chain.then(optimizer).then_some((l1 > 0.0).then_some(ProximalL1 { lambda: l1, decaying })))
}

/// The L2 penalty of a model of few rows, which cannot spare any to learn from others when to stop, to two
/// digits: 1/rows for linear models, which is the prior N(0, 1) on each parameter in units of standardized
/// columns, as scikit-learn's `LogisticRegression(C=1)`; 3/rows for perceptrons and listed layers, which can fit
/// more; twice that for regression, since a squared error is twice the negative log likelihood of a normal
/// distribution, as `Ridge(alpha=1)`. Other models bring penalties of their own. `bench/quality/small_tables.py`
/// compares.
fn prior(model: &str, task: &Task, rows: usize) -> Option<f64> {
    let strength = match model {
        "linear" | "logistic" | "softmax" => 1.0,
        "mlp" | "sequential" => 3.0,
        _ => return None,
    };
    let strength = if matches!(task, Task::Regression { .. }) { 2.0 * strength } else { strength };
    let strength = strength / rows.max(1) as f64;
    let digits = 10f64.powf(1.0 - strength.log10().floor());
    Some((strength * digits).round() / digits)
}

pub(crate) fn usual_loss(model: &dyn Model, task: &Task) -> Result<Box<dyn Loss>, NnError> {
    let spec = LossSpec::find(model.usual_loss(task).unwrap_or(task.default_loss()))?;
    (spec.build)(&spec.settings([])?)
}

/// What the target can be taken for, the usual one first.
fn tasks(target: TargetKind<'_>) -> Result<Vec<Task>, TrainError> {
    match target {
        TargetKind::None => Err(TrainError::NoTarget),
        TargetKind::Regression { width, .. } => Ok(vec![Task::Regression { outputs: width }]),
        TargetKind::Classes { names } if names.len() == 2 => {
            Ok(vec![Task::Binary, Task::Multiclass { classes: 2 }])
        }
        TargetKind::Classes { names } => Ok(vec![Task::Multiclass { classes: names.len() }]),
        TargetKind::NextToken { names } => Ok(vec![Task::NextToken { vocabulary: names.len() }]),
        TargetKind::Ranking { items } => Ok(vec![Task::Ranking { items }]),
        TargetKind::Context { vocabulary } => Ok(vec![Task::Context { vocabulary }]),
    }
}

/// The first task that model and loss of a spec are made for, and the loss with its default filled in.
fn task_and_loss(spec: &RunSpec, target: TargetKind<'_>) -> Result<(Task, Choice), TrainError> {
    let tasks = tasks(target)?;
    let model = ModelSpec::find(spec.model.kind())?;
    let form = match &spec.loss {
        Some(loss) => Some(LossSpec::find(loss.kind())?.target),
        None => None,
    };
    let suits = |task: &&Task| (model.suits)(task) && form.is_none_or(|form| form == task.target());
    let task = tasks.iter().find(suits).or(tasks.first()).copied().ok_or(TrainError::NoTarget)?;
    let loss = match &spec.loss {
        Some(loss) => loss.clone(),
        None => {
            // A model that cannot be built is reported with the others that cannot.
            let built = model.build(spec.model.settings(), &task).ok();
            let usual = built.and_then(|model| model.usual_loss(&task)).unwrap_or(task.default_loss());
            let about = &LossSpec::find(usual)?.about;
            Choice::new(about, []).map_err(|error| SpecError::absent(Path::new("spec"), error))?
        }
    };
    Ok((task, loss))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prior_has_two_digits() {
        let (classes, number) = (Task::Binary, Task::Regression { outputs: 1 });
        assert_eq!(
            [1, 7, 150, 999].map(|rows| prior("mlp", &classes, rows)),
            [3.0, 0.43, 0.02, 0.003].map(Some)
        );
        assert_eq!([1, 7, 150].map(|rows| prior("softmax", &classes, rows)), [1.0, 0.14, 0.0067].map(Some));
        assert_eq!([1, 7].map(|rows| prior("linear", &number, rows)), [2.0, 0.29].map(Some));
        assert_eq!(prior("ridge", &number, 7), None);
    }
}
