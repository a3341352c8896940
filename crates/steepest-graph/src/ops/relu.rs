//! The rectifier.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = max(x, 0); dy/dx = 1 where y > 0, else 0 (also at x = 0). NaN stays NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Relu;

impl Elementwise for Relu {
    const TILE: TileOp = TileOp::Relu;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        if x <= 0.0 { 0.0 } else { x }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.output.select(at.grad, at.grad.zeros_like()))]
    }
}
