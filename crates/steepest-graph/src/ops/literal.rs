//! Tensors known when the graph is built.

use std::sync::Arc;

use steepest_tensor::{DType, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// A tensor of any shape; `u32` tensors are indices, others reals.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The numbers.
    pub tensor: Arc<Tensor>,
}

/// Two literals are equal if they are the same tensor, or equal number by number.
impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        Arc::ptr_eq(&self.tensor, &other.tensor) || self.tensor == other.tensor
    }
}

impl Rule for Literal {
    fn infer(&self, _: &[Type]) -> Result<Type, ProblemKind> {
        let shape = self.tensor.shape();
        Ok(if self.tensor.dtype() == DType::U32 { Type::index(shape) } else { Type::real(shape) })
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        Vec::new()
    }

    fn reference(&self, _: &[&Tensor], output: Type) -> Tensor {
        ops::as_reference(&self.tensor, output)
    }
}
