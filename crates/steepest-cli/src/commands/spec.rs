//! From arguments to a run spec.

use std::path::Path;

use steepest::data::{ReadOptions, sources};
use steepest::train::RunSpec;

use crate::arguments::RunArguments;
use crate::failure::Failure;

/// The spec in `input`, that of the run in the folder `input`, or the default spec for the data file `input`, with what the arguments set.
pub fn from_arguments(input: &Path, arguments: &RunArguments, more: &[String]) -> Result<RunSpec, Failure> {
    let mut overrides = more.to_vec();
    overrides.extend(arguments.seed.map(|seed| format!("seed={seed}")));
    overrides.extend(arguments.threads.map(|threads| format!("run.threads={threads}")));
    let of_run = input.join("run.toml");
    let input = if of_run.is_file() { &of_run } else { input };
    if is_spec(input) {
        overrides.extend(arguments.target.iter().map(|target| format!("data.target={}", quoted(target))));
        overrides.extend(arguments.set.iter().cloned());
        return Ok(RunSpec::load(input, &overrides)?);
    }
    overrides.extend(arguments.set.iter().cloned());
    let target = match &arguments.target {
        Some(target) => target.as_str(),
        None if overrides.iter().any(|text| text.trim_start().starts_with("data.target")) => "",
        None => return Err(no_target(input)?),
    };
    let text = format!("[data]\ntrain = {}\ntarget = {}\n", quoted(&input.to_string_lossy()), quoted(target));
    Ok(RunSpec::parse(&text, "command line", &overrides)?)
}

pub fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// A text as TOML writes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            c if c.is_control() => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// Which columns there are to choose from; an error of reading comes first.
fn no_target(path: &Path) -> Result<Failure, Failure> {
    let source = sources::open(path, &ReadOptions::default())?;
    let columns = source.schema().columns.iter().map(|column| column.name.clone()).collect();
    Ok(Failure::NoTarget { path: path.to_owned(), columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_being_quoted() {
        let text = "a \"b\" \\ \t é";
        let spec = RunSpec::parse(
            &format!("[data]\ntrain = \"x\"\ntarget = {}\n", quoted(text)),
            "test",
            &[format!("run.directory={}", quoted("12"))],
        )
        .unwrap();
        assert_eq!(spec.data.target, text);
        assert_eq!(spec.run.directory.as_deref(), Some(Path::new("12")));
    }
}
