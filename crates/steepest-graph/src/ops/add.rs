//! The sum of two values.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = x + y, ∂z/∂x = ∂z/∂y = 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Add;

impl Elementwise for Add {
    const TILE: TileOp = TileOp::Add;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        x + y
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad), Partial::Of(at.grad)]
    }
}
