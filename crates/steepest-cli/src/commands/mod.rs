//! One file per command.

mod evaluate;
mod explain;
mod generate;
mod init;
mod inspect;
mod list;
mod neighbors;
mod predict;
mod pytorch;
mod recommend;
mod similarity;
mod spec;
mod train;
mod vectors;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use steepest::registry::grouped;
use steepest::train::SavedModel;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::style::Style;

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Export(arguments) => pytorch::export(&arguments),
        Command::Import(arguments) => pytorch::import(&arguments),
        Command::Recommend(arguments) => recommend::run(&arguments),
        Command::Neighbors(arguments) => neighbors::run(&arguments),
        Command::Analogy(arguments) => neighbors::analogy(&arguments),
        Command::Similarity(arguments) => similarity::run(&arguments),
        Command::Vectors(arguments) => vectors::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Schema => say(&format!("{:#}\n", steepest::train::schema())),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "steepest", &mut script);
            Ok(std::io::stdout().write_all(&script)?)
        }
    }
}

/// Writes an answer to standard output.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Tells what was noticed about data, on standard error.
fn tell(findings: &[steepest::data::Finding]) {
    let style = Style::stderr();
    for finding in findings {
        let word = if finding.is_warning() { style.yellow("warning:") } else { style.cyan("note:") };
        errln!("{word} {finding}");
    }
}

/// The file of the model in a run, where a run is given.
fn model_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() }
}

fn load_model(path: &Path) -> Result<SavedModel, Failure> {
    if path.join("run.toml").is_file() && !model_file(path).exists() {
        return Err(Failure::NoModelYet { directory: path.to_owned() });
    }
    Ok(SavedModel::load(model_file(path))?)
}

/// A number with five significant digits, wide enough for a table.
fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let power = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&power) || !value.is_finite() {
        return format!("{value:.3e}");
    }
    format!("{value:.*}", (4.0 - power).clamp(0.0, 6.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_tables_keep_five_digits() {
        let cases =
            [(0.0, "0"), (1.5, "1.5000"), (123.456, "123.46"), (0.012345, "0.012345"), (1e-7, "1.000e-7")];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
    }
}
