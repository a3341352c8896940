//! The area under the receiver operating characteristic.

use std::collections::BTreeMap;

use steepest_spec::Description;

use super::{Direction, Metric, MetricSpec, Values, check_lengths, label, row_logits};
use crate::{NnError, Task};

const NAME: &str = "auc";

/// How many different scores are kept apart before near ones are joined; about 50 MB at most.
const MAX_SCORES: usize = 1 << 20;

/// The probability that a random positive scores above a random negative, ties counting half.
///
/// Exact while there are at most 2²⁰ different scores. Beyond, scores lose as many of their last bits as
/// needed, which bounds the memory; `uncertainty` in the details then says how far the value can be off.
/// The result does not depend on the order of the examples.
struct Auc {
    outputs: usize,
    /// How many of the last bits of a score do not count.
    dropped_bits: u32,
    max_scores: usize,
    nans: f64,
    /// Positives and negatives of each score, in the order of the scores.
    counts: BTreeMap<u64, (u64, u64)>,
    row: Vec<f64>,
}

impl Auc {
    fn new(outputs: usize, max_scores: usize) -> Auc {
        Auc { outputs, dropped_bits: 0, max_scores, nans: 0.0, counts: BTreeMap::new(), row: Vec::new() }
    }

    fn add(&mut self, key: u64, positives: u64, negatives: u64) {
        let entry = self.counts.entry(key >> self.dropped_bits << self.dropped_bits).or_default();
        *entry = (entry.0 + positives, entry.1 + negatives);
        if self.counts.len() > self.max_scores {
            self.drop_bits(self.bits_to_drop());
        }
    }

    /// The smallest number of bits without which at most `max_scores` scores differ.
    ///
    /// Two neighbours stay apart while the highest bit in which they differ is kept.
    fn bits_to_drop(&self) -> u32 {
        let mut apart = [0usize; 65];
        for (left, right) in self.counts.keys().zip(self.counts.keys().skip(1)) {
            apart[(64 - (left ^ right).leading_zeros()) as usize] += 1;
        }
        let (mut different, mut bits) = (self.counts.len(), 0);
        while different > self.max_scores && bits < 63 {
            bits += 1;
            different -= apart[bits];
        }
        bits as u32
    }

    fn drop_bits(&mut self, bits: u32) {
        self.dropped_bits = bits;
        for (key, (positives, negatives)) in std::mem::take(&mut self.counts) {
            let entry = self.counts.entry(key >> bits << bits).or_default();
            *entry = (entry.0 + positives, entry.1 + negatives);
        }
    }

    /// Twice the number of ordered pairs (ties count one), twice the number of all pairs, and the number
    /// of tied pairs.
    fn pairs(&self) -> (u128, u128, u128) {
        let (mut positives, mut negatives, mut ordered, mut tied) = (0u128, 0u128, 0u128, 0u128);
        for &(p, n) in self.counts.values() {
            let (p, n) = (u128::from(p), u128::from(n));
            ordered += 2 * p * negatives + p * n;
            tied += p * n;
            positives += p;
            negatives += n;
        }
        (ordered, 2 * positives * negatives, tied)
    }
}

/// A key in the order of the scores; −0 and 0 are the same.
fn ordered_key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

impl Metric for Auc {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        for row in 0..check_lengths(NAME, predictions, targets, self.outputs)? {
            let label = label(NAME, targets, row, 2)?;
            row_logits(predictions, row, self.outputs, &mut self.row);
            let score = match self.row[..] {
                [no, yes] => yes - no,
                _ => f64::NAN,
            };
            if score.is_nan() {
                self.nans += 1.0;
            } else {
                self.add(ordered_key(score), label as u64, 1 - label as u64);
            }
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        if self.nans > 0.0 {
            return Some(f64::NAN);
        }
        let (ordered, all, _) = self.pairs();
        (all > 0).then(|| ordered as f64 / all as f64)
    }

    fn state(&self) -> Vec<f64> {
        let mut state = vec![f64::from(self.dropped_bits), self.nans];
        for (key, (positives, negatives)) in &self.counts {
            let (high, low) = ((key >> 32) as u32, *key as u32);
            state.extend([f64::from(high), f64::from(low), *positives as f64, *negatives as f64]);
        }
        state
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        let (Some((head, scores)), true) = (state.split_at_checked(2), state.len() % 4 == 2) else {
            let expected = "2 and 4 for each score".to_owned();
            return Err(NnError::State { metric: NAME, expected, got: state.len() });
        };
        self.nans += head[1];
        let dropped_bits = (head[0] as u32).min(63);
        if dropped_bits > self.dropped_bits {
            self.drop_bits(dropped_bits);
        }
        for score in scores.chunks_exact(4) {
            if let [high, low, positives, negatives] = *score {
                self.add((high as u64) << 32 | low as u64, positives as u64, negatives as u64);
            }
        }
        Ok(())
    }

    fn details(&self) -> Vec<(String, Option<f64>)> {
        let (_, all, tied) = self.pairs();
        let joined = if self.dropped_bits > 0 { tied as f64 } else { 0.0 };
        vec![("uncertainty".to_owned(), (all > 0).then(|| joined / all as f64))]
    }
}

/// The area under the receiver operating characteristic.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The probability that a random positive scores above a random negative.",
        formula: "P(z₊ > z₋) + ½ P(z₊ = z₋)",
        reference: "Hanley and McNeil, 1982; scikit-learn roc_auc_score",
        hyperparameters: &[],
    },
    direction: Direction::Higher,
    suits: |task| matches!(task, Task::Binary | Task::Multiclass { classes: 2 }),
    configure: |_, task| Box::new(Auc::new(task.outputs(), MAX_SCORES)),
};

#[cfg(test)]
mod tests {
    use steepest_tensor::Key;

    use super::*;

    fn brute_force(scores: &[f64], labels: &[u32]) -> f64 {
        let (mut ordered, mut all) = (0.0, 0.0);
        for (s, y) in scores.iter().zip(labels) {
            for (t, z) in scores.iter().zip(labels) {
                if (*y, *z) == (1, 0) {
                    all += 1.0;
                    ordered += if s > t { 1.0 } else { f64::from(s == t) * 0.5 };
                }
            }
        }
        ordered / all
    }

    fn sample(n: usize, levels: f64) -> (Vec<f64>, Vec<u32>) {
        let key = Key::new(9);
        let labels: Vec<u32> = (0..n).map(|i| u32::from(key.uniform(i as u64) < 0.3)).collect();
        let noisy = |i: usize| key.stream("score").normal(i as u64) + f64::from(labels[i]);
        ((0..n).map(|i| (noisy(i) * levels).round() / levels).collect(), labels)
    }

    fn auc_of(max_scores: usize, scores: &[f64], labels: &[u32]) -> Auc {
        let mut auc = Auc::new(1, max_scores);
        auc.update(scores.into(), labels.into()).unwrap();
        auc
    }

    #[test]
    fn agrees_with_all_pairs_counted() {
        for levels in [1.0, 4.0, 1e12] {
            let (scores, labels) = sample(300, levels);
            let got = auc_of(MAX_SCORES, &scores, &labels).value().unwrap();
            assert!((got - brute_force(&scores, &labels)).abs() < 1e-14, "{levels}: {got}");
        }
    }

    #[test]
    fn bounded_memory_has_a_stated_uncertainty_and_no_order() {
        let (mut scores, mut labels) = sample(3000, 1e12);
        let exact = auc_of(MAX_SCORES, &scores, &labels);
        assert_eq!(exact.details()[0].1, Some(0.0));
        let rough = auc_of(200, &scores, &labels);
        assert!(rough.counts.len() <= 200);
        let uncertainty = rough.details()[0].1.unwrap();
        let error = (rough.value().unwrap() - exact.value().unwrap()).abs();
        assert!(uncertainty > 0.0 && uncertainty < 0.05 && error <= uncertainty, "{error} of {uncertainty}");
        scores.reverse();
        labels.reverse();
        assert_eq!(auc_of(200, &scores, &labels).value(), rough.value());
        let (mut first, half) = (auc_of(200, &scores[..1500], &labels[..1500]), 1500);
        first.merge(&auc_of(200, &scores[half..], &labels[half..]).state()).unwrap();
        assert_eq!(first.value(), rough.value());
    }

    #[test]
    fn edges() {
        assert_eq!(auc_of(9, &[1.0, 2.0], &[1, 1]).value(), None);
        assert_eq!(auc_of(9, &[0.0, -0.0], &[1, 0]).value(), Some(0.5));
        assert_eq!(auc_of(9, &[f64::INFINITY, f64::NEG_INFINITY], &[1, 0]).value(), Some(1.0));
        assert!(auc_of(9, &[f64::NAN, 1.0], &[1, 0]).value().unwrap().is_nan());
    }
}
