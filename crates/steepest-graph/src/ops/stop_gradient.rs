//! The end of differentiation.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = x, and by definition dy/dx = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct StopGradient;

impl Elementwise for StopGradient {
    const TILE: TileOp = TileOp::Copy;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x
    }

    fn derivative<'g>(_: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }
}
