//! The command-line program `steepest`.
#![forbid(unsafe_code)]
fn main() {}
