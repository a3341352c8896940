//! A gradient-descent engine: exact, fast on a CPU, and readable.
#![forbid(unsafe_code)]
