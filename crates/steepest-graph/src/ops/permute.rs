//! Other orders of axes.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// The axes in another order: axis k of the result is axis `order[k]` of the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Permute {
    /// A permutation of the axes.
    pub order: Vec<usize>,
}

impl Rule for Permute {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let Type { shape, element } = inputs[0];
        let mut sorted = self.order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..shape.rank()) {
            return Err(ProblemKind::Order { order: self.order.clone(), shape });
        }
        let sizes: Vec<usize> = self.order.iter().map(|&axis| shape[axis]).collect();
        Ok(Type { shape: Shape::new(&sizes)?, element })
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let mut inverse = vec![0; self.order.len()];
        for (k, &axis) in self.order.iter().enumerate() {
            inverse[axis] = k;
        }
        vec![Partial::Of(at.grad.permute(&inverse))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let strides = inputs[0].shape().strides();
        ops::moved(inputs, output, |at| {
            Some((0, self.order.iter().zip(at).map(|(&axis, &i)| strides[axis] * i).sum()))
        })
    }
}
