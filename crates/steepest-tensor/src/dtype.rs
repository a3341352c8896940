//! Element types.

use serde::{Deserialize, Serialize};

/// The type of a buffer's elements.
///
/// Models compute in `F32` or `F64`, by one setting for the whole plan; `U32` holds indices
/// (class labels, rows of an embedding).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 single precision, the default for training.
    F32,
    /// IEEE 754 double precision, for checks and small problems.
    F64,
    /// Unsigned 32-bit integers, for indices.
    U32,
}

impl DType {
    /// Size of one element in bytes.
    ///
    /// ```
    /// assert_eq!(steepest_tensor::DType::F64.size_bytes(), 8);
    /// ```
    pub const fn size_bytes(self) -> usize {
        match self {
            DType::F32 | DType::U32 => 4,
            DType::F64 => 8,
        }
    }
}
