//! Arrays in memory, as a source.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Cursor, Parameter, Source, SourceSpec};
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, ReadOptions, Reason, Schema, Table};

/// The registration of this source: for programs only, so no file is in its format.
pub static SPEC: SourceSpec = SourceSpec {
    name: "memory",
    summary: "arrays that a program holds (library only)",
    reference: "row-major order, as C and NumPy store arrays by default",
    extensions: &[],
    parameters: &[Parameter {
        name: "names",
        summary: "the names of the columns",
        default: "none",
        range: "texts, all different",
    }],
    detect: |_, _| false,
    open: |path: &Path, _: &ReadOptions| Err(DataError::opening(path, std::io::ErrorKind::NotFound.into())),
};

/// Numbers in row-major order with a name per column; NaN is a missing value.
///
/// ```
/// use steepest_data::{MemorySource, Source, Table};
/// let mut source = MemorySource::new(["size", "price"], vec![1.0, 10.0, 2.0, 21.0])?;
/// assert_eq!(Table::read(&mut source)?.rows(), 2);
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemorySource {
    path: PathBuf,
    schema: Arc<Schema>,
    values: Arc<[f64]>,
    row: usize,
}

impl MemorySource {
    /// A source of these numbers.
    ///
    /// # Errors
    /// [`DataError::Length`] if they do not make whole rows; [`DataError::DuplicateHeader`].
    pub fn new(
        names: impl IntoIterator<Item = impl Into<String>>,
        values: Vec<f64>,
    ) -> Result<MemorySource, DataError> {
        let path = PathBuf::from("(memory)");
        let mut columns: Vec<Column> = Vec::new();
        for name in names {
            let name = name.into();
            if let Some(first) = columns.iter().position(|column| column.name == name) {
                return Err(DataError::DuplicateHeader {
                    path,
                    name,
                    first: first + 1,
                    second: columns.len() + 1,
                });
            }
            columns.push(Column { name, kind: ColumnKind::Numeric, reason: Reason::Declared });
        }
        let width = columns.len().max(1);
        if !values.len().is_multiple_of(width) || columns.is_empty() != values.is_empty() {
            let expected = values.len().div_ceil(width) * width;
            return Err(DataError::Length { what: "values", expected, got: values.len() });
        }
        Ok(MemorySource { path, schema: Arc::new(Schema { columns }), values: values.into(), row: 0 })
    }

    fn width(&self) -> usize {
        self.schema.columns.len().max(1)
    }
}

impl Source for MemorySource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let width = self.width();
        let (columns, lines, _) = table.parts();
        let mut filled = 0;
        for row in self.values.chunks_exact(width).skip(self.row).take(rows) {
            for (place, (values, &value)) in columns.iter_mut().zip(row).enumerate() {
                if value.is_infinite() {
                    return Err(DataError::NonFiniteValue {
                        what: "value",
                        row: self.row,
                        column: place,
                        value,
                    });
                }
                if let Values::Numbers(numbers) = values {
                    numbers.push(value);
                }
            }
            self.row += 1;
            lines.push(self.row as u64);
            filled += 1;
        }
        Ok(filled)
    }

    fn cursor(&self) -> Cursor {
        Cursor { row: self.row as u64, ..Cursor::default() }
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        let rows = self.values.len() / self.width();
        let row = usize::try_from(cursor.row).ok().filter(|&row| row <= rows);
        self.row = row.ok_or(DataError::BadCursor { path: self.path.clone(), row: cursor.row })?;
        Ok(())
    }
}
