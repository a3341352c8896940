//! Part of the first pass: weights of convolutions in the order in which the kernels read them.

use std::sync::Arc;

use steepest_tensor::program::Channels;
use steepest_tensor::{Buffer, Shape, Tensor, Window};

use crate::op::{Op, Type};
use crate::ops;
use crate::passes::simplify::Flow;

impl Flow {
    /// A convolution's weight goes into panels; its derivative by the images, if the stride is 1, is a
    /// convolution with the weight turned around.
    pub(super) fn rewrite_convolution(&mut self, op: &Op, inputs: &[usize], ty: Type) -> Option<usize> {
        let (window, groups, transposed) = match op {
            Op::Conv2d(conv) => (conv.window, conv.groups, false),
            Op::Conv2dInputGradient(conv) => (conv.window, conv.groups, true),
            _ => return None,
        };
        let (x, weight) = (inputs[0], inputs[1]);
        // A weight in panels has one axis.
        let &[_, _, inner, outputs] = &self.shape(weight)[..] else { return None };
        if let Some(window) = mirrored(window).filter(|_| transposed) {
            let turned = self.turned(weight, groups);
            return Some(self.add(ops::conv2d::Conv2d { window, groups }.into(), vec![x, turned], ty));
        }
        let outer = outputs / groups;
        let (inner, outer) = if transposed { (outer, inner) } else { (inner, outer) };
        let channels = Channels { groups, inner, outer };
        if channels.depthwise() {
            return None;
        }
        let panels = self.panels(weight, &window, &channels, transposed);
        Some(self.add(op.clone(), vec![x, panels], ty))
    }

    /// `[groups, panels, taps · inner, width]` as one axis, padded by zeros.
    fn panels(&mut self, weight: usize, window: &Window, channels: &Channels, transposed: bool) -> usize {
        let Channels { groups, inner, outer } = *channels;
        let (taps, width, panels) = (window.taps(), channels.panel(), channels.panels());
        let missing = panels * width - outer;
        if transposed {
            let parts = self.reshape(weight, Shape::from([taps, outer, groups, inner]));
            let turned = self.permute(parts, &[2, 0, 3, 1]);
            let padded = self.pad(turned, 3, missing);
            let split = self.reshape(padded, Shape::from([groups, taps * inner, panels, width]));
            let moved = self.permute(split, &[0, 2, 1, 3]);
            return self.reshape(moved, Shape::from([groups * panels * taps * inner * width]));
        }
        let parts = self.reshape(weight, Shape::from([taps * inner, groups, outer]));
        let padded = self.pad(parts, 2, missing);
        let split = self.reshape(padded, Shape::from([taps * inner, groups, panels, width]));
        let moved = self.permute(split, &[1, 2, 0, 3]);
        self.reshape(moved, Shape::from([groups * panels * taps * inner * width]))
    }

    /// The weight with its taps in reverse, and read and written channels exchanged.
    fn turned(&mut self, weight: usize, groups: usize) -> usize {
        let &[kh, kw, inner, outputs] = &self.shape(weight)[..] else { return weight };
        let (taps, outer) = (kh * kw, outputs / groups);
        let mut rows = self.reshape(weight, Shape::from([taps, inner * outputs]));
        if taps > 1 {
            let reverse = Buffer::U32((0..taps as u32).rev().collect());
            let shape = Shape::from([taps]);
            let tensor = Arc::new(Tensor::new(shape, reverse).unwrap_or_else(|_| Tensor::scalar(0.0)));
            let indices = self.add(ops::literal::Literal { tensor }.into(), vec![], Type::index(shape));
            let ty = Type::real(self.shape(rows));
            rows = self.add(ops::gather::Gather { or_zero: false }.into(), vec![rows, indices], ty);
        }
        let parts = self.reshape(rows, Shape::from([taps, inner, groups, outer]));
        let exchanged = self.permute(parts, &[0, 3, 2, 1]);
        self.reshape(exchanged, Shape::from([kh, kw, outer, groups * inner]))
    }

    fn permute(&mut self, x: usize, order: &[usize]) -> usize {
        let sizes: Vec<usize> = order.iter().map(|&axis| self.shape(x)[axis]).collect();
        let shape = Shape::new(&sizes).unwrap_or(self.shape(x));
        let op = ops::permute::Permute { order: order.to_vec() };
        self.add(op.into(), vec![x], Type::real(shape))
    }

    /// Zeros behind an axis.
    fn pad(&mut self, x: usize, axis: usize, after: usize) -> usize {
        if after == 0 {
            return x;
        }
        let shape = self.shape(x);
        let padded = ops::with_axis(shape, axis, shape[axis] + after).unwrap_or(shape);
        self.add(ops::pad::Pad { axis, before: 0, after }.into(), vec![x], Type::real(padded))
    }
}

/// The window of the convolution that is the derivative by the images, for stride 1: it reaches as far beyond
/// the positions as the taps reach over the padding. `None` if there is more padding than that, or more stride.
fn mirrored(window: Window) -> Option<Window> {
    (window.stride == [1, 1]).then_some(())?;
    let reach = |axis: usize| window.reach(axis)?.checked_sub(1)?.checked_sub(window.padding[axis]);
    Some(window.padding([reach(0)?, reach(1)?]))
}
