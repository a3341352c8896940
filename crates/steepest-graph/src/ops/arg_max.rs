//! Positions of maxima.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// i = argmaxⱼ xⱼ along the last axis, which disappears: `[…, n] → […]`, an index.
///
/// The first position, if several elements are the maximum; NaN counts as the maximum.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgMax;

impl Rule for ArgMax {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Real)?;
        match shape.split_last() {
            None => Err(ProblemKind::Rank { expected: "at least one axis", got: shape }),
            Some((0, _)) => Err(ProblemKind::Empty { shape }),
            Some((_, leading)) => Ok(Type::index(Shape::new(leading)?)),
        }
    }

    fn derivative<'g>(&self, _: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Missing("a position is a whole number and changes in jumps")]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let x = inputs[0].to_f64();
        let first_max = |row: &[f64]| {
            (1..row.len()).fold(0, |best, j| {
                let above = row[j] > row[best] || (row[j].is_nan() && !row[best].is_nan());
                if above { j } else { best }
            })
        };
        let rows = x.chunks(inputs[0].shape().columns().max(1));
        ops::indices(output.shape, rows.map(|row| first_max(row) as u32).collect())
    }
}
