//! The primitive operations, one file each, and what their rules share.

use steepest_tensor::{Buffer, DType, Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Op, Type};
use crate::var::Var;

macro_rules! modules {
    ($($module:ident),* $(,)?) => { $(pub mod $module;)* };
}

modules! {
    input, host_scalar, read, constant, literal, uniform,
    neg, abs, sign, exp, ln, sqrt, tanh, sigmoid, softplus, relu, erf, sin, cos, floor,
    add, sub, mul, div, pow, maximum, minimum, less, less_equal, equal, select,
    sum, max, arg_max,
    reshape, permute, broadcast, slice, pad, concat,
    matmul, gather, scatter_add, one_hot, scan, stop_gradient, custom_derivative,
    add_rows, set_rows, first_occurrence, distinct, segments, sparse_matmul,
    conv2d, conv2d_input_gradient, conv2d_weight_gradient, max_pool, max_unpool,
}

/// A tensor of doubles from a reference kernel, whose number of values is right by construction.
pub(crate) fn tensor(shape: Shape, values: Vec<f64>) -> Tensor {
    debug_assert_eq!(shape.elements(), values.len());
    Tensor::new(shape, Buffer::F64(values)).unwrap_or_else(|_| Tensor::scalar(f64::NAN))
}

/// A tensor of indices from a reference kernel, whose number of values is right by construction.
pub(crate) fn indices(shape: Shape, values: Vec<u32>) -> Tensor {
    debug_assert_eq!(shape.elements(), values.len());
    Tensor::new(shape, Buffer::U32(values)).unwrap_or_else(|_| Tensor::scalar(f64::NAN))
}

/// The values of an index tensor.
pub(crate) fn as_indices(tensor: &Tensor) -> Vec<usize> {
    match tensor.buffer() {
        Buffer::U32(values) => values.iter().map(|&i| i as usize).collect(),
        _ => tensor.to_f64().into_iter().map(|x| x as usize).collect(),
    }
}

/// A tensor in the element type of the reference kernels: `f64` for reals, `u32` for indices.
pub(crate) fn as_reference(tensor: &Tensor, ty: Type) -> Tensor {
    tensor.cast(if ty.element == Element::Real { DType::F64 } else { DType::U32 })
}

/// What stands for a value that nobody fed: NaN, or index 0.
pub(crate) fn unfed(ty: Type) -> Tensor {
    as_reference(&tensor(ty.shape, vec![f64::NAN; ty.shape.elements()]), ty)
}

/// The shape, if the elements are what is needed.
pub(crate) fn needs(ty: Type, expected: Element) -> Result<Shape, ProblemKind> {
    if ty.element == expected {
        Ok(ty.shape)
    } else {
        Err(ProblemKind::Element { expected, got: ty.element })
    }
}

/// The type of a table of which some rows change: a table `[rows, …]`, indices `[n]` and values `[n, …]`.
pub(crate) fn rows_of_a_table(inputs: &[Type]) -> Result<Type, ProblemKind> {
    let table = needs(inputs[0], Element::Real)?;
    let indices = needs(inputs[1], Element::Index)?;
    let values = needs(inputs[2], Element::Real)?;
    let Some((_, row)) = table.split_first() else {
        return Err(ProblemKind::Rank { expected: "at least one axis", got: table });
    };
    let &[n] = &indices[..] else { return Err(ProblemKind::Rank { expected: "one axis", got: indices }) };
    let expected = Shape::new(&[&[n], row].concat())?;
    if values == expected { Ok(inputs[0]) } else { Err(ProblemKind::Shape { expected, got: values }) }
}

/// The size of an axis, if it exists.
pub(crate) fn axis_size(shape: Shape, axis: usize) -> Result<usize, ProblemKind> {
    shape.get(axis).copied().ok_or(ProblemKind::Axis { axis: axis as isize, shape })
}

/// The shape with another size at an axis that exists.
pub(crate) fn with_axis(shape: Shape, axis: usize, size: usize) -> Result<Shape, ProblemKind> {
    let mut sizes = shape.to_vec();
    sizes[axis] = size;
    Ok(Shape::new(&sizes)?)
}

/// The shape with another first size; for shapes that are known to be representable.
pub(crate) fn with_first(shape: Shape, size: usize) -> Shape {
    with_axis(shape, 0, size).unwrap_or(shape)
}

/// The shape without some axes.
pub(crate) fn reduced(shape: Shape, axes: &[usize]) -> Result<Shape, ProblemKind> {
    for &axis in axes {
        axis_size(shape, axis)?;
    }
    let kept = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    Ok(Shape::new(&kept.map(|(_, &size)| size).collect::<Vec<_>>())?)
}

/// The shape with size 1 at some axes.
pub(crate) fn with_unit_axes(shape: Shape, axes: &[usize]) -> Shape {
    axes.iter().fold(shape, |shape, &axis| with_axis(shape, axis, 1).unwrap_or(shape))
}

/// For a reduction over `axes`: where the element at a row-major position of `shape` goes.
pub(crate) fn reduction(shape: Shape, axes: &[usize]) -> impl Fn(usize) -> usize {
    let unit = with_unit_axes(shape, axes).strides();
    let strides: Vec<usize> =
        (0..shape.rank()).map(|axis| if axes.contains(&axis) { 0 } else { unit[axis] }).collect();
    move |index| coordinates(shape, index).iter().zip(&strides).map(|(i, stride)| i * stride).sum()
}

/// The coordinates of a row-major position.
pub(crate) fn coordinates(shape: Shape, mut index: usize) -> Vec<usize> {
    let mut at = vec![0; shape.rank()];
    for (i, &size) in at.iter_mut().zip(shape.iter()).rev() {
        *i = index % size;
        index /= size;
    }
    at
}

/// The row-major position of coordinates.
pub(crate) fn position(shape: Shape, at: &[usize]) -> usize {
    at.iter().zip(shape.strides()).map(|(i, stride)| i * stride).sum()
}

/// A tensor whose element at each coordinate is that of input `k` at position `i`, for
/// `source(coordinates) = Some((k, i))`, and 0 for `None`. Reals and indices alike.
pub(crate) fn moved(
    inputs: &[&Tensor],
    output: Type,
    mut source: impl FnMut(&[usize]) -> Option<(usize, usize)>,
) -> Tensor {
    let inputs: Vec<Vec<f64>> = inputs.iter().map(|t| t.to_f64()).collect();
    let values = (0..output.shape.elements())
        .map(|i| source(&coordinates(output.shape, i)).map_or(0.0, |(k, i)| inputs[k][i]))
        .collect();
    as_reference(&tensor(output.shape, values), output)
}

/// What one of two rivals receives: all where it wins, half where they tie, else 0.
#[track_caller]
pub(crate) fn share<'g>(grad: Var<'g>, wins: Var<'g>, ties: Var<'g>) -> Var<'g> {
    wins.select(grad, ties.select(0.5 * grad, grad.constant(0.0)))
}

/// A plausible type after a failed inference, so that building can go on.
pub(crate) fn guess(op: &Op, inputs: &[Type]) -> Type {
    match (op, inputs) {
        (Op::MatMul(_), [left, right, ..]) if left.shape.rank() > 0 => {
            let mut sizes = left.shape.to_vec();
            sizes[left.shape.rank() - 1] = right.shape.columns();
            Type::real(Shape::new(&sizes).unwrap_or(left.shape))
        }
        (Op::Reshape(op), _) => Type::real(op.shape),
        (Op::Broadcast(op), _) => Type::real(op.shape),
        (_, [first, ..]) => *first,
        _ => Type::real(Shape::SCALAR),
    }
}
