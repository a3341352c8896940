//! A window of typed rows: what sources fill and the preprocessor reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use steepest_tensor::Shape;

use crate::error::{Cell, DataError};
use crate::sources::libsvm::LARGEST_INDEX;
use crate::{ColumnKind, Schema, SparseRows};

/// The code of a missing name.
pub const MISSING: u32 = u32::MAX;

/// Dictionaries above this size are emptied when a window is cleared, so that a stream of ever new
/// names does not fill the memory.
const DICTIONARY_LIMIT: usize = 1 << 16;

/// Typed rows, stored by column, of a whole file or of a window that moves over it.
#[derive(Clone, Debug)]
pub struct Table {
    path: Arc<Path>,
    schema: Arc<Schema>,
    columns: Vec<Values>,
    lines: Vec<u64>,
    text: Option<Vec<StringRecord>>,
}

/// The values of one column.
#[derive(Clone, Debug)]
pub enum Values {
    /// Not stored.
    Ignored,
    /// Numbers; NaN stands for missing.
    Numbers(Vec<f64>),
    /// Names (categorical and boolean columns).
    Names(Names),
    /// Sparse rows of numbers.
    Sparse(SparseRows),
    /// Blocks of bytes.
    Images {
        /// The shape of one block.
        shape: Shape,
        /// The bytes of all rows.
        pixels: Vec<u8>,
    },
}

/// Names as codes into a dictionary, in the order of first appearance; [`MISSING`] for a missing one.
#[derive(Clone, Debug, Default)]
pub struct Names {
    codes: Vec<u32>,
    names: Vec<String>,
    index: HashMap<String, u32>,
}

impl Names {
    /// The code of every row.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The names that codes stand for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name in a row, if it is not missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.codes.get(row).and_then(|&code| self.names.get(code as usize)).map(String::as_str)
    }

    /// Appends a row.
    pub fn push(&mut self, name: Option<&str>) {
        let Some(name) = name else { return self.codes.push(MISSING) };
        let code = match self.index.get(name) {
            Some(&code) => code,
            None => {
                let code = self.names.len() as u32;
                self.names.push(name.to_owned());
                self.index.insert(name.to_owned(), code);
                code
            }
        };
        self.codes.push(code);
    }

    fn clear(&mut self) {
        self.codes.clear();
        if self.names.len() > DICTIONARY_LIMIT {
            self.names.clear();
            self.index.clear();
        }
    }
}

impl Table {
    /// An empty table. `path` is what errors name; image columns get `image` as the shape of a block.
    pub fn new(path: &Path, schema: Arc<Schema>, image: Shape) -> Table {
        let columns = schema.columns.iter().map(|column| match column.kind {
            ColumnKind::Numeric | ColumnKind::Date => Values::Numbers(Vec::new()),
            ColumnKind::Boolean | ColumnKind::Categorical => Values::Names(Names::default()),
            ColumnKind::Sparse => Values::Sparse(SparseRows::new(LARGEST_INDEX as usize + 1)),
            ColumnKind::Image => Values::Images { shape: image, pixels: Vec::new() },
            ColumnKind::Ignored => Values::Ignored,
        });
        Table { path: path.into(), columns: columns.collect(), schema, lines: Vec::new(), text: None }
    }

    /// Also keeps the text of every row, to be copied to an output.
    pub fn keep_text(mut self) -> Table {
        self.text = Some(Vec::new());
        self
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// What the columns are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The file that the rows came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The values of the columns, in the order of the schema.
    pub fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// The fields of a row as they stood in the file, if they were kept.
    pub fn text(&self, row: usize) -> Option<impl Iterator<Item = &str>> {
        self.text.as_ref().and_then(|text| text.get(row)).map(StringRecord::iter)
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.text.iter_mut().for_each(Vec::clear);
        for column in &mut self.columns {
            match column {
                Values::Ignored => {}
                Values::Numbers(values) => values.clear(),
                Values::Names(names) => names.clear(),
                Values::Sparse(rows) => rows.clear(),
                Values::Images { pixels, .. } => pixels.clear(),
            }
        }
    }

    /// Keeps only the rows in which a column of numbers is at least so much; returns how many were removed.
    pub fn drop_below(&mut self, column: usize, least: f64) -> usize {
        match self.columns.get(column) {
            Some(Values::Numbers(values)) => {
                let keep: Vec<bool> = values.iter().map(|&value| value >= least).collect();
                self.keep(&keep)
            }
            _ => 0,
        }
    }

    /// Keeps only the rows in which column `column` is not missing; returns how many were removed.
    pub fn drop_missing(&mut self, column: usize) -> usize {
        let keep: Vec<bool> = match self.columns.get(column) {
            Some(Values::Numbers(values)) => values.iter().map(|v| !v.is_nan()).collect(),
            Some(Values::Names(names)) => names.codes.iter().map(|&code| code != MISSING).collect(),
            _ => return 0,
        };
        self.keep(&keep)
    }

    fn keep(&mut self, keep: &[bool]) -> usize {
        let removed = keep.iter().filter(|&&k| !k).count();
        if removed == 0 {
            return 0;
        }
        retain(&mut self.lines, keep);
        self.text.iter_mut().for_each(|text| retain(text, keep));
        for values in &mut self.columns {
            match values {
                Values::Ignored => {}
                Values::Numbers(values) => retain(values, keep),
                Values::Names(names) => retain(&mut names.codes, keep),
                Values::Sparse(rows) => rows.retain(keep),
                Values::Images { shape, pixels } => {
                    let mut kept = 0;
                    let size = shape.elements();
                    for row in (0..keep.len()).filter(|&row| keep[row]) {
                        pixels.copy_within(row * size..(row + 1) * size, kept * size);
                        kept += 1;
                    }
                    pixels.truncate(kept * size);
                }
            }
        }
        removed
    }

    /// The place of a cell, for an error.
    pub fn cell(&self, row: usize, column: usize) -> Box<Cell> {
        Box::new(Cell {
            path: PathBuf::from(&*self.path),
            line: self.lines.get(row).copied().unwrap_or(row as u64 + 1),
            column: column + 1,
            name: self.schema.columns.get(column).map(|c| c.name.clone()).unwrap_or_default(),
        })
    }

    /// The parts that a source appends to: the columns, and the line of each row.
    pub(crate) fn parts(&mut self) -> (&mut [Values], &mut Vec<u64>, Option<&mut Vec<StringRecord>>) {
        (&mut self.columns, &mut self.lines, self.text.as_mut())
    }

    /// Takes an image column's pixels out, leaving it empty.
    pub(crate) fn take_pixels(&mut self, column: usize) -> Option<(Shape, Vec<u8>)> {
        match self.columns.get_mut(column) {
            Some(Values::Images { shape, pixels }) => Some((*shape, std::mem::take(pixels))),
            _ => None,
        }
    }

    /// Reads a whole source into a table.
    ///
    /// # Errors
    /// Those of the source, and [`DataError::TooManyRows`].
    pub fn read(source: &mut dyn crate::Source) -> Result<Table, DataError> {
        let mut table = source.table();
        while source.fill(&mut table, 1 << 16)? > 0 {
            crate::split::row_count(table.rows())?;
        }
        Ok(table)
    }
}

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| keep.next().copied().unwrap_or(true));
}
