//! Accuracy.

use steepest_spec::Description;

use super::{
    CLASSIFICATION, Direction, Metric, MetricSpec, Values, add_state, arg_max, check_lengths, classes,
};
use super::{label, row_logits};
use crate::NnError;

const NAME: &str = "accuracy";

/// The share of examples whose largest logit is that of the right class.
///
/// One logit z decides for yes where z > 0. Of equal logits the first counts; a NaN is never right.
struct Accuracy {
    outputs: usize,
    classes: usize,
    /// Examples, right ones.
    sums: [f64; 2],
    row: Vec<f64>,
}

impl Metric for Accuracy {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for row in 0..check_lengths(NAME, predictions, targets, self.outputs)? {
            let label = label(NAME, targets, row, self.classes)?;
            row_logits(predictions, row, self.outputs, &mut self.row);
            self.sums[0] += 1.0;
            self.sums[1] += f64::from(arg_max(&self.row) == Some(label));
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let [examples, right] = self.sums;
        (examples > 0.0).then(|| right / examples)
    }

    fn state(&self) -> Vec<f64> {
        self.sums.to_vec()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        add_state(NAME, &mut self.sums, state)
    }
}

/// The share of examples classified rightly.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The share of examples classified rightly.",
        formula: "1/n Σᵢ [argmaxₖ zᵢₖ = yᵢ]",
        reference: "scikit-learn accuracy_score",
        hyperparameters: &[],
    },
    direction: Direction::Higher,
    suits: CLASSIFICATION,
    configure: |_, task| {
        let (outputs, classes) = (task.outputs(), classes(task));
        Box::new(Accuracy { outputs, classes, sums: [0.0; 2], row: Vec::new() })
    },
};
