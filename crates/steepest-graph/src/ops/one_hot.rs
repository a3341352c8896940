//! Indices as unit vectors.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[k, c] = 1 where c = indices[k], else 0: indices of shape `s` give `s ++ [classes]`.
///
/// An index outside the classes gives NaN, as it does in [`Gather`](crate::ops::gather::Gather).
#[derive(Clone, Debug, PartialEq)]
pub struct OneHot {
    /// The number of classes.
    pub classes: usize,
}

impl Rule for OneHot {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let indices = ops::needs(inputs[0], Element::Index)?;
        Ok(Type::real(Shape::new(&[&indices[..], &[self.classes]].concat())?))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut y = vec![0.0; output.shape.elements()];
        let rows = y.chunks_mut(self.classes.max(1));
        for (row, index) in rows.zip(ops::as_indices(inputs[0])) {
            match row.get_mut(index) {
                Some(hit) => *hit = 1.0,
                None => row.fill(f64::NAN),
            }
        }
        ops::tensor(output.shape, y)
    }
}
