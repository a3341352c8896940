//! The negative.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = −x, dy/dx = −1.
#[derive(Clone, Debug, PartialEq)]
pub struct Neg;

impl Elementwise for Neg {
    const TILE: TileOp = TileOp::Neg;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        -x
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(-at.grad)]
    }
}
