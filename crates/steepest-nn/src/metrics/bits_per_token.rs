//! Bits per token.

use steepest_spec::Description;

use super::{CLASSIFICATION, Direction, Metric, MetricSpec, Values, log_loss};
use crate::{NnError, Task};

/// The mean of −log₂ P(right token): the logarithmic loss in bits.
struct BitsPerToken {
    nats: Box<dyn Metric>,
}

impl Metric for BitsPerToken {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        self.nats.update(predictions, targets)
    }

    fn value(&self) -> Option<f64> {
        self.nats.value().map(|nats| nats / std::f64::consts::LN_2)
    }

    fn state(&self) -> Vec<f64> {
        self.nats.state()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        self.nats.merge(state)
    }
}

/// The mean negative binary logarithm of the probability of the right token.
///
/// Where tokens are characters, it is the bits per character.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: "bits-per-token",
        summary: "The mean of −log₂ P(right token); bits per character where tokens are characters.",
        formula: "−1/n Σᵢ log₂ P(yᵢ)",
        reference: "Shannon, 1951, Prediction and entropy of printed English",
        hyperparameters: &[],
    },
    direction: Direction::Lower,
    suits: CLASSIFICATION,
    configure: |settings, task: &Task| {
        Box::new(BitsPerToken { nats: (log_loss::SPEC.configure)(settings, task) })
    },
};
