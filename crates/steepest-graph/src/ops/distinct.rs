//! Indices without their repetitions.

use steepest_tensor::Tensor;

use crate::NO_ROW;
use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[k] = indices[k] where first[k] = k, else [`NO_ROW`].
///
/// `first` is the [first occurrence](super::first_occurrence::FirstOccurrence) of each index, so that every
/// row is left once, at the place where it was named first.
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct;

impl Rule for Distinct {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Index)?;
        let first = ops::needs(inputs[1], Element::Index)?;
        match shape.rank() {
            1 if first == shape => Ok(inputs[0]),
            1 => Err(ProblemKind::Shape { expected: shape, got: first }),
            _ => Err(ProblemKind::Rank { expected: "one axis", got: shape }),
        }
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero, Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let pairs = ops::as_indices(inputs[0]).into_iter().zip(ops::as_indices(inputs[1]));
        let kept = |(k, (index, first)): (usize, (usize, usize))| match first == k {
            true => index as u32,
            false => NO_ROW,
        };
        ops::indices(output.shape, pairs.enumerate().map(kept).collect())
    }
}
