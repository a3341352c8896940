//! The smaller of two values.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};
use crate::ops::share;

/// z = min(x, y); the derivative goes to the smaller, half to each where x = y. NaN if either is.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum;

impl Elementwise for Minimum {
    const TILE: TileOp = TileOp::Minimum;

    fn eval([x, y, ..]: [f64; 3]) -> f64 {
        if x < y || x.is_nan() { x } else { y }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (x, y) = (at.inputs[0], at.inputs[1]);
        vec![Partial::Of(share(at.grad, x.less(y), x.equal(y))), Partial::Of(share(at.grad, y.less(x), x.equal(y)))]
    }
}
