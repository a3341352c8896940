//! How a data file is read: what the user can override.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ColumnKind;

/// The texts that count as a missing value unless the user says otherwise; pandas knows the same ones and more.
pub const MISSING_TEXTS: [&str; 12] =
    ["", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none"];

/// How a data file is read. Everything has a default that is found out from the file.
///
/// ```
/// use steepest_data::{ColumnKind, ReadOptions};
/// let options = ReadOptions::default().column("zip", ColumnKind::Categorical);
/// assert_eq!(options.columns["zip"], ColumnKind::Categorical);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ReadOptions {
    /// The name of a source (`csv` or `idx`). Default: found out from the first bytes.
    pub format: Option<String>,
    /// The character between fields. Default: the one of `,` tab `;` `|` that cuts the first lines alike.
    pub delimiter: Option<char>,
    /// The decimal mark, `.` or `,`. Default: `.`, unless fields are not separated by commas and the
    /// numbers of the first lines have one.
    pub decimal: Option<char>,
    /// Whether the first line holds names. Default: yes, unless it has numbers where the other lines have.
    pub header: Option<bool>,
    /// Texts that count as a missing value. Default: [`MISSING_TEXTS`].
    pub missing: Vec<String>,
    /// The text encoding. Default: UTF-8.
    pub encoding: Option<String>,
    /// Kinds of columns by name, instead of what would be inferred.
    pub columns: BTreeMap<String, ColumnKind>,
    /// Ignores every column that `columns` does not name.
    pub only: bool,
    /// Rows looked at to infer the kinds of columns. Range: 1 and up. Default: 10,000.
    pub infer_rows: u64,
    /// Further columns, each the values of several of the file's as one category: `kind*color`. Default: none.
    pub crosses: Vec<String>,
    /// IDX: the file of labels. Default: the name of the images with `images` → `labels`, `idx3` → `idx1`.
    pub labels: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            format: None,
            delimiter: None,
            decimal: None,
            header: None,
            missing: MISSING_TEXTS.map(str::to_owned).to_vec(),
            encoding: None,
            columns: BTreeMap::new(),
            only: false,
            infer_rows: 10_000,
            crosses: Vec::new(),
            labels: None,
        }
    }
}

impl ReadOptions {
    /// Sets the kind of a column.
    pub fn column(mut self, name: &str, kind: ColumnKind) -> ReadOptions {
        self.columns.insert(name.to_owned(), kind);
        self
    }
}
