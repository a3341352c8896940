//! The comparison x = y.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = 1 where x = y, else 0; the derivatives are 0. NaN equals nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Equal;

impl Elementwise for Equal {
    const TILE: TileOp = TileOp::Equal;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        f64::from(u8::from(x == y))
    }

    fn derivative<'g>(_: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero, Partial::Zero]
    }
}
