//! Powers.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = xʸ, ∂z/∂x = y x^(y−1), ∂z/∂y = z ln x.
///
/// At x = 0 the limits that exist are taken: ∂z/∂x = 0 for y = 0, and ∂z/∂y = 0 for y ≥ 0. A negative
/// base with a whole exponent is fine, but has no derivative by the exponent (NaN).
#[derive(Clone, Debug, PartialEq)]
pub struct Pow;

impl Elementwise for Pow {
    const TILE: TileOp = TileOp::Pow;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        x.powf(y)
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (x, y) = (at.inputs[0], at.inputs[1]);
        let (zero, one) = (x.constant(0.0), x.constant(1.0));
        // 0 · 0⁻¹ would be NaN: where both are 0 the exponent is 0 instead of −1. For a constant
        // exponent the outer choice folds away.
        let less = y - 1.0;
        let exponent = y.equal(zero).select(x.equal(zero).select(zero, less), less);
        let by_x = at.grad * (y * x.pow(exponent));
        let by_y = at.grad * (at.output * x.equal(zero).select(one, x).ln());
        vec![Partial::Of(by_x), Partial::Of(by_y)]
    }
}
