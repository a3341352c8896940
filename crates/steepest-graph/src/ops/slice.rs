//! Ranges of an axis.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// Positions `start..end` of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The axis.
    pub axis: usize,
    /// The first position.
    pub start: usize,
    /// One past the last position.
    pub end: usize,
}

impl Rule for Slice {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let Type { shape, element } = inputs[0];
        let size = ops::axis_size(shape, self.axis)?;
        let Slice { axis, start, end } = *self;
        if start > end || end > size {
            return Err(ProblemKind::Range { axis, start, end, shape });
        }
        Ok(Type { shape: ops::with_axis(shape, axis, end - start)?, element })
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let after = at.inputs[0].shape()[self.axis] - self.end;
        vec![Partial::Of(at.grad.pad(self.axis, self.start, after))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let shape: Shape = inputs[0].shape();
        ops::moved(inputs, output, |at| {
            Some((0, ops::position(shape, at) + shape.strides()[self.axis] * self.start))
        })
    }
}
