//! Sums over axes.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y = Σ x over some axes, which disappear: `[a, b, c]` over axis 1 gives `[a, c]`.
///
/// The derivative repeats along them. The sum of nothing is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// The axes, sorted and without duplicates.
    pub axes: Vec<usize>,
}

impl Rule for Sum {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let shape = ops::needs(inputs[0], Element::Real)?;
        Ok(Type::real(ops::reduced(shape, &self.axes)?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let shape = at.inputs[0].shape();
        let kept = at.grad.reshape(ops::with_unit_axes(shape, &self.axes));
        vec![Partial::Of(kept.broadcast_to(shape))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let mut y = vec![0.0; output.shape.elements()];
        let place = ops::reduction(inputs[0].shape(), &self.axes);
        for (i, x) in inputs[0].to_f64().into_iter().enumerate() {
            y[place(i)] += x;
        }
        ops::tensor(output.shape, y)
    }
}
