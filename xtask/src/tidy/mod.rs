//! `cargo xtask tidy`: the architecture invariants, checked on the text of the source tree.
//!
//! Each rule is a function from a file (or a manifest) to findings. The same check runs as a test, so
//! `cargo test` fails where `cargo xtask tidy` would.

mod manifests;
mod paths;
mod registries;
mod rules;
mod signatures;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use source::Source;

/// Whether a finding stops a change from landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Must be mended.
    Error,
}

/// One violation of a rule, with its place and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    severity: Severity,
    path: String,
    line: usize,
    rule: &'static str,
    found: String,
    help: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { severity, path, line, rule, found, help } = self;
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{rule}]: {found}\n  at {path}:{line}\n  help: {help}")
    }
}

/// The source tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A manifest is not TOML.
    #[error("{path} is not valid TOML: {source}")]
    Manifest {
        /// The manifest, relative to the root.
        path: String,
        /// The reason.
        source: Box<toml::de::Error>,
    },
}

/// Checks the tree below `root` and prints what was found.
pub fn run(root: &Path, print_warnings: bool) -> Result<ExitCode, TidyError> {
    let tree = Tree::read(root)?;
    let findings = check(&tree)?;
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.iter().partition(|f| f.severity == Severity::Error);
    if print_warnings {
        warnings.iter().for_each(|finding| println!("{finding}\n"));
    }
    errors.iter().for_each(|finding| println!("{finding}\n"));
    let hint = if warnings.is_empty() || print_warnings { "" } else { " (print them with --warnings)" };
    println!("tidy: {} files, {} errors, {} warnings{hint}", tree.files.len(), errors.len(), warnings.len());
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every finding in a tree, errors and warnings, in the order of the files.
fn check(tree: &Tree) -> Result<Vec<Finding>, TidyError> {
    let mut findings = Vec::new();
    for file in &tree.files {
        paths::check(file, &mut findings);
        rules::check_text(file, &mut findings);
        if file.path.ends_with(".rs") {
            let source = Source::parse(&file.text, paths::is_test(&file.path));
            rules::check_source(file, &source, &mut findings);
            signatures::check(file, &source, &mut findings);
        }
    }
    manifests::check(tree, &mut findings)?;
    registries::check(tree, &mut findings);
    Ok(findings)
}

/// A text file of the repository.
#[derive(Clone, Debug)]
struct File {
    /// Relative to the root, with forward slashes.
    path: String,
    text: String,
}

impl File {
    /// A finding of severity error in this file.
    fn error(&self, line: usize, rule: &'static str, found: String, help: &'static str) -> Finding {
        Finding { severity: Severity::Error, path: self.path.clone(), line, rule, found, help }
    }

    /// The crate under `crates/` this file belongs to, and its path inside that crate.
    fn in_crate(&self) -> Option<(&str, &str)> {
        self.path.strip_prefix("crates/")?.split_once('/')
    }
}

/// The text files of the repository, sorted by path.
struct Tree {
    files: Vec<File>,
}

/// Folders that hold nothing of the project: build output, fetched data, runs.
const SKIPPED: &[&str] = &["target", "data", "runs", "node_modules", "__pycache__"];

/// Endings of the files that are read as text.
const TEXT: &[&str] = &["rs", "toml", "md", "py", "sh", "yml", "yaml", "json", "txt", "svg"];

impl Tree {
    fn read(root: &Path) -> Result<Tree, TidyError> {
        let mut tree = Tree { files: Vec::new() };
        tree.read_folder(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), TidyError> {
        let failed = |source| TidyError::Read { path: folder.to_path_buf(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                let top_level = prefix.is_empty();
                let skipped = SKIPPED.contains(&name.as_str()) && (top_level || name != "data")
                    || name.starts_with('.') && name != ".ci";
                if !skipped {
                    self.read_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() && is_text(&path) {
                let source = entry.path();
                let bytes =
                    fs::read(&source).map_err(|error| TidyError::Read { path: source, source: error })?;
                self.files.push(File { path, text: String::from_utf8_lossy(&bytes).into_owned() });
            }
        }
        Ok(())
    }
}

fn is_text(path: &str) -> bool {
    path == ".ci/run" || path.rsplit_once('.').is_some_and(|(_, ending)| TEXT.contains(&ending))
}
