//! The quotient.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// z = x / y, ∂z/∂x = 1/y, ∂z/∂y = −z/y.
#[derive(Clone, Debug, PartialEq)]
pub struct Div;

impl Elementwise for Div {
    const TILE: TileOp = TileOp::Div;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        x / y
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let by_x = at.grad / at.inputs[1];
        vec![Partial::Of(by_x), Partial::Of(-(by_x * at.output))]
    }
}
