//! Metrics: accumulators on the host over predictions and targets, one file each.

use steepest_spec::{Description, Settings};

use crate::registry::registered;
use crate::{NnError, Registered, Task};

pub mod accuracy;
pub mod auc;
pub mod bits_per_token;
pub mod confusion_matrix;
pub mod log_loss;
pub mod mae;
pub mod r2;
pub mod ranking;
pub mod rmse;
pub mod top_k_accuracy;

/// All metrics.
pub static METRICS: &[&MetricSpec] = &[
    &accuracy::SPEC,
    &top_k_accuracy::SPEC,
    &confusion_matrix::SPEC,
    &auc::SPEC,
    &log_loss::SPEC,
    &bits_per_token::SPEC,
    &rmse::SPEC,
    &mae::SPEC,
    &r2::SPEC,
    &ranking::PRECISION,
    &ranking::RECALL,
    &ranking::NDCG,
];

/// Whether a larger or a smaller value is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
}

/// Numbers as they come out of the engine.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// Class labels.
    U32(&'a [u32]),
}

impl Values<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::U32(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a position; NaN beyond the end.
    pub fn get(&self, index: usize) -> f64 {
        let value = match self {
            Values::F32(v) => v.get(index).map(|&x| f64::from(x)),
            Values::F64(v) => v.get(index).copied(),
            Values::U32(v) => v.get(index).map(|&x| f64::from(x)),
        };
        value.unwrap_or(f64::NAN)
    }
}

impl<'a> From<&'a [f32]> for Values<'a> {
    fn from(values: &'a [f32]) -> Values<'a> {
        Values::F32(values)
    }
}

impl<'a> From<&'a [f64]> for Values<'a> {
    fn from(values: &'a [f64]) -> Values<'a> {
        Values::F64(values)
    }
}

impl<'a> From<&'a [u32]> for Values<'a> {
    fn from(values: &'a [u32]) -> Values<'a> {
        Values::U32(values)
    }
}

/// A measure of predictions, accumulated batch by batch in double precision.
///
/// Predictions are what the model gives (numbers or logits, see [`Task`]), row by row. How the rows are
/// cut into updates does not change the value.
///
/// ```
/// use steepest_nn::{MetricSpec, Registered, Task};
/// let spec = MetricSpec::find("accuracy")?;
/// let task = Task::Multiclass { classes: 3 };
/// let mut accuracy = spec.build(&spec.settings([])?, &task)?;
/// assert_eq!(accuracy.value(), None);
/// let logits: &[f32] = &[2.0, 1.0, 0.0, 0.0, 5.0, 1.0];
/// let labels: &[u32] = &[0, 2];
/// accuracy.update(logits.into(), labels.into())?;
/// assert_eq!(accuracy.value(), Some(0.5));
/// let mut restored = spec.build(&spec.settings([])?, &task)?;
/// restored.merge(&accuracy.state())?;
/// assert_eq!(restored.value(), Some(0.5));
/// # Ok::<(), steepest_nn::NnError>(())
/// ```
pub trait Metric: Send {
    /// Adds the examples of a batch.
    ///
    /// # Errors
    /// If there are not as many predictions as the targets need, or a label is outside the classes.
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError>;

    /// The value over all examples so far; `None` where it is not defined, as for no examples.
    fn value(&self) -> Option<f64>;

    /// Everything accumulated so far, as numbers: what a checkpoint stores and what [`Metric::merge`]
    /// takes.
    fn state(&self) -> Vec<f64>;

    /// Adds what another accumulator of the same metric and task has seen. Merging into a fresh one
    /// restores a state exactly.
    ///
    /// # Errors
    /// If the state is not one of this metric and task.
    fn merge(&mut self, state: &[f64]) -> Result<(), NnError>;

    /// Further numbers by name, such as precision and recall of each class.
    fn details(&self) -> Vec<(String, Option<f64>)> {
        Vec::new()
    }
}

/// A metric's entry.
#[derive(Debug)]
pub struct MetricSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// Whether a larger or a smaller value is better.
    pub direction: Direction,
    /// Whether the metric is made for a task.
    pub suits: fn(&Task) -> bool,
    /// The empty accumulator; use [`MetricSpec::build`], which asks `suits` first.
    pub configure: fn(&Settings, &Task) -> Box<dyn Metric>,
}

registered!(MetricSpec, "metric", METRICS);

impl MetricSpec {
    /// An empty accumulator for a task, from checked settings.
    ///
    /// # Errors
    /// If the metric is not made for the task.
    pub fn build(&self, settings: &Settings, task: &Task) -> Result<Box<dyn Metric>, NnError> {
        if (self.suits)(task) {
            return Ok((self.configure)(settings, task));
        }
        let suited = METRICS.iter().filter(|spec| (spec.suits)(task)).map(|spec| spec.about.name).collect();
        Err(NnError::Unsuited { kind: Self::KIND, name: self.about.name, task: *task, suited })
    }
}

const CLASSIFICATION: fn(&Task) -> bool =
    |task| !matches!(task, Task::Regression { .. } | Task::Context { .. } | Task::Ranking { .. });
const REGRESSION: fn(&Task) -> bool = |task| matches!(task, Task::Regression { .. });

/// Checks that there are `per_target` predictions for each target; the number of targets.
fn check_lengths(
    metric: &'static str,
    predictions: Values<'_>,
    targets: Values<'_>,
    per_target: usize,
) -> Result<usize, NnError> {
    if predictions.len() == targets.len() * per_target {
        return Ok(targets.len());
    }
    let (predictions, targets) = (predictions.len(), targets.len());
    Err(NnError::Lengths { metric, predictions, targets, per_target })
}

/// The label at a position, below `classes`.
fn label(
    metric: &'static str,
    targets: Values<'_>,
    position: usize,
    classes: usize,
) -> Result<usize, NnError> {
    let label = targets.get(position);
    if label >= 0.0 && label < classes as f64 && label.fract() == 0.0 {
        return Ok(label as usize);
    }
    Err(NnError::Label { metric, label, position, classes })
}

/// The logits of a row, as they decide between classes: one logit z becomes `[0, z]`.
fn row_logits(predictions: Values<'_>, row: usize, outputs: usize, logits: &mut Vec<f64>) {
    logits.clear();
    if outputs == 1 {
        logits.push(0.0);
    }
    logits.extend((row * outputs..(row + 1) * outputs).map(|i| predictions.get(i)));
}

/// The position of the largest logit, the first of equal ones; `None` if one is NaN.
fn arg_max(logits: &[f64]) -> Option<usize> {
    let best = (0..logits.len()).reduce(|best, k| if logits[k] > logits[best] { k } else { best });
    best.filter(|_| !logits.iter().any(|z| z.is_nan()))
}

/// How many classes the labels of a classification task have.
fn classes(task: &Task) -> usize {
    task.outputs().max(2)
}

/// Adds saved sums to sums, if there are as many.
fn add_state(metric: &'static str, sums: &mut [f64], state: &[f64]) -> Result<(), NnError> {
    if sums.len() != state.len() {
        return Err(NnError::State { metric, expected: sums.len().to_string(), got: state.len() });
    }
    for (sum, more) in sums.iter_mut().zip(state) {
        *sum += more;
    }
    Ok(())
}
