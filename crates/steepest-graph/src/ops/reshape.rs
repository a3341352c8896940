//! Other shapes of the same elements.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// The same elements, in row-major order, under another shape with as many elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Reshape {
    /// The new shape.
    pub shape: Shape,
}

impl Rule for Reshape {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let Type { shape, element } = inputs[0];
        if shape.elements() != self.shape.elements() {
            return Err(ProblemKind::Elements { from: shape, to: self.shape });
        }
        Ok(Type { shape: self.shape, element })
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad.reshape(at.inputs[0].shape()))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut next = 0..;
        ops::moved(inputs, output, |_| next.next().map(|i| (0, i)))
    }
}
