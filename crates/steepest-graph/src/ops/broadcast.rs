//! Repetition.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// The value repeated to a shape: axes are aligned from the right; missing axes and axes of size 1 repeat.
///
/// The derivative is the sum over the repetitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Broadcast {
    /// The new shape.
    pub shape: Shape,
}

impl Broadcast {
    /// The size that the value has at an axis of the result; 1 if the axis is new.
    fn size_before(&self, value: &Shape, axis: usize) -> usize {
        (axis + value.rank()).checked_sub(self.shape.rank()).map_or(1, |own| value[own])
    }
}

impl Rule for Broadcast {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let Type { shape, element } = inputs[0];
        let fits = |axis| [1, self.shape[axis]].contains(&self.size_before(&shape, axis));
        if shape.rank() > self.shape.rank() || !(0..self.shape.rank()).all(fits) {
            return Err(ProblemKind::Repeat { from: shape, to: self.shape });
        }
        Ok(Type { shape: self.shape, element })
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let shape = at.inputs[0].shape();
        let repeated: Vec<usize> =
            (0..self.shape.rank()).filter(|&axis| self.size_before(&shape, axis) != self.shape[axis]).collect();
        vec![Partial::Of(at.grad.sum_over(&repeated).reshape(shape))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (shape, strides) = (inputs[0].shape(), inputs[0].shape().strides());
        let new = output.shape.rank() - shape.rank();
        ops::moved(inputs, output, |at| {
            Some((0, (0..shape.rank()).map(|axis| strides[axis] * at[new + axis].min(shape[axis] - 1)).sum()))
        })
    }
}

/// The common shape of two values, if they broadcast.
pub(crate) fn broadcast_shape(left: Shape, right: Shape) -> Option<Shape> {
    let rank = left.rank().max(right.rank());
    let size = |shape: &Shape, axis: usize| match (axis + shape.rank()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    let mut sizes = Vec::with_capacity(rank);
    for axis in 0..rank {
        sizes.push(match (size(&left, axis), size(&right, axis)) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            _ => return None,
        });
    }
    Shape::new(&sizes).ok()
}
