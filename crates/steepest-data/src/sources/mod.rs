//! Where rows come from. One file per source; each lists itself below.

mod crossed;
pub mod csv;
pub mod folder;
pub mod idx;
pub mod label_text;
pub mod libsvm;
pub mod memory;
mod sniff;
pub mod vowpal;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepest_tensor::Shape;

use crate::error::Nearest;
use crate::series::is_sequences;
use crate::{ColumnKind, DataError, Finding, ReadOptions, Schema, Table};

/// Every source, in the order in which they are asked whether a file is theirs.
pub static SOURCES: &[&SourceSpec] =
    &[&idx::SPEC, &folder::SPEC, &libsvm::SPEC, &label_text::SPEC, &vowpal::SPEC, &csv::SPEC, &memory::SPEC];

/// Rows that come in order, a window at a time.
///
/// A pass over any amount of data takes the memory of one window. `cursor` and `seek` make a pass
/// resumable.
pub trait Source: Send {
    /// What errors call this source: usually the file.
    fn path(&self) -> &Path;

    /// What the columns are.
    fn schema(&self) -> &Arc<Schema>;

    /// Appends up to `rows` rows to a table that [`Source::table`] made; returns how many, 0 at the end.
    ///
    /// # Errors
    /// What is wrong with the rows or the file.
    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError>;

    /// Where the next row stands.
    fn cursor(&self) -> Cursor;

    /// Goes on from where a cursor of the same source stood.
    ///
    /// # Errors
    /// [`DataError::BadCursor`] if there is no such row, and those of reading.
    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError>;

    /// The shape of the blocks of image columns.
    fn image(&self) -> Shape {
        Shape::SCALAR
    }

    /// The column that says how much each row counts, if the format has one.
    fn weight(&self) -> Option<&'static str> {
        None
    }

    /// The column of texts, if the format has one.
    fn text(&self) -> Option<&'static str> {
        None
    }

    /// What was noticed on opening.
    fn findings(&self) -> &[Finding] {
        &[]
    }

    /// An empty table for [`Source::fill`].
    fn table(&self) -> Table {
        Table::new(self.path(), self.schema().clone(), self.image())
    }
}

/// A place in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Rows before it.
    pub row: u64,
    /// Bytes of (decompressed, decoded) text before it.
    pub byte: u64,
    /// Lines before it.
    pub line: u64,
}

/// A setting of a source, for help texts and configuration files.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its default, as text.
    pub default: &'static str,
    /// What it may be.
    pub range: &'static str,
}

/// What a source is, and how to open it.
#[derive(Clone, Copy)]
pub struct SourceSpec {
    /// Its name, as in `format = "csv"`.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// Where its format is defined.
    pub reference: &'static str,
    /// File extensions, without the dot; `.gz` may follow each.
    pub extensions: &'static [&'static str],
    /// Its settings.
    pub parameters: &'static [Parameter],
    /// Whether a file with these first bytes is in its format.
    pub detect: fn(path: &Path, head: &[u8]) -> bool,
    /// Opens a file.
    pub open: Open,
}

impl SourceSpec {
    /// Whether a file's name ends in one of the extensions.
    pub fn names(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|extension| self.extensions.contains(&extension))
    }
}

/// How a source is opened.
pub type Open = fn(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>, DataError>;

/// Opens a data file with the source that fits it, or the one that `options.format` names.
///
/// ```no_run
/// use steepest_data::{ReadOptions, sources};
/// let source = sources::open("iris.csv".as_ref(), &ReadOptions::default())?;
/// println!("{}", source.schema());
/// # Ok::<(), steepest_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::UnknownFormat`], and those of opening.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>, DataError> {
    let spec = detect(path, options)?;
    if options.crosses.is_empty() {
        return (spec.open)(path, options);
    }
    let mut own = options.clone();
    for name in options.crosses.iter().flat_map(|cross| crossed::parts(cross)).filter(|_| options.only) {
        own.columns.entry(name.to_owned()).or_insert(ColumnKind::Categorical);
    }
    Ok(Box::new(crossed::Crossed::new((spec.open)(path, &own)?, &options.crosses)?))
}

/// The source that fits a file, or the one that `options.format` names.
///
/// # Errors
/// [`DataError::UnknownFormat`], [`DataError::Sequences`], and those of opening.
pub fn detect(path: &Path, options: &ReadOptions) -> Result<&'static SourceSpec, DataError> {
    let mut files = SOURCES.iter().copied().filter(|spec| !spec.extensions.is_empty());
    if let Some(name) = &options.format {
        let nearest = Nearest::find(name, files.clone().map(|spec| spec.name));
        let known = files.find(|spec| spec.name == name);
        return known.ok_or_else(|| DataError::UnknownFormat { name: name.clone(), nearest });
    }
    if path.is_dir() {
        return Ok(&folder::SPEC);
    }
    if is_sequences(path) {
        return Err(DataError::Sequences { path: path.into() });
    }
    let head = crate::text::open(path)?.head;
    Ok(files.find(|spec| (spec.detect)(path, &head)).unwrap_or(&csv::SPEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_described_once() {
        let mut names: Vec<&str> = SOURCES.iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        for spec in SOURCES {
            assert!(!spec.summary.is_empty() && !spec.reference.is_empty(), "{}", spec.name);
            let mut keys: Vec<&str> = spec.parameters.iter().map(|parameter| parameter.name).collect();
            keys.sort_unstable();
            assert!(keys.is_sorted_by(|a, b| a < b), "{}: {keys:?}", spec.name);
            let missing = (spec.open)("no/such/file".as_ref(), &ReadOptions::default());
            assert!(matches!(missing, Err(DataError::NotFound { .. })), "{}", spec.name);
        }
    }
}
