//! The derivative of a convolution by its weight.

use steepest_tensor::{Tensor, Window};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;
use crate::ops::conv2d::{Conv2d, IMAGES, Sizes, check_weight, four_axes, positions};
use crate::ops::conv2d_input_gradient::Conv2dInputGradient;

/// w[t, c, k] = Σ over images n and positions o of x[n, o·s + t·d − p, c] · g[n, o, k].
///
/// For images `[N, H, W, C]` and g of shape `[N, OH, OW, K]` the result is `[KH, KW, C / groups, K]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2dWeightGradient {
    /// Where the taps are.
    pub window: Window,
    /// The number of channel groups.
    pub groups: usize,
}

impl Rule for Conv2dWeightGradient {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let [images, _, _, channels] = four_axes(inputs[0], IMAGES)?;
        let [.., outputs] = four_axes(inputs[1], IMAGES)?;
        let weight = check_weight(&self.window, self.groups, channels, outputs, None)?;
        let [height, width] = positions(&self.window, inputs[0].shape)?;
        let expected = steepest_tensor::Shape::new(&[images, height, width, outputs])?;
        if inputs[1].shape != expected {
            return Err(ProblemKind::Shape { expected, got: inputs[1].shape });
        }
        Ok(Type::real(weight))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (window, groups) = (self.window, self.groups);
        let (x, g, graph) = (at.inputs[0], at.inputs[1], at.grad.graph());
        let size = [x.dim(1), x.dim(2)];
        vec![
            Partial::Of(graph.push(Conv2dInputGradient { window, groups, size }, &[g, at.grad])),
            Partial::Of(graph.push(Conv2d { window, groups }, &[x, at.grad])),
        ]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (x, g) = (inputs[0].to_f64(), inputs[1].to_f64());
        let mut w = vec![0.0; output.shape.elements()];
        let sizes = Sizes::of(inputs[0].shape(), inputs[1].shape(), self.groups);
        sizes.products(&self.window, |i, j, k| w[j] += x[i] * g[k]);
        ops::tensor(output.shape, w)
    }
}
