//! The hyperbolic tangent.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = tanh x, dy/dx = 1 − y².
#[derive(Clone, Debug, PartialEq)]
pub struct Tanh;

impl Elementwise for Tanh {
    const TILE: TileOp = TileOp::Tanh;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.tanh()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * (1.0 - at.output * at.output))]
    }
}
