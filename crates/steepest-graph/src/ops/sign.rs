//! The sign.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = −1, 0 or 1, as x is negative, zero or positive; dy/dx = 0. NaN stays NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign;

impl Elementwise for Sign {
    const TILE: TileOp = TileOp::Sign;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        match x {
            _ if x > 0.0 => 1.0,
            _ if x < 0.0 => -1.0,
            _ if x.is_nan() => x,
            _ => 0.0,
        }
    }

    fn derivative<'g>(_: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }
}
