//! Convolution of images.

use steepest_tensor::{Shape, Tensor, Window};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;
use crate::ops::conv2d_input_gradient::Conv2dInputGradient;
use crate::ops::conv2d_weight_gradient::Conv2dWeightGradient;

/// y[n, o, k] = Σ over taps t and channels c of x[n, o·s + t·d − p, c] · w[t, c, k].
///
/// Images are `[N, H, W, C]`, channels last; the weight is `[KH, KW, C / groups, K]`; the result is
/// `[N, OH, OW, K]` with the window's positions ([`Window::positions`]). With groups, channel block g of the
/// image meets channel block g of the result only. As everywhere in deep learning the kernel is not
/// flipped. PyTorch's images are `[N, C, H, W]` and its weight `[K, C / groups, KH, KW]`.
///
/// The product is bilinear: its derivatives are [`Conv2dInputGradient`] and [`Conv2dWeightGradient`], whose
/// own derivatives are again members of the three.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// Where the taps are.
    pub window: Window,
    /// The number of channel groups.
    pub groups: usize,
}

/// Sizes of a convolution's three values: images x, weight w, result y.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub images: usize,
    pub large: [usize; 2],
    pub small: [usize; 2],
    pub groups: usize,
    /// Channels of a group in x, and in y.
    pub inner: usize,
    pub outer: usize,
}

impl Sizes {
    /// From the shapes of x and y.
    pub fn of(x: Shape, y: Shape, groups: usize) -> Sizes {
        let (inner, outer) = (x[3] / groups, y[3] / groups);
        Sizes { images: x[0], large: [x[1], x[2]], small: [y[1], y[2]], groups, inner, outer }
    }

    /// Calls `each` with the positions in x, w and y of every product of the convolution.
    pub fn products(&self, window: &Window, mut each: impl FnMut(usize, usize, usize)) {
        let Sizes { images, large, small, groups, inner, outer } = *self;
        let [kh, kw] = window.kernel;
        let at = |axis: usize, position: usize, tap: usize| {
            (position * window.stride[axis] + tap * window.dilation[axis])
                .checked_sub(window.padding[axis])
                .filter(|&pixel| pixel < large[axis])
        };
        for n in 0..images {
            for p in 0..small[0] * small[1] {
                let (oy, ox) = (p / small[1], p % small[1]);
                for t in 0..kh * kw {
                    let (Some(iy), Some(ix)) = (at(0, oy, t / kw), at(1, ox, t % kw)) else { continue };
                    for g in 0..groups {
                        for c in 0..inner {
                            let x = ((n * large[0] + iy) * large[1] + ix) * groups * inner + g * inner + c;
                            for k in 0..outer {
                                let k = g * outer + k;
                                let w = (t * inner + c) * groups * outer + k;
                                let y = ((n * small[0] + oy) * small[1] + ox) * groups * outer + k;
                                each(x, w, y);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A shape of four axes.
pub(crate) fn four_axes(ty: Type, expected: &'static str) -> Result<[usize; 4], ProblemKind> {
    let shape = ops::needs(ty, Element::Real)?;
    <[usize; 4]>::try_from(&shape[..]).map_err(|_| ProblemKind::Rank { expected, got: shape })
}

/// The positions of a window over images of a shape.
pub(crate) fn positions(window: &Window, image: Shape) -> Result<[usize; 2], ProblemKind> {
    window.positions([image[1], image[2]]).ok_or(ProblemKind::Window { window: *window, image })
}

/// Checks that groups divide the channels, and that a weight has the shape that belongs to them.
pub(crate) fn check_weight(
    window: &Window,
    groups: usize,
    inner: usize,
    outer: usize,
    weight: Option<Shape>,
) -> Result<Shape, ProblemKind> {
    if groups == 0 || !inner.is_multiple_of(groups) || !outer.is_multiple_of(groups) {
        return Err(ProblemKind::Groups { groups, inner, outer });
    }
    let [kh, kw] = window.kernel;
    let expected = Shape::new(&[kh, kw, inner / groups, outer])?;
    match weight {
        Some(got) if got != expected => Err(ProblemKind::Shape { expected, got }),
        _ => Ok(expected),
    }
}

pub(crate) const IMAGES: &str = "four axes, [images, height, width, channels]";
pub(crate) const WEIGHT: &str = "four axes, [kernel height, kernel width, channels, outputs]";

impl Rule for Conv2d {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let [images, _, _, channels] = four_axes(inputs[0], IMAGES)?;
        let [.., outputs] = four_axes(inputs[1], WEIGHT)?;
        check_weight(&self.window, self.groups, channels, outputs, Some(inputs[1].shape))?;
        let [height, width] = positions(&self.window, inputs[0].shape)?;
        Ok(Type::real(Shape::new(&[images, height, width, outputs])?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (window, groups) = (self.window, self.groups);
        let (x, w, graph) = (at.inputs[0], at.inputs[1], at.grad.graph());
        let size = [x.dim(1), x.dim(2)];
        vec![
            Partial::Of(graph.push(Conv2dInputGradient { window, groups, size }, &[at.grad, w])),
            Partial::Of(graph.push(Conv2dWeightGradient { window, groups }, &[x, at.grad])),
        ]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (x, w) = (inputs[0].to_f64(), inputs[1].to_f64());
        let mut y = vec![0.0; output.shape.elements()];
        let sizes = Sizes::of(inputs[0].shape(), output.shape, self.groups);
        sizes.products(&self.window, |i, j, k| y[k] += x[i] * w[j]);
        ops::tensor(output.shape, y)
    }
}
