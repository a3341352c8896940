//! Mean absolute error.

use steepest_spec::Description;

use super::{Direction, Metric, MetricSpec, REGRESSION, Values, add_state, check_lengths};
use crate::NnError;

const NAME: &str = "mae";

/// The mean of |ŷ − y| over all examples and outputs, in units of the target.
#[derive(Default)]
struct Mae {
    /// Numbers, absolute errors.
    sums: [f64; 2],
}

impl Metric for Mae {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for i in 0..check_lengths(NAME, predictions, targets, 1)? {
            self.sums[0] += 1.0;
            self.sums[1] += (predictions.get(i) - targets.get(i)).abs();
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let [numbers, errors] = self.sums;
        (numbers > 0.0).then(|| errors / numbers)
    }

    fn state(&self) -> Vec<f64> {
        self.sums.to_vec()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        add_state(NAME, &mut self.sums, state)
    }
}

/// The mean absolute error.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The mean absolute error, in units of the target.",
        formula: "1/n Σᵢ |ŷᵢ − yᵢ|",
        reference: "scikit-learn mean_absolute_error",
        hyperparameters: &[],
    },
    direction: Direction::Lower,
    suits: REGRESSION,
    configure: |_, _| Box::new(Mae::default()),
};
