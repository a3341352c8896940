//! The compiler: from a graph to a program, one file per pass.
//!
//! 1. [`simplify`](fn@simplify::simplify): dead code, common subexpressions, constants, identities; reductions become
//!    sums of rows or of columns.
//! 2. [`lower`](fn@lower::lower): each value that must exist becomes an item, a kernel with its operands; views
//!    (reshapes, transposed factors, repeated rows) disappear into the way operands are read.
//!    Then large weights are cut by columns, where threads would otherwise read much of what others wrote ([`panels`]).
//! 3. [`schedule`](fn@schedule::schedule): items whose rows need only the same rows of one another share a region;
//!    barriers stand only between regions.
//!    How a group's units are shared among threads, and how many go through it together, is in [`blocks`].
//! 4. [`place`](fn@place::place): values that leave their tile get a place in the arena, for as long as they live, or,
//!    if they do not leave their block of units, in each thread's own memory ([`own`]).
//! 5. [`emit`](fn@emit::emit): instructions, with the values that stay inside a tile in registers.

pub(crate) mod blocks;
mod convolution;
pub(crate) mod emit;
mod items;
pub(crate) mod lower;
pub(crate) mod own;
pub(crate) mod panels;
pub(crate) mod place;
mod product_update;
pub(crate) mod scan;
pub(crate) mod schedule;
pub(crate) mod simplify;
