//! Random numbers.

use steepest_tensor::{Key, Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// Uniform numbers in `[0, 1)`, a pure function of key, step and position.
///
/// uᵢ = ⌊wᵢ / 2⁸⌋ · 2⁻²⁴ where wᵢ is word `i mod 4` of `key.at(step).words(⌊i / 4⌋)`: 24 random bits, so
/// that single and double precision agree exactly. The one input is the step, of shape `[]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Uniform {
    /// The stream of random numbers.
    pub key: Key,
    /// The shape of the result.
    pub shape: Shape,
}

impl Uniform {
    /// Element `index` at a step.
    pub(crate) fn element(&self, step: u64, index: usize) -> f64 {
        let word = self.key.at(step).words(index as u64 / 4)[index % 4];
        f64::from(word >> 8) * (1.0 / f64::from(1u32 << 24))
    }
}

impl Rule for Uniform {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let step = ops::needs(inputs[0], Element::Real)?;
        if step.rank() != 0 {
            return Err(ProblemKind::Shape { expected: Shape::SCALAR, got: step });
        }
        Ok(Type::real(self.shape))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let step = inputs[0].to_f64()[0] as u64;
        ops::tensor(output.shape, (0..output.shape.elements()).map(|i| self.element(step, i)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_24_bits_and_depend_on_the_step() {
        let op = Uniform { key: Key::new(5), shape: Shape::from([9]) };
        let draw = |step: f64| op.reference(&[&Tensor::scalar(step)], Type::real([9])).to_f64();
        let scaled: Vec<f64> = draw(3.0).iter().map(|u| u * f64::from(1 << 24)).collect();
        assert!(scaled.iter().all(|u| u.fract() == 0.0 && (0.0..f64::from(1 << 24)).contains(u)));
        assert_eq!(scaled[6], f64::from(Key::new(5).at(3).words(1)[2] >> 8));
        assert_ne!(draw(3.0), draw(4.0));
    }
}
