//! Variables.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::graph::VariableId;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// A variable's value at the beginning of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The variable.
    pub variable: VariableId,
    /// Its shape.
    pub shape: Shape,
}

impl Rule for Read {
    fn infer(&self, _: &[Type]) -> Result<Type, ProblemKind> {
        Ok(Type::real(self.shape))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        Vec::new()
    }

    /// The interpreter knows the variables; without them, NaN.
    fn reference(&self, _: &[&Tensor], output: Type) -> Tensor {
        ops::unfed(output)
    }
}
