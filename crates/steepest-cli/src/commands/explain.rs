//! `steepest explain`: the compiled training step.

use steepest::train::Trainer;

use super::{say, spec};
use crate::arguments::Explain;
use crate::failure::Failure;

pub fn run(arguments: &Explain) -> Result<(), Failure> {
    let mut spec = spec::from_arguments(&arguments.input, &arguments.run, &[])?;
    // Nothing is trained, so nothing is written.
    spec.run.directory = None;
    say(&Trainer::new(&spec)?.explain())
}
