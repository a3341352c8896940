//! Which row of a sparse matrix each of its entries stands in.

use steepest_tensor::{Shape, Tensor};

use crate::NO_ROW;
use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[k] = r where offsets[r] ≤ k < offsets[r + 1], for `capacity` positions k; [`NO_ROW`] behind the last.
///
/// Offsets `[rows + 1]` begin with 0 and do not fall; what a falling one hides belongs to the later row.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    /// The number of positions.
    pub capacity: usize,
}

impl Rule for Segments {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Index)?;
        if shape.rank() != 1 || shape[0] == 0 {
            return Err(ProblemKind::Rank { expected: "one axis of at least one offset", got: shape });
        }
        Ok(Type::index(Shape::new(&[self.capacity])?))
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Zero]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut y = vec![NO_ROW; self.capacity];
        for (row, range) in ops::as_indices(inputs[0]).windows(2).enumerate() {
            let end = range[1].min(self.capacity);
            y[range[0].min(end)..end].fill(row as u32);
        }
        ops::indices(output.shape, y)
    }
}
