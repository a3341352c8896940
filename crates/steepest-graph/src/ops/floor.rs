//! Rounding down.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = ⌊x⌋, the largest integer not above x; dy/dx = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor;

impl Elementwise for Floor {
    const TILE: TileOp = TileOp::Floor;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.floor()
    }

    fn derivative<'g>(_: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }
}
