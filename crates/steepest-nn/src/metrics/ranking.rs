//! Precision, recall and NDCG of the first k items.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Direction, Metric, MetricSpec, Values, add_state, label};
use crate::{NnError, Task};

/// What is measured of a user's ranked items.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Precision,
    Recall,
    Ndcg,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Measure::Precision => "precision-at-k",
            Measure::Recall => "recall-at-k",
            Measure::Ndcg => "ndcg-at-k",
        }
    }

    /// The measure of the places (from 0) of the relevant items among the first k, of `relevant` in all.
    fn of(self, places: impl Iterator<Item = usize>, relevant: usize, k: usize) -> f64 {
        let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        match self {
            Measure::Precision => places.count() as f64 / k as f64,
            Measure::Recall => places.count() as f64 / relevant as f64,
            Measure::Ndcg => places.map(gain).sum::<f64>() / (0..relevant.min(k)).map(gain).sum::<f64>(),
        }
    }
}

/// The mean of a measure over users with a relevant item.
///
/// A row is a user: the scores of all items, −∞ for those that are not to be ranked, and 1 for each relevant item,
/// else 0. Of equal scores the first stands first; NaN stands last.
struct AtK {
    measure: Measure,
    k: usize,
    items: usize,
    /// Users, and the sum of their measures.
    sums: [f64; 2],
    order: Vec<(f64, usize)>,
}

impl Metric for AtK {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        if predictions.len() != targets.len() || !targets.len().is_multiple_of(self.items) {
            let (metric, predictions, targets) = (self.measure.name(), predictions.len(), targets.len());
            return Err(NnError::Lengths { metric, predictions, targets, per_target: 1 });
        }
        for position in 0..targets.len() {
            label(self.measure.name(), targets, position, 2)?;
        }
        for start in (0..targets.len()).step_by(self.items) {
            let is_relevant = |item: usize| targets.get(start + item) > 0.5;
            let relevant = (0..self.items).filter(|&item| is_relevant(item)).count();
            if relevant == 0 {
                continue;
            }
            let score = |item: usize| {
                let score = predictions.get(start + item);
                if score.is_nan() { f64::NEG_INFINITY } else { score }
            };
            self.order.clear();
            self.order.extend((0..self.items).map(|item| (score(item), item)));
            let by_rank = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            let k = self.k.min(self.items);
            if k < self.items {
                self.order.select_nth_unstable_by(k, by_rank);
            }
            let first = &mut self.order[..k];
            first.sort_unstable_by(by_rank);
            let ranked = first.iter().enumerate().filter(|(_, (score, _))| *score > f64::NEG_INFINITY);
            let places = ranked.filter(|(_, (_, item))| is_relevant(*item)).map(|(place, _)| place);
            self.sums[0] += 1.0;
            self.sums[1] += self.measure.of(places, relevant, self.k);
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let [users, sum] = self.sums;
        (users > 0.0).then(|| sum / users)
    }

    fn state(&self) -> Vec<f64> {
        self.sums.to_vec()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        add_state(self.measure.name(), &mut self.sums, state)
    }
}

const K: Hyperparameter = Hyperparameter {
    name: "k",
    symbol: "k",
    summary: "How many items are recommended.",
    accepts: Accepts::COUNT,
    default: Default::Integer(10),
    source: "implicit; RecBole",
};

macro_rules! metric {
    ($measure:expr, $name:literal, $summary:literal, $formula:literal, $reference:literal) => {
        MetricSpec {
            about: Description {
                name: $name,
                summary: $summary,
                formula: $formula,
                reference: $reference,
                hyperparameters: &[K],
            },
            direction: Direction::Higher,
            suits: |task| matches!(task, Task::Ranking { .. }),
            configure: |settings, task| {
                let k = usize::try_from(settings.integer("k")).unwrap_or(usize::MAX);
                let items = task.outputs().max(1);
                Box::new(AtK { measure: $measure, k, items, sums: [0.0; 2], order: Vec::new() })
            },
        }
    };
}

/// The share of the first k items that are relevant.
///
/// Differs from implicit's `precision_at_k`, which divides by the relevant items where these are fewer than k, and adds up
/// hits of all users before it divides.
pub static PRECISION: MetricSpec = metric!(
    Measure::Precision,
    "precision-at-k",
    "The share of the first k items that are relevant, the mean over users.",
    "1/|U| Σᵤ |top_k(u) ∩ R(u)| / k",
    "Herlocker et al., 2004, Evaluating collaborative filtering recommender systems, sec. 4.1.2"
);

/// The share of the relevant items that are among the first k.
pub static RECALL: MetricSpec = metric!(
    Measure::Recall,
    "recall-at-k",
    "The share of relevant items that are among the first k, the mean over users.",
    "1/|U| Σᵤ |top_k(u) ∩ R(u)| / |R(u)|",
    "Herlocker et al., 2004, Evaluating collaborative filtering recommender systems, sec. 4.1.2"
);

/// The discounted gain of the first k items, as a share of the best that there could be.
pub static NDCG: MetricSpec = metric!(
    Measure::Ndcg,
    "ndcg-at-k",
    "The discounted gain of the first k items as a share of the best possible, the mean over users.",
    "1/|U| Σᵤ Σ_{r ≤ k} [i_r ∈ R(u)] / log₂(r + 1) / Σ_{r ≤ min(k, |R(u)|)} 1 / log₂(r + 1)",
    "Järvelin and Kekäläinen, 2002, Cumulated gain-based evaluation of IR techniques"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registered;

    #[test]
    fn two_users_by_hand() {
        let task = Task::Ranking { items: 5 };
        let none = f64::NEG_INFINITY;
        // The first user's order is 3 0 2 (1 and 4 are not ranked); the second has nothing relevant, the third 0 1 ….
        let scores: [f64; 15] =
            [2.0, none, 1.0, 9.0, none, 1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 1.0, f64::NAN, 0.0, 0.0];
        let relevant = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let value = |name: &str| {
            let spec = MetricSpec::find(name).unwrap();
            let k = [("k".to_owned(), steepest_spec::Value::Integer(2))];
            let mut metric = spec.build(&spec.settings(k).unwrap(), &task).unwrap();
            metric.update(scores[..].into(), relevant[..].into()).unwrap();
            metric.value().unwrap()
        };
        let second = 1.0 / 3f64.log2();
        assert_eq!(value("precision-at-k"), (0.5 + 1.0) / 2.0);
        assert_eq!(value("recall-at-k"), (0.5 + 2.0 / 3.0) / 2.0);
        assert!((value("ndcg-at-k") - (second / (1.0 + second) + 1.0) / 2.0).abs() < 1e-12);
    }
}
