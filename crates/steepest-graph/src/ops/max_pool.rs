//! Values at the maxima of windows.

use steepest_tensor::{Shape, Tensor, Window};

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;
use crate::ops::conv2d::{IMAGES, four_axes, positions};
use crate::ops::max_unpool::MaxUnpool;

/// y[n, o, c] = v[n, i*, c], where i* is the first pixel with the largest x[n, i, c] in the window at o.
///
/// Images x and v are `[N, H, W, C]`, the result is `[N, OH, OW, C]`. Max pooling is y for v = x. Padding is
/// never the maximum; the first NaN is. Of equal pixels the first in row-major order wins, as in PyTorch.
///
/// The result is linear in v; its derivative by v is [`MaxUnpool`]. In x it changes only in jumps.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool {
    /// Where the taps are.
    pub window: Window,
}

/// The positions of a pooling window, each of which must see a pixel.
pub(crate) fn pooled(window: &Window, image: Shape) -> Result<[usize; 2], ProblemKind> {
    let small = positions(window, image)?;
    let sees = |axis: usize, position: usize| {
        (0..window.kernel[axis]).any(|tap| {
            let at = position * window.stride[axis] + tap * window.dilation[axis];
            at.checked_sub(window.padding[axis]).is_some_and(|pixel| pixel < image[axis + 1])
        })
    };
    if (0..2).any(|axis| (0..small[axis]).any(|position| !sees(axis, position))) {
        return Err(ProblemKind::Window { window: *window, image });
    }
    Ok(small)
}

/// For each element of the result, the position in x of the maximum that it stands for.
pub(crate) fn winners(window: &Window, x: &Tensor, small: [usize; 2]) -> Vec<usize> {
    let (shape, x) = (x.shape(), x.to_f64());
    let [n, h, w, c] = [shape[0], shape[1], shape[2], shape[3]];
    let mut winners = Vec::with_capacity(n * small[0] * small[1] * c);
    for index in 0..n * small[0] * small[1] * c {
        let (channel, rest) = (index % c, index / c);
        let (ox, rest) = (rest % small[1], rest / small[1]);
        let (oy, image) = (rest % small[0], rest / small[0]);
        let at = |axis: usize, position: usize, tap: usize| {
            (position * window.stride[axis] + tap * window.dilation[axis]).checked_sub(window.padding[axis])
        };
        let mut best: Option<usize> = None;
        for tap in 0..window.taps() {
            let (ky, kx) = (tap / window.kernel[1], tap % window.kernel[1]);
            let (Some(iy), Some(ix)) = (at(0, oy, ky), at(1, ox, kx)) else { continue };
            if iy < h && ix < w {
                let here = ((image * h + iy) * w + ix) * c + channel;
                let wins = best.is_none_or(|best| x[here] > x[best] || x[here].is_nan() && !x[best].is_nan());
                best = if wins { Some(here) } else { best };
            }
        }
        winners.push(best.unwrap_or(0));
    }
    winners
}

impl Rule for MaxPool {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let [images, _, _, channels] = four_axes(inputs[0], IMAGES)?;
        four_axes(inputs[1], IMAGES)?;
        if inputs[0].shape != inputs[1].shape {
            return Err(ProblemKind::Shape { expected: inputs[0].shape, got: inputs[1].shape });
        }
        let [height, width] = pooled(&self.window, inputs[0].shape)?;
        Ok(Type::real(Shape::new(&[images, height, width, channels])?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let unpool = MaxUnpool { window: self.window };
        vec![Partial::Zero, Partial::Of(at.grad.graph().push(unpool, &[at.inputs[0], at.grad]))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let values = inputs[1].to_f64();
        let winners = winners(&self.window, inputs[0], [output.shape[1], output.shape[2]]);
        ops::tensor(output.shape, winners.into_iter().map(|i| values[i]).collect())
    }
}
