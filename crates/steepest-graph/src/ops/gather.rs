//! Rows of a table.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[k, …] = table[indices[k], …]: a table `[rows, …]` and indices of shape `s` give `s ++ […]`.
///
/// The derivative by the table is row-sparse: only the rows that were read receive anything. An index
/// outside the table gives NaN, or zeros where that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Gather {
    /// Whether an index outside the table gives zeros: a padded position, or a user that nobody knows.
    pub or_zero: bool,
}

impl Gather {
    /// What an index outside the table gives.
    pub(crate) fn outside(&self) -> f64 {
        if self.or_zero { 0.0 } else { f64::NAN }
    }
}

impl Rule for Gather {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let table = ops::needs(inputs[0], Element::Real)?;
        let indices = ops::needs(inputs[1], Element::Index)?;
        let Some((_, row)) = table.split_first() else {
            return Err(ProblemKind::Rank { expected: "at least one axis", got: table });
        };
        Ok(Type::real(Shape::new(&[&indices[..], row].concat())?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (table, indices) = (at.inputs[0], at.inputs[1]);
        let n = indices.shape().elements();
        let values = at.grad.reshape(ops::with_first(table.shape(), n));
        vec![Partial::Rows { indices: indices.reshape([n]), values }, Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let table = inputs[0].to_f64();
        let width: usize = inputs[0].shape()[1..].iter().product();
        let mut y = Vec::with_capacity(output.shape.elements());
        for index in ops::as_indices(inputs[1]) {
            match table.get(index * width..(index + 1) * width) {
                Some(row) => y.extend_from_slice(row),
                None => y.extend(std::iter::repeat_n(self.outside(), width)),
            }
        }
        ops::tensor(output.shape, y)
    }
}
