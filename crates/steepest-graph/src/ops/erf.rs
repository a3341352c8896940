//! The error function.

use std::f64::consts::FRAC_2_SQRT_PI;

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = erf x = 2/√π ∫₀ˣ e^(−t²) dt, dy/dx = 2/√π e^(−x²).
#[derive(Clone, Debug, PartialEq)]
pub struct Erf;

impl Elementwise for Erf {
    const TILE: TileOp = TileOp::Erf;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        match x.abs() {
            t if t < 3.0 => series(x),
            t if t < 6.0 => (1.0 - fraction(t)).copysign(x),
            _ if x.is_nan() => x,
            _ => 1.0_f64.copysign(x),
        }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let x = at.inputs[0];
        vec![Partial::Of(at.grad * (FRAC_2_SQRT_PI * (-(x * x)).exp()))]
    }
}

/// erf x = 2/√π e^(−x²) Σₙ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)) (Abramowitz and Stegun, 1964, 7.1.6): every term
/// has the sign of x, so nothing cancels.
fn series(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    let mut n = 0.0;
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + …))) for x > 0 (the same, 7.1.14).
fn fraction(x: f64) -> f64 {
    let tail = (1..=60).rev().fold(x, |tail, k| x + f64::from(k) / 2.0 / tail);
    0.5 * FRAC_2_SQRT_PI * (-x * x).exp() / tail
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To 17 digits, from Abramowitz and Stegun (1964), table 7.1, and high-precision arithmetic.
    #[test]
    fn known_values() {
        let known = [
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (2.999, 0.999_977_769_831_400_2),
            (3.0, 0.999_977_909_503_001_4),
            (3.5, 0.999_999_256_901_627_7),
        ];
        for (x, y) in known {
            assert!((Erf::eval([x, 0.0, 0.0]) - y).abs() < 1e-15, "erf {x}");
            assert_eq!(Erf::eval([-x, 0.0, 0.0]), -Erf::eval([x, 0.0, 0.0]));
        }
        assert_eq!(Erf::eval([0.0; 3]), 0.0);
        assert_eq!(Erf::eval([f64::INFINITY, 0.0, 0.0]), 1.0);
        assert!(Erf::eval([f64::NAN, 0.0, 0.0]).is_nan());
    }
}
