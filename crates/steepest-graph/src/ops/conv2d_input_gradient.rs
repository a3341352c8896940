//! The derivative of a convolution by its images; also the transposed convolution.

use steepest_tensor::{Shape, Tensor, Window};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;
use crate::ops::conv2d::{Conv2d, IMAGES, Sizes, WEIGHT, check_weight, four_axes, positions};
use crate::ops::conv2d_weight_gradient::Conv2dWeightGradient;

/// x[n, i, c] = Σ over positions o, taps t and outputs k with o·s + t·d − p = i of g[n, o, k] · w[t, c, k].
///
/// For g of shape `[N, OH, OW, K]` and w of shape `[KH, KW, C / groups, K]` the result is `[N, H, W, C]`,
/// where H and W are `size`: those of the images that a [`Conv2d`] with the same window turns into
/// `OH × OW` positions. PyTorch's `ConvTranspose2d` is this operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2dInputGradient {
    /// Where the taps are.
    pub window: Window,
    /// The number of channel groups.
    pub groups: usize,
    /// Height and width of the images.
    pub size: [usize; 2],
}

impl Rule for Conv2dInputGradient {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let [images, height, width, outputs] = four_axes(inputs[0], IMAGES)?;
        let [.., inner, _] = four_axes(inputs[1], WEIGHT)?;
        let channels = inner.saturating_mul(self.groups);
        check_weight(&self.window, self.groups, channels, outputs, Some(inputs[1].shape))?;
        let shape = Shape::new(&[images, self.size[0], self.size[1], channels])?;
        let small = positions(&self.window, shape)?;
        if small != [height, width] {
            let expected = Shape::new(&[images, small[0], small[1], outputs])?;
            return Err(ProblemKind::Shape { expected, got: inputs[0].shape });
        }
        Ok(Type::real(shape))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (window, groups) = (self.window, self.groups);
        let (g, w, graph) = (at.inputs[0], at.inputs[1], at.grad.graph());
        vec![
            Partial::Of(graph.push(Conv2d { window, groups }, &[at.grad, w])),
            Partial::Of(graph.push(Conv2dWeightGradient { window, groups }, &[at.grad, g])),
        ]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (g, w) = (inputs[0].to_f64(), inputs[1].to_f64());
        let mut x = vec![0.0; output.shape.elements()];
        let sizes = Sizes::of(output.shape, inputs[0].shape(), self.groups);
        sizes.products(&self.window, |i, j, k| x[i] += g[k] * w[j]);
        ops::tensor(output.shape, x)
    }
}
