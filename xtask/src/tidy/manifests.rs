//! Dependencies point down only: read from each crate's manifest.

use super::{File, Finding, TidyError, Tree};

/// The crates of the house, each with the crates it may name in its manifest.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("steepest-spec", &[]),
    ("steepest-tensor", &[]),
    ("steepest-graph", &["tensor"]),
    ("steepest-data", &["spec", "tensor"]),
    ("steepest-optim", &["spec", "tensor", "graph"]),
    ("steepest-nn", &["spec", "tensor", "graph"]),
    ("steepest-train", &["spec", "tensor", "graph", "optim", "nn", "data"]),
    ("steepest-report", &["spec", "tensor", "graph", "optim", "nn", "data", "train"]),
    ("steepest", &["spec", "tensor", "graph", "optim", "nn", "data", "train", "report"]),
    ("steepest-cli", &[""]),
];

const TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

pub fn check(tree: &Tree, findings: &mut Vec<Finding>) -> Result<(), TidyError> {
    for file in &tree.files {
        let Some((folder, "Cargo.toml")) = file.in_crate() else { continue };
        let manifest: toml::Table = toml::from_str(&file.text)
            .map_err(|source| TidyError::Manifest { path: file.path.clone(), source: Box::new(source) })?;
        check_manifest(file, folder, &manifest, findings);
    }
    Ok(())
}

fn check_manifest(file: &File, folder: &str, manifest: &toml::Table, findings: &mut Vec<Finding>) {
    let Some((_, allowed)) = MAY_DEPEND.iter().find(|(name, _)| *name == folder) else {
        findings.push(file.error(
            1,
            "unknown-crate",
            format!("`{folder}` has no place in the order of crates"),
            "give it a line in xtask/src/tidy/manifests.rs and in ARCHITECTURE.md",
        ));
        return;
    };
    for dependency in own_dependencies(manifest) {
        let short = dependency
            .strip_prefix("steepest")
            .map(|rest| rest.trim_start_matches('-'))
            .unwrap_or(dependency);
        if !allowed.contains(&short) && dependency != folder {
            findings.push(file.error(
                line_of(&file.text, dependency),
                "direction",
                format!("`{folder}` depends on `{dependency}`"),
                "dependencies point down only: move the code to the crate that may know both",
            ));
        }
    }
}

/// The names of our crates in every dependency table, those for single targets included.
fn own_dependencies(manifest: &toml::Table) -> Vec<&str> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let per_target =
        targets.into_iter().flat_map(|targets| targets.values()).filter_map(toml::Value::as_table);
    let mut names = Vec::new();
    for section in std::iter::once(manifest).chain(per_target) {
        for table in TABLES.iter().filter_map(|table| section.get(*table)?.as_table()) {
            names.extend(table.keys().map(String::as_str).filter(|name| is_ours(name)));
        }
    }
    names
}

fn is_ours(name: &str) -> bool {
    name == "steepest" || name.starts_with("steepest-") || name == "xtask"
}

fn line_of(text: &str, dependency: &str) -> usize {
    let starts =
        |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    text.lines().position(starts).map_or(1, |index| index + 1)
}
