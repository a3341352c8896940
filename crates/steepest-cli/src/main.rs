//! The command-line program `steepest`.
#![forbid(unsafe_code)]

#[macro_use]
mod output;

mod arguments;
mod commands;
mod failure;
mod style;
mod table;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use style::Style;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has heard enough, such as `steepest list | head`.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            err!("{}", failure.render(&Style::stderr()));
            ExitCode::FAILURE
        }
    }
}
