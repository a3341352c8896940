//! The comparison x ≤ y.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = 1 where x ≤ y, else 0; the derivatives are 0.
#[derive(Clone, Debug, PartialEq)]
pub struct LessEqual;

impl Elementwise for LessEqual {
    const TILE: TileOp = TileOp::LessEqual;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        f64::from(u8::from(x <= y))
    }

    fn derivative<'g>(_: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero, Partial::Zero]
    }
}
