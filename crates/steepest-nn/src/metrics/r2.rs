//! The coefficient of determination.

use steepest_spec::Description;

use super::{Direction, Metric, MetricSpec, REGRESSION, Values, check_lengths};
use crate::NnError;

const NAME: &str = "r2";

/// R² = 1 − Σ (ŷ − y)² / Σ (y − ȳ)², averaged over the outputs.
///
/// 1 is perfect, 0 as good as the mean of the targets, negative worse. Not defined where the targets of
/// an output are all equal; scikit-learn gives 1 or 0 there.
///
/// The spread Σ (y − ȳ)² is accumulated about the running mean (Welford, 1962), so targets with a large
/// mean lose no digits; accumulators are joined as in Chan, Golub and LeVeque, 1983.
struct R2 {
    outputs: Vec<Moments>,
}

#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    /// Σ (y − ȳ)².
    spread: f64,
    /// Σ (ŷ − y)².
    errors: f64,
}

impl Moments {
    fn add(&mut self, prediction: f64, target: f64) {
        self.count += 1.0;
        let before = target - self.mean;
        self.mean += before / self.count;
        self.spread += before * (target - self.mean);
        self.errors += (prediction - target).powi(2);
    }

    fn join(self, other: Moments) -> Moments {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let (count, apart) = (self.count + other.count, other.mean - self.mean);
        Moments {
            count,
            mean: self.mean + apart * other.count / count,
            spread: self.spread + other.spread + apart * apart * self.count * other.count / count,
            errors: self.errors + other.errors,
        }
    }
}

impl Metric for R2 {
    fn update(&mut self, predictions: Values<'_>, targets: Values<'_>) -> Result<(), NnError> {
        let outputs = self.outputs.len().max(1);
        let numbers = check_lengths(NAME, predictions, targets, 1)?;
        if numbers % outputs != 0 {
            let (predictions, targets) = (predictions.len(), targets.len());
            return Err(NnError::Lengths { metric: NAME, predictions, targets, per_target: outputs });
        }
        for row in 0..numbers / outputs {
            for (k, moments) in self.outputs.iter_mut().enumerate() {
                moments.add(predictions.get(row * outputs + k), targets.get(row * outputs + k));
            }
        }
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        let each = self.outputs.iter().map(|m| (m.spread != 0.0).then(|| 1.0 - m.errors / m.spread));
        let all = each.collect::<Option<Vec<f64>>>()?;
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    fn state(&self) -> Vec<f64> {
        self.outputs.iter().flat_map(|m| [m.count, m.mean, m.spread, m.errors]).collect()
    }

    fn merge(&mut self, state: &[f64]) -> Result<(), NnError> {
        let expected = 4 * self.outputs.len();
        if state.len() != expected {
            return Err(NnError::State { metric: NAME, expected: expected.to_string(), got: state.len() });
        }
        for (moments, saved) in self.outputs.iter_mut().zip(state.chunks_exact(4)) {
            if let [count, mean, spread, errors] = *saved {
                *moments = moments.join(Moments { count, mean, spread, errors });
            }
        }
        Ok(())
    }

    fn details(&self) -> Vec<(String, Option<f64>)> {
        let each = self.outputs.iter().enumerate();
        each.map(|(k, m)| (format!("r2[{k}]"), (m.spread != 0.0).then(|| 1.0 - m.errors / m.spread)))
            .collect()
    }
}

/// The coefficient of determination.
pub static SPEC: MetricSpec = MetricSpec {
    about: Description {
        name: NAME,
        summary: "The share of the targets' variance that is explained, averaged over outputs.",
        formula: "1 − Σᵢ (ŷᵢ − yᵢ)² / Σᵢ (yᵢ − ȳ)²",
        reference: "Wright, 1921; scikit-learn r2_score",
        hyperparameters: &[],
    },
    direction: Direction::Higher,
    suits: REGRESSION,
    configure: |_, task| Box::new(R2 { outputs: vec![Moments::default(); task.outputs()] }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mean_costs_no_digits() {
        let mut metric = R2 { outputs: vec![Moments::default()] };
        let targets = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0];
        metric.update((&targets[..]).into(), (&targets[..]).into()).unwrap();
        assert_eq!(metric.value(), Some(1.0));
        assert!((metric.outputs[0].spread - 14.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn equal_targets_have_no_value() {
        let mut metric = R2 { outputs: vec![Moments::default()] };
        metric.update((&[1.0, 2.0][..]).into(), (&[5.0, 5.0][..]).into()).unwrap();
        assert_eq!(metric.value(), None);
    }
}
