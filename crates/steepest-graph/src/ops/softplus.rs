//! The smooth rectifier.

use steepest_tensor::TileOp;

use crate::op::{Elementwise, Partial, Site};

/// y = ln(1 + eˣ), dy/dx = sigmoid x.
///
/// Computed as max(x, 0) + ln(1 + e^(−|x|)), which overflows nowhere and keeps its digits for x ≪ 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Softplus;

impl Elementwise for Softplus {
    const TILE: TileOp = TileOp::Softplus;

    fn eval([x, ..]: [f64; 3]) -> f64 {
        if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
    }

    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad * at.inputs[0].sigmoid())]
    }
}
