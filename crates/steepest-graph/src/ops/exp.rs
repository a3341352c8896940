//! The exponential function.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = eˣ, dy/dx = y.
#[derive(Clone, Debug, PartialEq)]
pub struct Exp;

impl Elementwise for Exp {
    const TILE: TileOp = TileOp::Exp;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.exp()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * at.output)]
    }
}
