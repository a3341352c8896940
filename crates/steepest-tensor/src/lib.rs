//! Shapes, buffers, counter-based random numbers, SIMD kernels and the thread pool.
//!
//! This crate knows nothing of graphs, models or files. It is the only one of the workspace that
//! contains `unsafe` code, and only in its kernels, its buffers and its thread pool. A [`Machine`] runs a
//! [`program`](mod@program) over an arena; it verifies the program first, so that running it is safe.

mod calls;
mod dtype;
mod flat;
mod kernels;
mod key;
mod large_pages;
mod machine;
mod memory;
#[cfg(target_arch = "x86_64")]
mod native;
#[cfg(not(target_arch = "x86_64"))]
#[path = "native/absent.rs"]
mod native;
mod pool;
mod prefetch;
pub mod program;
mod real;
mod shape;
mod subnormal;
mod tensor;
mod verify;
mod window;

pub use dtype::DType;
pub use flat::{Reals, Slice, SliceMut};
pub use kernels::{TileOp, erf_f64, instruction_set};
pub use key::Key;
pub use large_pages::large_pages;
pub use machine::Machine;
pub use pool::Pool;
pub use prefetch::prefetch;
pub use shape::{Shape, ShapeError};
pub use subnormal::Flush;
pub use tensor::{Buffer, Tensor, TensorError};
pub use verify::ProgramError;
pub use window::Window;
