//! Numbers fed by the host.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// A number that the host feeds at every step, of shape `[]`.
#[derive(Clone, Debug, PartialEq)]
pub struct HostScalar {
    /// The name it is fed under.
    pub name: String,
}

impl Rule for HostScalar {
    fn infer(&self, _: &[Type]) -> Result<Type, ProblemKind> {
        Ok(Type::real(Shape::SCALAR))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        Vec::new()
    }

    /// Not fed: NaN.
    fn reference(&self, _: &[&Tensor], output: Type) -> Tensor {
        ops::unfed(output)
    }
}
