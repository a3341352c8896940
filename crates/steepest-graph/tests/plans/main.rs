//! Compiled plans against the reference interpreter, and the laws of execution.

mod assignments;
mod dice;
mod features;
mod harness;
mod operations;
mod products;
mod random;
mod shapes;
mod special;
#[path = "../gradients/table.rs"]
mod table;
mod training;
mod windows;
