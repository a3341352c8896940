//! Kernels: what a plan's instructions run.

mod tile_op;

pub use tile_op::TileOp;
