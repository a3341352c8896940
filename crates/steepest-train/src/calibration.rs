//! Calibrated probabilities: Platt's sigmoid on what a model says of rows that it was not trained on.

/// P(yes) = σ(a z + b) for each output z; of several classes, divided by their sum.
pub(crate) type Calibration = Vec<[f64; 2]>;

/// The probability of each class from the outputs of a row; none of a row of other outputs.
pub(crate) fn probabilities(calibration: &[[f64; 2]], outputs: &[f64]) -> Option<Vec<f64>> {
    if calibration.is_empty() || calibration.len() != outputs.len() {
        return None;
    }
    let yes = calibration.iter().zip(outputs).map(|([a, b], z)| sigmoid(a * z + b));
    let yes: Vec<f64> = yes.collect();
    if let [yes] = yes[..] {
        return Some(vec![1.0 - yes, yes]);
    }
    let sum: f64 = yes.iter().sum();
    // All may be 0 in double precision; then nothing tells them apart.
    Some(yes.iter().map(|p| if sum > 0.0 { p / sum } else { 1.0 / yes.len() as f64 }).collect())
}

/// Fits a sigmoid to each of `width` outputs. Row r's outputs are `outputs[r · width ..]`, its class `labels[r]`; the
/// only output of two classes speaks for class 1.
pub(crate) fn fit(outputs: &[f64], width: usize, labels: &[u32]) -> Calibration {
    let of_output = |k: usize| {
        let class = if width == 1 { 1 } else { k as u32 };
        let rows = outputs.iter().skip(k).step_by(width.max(1)).zip(labels);
        let rows: Vec<(f64, bool)> = rows.map(|(&z, &label)| (z, label == class)).collect();
        sigmoid_of(&rows)
    };
    (0..width).map(of_output).collect()
}

/// Steps of Newton's method; a handful are needed.
const STEPS: usize = 100;
/// What is added to the curvature, so that it can be divided by.
const RIDGE: f64 = 1e-12;
/// Where the slope counts as 0.
const FLAT: f64 = 1e-5;

/// a and b that make −Σ t ln p + (1 − t) ln(1 − p) least, p = σ(a z + b), with targets (n₊ + 1)/(n₊ + 2) and
/// 1/(n₋ + 2) instead of 1 and 0, by Newton's method with halved steps.
///
/// Reference: Platt, 1999, *Probabilistic outputs for support vector machines*; Lin, Lin and Weng, 2007, *A note on
/// Platt's probabilistic outputs*.
fn sigmoid_of(rows: &[(f64, bool)]) -> [f64; 2] {
    let yes = rows.iter().filter(|(_, yes)| *yes).count() as f64;
    let no = rows.len() as f64 - yes;
    let (high, low) = ((yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0));
    let target = |yes: bool| if yes { high } else { low };
    let loss = |[a, b]: [f64; 2]| -> f64 {
        // ln(1 + eᶠ) − t f, without overflow.
        let of_row = |&(z, yes): &(f64, bool)| {
            let f = a * z + b;
            f.max(0.0) + (-f.abs()).exp().ln_1p() - target(yes) * f
        };
        rows.iter().map(of_row).sum()
    };
    let mut at = [0.0, ((yes + 1.0) / (no + 1.0)).ln()];
    let mut value = loss(at);
    for _ in 0..STEPS {
        let (mut slope, mut curvature) = ([0.0; 2], [RIDGE, 0.0, RIDGE]);
        for &(z, yes) in rows {
            let p = sigmoid(at[0] * z + at[1]);
            let (error, weight) = (p - target(yes), p * (1.0 - p));
            slope = [slope[0] + error * z, slope[1] + error];
            curvature = [curvature[0] + weight * z * z, curvature[1] + weight * z, curvature[2] + weight];
        }
        if slope[0].abs() < FLAT && slope[1].abs() < FLAT {
            break;
        }
        let [aa, ab, bb] = curvature;
        let determinant = aa * bb - ab * ab;
        let step =
            [-(bb * slope[0] - ab * slope[1]) / determinant, -(aa * slope[1] - ab * slope[0]) / determinant];
        let descent = slope[0] * step[0] + slope[1] * step[1];
        let mut size = 1.0;
        let better = loop {
            let next = [at[0] + size * step[0], at[1] + size * step[1]];
            let found = loss(next);
            if found < value + 1e-4 * size * descent {
                break Some((next, found));
            }
            size /= 2.0;
            if size < 1e-10 {
                break None;
            }
        };
        match better {
            Some((next, found)) => (at, value) = (next, found),
            None => break,
        }
    }
    at
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use steepest_tensor::Key;

    use super::*;

    /// Rows that are positive with probability σ(1.5 z − 0.5).
    fn drawn(rows: u64) -> (Vec<f64>, Vec<u32>) {
        let key = Key::new(3);
        let z: Vec<f64> = (0..rows).map(|i| 2.0 * key.normal(i)).collect();
        let chance =
            |(i, z): (usize, &f64)| u32::from(key.stream("y").uniform(i as u64) < sigmoid(1.5 * z - 0.5));
        let labels = z.iter().enumerate().map(chance).collect();
        (z, labels)
    }

    #[test]
    fn the_sigmoid_that_made_the_labels_is_found() {
        let (z, labels) = drawn(20_000);
        let [[a, b]] = fit(&z, 1, &labels)[..] else { panic!("one output has one sigmoid") };
        assert!((a - 1.5).abs() < 0.06 && (b + 0.5).abs() < 0.06, "{a}, {b}");
        let p = probabilities(&[[a, b]], &[0.0]).unwrap();
        assert!((p[1] - sigmoid(b)).abs() < 1e-15 && (p[0] + p[1] - 1.0).abs() < 1e-15);
    }

    #[test]
    fn separable_rows_have_a_finite_sigmoid() {
        let rows: Vec<f64> = (0..20).map(|i| if i < 10 { -1.0 } else { 1.0 }).collect();
        let labels: Vec<u32> = (0..20).map(|i| u32::from(i >= 10)).collect();
        let found = fit(&rows, 1, &labels);
        // The targets are 11/12 and 1/12.
        let p = probabilities(&found, &[1.0]).unwrap()[1];
        assert!((p - 11.0 / 12.0).abs() < 1e-4, "{p}");
    }

    #[test]
    fn several_classes_add_up_to_one() {
        let key = Key::new(4);
        let outputs: Vec<f64> = (0..300).map(|i| key.normal(i)).collect();
        let labels: Vec<u32> = (0..100).map(|i| key.stream("y").below(i, 3) as u32).collect();
        let found = fit(&outputs, 3, &labels);
        let p = probabilities(&found, &outputs[..3]).unwrap();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p.iter().all(|&p| p > 0.0), "{p:?}");
        assert_eq!(probabilities(&found, &outputs[..2]), None);
    }
}
