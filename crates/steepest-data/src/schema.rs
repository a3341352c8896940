//! What the columns of a table are, and how that was decided.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Numbers.
    Numeric,
    /// Dates such as `2024-03-31`, or dates and times: a number of days.
    Date,
    /// Truth values: true/false, yes/no, t/f or y/n in any case.
    Boolean,
    /// Names out of a limited set.
    Categorical,
    /// Read over.
    Ignored,
    /// Many numbers, most of them 0. Only sparse text files have such columns.
    Sparse,
    /// A block of bytes with a shape. Only image files have such columns.
    Image,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnKind::Numeric => "numeric",
            ColumnKind::Date => "date",
            ColumnKind::Boolean => "boolean",
            ColumnKind::Categorical => "categorical",
            ColumnKind::Ignored => "ignored",
            ColumnKind::Sparse => "sparse",
            ColumnKind::Image => "image",
        })
    }
}

/// Why a column is of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum Reason {
    /// The user said so.
    Declared,
    /// The file format says so.
    Format,
    /// Every cell that was looked at is a number.
    Numbers {
        /// Cells looked at that are not missing.
        cells: u64,
    },
    /// Nearly all cells that were looked at are numbers; the others will be reported as errors.
    MostlyNumbers {
        /// Cells that are numbers.
        numbers: u64,
        /// Cells looked at that are not missing.
        cells: u64,
        /// The first that is not a number.
        example: String,
    },
    /// Every cell that was looked at is a date.
    Dates {
        /// Cells looked at that are not missing.
        cells: u64,
    },
    /// Cells that look like dates, in an order that cannot be known.
    OtherDates {
        /// The first.
        example: String,
    },
    /// Every cell that was looked at is a truth value.
    Truths {
        /// Cells looked at that are not missing.
        cells: u64,
    },
    /// Text with few distinct values.
    Names {
        /// Distinct values.
        distinct: u64,
        /// Cells looked at that are not missing.
        cells: u64,
    },
    /// Text with so many distinct values that it names rows rather than groups them.
    Identifier {
        /// Distinct values.
        distinct: u64,
        /// Cells looked at that are not missing.
        cells: u64,
    },
    /// No cell holds a value.
    AllMissing,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Declared => write!(f, "as declared"),
            Reason::Format => write!(f, "by the file format"),
            Reason::Numbers { cells } => write!(f, "all {cells} cells looked at are numbers"),
            Reason::MostlyNumbers { numbers, cells, example } => {
                write!(f, "{numbers} of {cells} cells looked at are numbers, but `{example}` is not")
            }
            Reason::Dates { cells } => write!(f, "all {cells} cells looked at are dates"),
            Reason::OtherDates { example } => {
                write!(f, "looks like dates, such as `{example}`: they are read if written as 2024-03-31")
            }
            Reason::Truths { cells } => write!(f, "all {cells} cells looked at are true or false"),
            Reason::Names { distinct, cells } => {
                write!(f, "text, {distinct} distinct values in {cells} cells looked at")
            }
            Reason::Identifier { distinct, cells } => {
                write!(
                    f,
                    "looks like identifiers or free text: {distinct} distinct values in {cells} cells looked at"
                )
            }
            Reason::AllMissing => write!(f, "every cell is missing"),
        }
    }
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the header, or `column_1`, `column_2`, … without one.
    pub name: String,
    /// How it is read.
    pub kind: ColumnKind,
    /// Why.
    pub reason: Reason,
}

/// The columns of a table, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The columns.
    pub columns: Vec<Column>,
}

impl Schema {
    /// The place of the column of a name, from 0.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.names().map(|name| name.chars().count()).max().unwrap_or(0);
        for column in &self.columns {
            let kind = column.kind.to_string();
            writeln!(f, "{:width$}  {kind:<11}  {}", column.name, column.reason)?;
        }
        Ok(())
    }
}
