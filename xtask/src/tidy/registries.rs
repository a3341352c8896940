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
            let exports =
                |line: &str| line.starts_with("pub") && line.contains("static ") && line.contains("Spec = ");
            if !file.text.contains("pub static SPEC") && !file.text.lines().any(exports) {
                findings.push(file.error(
                    1,
                    "spec",
                    format!("`{name}` exports no SPEC"),
                    "add `pub static SPEC`, or move what defines no rule out of this folder",
                ));
            } else if !registry.is_some_and(|registry| registry.text.contains(&format!("{name}::SPEC"))) {
                findings.push(file.error(
                    1,
                    "registry",
                    format!("`{name}::SPEC` is not in the registry"),
                    "list it in the mod.rs beside it",
                ));
            }
        }
    }
}
