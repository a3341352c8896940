//! The cosine.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = cos x, dy/dx = −sin x; x in radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Cos;

impl Elementwise for Cos {
    const TILE: TileOp = TileOp::Cos;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.cos()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(-(at.grad * at.inputs[0].sin()))]
    }
}
