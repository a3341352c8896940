//! Host tensors: a shape and the numbers, for feeding, reading and storing values.

use crate::{DType, Shape};
use std::fmt;

/// The numbers of a tensor, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Indices.
    U32(Vec<u32>),
}

/// A shape and its numbers, owned by the host.
///
/// Tensors carry values into and out of the engine and into files; computation happens in plans.
///
/// ```
/// use steepest_tensor::{Shape, Tensor};
/// let t = Tensor::f32([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(t.to_f64(), [1.0, 2.0, 3.0, 4.0]);
/// assert!(Tensor::f32([2, 2], vec![1.0]).is_err());
/// # Ok::<(), steepest_tensor::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    buffer: Buffer,
}

/// A tensor whose parts do not fit together.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The number of values is not the number of elements of the shape.
    #[error("shape {shape} needs {} values, got {values}", shape.elements())]
    Length {
        /// The shape asked for.
        shape: Shape,
        /// The number of values given.
        values: usize,
    },
}

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Buffer {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Buffer::F32(v) => v.len(),
            Buffer::F64(v) => v.len(),
            Buffer::U32(v) => v.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Tensor {
    /// Makes a tensor from a shape and its values.
    ///
    /// # Errors
    /// If the number of values is not the number of elements of the shape.
    pub fn new(shape: impl Into<Shape>, buffer: Buffer) -> Result<Tensor, TensorError> {
        let shape = shape.into();
        if shape.elements() != buffer.len() {
            return Err(TensorError::Length { shape, values: buffer.len() });
        }
        Ok(Tensor { shape, buffer })
    }

    /// A single-precision tensor. See [`Tensor::new`].
    ///
    /// # Errors
    /// If the number of values is not the number of elements of the shape.
    pub fn f32(shape: impl Into<Shape>, values: Vec<f32>) -> Result<Tensor, TensorError> {
        Tensor::new(shape, Buffer::F32(values))
    }

    /// A double-precision tensor. See [`Tensor::new`].
    ///
    /// # Errors
    /// If the number of values is not the number of elements of the shape.
    pub fn f64(shape: impl Into<Shape>, values: Vec<f64>) -> Result<Tensor, TensorError> {
        Tensor::new(shape, Buffer::F64(values))
    }

    /// A tensor of indices. See [`Tensor::new`].
    ///
    /// # Errors
    /// If the number of values is not the number of elements of the shape.
    pub fn u32(shape: impl Into<Shape>, values: Vec<u32>) -> Result<Tensor, TensorError> {
        Tensor::new(shape, Buffer::U32(values))
    }

    /// A double-precision scalar.
    pub fn scalar(value: f64) -> Tensor {
        Tensor { shape: Shape::SCALAR, buffer: Buffer::F64(vec![value]) }
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        match self.buffer {
            Buffer::F32(_) => DType::F32,
            Buffer::F64(_) => DType::F64,
            Buffer::U32(_) => DType::U32,
        }
    }

    /// The values.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Takes the values out.
    pub fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// All values as doubles, in row-major order.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.buffer {
            Buffer::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Buffer::F64(v) => v.clone(),
            Buffer::U32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        }
    }

    /// The same numbers in another element type, rounded to nearest; to `U32` by truncation.
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.clone();
        }
        let values = self.to_f64();
        let buffer = match dtype {
            DType::F32 => Buffer::F32(values.into_iter().map(|x| x as f32).collect()),
            DType::F64 => Buffer::F64(values),
            DType::U32 => Buffer::U32(values.into_iter().map(|x| x as u32).collect()),
        };
        Tensor { shape: self.shape, buffer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_of_values_is_an_error() {
        let error = Tensor::u32([3], vec![1, 2]).unwrap_err();
        assert_eq!(error.to_string(), "shape [3] needs 3 values, got 2");
    }

    #[test]
    fn casts_round_to_nearest() {
        let t = Tensor::scalar(0.1).cast(DType::F32);
        assert_eq!(t.buffer(), &Buffer::F32(vec![0.1f32]));
    }
}
