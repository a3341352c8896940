//! Several values as one.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// Values one after the other along an axis; their other axes are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Concat {
    /// The axis.
    pub axis: usize,
}

impl Rule for Concat {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let Type { shape, element } = inputs[0];
        let mut total = ops::axis_size(shape, self.axis)?;
        for input in &inputs[1..] {
            let got = ops::needs(*input, element)?;
            let size = got.get(self.axis).copied().unwrap_or(shape[self.axis]);
            let expected = ops::with_axis(shape, self.axis, size)?;
            if got != expected {
                return Err(ProblemKind::Shape { expected, got });
            }
            total += size;
        }
        Ok(Type { shape: ops::with_axis(shape, self.axis, total)?, element })
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let mut start = 0;
        let mut part = |size: usize| {
            start += size;
            Partial::Of(at.grad.slice(self.axis, start - size, start))
        };
        at.inputs.iter().map(|input| part(input.shape()[self.axis])).collect()
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        ops::moved(inputs, output, |at| {
            let mut at = at.to_vec();
            for (k, input) in inputs.iter().enumerate() {
                let size = input.shape()[self.axis];
                if at[self.axis] < size {
                    return Some((k, ops::position(input.shape(), &at)));
                }
                at[self.axis] -= size;
            }
            None
        })
    }
}
