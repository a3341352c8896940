//! Gradient transforms and learning-rate schedules, written as mathematics on graph variables.
#![forbid(unsafe_code)]
