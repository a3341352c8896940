//! Adding a rule is one file and a line in its `mod.rs`: every file has a SPEC, and the registry lists it.

use super::{File, Finding, Tree};

/// Folders in which each file defines one thing that users name.
const FOLDERS: &[&str] = &[
    "crates/steepest-optim/src/transforms/",
    "crates/steepest-optim/src/schedules/",
    "crates/steepest-nn/src/layers/",
    "crates/steepest-nn/src/losses/",
    "crates/steepest-nn/src/init/",
    "crates/steepest-nn/src/metrics/",
    "crates/steepest-nn/src/models/",
    "crates/steepest-data/src/sources/",
];

pub fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for folder in FOLDERS {
        let inside = |file: &&File| file.path.strip_prefix(folder).is_some_and(|name| !name.contains('/'));
        let files: Vec<&File> = tree.files.iter().filter(inside).collect();
        let registry = files.iter().find(|file| file.path.ends_with("/mod.rs"));
        for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
            let name = file.path[folder.len()..].trim_end_matches(".rs");
            if matches!(name, "mod" | "tests") {
                continue;
            }
            // What only the rules beside it use, and no user can name, needs no SPEC.
            let private = [format!("\nmod {name};"), format!("\npub(crate) mod {name};")];
            if registry.is_some_and(|registry| private.iter().any(|line| registry.text.contains(line))) {
                continue;
            }
            // One SPEC, or one for each kin: `pub static MAX: LayerSpec = …`.
            let specs: Vec<&str> = file.text.lines().filter_map(exported).collect();
            if specs.is_empty() {
                findings.push(file.error(
                    1,
                    "spec",
                    format!("`{name}` exports no SPEC"),
                    "add `pub static SPEC`, or move what defines no rule out of this folder",
                ));
            }
            for spec in specs {
                let listed = |registry: &File| registry.text.contains(&format!("{name}::{spec}"));
                if !registry.is_some_and(|registry| listed(registry)) {
                    findings.push(file.error(
                        1,
                        "registry",
                        format!("`{name}::{spec}` is not in the registry"),
                        "list it in the mod.rs beside it",
                    ));
                }
            }
        }
    }
}

/// The name of the specification that a line exports.
fn exported(line: &str) -> Option<&str> {
    let (name, rest) = line.trim_start().strip_prefix("pub static ")?.split_once(": ")?;
    rest.split_once(" = ").is_some_and(|(kind, _)| kind.ends_with("Spec")).then_some(name)
}
