//! The difference.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = x − y, ∂z/∂x = 1, ∂z/∂y = −1.
#[derive(Clone, Debug, PartialEq)]
pub struct Sub;

impl Elementwise for Sub {
    const TILE: TileOp = TileOp::Sub;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        x - y
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad), Partial::Of(-at.grad)]
    }
}
