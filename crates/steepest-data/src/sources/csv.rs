//! Comma- or tab-separated text.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::{Cursor, Parameter, Source, SourceSpec, sniff};
use crate::error::{Cell, Nearest, Role};
use crate::scan::{CellReader, ColumnScan, NotANumber, truth};
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, Finding, ReadOptions, Reason, Schema, Table, text};

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "csv",
    summary: "text with one row per line, fields separated by commas, tabs, semicolons or bars",
    reference: "RFC 4180; https://www.iana.org/assignments/media-types/text/tab-separated-values",
    extensions: &["csv", "tsv", "tab", "txt", "data"],
    parameters: &[
        Parameter {
            name: "delimiter",
            summary: "the character between fields",
            default: "found out",
            range: "one ASCII character",
        },
        Parameter {
            name: "decimal",
            summary: "the decimal mark",
            default: "found out",
            range: "\".\", \",\"",
        },
        Parameter {
            name: "header",
            summary: "whether the first line holds names",
            default: "found out",
            range: "true, false",
        },
        Parameter {
            name: "missing",
            summary: "texts that count as a missing value",
            default: "\"\", ?, NA, N/A, n/a, #N/A, NaN, nan, NULL, null, None, none",
            range: "texts",
        },
        Parameter {
            name: "encoding",
            summary: "the text encoding",
            default: "utf-8",
            range: "a name of the WHATWG encoding standard",
        },
        Parameter {
            name: "columns",
            summary: "kinds of columns by name",
            default: "inferred",
            range: "numeric, boolean, categorical, ignored",
        },
        Parameter {
            name: "infer-rows",
            summary: "rows looked at to infer the kinds",
            default: "10000",
            range: "1 and up",
        },
    ],
    detect: |_, _| true,
    open: |path, options| Ok(Box::new(CsvSource::open(path, options)?)),
};

/// A CSV or TSV file, read in one pass with the memory of one window.
///
/// Kinds of columns are inferred from the first rows (see [`Schema`] for what was found and why);
/// fields are trimmed of white space. gzip is decompressed on the fly.
pub struct CsvSource {
    path: PathBuf,
    options: ReadOptions,
    layout: Layout,
    schema: Arc<Schema>,
    cells: CellReader,
    findings: Vec<Finding>,
    reader: Reader<Box<dyn Read + Send>>,
    record: StringRecord,
    row: u64,
    /// What to add to the reader's counts after a seek.
    base: Cursor,
}

/// How the file is cut into fields.
#[derive(Clone, Copy, Debug)]
struct Layout {
    delimiter: u8,
    header: bool,
    /// Whether lines end in \r\n.
    crlf: bool,
    plain: bool,
    gzip: bool,
    skipped: u64,
}

impl CsvSource {
    /// Opens a file and infers its schema.
    ///
    /// # Errors
    /// Those of opening, of the header line, and of the rows looked at.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<CsvSource, DataError> {
        let mut cells = CellReader::new(&options.missing);
        let opened = text::open_text(path, options.encoding.as_deref())?;
        let delimiter = match options.delimiter {
            None => sniff::delimiter(path, &opened.head),
            Some(c) if c.is_ascii() && !"\"\r\n\0".contains(c) => c as u8,
            Some(got) => return Err(DataError::BadDelimiter { got }),
        };
        cells.comma = match options.decimal {
            None => delimiter != b',' && sniff::has_decimal_comma(&opened.head, delimiter),
            Some(mark) => mark == ',',
        };
        let header = options.header.unwrap_or_else(|| sniff::has_header(&opened.head, delimiter, &cells));
        let (plain, gzip, skipped) = (opened.plain, opened.gzip, opened.skipped);
        let crlf = opened.head.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let layout = Layout { delimiter, header, crlf, plain, gzip, skipped };
        let mut source = CsvSource {
            path: path.into(),
            options: options.clone(),
            layout,
            schema: Arc::default(),
            findings: if cells.comma { vec![Finding::DecimalComma] } else { Vec::new() },
            cells,
            reader: reader(layout, opened.reader),
            record: StringRecord::new(),
            row: 0,
            base: Cursor::default(),
        };
        source.infer()?;
        source.restart()?;
        Ok(source)
    }

    /// Reads the names and looks at the first rows.
    fn infer(&mut self) -> Result<(), DataError> {
        if !self.next_record(None)? {
            return Err(DataError::Empty { path: self.path.clone() });
        }
        let names = self.names()?;
        let mut scans = vec![ColumnScan::new(); names.len()];
        let mut more = !self.layout.header || self.next_record(Some(names.len()))?;
        if !more {
            return Err(DataError::HeaderOnly { path: self.path.clone() });
        }
        let open: Vec<bool> =
            names.iter().map(|name| !self.options.only && !self.options.columns.contains_key(name)).collect();
        let undecided =
            |scans: &[ColumnScan]| scans.iter().zip(&open).any(|(scan, &open)| open && scan.present == 0);
        let mut rows = 0;
        while more && open.contains(&true) && (rows < self.options.infer_rows.max(1) || undecided(&scans)) {
            let cells = self.record.iter().map(str::trim);
            scans.iter_mut().zip(cells).for_each(|(scan, cell)| scan.push(cell, &self.cells));
            rows += 1;
            more = self.next_record(Some(names.len()))?;
        }
        self.schema = Arc::new(self.declare(names, &scans)?);
        Ok(())
    }

    /// The names of the columns, from the record just read.
    fn names(&mut self) -> Result<Vec<String>, DataError> {
        if !self.layout.header {
            self.findings.push(Finding::NoHeader { columns: self.record.len() });
            return Ok((1..=self.record.len()).map(|n| format!("column_{n}")).collect());
        }
        let mut names: Vec<String> = Vec::new();
        let mut places = HashMap::new();
        for (place, field) in self.record.iter().enumerate() {
            let mut name = field.trim().to_owned();
            if name.is_empty() {
                name = format!("column_{}", place + 1);
                self.findings.push(Finding::UnnamedColumn { column: name.clone() });
            }
            if let Some(first) = places.insert(name.clone(), place + 1) {
                return Err(DataError::DuplicateHeader {
                    path: self.path.clone(),
                    name,
                    first,
                    second: place + 1,
                });
            }
            names.push(name);
        }
        Ok(names)
    }

    fn declare(&self, names: Vec<String>, scans: &[ColumnScan]) -> Result<Schema, DataError> {
        if !self.options.only
            && let Some(name) = self.options.columns.keys().find(|name| !names.contains(name))
        {
            let nearest = Nearest::find(name, names.iter().map(String::as_str));
            let (path, name) = (self.path.clone(), name.clone());
            return Err(DataError::UnknownColumn { path, name, role: Role::Setting, nearest });
        }
        let columns = names.into_iter().zip(scans).map(|(name, scan)| {
            let (kind, reason) = match self.options.columns.get(&name) {
                Some(&kind @ (ColumnKind::Image | ColumnKind::Sparse)) => {
                    return Err(DataError::BadKind { path: self.path.clone(), name, kind });
                }
                Some(&kind) => (kind, Reason::Declared),
                None if self.options.only => (ColumnKind::Ignored, Reason::Declared),
                None => scan.kind(),
            };
            Ok(Column { name, kind, reason })
        });
        Ok(Schema { columns: columns.collect::<Result<_, _>>()? })
    }

    /// Looks at every row from the first on; returns their number and what each column holds.
    pub(crate) fn scan(&mut self) -> Result<(u64, Vec<ColumnScan>), DataError> {
        self.restart()?;
        let fields = self.schema.columns.len();
        let mut scans = vec![ColumnScan::new(); fields];
        while self.next_record(Some(fields))? {
            let cells = self.record.iter().map(str::trim);
            scans.iter_mut().zip(cells).for_each(|(scan, cell)| scan.push(cell, &self.cells));
            self.row += 1;
        }
        Ok((self.row, scans))
    }

    /// Goes back to the first row.
    fn restart(&mut self) -> Result<(), DataError> {
        let opened = text::open_text(&self.path, self.options.encoding.as_deref())?;
        self.reader = reader(self.layout, opened.reader);
        (self.row, self.base) = (0, Cursor::default());
        if self.layout.header {
            self.next_record(None)?;
        }
        Ok(())
    }

    /// Reads the next record that is not blank; false at the end.
    fn next_record(&mut self, fields: Option<usize>) -> Result<bool, DataError> {
        loop {
            match self.reader.read_record(&mut self.record) {
                Ok(false) => return Ok(false),
                Ok(true) if sniff::is_blank(&self.record) && fields != Some(1) => {}
                Ok(true) => break,
                Err(error) => return Err(self.failed(error)),
            }
        }
        match fields {
            Some(expected) if self.record.len() != expected => {
                let (path, line, got) = (self.path.clone(), self.line(), self.record.len());
                Err(DataError::Ragged { path, line, expected, got })
            }
            _ => Ok(true),
        }
    }

    fn failed(&self, error: csv::Error) -> DataError {
        let path = self.path.clone();
        match error.into_kind() {
            ErrorKind::Utf8 { .. } => text::find_bad_byte(&path).unwrap_or_else(|error| error),
            ErrorKind::Io(source) if self.layout.gzip => DataError::Gzip { path, source },
            ErrorKind::Io(source) => DataError::Io { path, source },
            other => DataError::Io { path, source: io::Error::other(format!("{other:?}")) },
        }
    }

    /// The line on which the present record starts.
    fn line(&self) -> u64 {
        let start = self.record.position().map_or(1, csv::Position::line);
        let end = self.reader.position().line();
        // After a record that ends in \r\n the reader stands before the \n, else behind it.
        let behind = u64::from(!self.layout.crlf);
        if end == start {
            return self.base.line + start;
        }
        if end == start + 1 {
            return self.base.line + end - behind;
        }
        // The reader counts the blank lines before a record as part of it; those within it are its own.
        let within: usize = self.record.iter().map(|f| f.bytes().filter(|&b| b == b'\n').count()).sum();
        self.base.line + end - behind - within as u64
    }

    /// Appends the present record to a table.
    fn append(&self, table: &mut Table) -> Result<(), DataError> {
        let (columns, lines, text) = table.parts();
        for (place, (values, field)) in columns.iter_mut().zip(self.record.iter()).enumerate() {
            let field = field.trim();
            let kind = || self.schema.columns.get(place).map(|column| column.kind);
            match values {
                Values::Numbers(numbers) if kind() == Some(ColumnKind::Date) => {
                    match self.cells.date(field) {
                        Some(days) => numbers.push(days),
                        None => return Err(DataError::BadDate { cell: self.cell(place), raw: field.into() }),
                    }
                }
                Values::Numbers(numbers) => match self.cells.number(field) {
                    Ok(value) => numbers.push(value),
                    Err(NotANumber::NonFinite) => {
                        return Err(DataError::NonFinite { cell: self.cell(place), raw: field.into() });
                    }
                    Err(NotANumber::Text) => {
                        return Err(DataError::BadNumber { cell: self.cell(place), raw: field.into() });
                    }
                },
                Values::Names(_) if self.cells.is_missing(field) => push_name(values, None),
                Values::Names(_) => {
                    let boolean =
                        self.schema.columns.get(place).is_some_and(|c| c.kind == ColumnKind::Boolean);
                    if boolean && truth(field).is_none() {
                        return Err(DataError::BadBoolean { cell: self.cell(place), raw: field.into() });
                    }
                    push_name(values, Some(field));
                }
                Values::Ignored | Values::Sparse(_) | Values::Images { .. } => {}
            }
        }
        lines.push(self.line());
        if let Some(text) = text {
            text.push(self.record.clone());
        }
        Ok(())
    }

    fn cell(&self, place: usize) -> Box<Cell> {
        let name = self.schema.columns.get(place).map(|c| c.name.clone()).unwrap_or_default();
        Box::new(Cell { path: self.path.clone(), line: self.line(), column: place + 1, name })
    }
}

fn push_name(values: &mut Values, name: Option<&str>) {
    if let Values::Names(names) = values {
        names.push(name);
    }
}

fn reader(layout: Layout, from: Box<dyn Read + Send>) -> Reader<Box<dyn Read + Send>> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(layout.delimiter)
        .buffer_capacity(1 << 16)
        .from_reader(from)
}

impl Source for CsvSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let fields = self.schema.columns.len();
        for filled in 0..rows {
            if !self.next_record(Some(fields))? {
                return Ok(filled);
            }
            self.append(table)?;
            self.row += 1;
        }
        Ok(rows)
    }

    fn cursor(&self) -> Cursor {
        let position = self.reader.position();
        Cursor {
            row: self.row,
            byte: self.base.byte + position.byte(),
            line: self.base.line + position.line() - 1,
        }
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        let lost = |path: &Path| DataError::BadCursor { path: path.into(), row: cursor.row };
        if self.layout.plain {
            let failed = |source| DataError::Io { path: self.path.clone(), source };
            let mut file = File::open(&self.path).map_err(|source| DataError::opening(&self.path, source))?;
            let target = cursor.byte + self.layout.skipped;
            if target > file.metadata().map_err(failed)?.len() {
                return Err(lost(&self.path));
            }
            file.seek(SeekFrom::Start(target)).map_err(failed)?;
            self.reader = reader(self.layout, Box::new(file));
            (self.row, self.base) = (cursor.row, cursor);
            return Ok(());
        }
        // A compressed or converted stream has no random access: read over the rows before.
        self.restart()?;
        while self.row < cursor.row {
            if !self.next_record(None)? {
                return Err(lost(&self.path));
            }
            self.row += 1;
        }
        Ok(())
    }
}
