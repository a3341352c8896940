//! Where a value's elements are in memory, seen through views.

use steepest_tensor::Shape;
use steepest_tensor::program::Stride;

use super::{Item, Lowering};
use crate::op::Op;

/// Where the elements of a value are within another one's: the value, the first element, and sizes and strides of
/// the axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub value: usize,
    pub offset: usize,
    pub axes: Vec<(usize, usize)>,
}

impl Lowering<'_> {
    /// A copy from where a value's elements are to one behind the other.
    pub(super) fn moved(&mut self, node: usize) -> Item {
        let Layout { value, offset, axes } = self.layout(node);
        self.copy(node, value, offset, axes.into_iter().map(|(_, stride)| stride).collect())
    }

    /// Where a node's elements are, seen through views.
    pub(super) fn layout(&self, node: usize) -> Layout {
        let flow = self.flow;
        let (shape, inputs) = (flow.shape(node), &flow.nodes[node].inputs);
        let dense = || {
            let axes = shape.iter().copied().zip(shape.strides()).collect();
            Layout { value: node, offset: 0, axes }
        };
        match &flow.nodes[node].op {
            Op::Permute(permute) => {
                let inner = self.layout(inputs[0]);
                let axes = permute.order.iter().map(|&axis| inner.axes[axis]).collect();
                Layout { axes, ..inner }
            }
            Op::Slice(slice) => {
                let mut inner = self.layout(inputs[0]);
                inner.offset += slice.start * inner.axes[slice.axis].1;
                inner.axes[slice.axis].0 = slice.end - slice.start;
                inner
            }
            Op::Reshape(_) => {
                let inner = self.layout(inputs[0]);
                match split(&inner.axes, shape) {
                    // Axes of size 1 count as dense where the others are.
                    Some(axes) if same(&axes, &dense().axes) => Layout { axes: dense().axes, ..inner },
                    Some(axes) => Layout { axes, ..inner },
                    None => dense(),
                }
            }
            _ => dense(),
        }
    }
}

/// Axes without those of size 1, and with neighbours joined that follow one another in memory.
fn joined(axes: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for &(size, stride) in axes.iter().filter(|(size, _)| *size != 1) {
        match joined.last_mut() {
            Some(last) if last.1 == size * stride => *last = (last.0 * size, stride),
            _ => joined.push((size, stride)),
        }
    }
    joined
}

/// The strides of matrices in a batch, if there are no more than two.
pub(super) fn batch_stride(axes: &[(usize, usize)]) -> Option<Stride> {
    match joined(axes)[..] {
        [] => Some(Stride::plain(0)),
        [(_, outer)] => Some(Stride::plain(outer)),
        [(_, outer), inner] => Some(Stride { outer, inner }),
        _ => None,
    }
}

/// Whether two layouts are the same, whatever the strides of axes of size 1.
fn same(a: &[(usize, usize)], b: &[(usize, usize)]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.0 == 1 || a.1 == b.1)
}

/// The strides of the same elements under another shape, if there are any.
fn split(axes: &[(usize, usize)], shape: Shape) -> Option<Vec<(usize, usize)>> {
    if shape.elements() == 0 {
        return None;
    }
    let mut runs = joined(axes).into_iter();
    let mut run = (1, 0);
    let mut found = Vec::with_capacity(shape.rank());
    for &size in shape.iter() {
        if size == 1 {
            found.push((1, 0));
            continue;
        }
        if run.0 == 1 {
            run = runs.next()?;
        }
        if !run.0.is_multiple_of(size) {
            return None;
        }
        run.0 /= size;
        found.push((size, run.1 * run.0));
    }
    Some(found)
}
