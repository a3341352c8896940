//! Graph variables, the primitive operations with their derivatives, the compiler passes and the executor.
#![forbid(unsafe_code)]
