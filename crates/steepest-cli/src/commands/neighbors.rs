//! `steepest neighbors` and `steepest analogy`: what a model's vectors say of its categories.

use super::recommend::show;
use super::vectors::load;
use crate::arguments::{Analogy, Neighbors};
use crate::failure::Failure;

pub fn run(arguments: &Neighbors) -> Result<(), Failure> {
    let vectors = load(&arguments.model, arguments.column.as_deref())?;
    let ranked = vectors.neighbors(&arguments.name, arguments.count)?;
    show(&ranked, &vectors.column, "cosine", arguments.json)
}

pub fn analogy(arguments: &Analogy) -> Result<(), Failure> {
    let vectors = load(&arguments.model, arguments.column.as_deref())?;
    let ranked = vectors.analogy(&arguments.a, &arguments.b, &arguments.c, arguments.count)?;
    show(&ranked, &vectors.column, "cosine", arguments.json)
}
