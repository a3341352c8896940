//! The confusion matrix, with precision, recall and F1.

use steepest_spec::Description;

use super::{
    CLASSIFICATION, Direction, Metric, MetricSpec, Values, add_state, arg_max, check_lengths, classes,
};
use super::{label, row_logits};
use crate::{NnError, Task};

const NAME: &str = "confusion-matrix";

/// How often examples of each class were taken for each class.
///
/// The value as a metric is the macro F1: the mean of the F1 of the classes that occur among labels or
/// predictions. One logit z decides for class 1 where z > 0. Rows with a NaN count as no class.
///
/// ```
/// use steepest_nn::{ConfusionMatrix, Metric, Task};
/// let mut matrix = ConfusionMatrix::new(&Task::Binary);
/// let (logits, labels): ([f32; 5], [u32; 5]) = ([2.0, 1.0, -1.0, 3.0, -2.0], [1, 1, 1, 0, 0]);
/// matrix.update(logits[..].into(), labels[..].into())?;
/// assert_eq!((matrix.count(1, 1), matrix.count(1, 0), matrix.count(0, 1)), (2, 1, 1));
/// assert_eq!(matrix.precision(1), Some(2.0 / 3.0));
/// assert_eq!(matrix.recall(0), Some(0.5));
/// assert_eq!(matrix.value(), Some((0.5 + 2.0 / 3.0) / 2.0));
/// # Ok::<(), steepest_nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    outputs: usize,
    classes: usize,
    /// For each true class, how often each class was predicted, and last how often none.
    counts: Vec<f64>,
    row: Vec<f64>,
}

impl ConfusionMatrix {
    /// An empty matrix for a classification task.
    pub fn new(task: &Task) -> ConfusionMatrix {
        let (outputs, classes) = (task.outputs(), classes(task));
        ConfusionMatrix { outputs, classes, counts: vec![0.0; classes * (classes + 1)], row: Vec::new() }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often `actual` was taken for `predicted`.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        if predicted < self.classes { self.at(actual, predicted) as u64 } else { 0 }
    }

    /// Of the examples predicted to be of a class, the share that are; `None` if there are none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let predicted: f64 = (0..self.classes).map(|actual| self.at(actual, class)).sum();
        (predicted > 0.0).then(|| self.at(class, class) / predicted)
    }

    /// Of the examples of a class, the share predicted to be; `None` if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let actual: f64 = (0..=self.classes).map(|predicted| self.at(class, predicted)).sum();
        (actual > 0.0).then(|| self.at(class, class) / actual)
    }

    /// The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); `None` if the class occurs
    /// neither among labels nor among predictions.
    pub fn f1(&self, class: usize) -> Option<f64> {
        let predicted: f64 = (0..self.classes).map(|actual| self.at(actual, class)).sum();
        let actual: f64 = (0..=self.classes).map(|predicted| self.at(class, predicted)).sum();
        (predicted + actual > 0.0).then(|| 2.0 * self.at(class, class) / (predicted + actual))
    }

    fn at(&self, actual: usize, predicted: usize) -> f64 {
        self.counts.get(actual * (self.classes + 1) + predicted).copied().unwrap_or(0.0)
    }
}

impl Metric for ConfusionMatrix {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for row in 0..check_lengths(NAME, predictions, targets, self.outputs)? {
            let label = label(NAME, targets, row, self.classes)?;
            row_logits(predictions, row, self.outputs, &mut self.row);
            let predicted = arg_max(&self.row).unwrap_or(self.classes);
            self.counts[label * (self.classes + 1) + predicted] += 1.0;
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let each: Vec<f64> = (0..self.classes).filter_map(|class| self.f1(class)).collect();
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    }

    /// The counts, one row for each true class: predicted class 0, 1, …, and last no class.
    fn state(&self) -> Vec<f64> {
        self.counts.clone()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        add_state(NAME, &mut self.counts, state)
    }

    fn details(&self) -> Vec<(String, Option<f64>)> {
        let of_class = |class| {
            let (precision, recall) = (self.precision(class), self.recall(class));
            [("precision", precision), ("recall", recall), ("f1", self.f1(class))]
                .map(|(name, value)| (format!("{name}[{class}]"), value))
        };
        (0..self.classes).flat_map(of_class).collect()
    }
}

/// The confusion matrix.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "Counts of true against predicted classes; its value is the macro F1.",
        formula: "mean over classes of 2 TP / (2 TP + FP + FN)",
        reference: "van Rijsbergen, 1979, Information retrieval, ch. 7; scikit-learn f1_score(average='macro')",
        hyperparameters: &[],
    },
    direction: Direction::Higher,
    suits: CLASSIFICATION,
    configure: |_, task| Box::new(ConfusionMatrix::new(task)),
};
