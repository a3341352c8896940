//! The absolute value.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = |x|, dy/dx = sign x, which is 0 at x = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Abs;

impl Elementwise for Abs {
    const TILE: TileOp = TileOp::Abs;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.abs()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * at.inputs[0].sign())]
    }
}
