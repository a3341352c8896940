//! Values fed by the host.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// A tensor that the host feeds at every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The name it is fed under.
    pub name: String,
    /// Its shape and element.
    pub ty: Type,
}

impl Rule for Input {
    fn infer(&self, _: &[Type]) -> Result<Type, ProblemKind> {
        Ok(self.ty)
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        Vec::new()
    }

    /// Not fed: NaN, or index 0.
    fn reference(&self, _: &[&Tensor], output: Type) -> Tensor {
        ops::unfed(output)
    }
}
