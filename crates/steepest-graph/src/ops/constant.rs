//! Numbers known when the graph is built.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};

/// One real number, of shape `[]`.
#[derive(Clone, Debug)]
pub struct Constant {
    /// The number.
    pub value: f64,
}

/// Two constants are equal if their bits are: NaN equals itself, and 0 differs from −0.
impl PartialEq for Constant {
    fn eq(&self, other: &Constant) -> bool {
        self.value.to_bits() == other.value.to_bits()
    }
}

impl Rule for Constant {
    fn infer(&self, _: &[Type]) -> Result<Type, ProblemKind> {
        Ok(Type::real(Shape::SCALAR))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        Vec::new()
    }

    fn reference(&self, _: &[&Tensor], _: Type) -> Tensor {
        Tensor::scalar(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_that_of_bits() {
        assert_eq!(Constant { value: f64::NAN }, Constant { value: f64::NAN });
        assert_ne!(Constant { value: 0.0 }, Constant { value: -0.0 });
    }
}
