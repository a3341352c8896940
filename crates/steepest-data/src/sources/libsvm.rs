//! The sparse text format of LIBSVM and SVMlight.

use std::path::Path;
use std::sync::Arc;

use super::{Cursor, Source, SourceSpec};
use crate::error::SparseProblem;
use crate::lines::TextLines;
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, ReadOptions, Reason, Schema, Table};

/// Indices above this are taken for a slip: their weights alone would fill half a gigabyte.
pub(crate) const LARGEST_INDEX: u32 = 1 << 27;

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "libsvm",
    summary: "lines of a label and the features that are not 0, LIBSVM's and SVMlight's text format",
    reference: "Chang and Lin, LIBSVM, README; Joachims, SVMlight",
    extensions: &["libsvm", "svmlight", "svm"],
    parameters: &[],
    detect: |path, head| SPEC.names(path) || looks_like_it(&String::from_utf8_lossy(head)),
    open: |path, _: &ReadOptions| Ok(Box::new(LibsvmSource::open(path)?)),
};

/// Whether the first lines are a number and pairs `index:value`.
fn looks_like_it(head: &str) -> bool {
    let pair = |field: &str| {
        field.split_once(':').is_some_and(|(index, value)| {
            (index == "qid" || index.parse::<u32>().is_ok()) && value.parse::<f64>().is_ok()
        })
    };
    let mut lines =
        head.lines().map(without_comment).filter(|line| !line.trim().is_empty()).take(5).peekable();
    // A row may be empty, but then nothing tells the format from a list of numbers: the first is not.
    let fits = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        fields.next().is_some_and(|label| label.parse::<f64>().is_ok()) && fields.next().is_none_or(pair)
    };
    lines.peek().is_some_and(|first| first.split_ascii_whitespace().nth(1).is_some()) && lines.all(fits)
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or(line)
}

fn is_row(line: &str) -> bool {
    !without_comment(line).trim().is_empty()
}

/// A file of lines `label index:value index:value … # comment`, read in one pass with the memory of one window.
///
/// The columns are `label`, a number, and `features`, sparse. An index is the column's number as it stands, from 0
/// or from 1 (column 0 is then never used). Pairs may come in any order; an index that a line has twice is an
/// error. `qid:n` and comments are read over, and so are empty lines. gzip is decompressed on the fly.
pub struct LibsvmSource {
    schema: Arc<Schema>,
    lines: TextLines,
}

impl LibsvmSource {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of opening.
    pub fn open(path: &Path) -> Result<LibsvmSource, DataError> {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind, reason: Reason::Format };
        let columns = vec![column("label", ColumnKind::Numeric), column("features", ColumnKind::Sparse)];
        Ok(LibsvmSource { schema: Arc::new(Schema { columns }), lines: TextLines::open(path, None)? })
    }

    fn problem(&self, raw: &str, problem: SparseProblem) -> DataError {
        let (path, line) = (self.lines.path().to_owned(), self.lines.cursor().line);
        DataError::SparseLine { path, line, raw: raw.to_owned(), problem }
    }

    /// The label and the entries, sorted, of the present line.
    fn parse(&self, entries: &mut Vec<(u32, f32)>) -> Result<f64, DataError> {
        let mut fields = without_comment(self.lines.line()).split_ascii_whitespace();
        let label = fields.next().unwrap_or_default();
        let finite = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
        let number = finite(label).ok_or_else(|| self.problem(label, SparseProblem::Label))?;
        entries.clear();
        for field in fields {
            let bad = |problem| self.problem(field, problem);
            let (index, value) = field.split_once(':').ok_or_else(|| bad(SparseProblem::Pair))?;
            if index == "qid" {
                continue;
            }
            let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
            let index = index.parse::<u32>().ok().filter(|&index| index <= LARGEST_INDEX);
            let index = index.ok_or_else(|| {
                bad(if digits {
                    SparseProblem::LargeIndex { limit: LARGEST_INDEX }
                } else {
                    SparseProblem::Index
                })
            })?;
            let value = finite(value).map(|value| value as f32).filter(|value| value.is_finite());
            entries.push((index, value.ok_or_else(|| bad(SparseProblem::Value))?));
        }
        entries.sort_unstable_by_key(|(index, _)| *index);
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let index = pair[0].0;
                Err(self.problem(&format!("{index}:{}", pair[1].1), SparseProblem::Duplicate { index }))
            }
            None => Ok(number),
        }
    }
}

impl Source for LibsvmSource {
    fn path(&self) -> &Path {
        self.lines.path()
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let (mut filled, mut entries) = (0, Vec::new());
        while filled < rows && self.lines.advance(is_row)? {
            let label = self.parse(&mut entries)?;
            let (columns, lines, text) = table.parts();
            for values in columns {
                match values {
                    Values::Numbers(numbers) => numbers.push(label),
                    Values::Sparse(sparse) => sparse.push(entries.iter().copied())?,
                    _ => {}
                }
            }
            lines.push(self.lines.cursor().line);
            if let Some(text) = text {
                text.push(csv::StringRecord::from(vec![self.lines.line().trim_end()]));
            }
            filled += 1;
        }
        Ok(filled)
    }

    fn cursor(&self) -> Cursor {
        self.lines.cursor()
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        self.lines.seek(cursor, is_row)
    }
}
