//! Zeros around an axis.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// `before` zeros in front of an axis and `after` behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// The axis.
    pub axis: usize,
    /// Zeros in front.
    pub before: usize,
    /// Zeros behind.
    pub after: usize,
}

impl Rule for Pad {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Real)?;
        let size = ops::axis_size(shape, self.axis)?;
        let padded = self.before.checked_add(size).and_then(|n| n.checked_add(self.after));
        let padded = padded.ok_or(ProblemKind::TooLong { size, before: self.before, after: self.after })?;
        Ok(Type::real(ops::with_axis(shape, self.axis, padded)?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let end = self.before + at.inputs[0].shape()[self.axis];
        vec![Partial::Of(at.grad.slice(self.axis, self.before, end))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let shape = inputs[0].shape();
        ops::moved(inputs, output, |at| {
            let mut at = at.to_vec();
            at[self.axis] = at[self.axis].checked_sub(self.before).filter(|&i| i < shape[self.axis])?;
            Some((0, ops::position(shape, &at)))
        })
    }
}
