//! The primitive operations, one file each, and what their rules share.

use steepest_tensor::{Buffer, Shape, Tensor};

use crate::op::{Op, Type};

macro_rules! modules {
    ($($module:ident),* $(,)?) => { $(pub mod $module;)* };
}

modules! {
    input, host_scalar, read, constant, literal, uniform,
    neg, abs, sign, exp, ln, sqrt, tanh, sigmoid, softplus, relu, erf, sin, cos, floor,
    add, sub, mul, div, pow, maximum, minimum, less, less_equal, equal, select,
    sum, max, arg_max,
    reshape, permute, broadcast, slice, pad, concat,
    matmul, gather, scatter_add, one_hot, stop_gradient,
}

/// A tensor of doubles from a reference kernel, whose number of values is right by construction.
pub(crate) fn tensor(shape: Shape, values: Vec<f64>) -> Tensor {
    debug_assert_eq!(shape.elements(), values.len());
    Tensor::new(shape, Buffer::F64(values)).unwrap_or_else(|_| Tensor::scalar(f64::NAN))
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
