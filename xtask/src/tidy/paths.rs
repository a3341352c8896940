//! Rules about where files lie, what they are called and how long they are.

use super::{File, Finding, Severity};

/// Names that say nothing of what is inside.
const VAGUE: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];
const SOFT_LINES: usize = 400;
const HARD_LINES: usize = 800;

/// Whether a source file is compiled for tests only, by its place.
pub fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "tests.rs") || part.ends_with("_tests.rs"))
}

pub fn check(file: &File, findings: &mut Vec<Finding>) {
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    for part in parts.filter(|part| VAGUE.contains(part)) {
        findings.push(file.error(
            1,
            "vague-name",
            format!("`{part}` says nothing of what is inside"),
            "name the file after the thing it defines",
        ));
    }
    let lines = file.text.lines().count();
    if !file.path.ends_with(".rs") || lines <= SOFT_LINES {
        return;
    }
    let severity = if lines > HARD_LINES { Severity::Error } else { Severity::Warning };
    findings.push(Finding {
        severity,
        ..file.error(
            lines,
            "file-length",
            format!("{lines} lines (at home up to {SOFT_LINES}, at most {HARD_LINES})"),
            "split it where its subject divides",
        )
    });
}
