//! Values added at the maxima of windows.

use steepest_tensor::{Shape, Tensor, Window};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;
use crate::ops::conv2d::{IMAGES, four_axes};
use crate::ops::max_pool::{MaxPool, pooled, winners};

/// z[n, i, c] = Σ of g[n, o, c] over the positions o whose first maximum of x is pixel i.
///
/// For images x of shape `[N, H, W, C]` and g of shape `[N, OH, OW, C]` the result has the shape of x. It is
/// linear in g, with the derivative [`MaxPool`]; in x it changes only in jumps.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxUnpool {
    /// Where the taps are.
    pub window: Window,
}

impl Rule for MaxUnpool {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let [images, _, _, channels] = four_axes(inputs[0], IMAGES)?;
        four_axes(inputs[1], IMAGES)?;
        let [height, width] = pooled(&self.window, inputs[0].shape)?;
        let expected = Shape::new(&[images, height, width, channels])?;
        if inputs[1].shape != expected {
            return Err(ProblemKind::Shape { expected, got: inputs[1].shape });
        }
        Ok(inputs[0])
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let pool = MaxPool { window: self.window };
        vec![Partial::Zero, Partial::Of(at.grad.graph().push(pool, &[at.inputs[0], at.grad]))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let small = inputs[1].shape();
        let mut z = vec![0.0; output.shape.elements()];
        let winners = winners(&self.window, inputs[0], [small[1], small[2]]);
        for (at, value) in winners.into_iter().zip(inputs[1].to_f64()) {
            z[at] += value;
        }
        ops::tensor(output.shape, z)
    }
}
