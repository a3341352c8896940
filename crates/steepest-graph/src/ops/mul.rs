//! The product, element by element.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = x · y, ∂z/∂x = y, ∂z/∂y = x.
#[derive(Clone, Debug, PartialEq)]
pub struct Mul;

impl Elementwise for Mul {
    const TILE: TileOp = TileOp::Mul;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        x * y
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (x, y) = (at.inputs[0], at.inputs[1]);
        vec![Partial::Of(at.grad * y), Partial::Of(at.grad * x)]
    }
}
