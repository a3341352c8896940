//! The logistic function.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = 1 / (1 + e⁻ˣ), dy/dx = y (1 − y).
///
/// For x < 0 it is computed as eˣ / (1 + eˣ), so that nothing overflows and small results keep their digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Sigmoid;

impl Elementwise for Sigmoid {
    const TILE: TileOp = TileOp::Sigmoid;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        if x < 0.0 {
            let e = x.exp();
            e / (1.0 + e)
        } else {
            1.0 / (1.0 + (-x).exp())
        }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * (at.output * (1.0 - at.output)))]
    }
}
