//! `steepest neighbors` and `steepest analogy`: what a model's vectors say of its categories.

use steepest::train::Vectors;

use super::recommend::show;
use super::vectors::load;
use crate::arguments::{Analogy, Neighbors};
use crate::failure::Failure;
use crate::style::Style;

pub fn run(arguments: &Neighbors) -> Result<(), Failure> {
    let vectors = load(&arguments.model, arguments.column.as_deref())?;
    say_unseen(&vectors, &[&arguments.name]);
    let ranked = vectors.neighbors(&arguments.name, arguments.count)?;
    show(&ranked, &vectors.column, "cosine", arguments.json)
}

pub fn analogy(arguments: &Analogy) -> Result<(), Failure> {
    let vectors = load(&arguments.model, arguments.column.as_deref())?;
    say_unseen(&vectors, &[&arguments.a, &arguments.b, &arguments.c]);
    let ranked = vectors.analogy(&arguments.a, &arguments.b, &arguments.c, arguments.count)?;
    show(&ranked, &vectors.column, "cosine", arguments.json)
}

/// Says which words have the vectors of their n-grams alone.
fn say_unseen(vectors: &Vectors, names: &[&str]) {
    let unseen = names.iter().filter(|name| !vectors.knows(name) && vectors.get(name).is_ok());
    unseen.for_each(|name| {
        errln!(
            "{} training never saw `{name}`: its vector is that of its n-grams",
            Style::stderr().cyan("note:")
        );
    });
}
