//! The choice between two values.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// w = y where x ≠ 0, else z; ∂w/∂x = 0, ∂w/∂y = 1 where x ≠ 0, ∂w/∂z = 1 where x = 0.
///
/// The derivative of what is not chosen is an exact 0, whatever arrives from above.
#[derive(Clone, Debug, PartialEq)]
pub struct Select;

impl Elementwise for Select {
    const TILE: TileOp = TileOp::Select;

    fn eval([x, y, z]: [f64; 3]) -> f64 {
        if x == 0.0 { z } else { y }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (x, zero) = (at.inputs[0], at.grad.zeros_like());
        vec![Partial::Zero, Partial::Of(x.select(at.grad, zero)), Partial::Of(x.select(zero, at.grad))]
    }
}
