//! The square root.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = √x, dy/dx = 1/(2y).
#[derive(Clone, Debug, PartialEq)]
pub struct Sqrt;

impl Elementwise for Sqrt {
    const TILE: TileOp = TileOp::Sqrt;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.sqrt()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad / (2.0 * at.output))]
    }
}
