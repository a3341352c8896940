//! Where each row was named first.

use std::collections::HashMap;

use steepest_tensor::Tensor;

use crate::NO_ROW;
use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[k] = the smallest j with indices[j] = indices[k], for indices `[n]`; [`NO_ROW`] for an index that is not
/// below `rows`.
///
/// A sum over equal indices is then a `scatter_add` to n rows, of which those at first occurrences hold
/// something.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstOccurrence {
    /// Indices are below this.
    pub rows: usize,
}

impl Rule for FirstOccurrence {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Index)?;
        match shape.rank() {
            1 => Ok(inputs[0]),
            _ => Err(ProblemKind::Rank { expected: "one axis", got: shape }),
        }
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut first = HashMap::new();
        let position = |(k, index): (usize, usize)| match index < self.rows {
            true => *first.entry(index).or_insert(k as u32),
            false => NO_ROW,
        };
        let y = ops::as_indices(inputs[0]).into_iter().enumerate().map(position).collect();
        ops::indices(output.shape, y)
    }
}
