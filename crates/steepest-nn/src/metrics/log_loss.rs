//! Logarithmic loss.

use steepest_spec::Description;

use super::{CLASSIFICATION, Direction, Metric, MetricSpec, Values, add_state, check_lengths, classes};
use super::{label, row_logits};
use crate::NnError;

const NAME: &str = "log-loss";

/// The mean of −ln P(right class), in nats, from logits.
///
/// It is the cross-entropy without smoothing or weights, in double precision. No probability is clipped,
/// so a prediction that excludes the right class costs its full price.
struct LogLoss {
    outputs: usize,
    classes: usize,
    /// Examples, losses.
    sums: [f64; 2],
    row: Vec<f64>,
}

impl Metric for LogLoss {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for row in 0..check_lengths(NAME, predictions, targets, self.outputs)? {
            let label = label(NAME, targets, row, self.classes)?;
            row_logits(predictions, row, self.outputs, &mut self.row);
            let max = self.row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = self.row.iter().map(|z| (z - max).exp()).sum();
            let chosen = self.row.get(label).copied().unwrap_or(f64::NAN);
            self.sums[0] += 1.0;
            self.sums[1] += sum.ln() - (chosen - max);
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let [examples, losses] = self.sums;
        (examples > 0.0).then(|| losses / examples)
    }

    fn state(&self) -> Vec<f64> {
        self.sums.to_vec()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        add_state(NAME, &mut self.sums, state)
    }
}

/// The mean negative log-probability of the right class.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The mean negative log-probability of the right class, in nats.",
        formula: "−1/n Σᵢ ln P(yᵢ)",
        reference: "Good, 1952, Rational decisions; scikit-learn log_loss",
        hyperparameters: &[],
    },
    direction: Direction::Lower,
    suits: CLASSIFICATION,
    configure: |_, task| {
        let (outputs, classes) = (task.outputs(), classes(task));
        Box::new(LogLoss { outputs, classes, sums: [0.0; 2], row: Vec::new() })
    },
};
