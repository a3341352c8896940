//! Top-k accuracy.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{CLASSIFICATION, Direction, Metric, MetricSpec, Values, add_state, check_lengths, classes};
use super::{label, row_logits};
use crate::NnError;

const NAME: &str = "top-k-accuracy";

/// The share of examples whose right class is among the k with the largest logits.
///
/// Of equal logits the first ones count, so k = 1 is the accuracy; with k of at least the number of
/// classes it is 1. A row with a NaN is never right.
struct TopKAccuracy {
    k: usize,
    outputs: usize,
    classes: usize,
    /// Examples, right ones.
    sums: [f64; 2],
    row: Vec<f64>,
}

impl TopKAccuracy {
    fn is_right(&self, label: usize) -> bool {
        let own = self.row.get(label).copied().unwrap_or(f64::NAN);
        let ahead = self.row.iter().enumerate().filter(|&(k, &z)| z > own || (z == own && k < label));
        ahead.count() < self.k && !self.row.iter().any(|z| z.is_nan())
    }
}

impl Metric for TopKAccuracy {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for row in 0..check_lengths(NAME, predictions, targets, self.outputs)? {
            let label = label(NAME, targets, row, self.classes)?;
            row_logits(predictions, row, self.outputs, &mut self.row);
            self.sums[0] += 1.0;
            self.sums[1] += f64::from(self.is_right(label));
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

/// The share of examples whose right class is among the k most likely.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The share of examples whose right class is among the k most likely.",
        formula: "1/n Σᵢ [yᵢ ∈ top_k(zᵢ)]",
        reference: "Russakovsky et al., 2015, ImageNet large scale visual recognition challenge, sec. 4.1",
        hyperparameters: &[Hyperparameter {
            name: "k",
            symbol: "k",
            summary: "How many classes may be named.",
            accepts: Accepts::COUNT,
            default: Default::Integer(5),
            source: "Russakovsky et al., 2015; scikit-learn has 2",
        }],
    },
    direction: Direction::Higher,
    suits: CLASSIFICATION,
    configure: |settings, task| {
        let k = usize::try_from(settings.integer("k")).unwrap_or(usize::MAX);
        let (outputs, classes) = (task.outputs(), classes(task));
        Box::new(TopKAccuracy { k, outputs, classes, sums: [0.0; 2], row: Vec::new() })
    },
};
