//! Lines of labels and text, as fastText reads them.

use std::path::Path;
use std::sync::Arc;

use super::{Cursor, Source, SourceSpec};
use crate::lines::TextLines;
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, Finding, ReadOptions, Reason, Schema, Table};

/// What a label begins with.
const PREFIX: &str = "__label__";
/// The columns.
const LABEL: &str = "label";
const TEXT: &str = "text";

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "label-text",
    summary: "lines of `__label__NAME` and a text, fastText's format",
    reference: "fastText, documentation of supervised training",
    extensions: &["ft"],
    parameters: &[],
    detect: |path, head| {
        let head = String::from_utf8_lossy(head);
        SPEC.names(path) || head.trim_start().starts_with(PREFIX)
    },
    open: |path, options: &ReadOptions| Ok(Box::new(LabelTextSource::open(path, options)?)),
};

/// A file of lines `__label__NAME text …`, read in one pass with the memory of one window.
///
/// The columns are `label`, the name behind `__label__`, and `text`, what follows it. A line with several labels
/// counts for its first one; the others are read over, and a finding says so. A line without a label has none, and
/// empty lines are read over. gzip is decompressed on the fly. What is learned from is the words of the text.
pub struct LabelTextSource {
    schema: Arc<Schema>,
    lines: TextLines,
    /// At most one: the lines so far that have several labels.
    findings: Vec<Finding>,
}

impl LabelTextSource {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of opening.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<LabelTextSource, DataError> {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: ColumnKind::Categorical,
            reason: Reason::Format,
        };
        Ok(LabelTextSource {
            schema: Arc::new(Schema { columns: vec![column(LABEL), column(TEXT)] }),
            lines: TextLines::open(path, options.encoding.as_deref())?,
            findings: Vec::new(),
        })
    }
}

fn is_row(line: &str) -> bool {
    !line.trim().is_empty()
}

/// The first label of a line, the text without labels, and how many labels there are.
fn parts(line: &str) -> (Option<&str>, &str, usize) {
    let (mut label, mut rest, mut labels) = (None, line.trim(), 0);
    while let Some(labelled) = rest.strip_prefix(PREFIX) {
        let (name, behind) = labelled.split_once(char::is_whitespace).unwrap_or((labelled, ""));
        label = label.or(Some(name));
        (rest, labels) = (behind.trim_start(), labels + 1);
    }
    (label.filter(|name| !name.is_empty()), rest, labels)
}

impl Source for LabelTextSource {
    fn path(&self) -> &Path {
        self.lines.path()
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let mut filled = 0;
        while filled < rows && self.lines.advance(is_row)? {
            let (label, rest, labels) = parts(self.lines.line());
            let number = self.lines.cursor().line;
            match self.findings.first_mut() {
                Some(Finding::SeveralLabels { lines, .. }) => *lines += usize::from(labels > 1),
                _ if labels > 1 => self.findings.push(Finding::SeveralLabels { lines: 1, first: number }),
                _ => {}
            }
            let (columns, lines, kept) = table.parts();
            let fields = [label, Some(rest).filter(|rest| !rest.is_empty())];
            for (values, field) in columns.iter_mut().zip(fields) {
                if let Values::Names(names) = values {
                    names.push(field);
                }
            }
            lines.push(number);
            if let Some(kept) = kept {
                kept.push(csv::StringRecord::from(vec![label.unwrap_or_default(), rest]));
            }
            filled += 1;
        }
        Ok(filled)
    }

    fn text(&self) -> Option<&'static str> {
        Some(TEXT)
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn cursor(&self) -> Cursor {
        self.lines.cursor()
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        self.lines.seek(cursor, is_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_parted_from_text() {
        assert_eq!(parts("__label__a some words\n"), (Some("a"), "some words", 1));
        assert_eq!(parts("  __label__a __label__b  x"), (Some("a"), "x", 2));
        assert_eq!(parts("no label"), (None, "no label", 0));
        assert_eq!(parts("__label__ x"), (None, "x", 1));
        assert_eq!(parts("__label__only"), (Some("only"), "", 1));
    }
}
