//! Shapes, buffers, counter-based random numbers, SIMD kernels and the thread pool.
//!
//! This crate knows nothing of graphs, models or files. It is the only one of the workspace that
//! contains `unsafe` code, and only in its kernels and its thread pool.

mod dtype;
mod kernels;
mod key;
mod shape;
mod tensor;

pub use dtype::DType;
pub use kernels::TileOp;
pub use key::Key;
pub use shape::{Shape, ShapeError};
pub use tensor::{Buffer, Tensor, TensorError};
