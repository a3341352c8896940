//! Shapes: the sizes of a tensor's axes, as a small inline value.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The largest number of axes a tensor may have.
pub(crate) const MAX_RANK: usize = 6;

/// The sizes of a tensor's axes, outermost first. `[]` is a scalar.
///
/// A shape is a small inline value (`Copy`) that dereferences to a slice of sizes.
///
/// ```
/// use steepest_tensor::Shape;
/// let shape = Shape::from([32, 100]);
/// assert_eq!((shape.len(), shape.elements(), shape[1]), (2, 3200, 100));
/// assert_eq!(shape.to_string(), "[32, 100]");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape {
    rank: u8,
    sizes: [usize; MAX_RANK],
}

/// A shape that cannot be represented.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// More axes than supported.
    #[error("a tensor has at most {MAX_RANK} axes, got {rank}")]
    TooManyAxes {
        /// The number of axes asked for.
        rank: usize,
    },
    /// The number of elements does not fit the address space.
    #[error("shape {sizes:?} has more elements than can be addressed")]
    TooLarge {
        /// The sizes asked for.
        sizes: Vec<usize>,
    },
}

impl Shape {
    /// The shape of a scalar, `[]`.
    pub const SCALAR: Shape = Shape { rank: 0, sizes: [0; MAX_RANK] };

    /// Makes a shape from a slice of sizes.
    ///
    /// # Errors
    /// If there are more than six axes, or more elements than `isize::MAX / 8`.
    pub fn new(sizes: &[usize]) -> Result<Shape, ShapeError> {
        if sizes.len() > MAX_RANK {
            return Err(ShapeError::TooManyAxes { rank: sizes.len() });
        }
        let elements = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
        if elements.is_none_or(|n| n > isize::MAX as usize / 8) {
            return Err(ShapeError::TooLarge { sizes: sizes.to_vec() });
        }
        let mut shape = Shape { rank: sizes.len() as u8, sizes: [0; MAX_RANK] };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        Ok(shape)
    }

    /// The number of elements: the product of all sizes, 1 for a scalar.
    pub fn elements(&self) -> usize {
        self.iter().product()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The size of the last axis, 1 for a scalar.
    pub fn columns(&self) -> usize {
        self.last().copied().unwrap_or(1)
    }

    /// The product of all sizes but the last, 1 for a scalar.
    pub fn rows(&self) -> usize {
        self.split_last().map_or(1, |(_, leading)| leading.iter().product())
    }

    /// Row-major strides, in elements.
    pub fn strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = stride;
            stride *= self.sizes[axis];
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank as usize]
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Shape {
        const { assert!(N <= MAX_RANK, "a tensor has at most 6 axes") };
        let mut shape = Shape { rank: N as u8, sizes: [0; MAX_RANK] };
        shape.sizes[..N].copy_from_slice(&sizes);
        shape
    }
}

impl TryFrom<&[usize]> for Shape {
    type Error = ShapeError;
    fn try_from(sizes: &[usize]) -> Result<Shape, ShapeError> {
        Shape::new(sizes)
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = ShapeError;
    fn try_from(sizes: Vec<usize>) -> Result<Shape, ShapeError> {
        Shape::new(&sizes)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Vec<usize> {
        shape.to_vec()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_row_major() {
        assert_eq!(Shape::from([2, 3, 4]).strides()[..3], [12, 4, 1]);
    }

    #[test]
    fn impossible_shapes_are_errors() {
        assert_eq!(Shape::new(&[1; 7]), Err(ShapeError::TooManyAxes { rank: 7 }));
        assert!(matches!(Shape::new(&[usize::MAX, 2]), Err(ShapeError::TooLarge { .. })));
    }

    #[test]
    fn empty_axes_have_no_elements() {
        assert_eq!(Shape::from([0, 5]).elements(), 0);
        assert_eq!(Shape::SCALAR.elements(), 1);
    }
}
