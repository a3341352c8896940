//! Maxima over axes.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y = max x over some axes, which disappear: `[a, b, c]` over axis 1 gives `[a, c]`.
///
/// The derivative goes to the maximum; where several elements are the maximum, they share it equally.
/// NaN counts as the maximum. The maximum of nothing is an error of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Max {
    /// The axes, sorted and without duplicates.
    pub axes: Vec<usize>,
}

impl Rule for Max {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Real)?;
        let reduced = ops::reduced(shape, &self.axes)?;
        if self.axes.iter().any(|&axis| shape[axis] == 0) {
            return Err(ProblemKind::Empty { shape });
        }
        Ok(Type::real(reduced))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let x = at.inputs[0];
        let unit = ops::with_unit_axes(x.shape(), &self.axes);
        let is_max = x.equal(at.output.reshape(unit));
        let share = at.grad / is_max.sum_over(&self.axes);
        vec![Partial::Of(is_max.select(share.reshape(unit), x.constant(0.0)))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut y = vec![f64::NEG_INFINITY; output.shape.elements()];
        let place = ops::reduction(inputs[0].shape(), &self.axes);
        for (i, x) in inputs[0].to_f64().into_iter().enumerate() {
            let max = &mut y[place(i)];
            if x > *max || x.is_nan() {
                *max = x;
            }
        }
        ops::tensor(output.shape, y)
    }
}
