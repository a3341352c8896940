//! Sums into rows of a table.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[r, …] = Σ of values[k, …] over the k with indices[k] = r, and 0 if there is none.
///
/// Values of shape `s ++ […]` and indices of shape `s` give a table `[rows, …]`. An index outside the
/// table adds nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct ScatterAdd {
    /// The number of rows of the result.
    pub rows: usize,
}

impl Rule for ScatterAdd {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let values = ops::needs(inputs[0], Element::Real)?;
        let indices = ops::needs(inputs[1], Element::Index)?;
        let row = values.get(indices.rank()..).unwrap_or(&[]);
        let expected = Shape::new(&[&indices[..], row].concat())?;
        if values != expected {
            return Err(ProblemKind::Shape { expected, got: values });
        }
        Ok(Type::real(Shape::new(&[&[self.rows], row].concat())?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad.gather_or_zero(at.inputs[1])), Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let values = inputs[0].to_f64();
        let width: usize = output.shape[1..].iter().product();
        let mut y = vec![0.0; output.shape.elements()];
        for (k, index) in ops::as_indices(inputs[1]).into_iter().enumerate() {
            if index < self.rows {
                for j in 0..width {
                    y[index * width + j] += values[k * width + j];
                }
            }
        }
        ops::tensor(output.shape, y)
    }
}
