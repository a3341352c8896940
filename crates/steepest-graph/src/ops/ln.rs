//! The natural logarithm.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = ln x, dy/dx = 1/x.
#[derive(Clone, Debug, PartialEq)]
pub struct Ln;

impl Elementwise for Ln {
    const TILE: TileOp = TileOp::Ln;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.ln()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad / at.inputs[0])]
    }
}
