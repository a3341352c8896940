//! The sine.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = sin x, dy/dx = cos x; x in radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Sin;

impl Elementwise for Sin {
    const TILE: TileOp = TileOp::Sin;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        x.sin()
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * at.inputs[0].cos())]
    }
}
