//! `steepest inspect`: what a file holds.

use std::fmt::Write as _;
use std::path::Path;

use steepest::data::inspect;
use steepest::train::{RunSpec, SavedModel};

use super::{grouped, load_model, say, spec};
use crate::arguments::Inspect;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table};

pub fn run(arguments: &Inspect) -> Result<(), Failure> {
    let path = arguments.file.as_path();
    if is_model(path) {
        return say(&model(path, &load_model(path)?, &Style::stdout()));
    }
    if spec::is_spec(path) {
        return say(&RunSpec::load(path, &[])?.resolved());
    }
    let inspection = inspect(path, &Default::default())?;
    match arguments.json {
        true => say(&format!("{:#}\n", serde_json::json!(inspection))),
        false => say(&inspection.to_string()),
    }
}

/// A model file, or a run, which holds one; other folders hold pictures.
fn is_model(path: &Path) -> bool {
    let is_run = |path: &Path| ["run.toml", "model.safetensors"].iter().any(|name| path.join(name).is_file());
    is_run(path) || path.extension().is_some_and(|extension| extension == "safetensors")
}

fn model(path: &Path, model: &SavedModel, style: &Style) -> String {
    let mut out = format!("{}\n", style.bold(&path.display().to_string()));
    let mut facts = Table::new([("", Side::Left), ("", Side::Left)]);
    facts.row(["task".to_owned(), model.task().to_string()]);
    for (part, score) in model.scores() {
        facts.row([part.clone(), score.to_string()]);
    }
    out += &facts.render("  ", style);
    let tensors = model.tensors();
    let numbers: usize = tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    let _ = writeln!(out, "\n{} tensors, {} numbers", tensors.len(), grouped(numbers as u64));
    let mut table = Table::new([("", Side::Left), ("", Side::Left)]);
    for (name, shape) in tensors {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        table.row([name, format!("[{}]", sizes.join(", "))]);
    }
    out += &table.render("  ", style);
    if let Some(spec) = model.spec() {
        let _ = writeln!(out, "\ntrained by\n");
        spec.resolved().lines().filter(|line| !line.starts_with('#')).for_each(|line| {
            let _ = writeln!(out, "  {line}");
        });
    }
    out
}
