//! Turns the records of a run into pictures and pages.
#![forbid(unsafe_code)]
