//! `steepest init`: a commented spec for a data file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use steepest::data::{DataError, Inspection, Nearest, Reason, Role, inspect};
use steepest::train::RunSpec;

use super::say;
use crate::arguments::Init;
use crate::failure::Failure;

pub fn run(arguments: &Init) -> Result<(), Failure> {
    let data = &arguments.data;
    let inspection = inspect(data, &Default::default())?;
    let names: Vec<&str> = inspection.columns.iter().map(|summary| summary.column.name.as_str()).collect();
    let target = match &arguments.target {
        Some(name) if names.contains(&name.as_str()) => name.as_str(),
        Some(name) => {
            let nearest = Nearest::find(name, names.iter().copied());
            let (path, name) = (data.clone(), name.clone());
            return Err(DataError::UnknownColumn { path, name, role: Role::Target, nearest }.into());
        }
        None => usual_target(&inspection).unwrap_or_default(),
    };
    let output = arguments.output.clone().unwrap_or_else(|| data.with_extension("toml"));
    let to_stdout = output == Path::new("-");
    let train = if to_stdout { data.clone() } else { from_folder_of(&output, data)? };
    let name = if to_stdout { Path::new("SPEC.toml") } else { &output };
    let mut text = format!("# How to train on {}: `steepest train {}`.\n", data.display(), name.display());
    text +=
        "# Every key but the data and the target may be left out; what is written here are the defaults.\n";
    text += "#\n# What the file holds:\n";
    inspection.to_string().lines().for_each(|line| text += format!("#   {line}\n").as_str());
    text += &format!("\n{}", RunSpec::new(train, target)?.commented());
    if to_stdout {
        return say(&text);
    }
    let failed = |source| Failure::File { action: "write", path: output.clone(), source };
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&output) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::Exists { path: output });
        }
        opened => opened.map_err(failed)?,
    };
    file.write_all(text.as_bytes()).map_err(failed)?;
    say(&format!("wrote {} to predict `{target}`; train with: steepest train {0}\n", output.display()))
}

/// What a format calls the label; of a table the last column.
fn usual_target(inspection: &Inspection) -> Option<&str> {
    let mut columns = inspection.columns.iter().map(|summary| &summary.column);
    let labels = columns.clone().find(|column| column.reason == Reason::Format && column.name == "label");
    labels.or_else(|| columns.next_back()).map(|column| column.name.as_str())
}

/// The data file as seen from the folder of the spec: its name if both are in one folder, else in full.
fn from_folder_of(spec: &Path, data: &Path) -> Result<PathBuf, Failure> {
    if data.is_absolute() || spec.parent() == data.parent() {
        let name = data.file_name().filter(|_| spec.parent() == data.parent());
        return Ok(name.map_or_else(|| data.to_owned(), PathBuf::from));
    }
    let failed = |source| Failure::File { action: "find", path: data.to_owned(), source };
    std::path::absolute(data).map_err(failed)
}
