//! The trainer: events, stopping rules, checkpoints and diagnostics.
#![forbid(unsafe_code)]
