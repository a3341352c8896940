//! Columns made of others: the values of several, as one name.

use std::path::Path;
use std::sync::Arc;

use steepest_tensor::Shape;

use super::{Cursor, Source};
use crate::error::{DataError, Nearest, Role};
use crate::table::Values;
use crate::{Column, ColumnKind, Finding, Reason, Schema, Table};

/// What stands between the columns of a cross.
const BY: char = '*';

/// The columns of a cross: `a*b`.
pub(crate) fn parts(cross: &str) -> impl Iterator<Item = &str> {
    cross.split(BY).map(str::trim)
}

/// A source with further columns, each the values of several of its own: a category for each pair that occurs.
pub(crate) struct Crossed {
    inner: Box<dyn Source>,
    schema: Arc<Schema>,
    /// The columns of each cross.
    crosses: Vec<Vec<usize>>,
}

impl Crossed {
    pub fn new(inner: Box<dyn Source>, crosses: &[String]) -> Result<Crossed, DataError> {
        let mut schema = Schema::clone(inner.schema());
        let mut found = Vec::new();
        for cross in crosses {
            let place = |name: &str| {
                inner.schema().find(name).ok_or_else(|| DataError::UnknownColumn {
                    path: inner.path().into(),
                    name: name.to_owned(),
                    role: Role::Feature,
                    nearest: Nearest::find(name, inner.schema().names()),
                })
            };
            if parts(cross).count() < 2 {
                return Err(DataError::LoneCross { cross: cross.clone() });
            }
            found.push(parts(cross).map(place).collect::<Result<Vec<_>, _>>()?);
            let (name, kind, reason) = (cross.clone(), ColumnKind::Categorical, Reason::Declared);
            schema.columns.push(Column { name, kind, reason });
        }
        Ok(Crossed { inner, schema: Arc::new(schema), crosses: found })
    }
}

/// The value of a column in a row, as a name; none if it is missing.
fn name(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::Names(names) => names.get(row).map(str::to_owned),
        Values::Numbers(numbers) => numbers.get(row).filter(|value| !value.is_nan()).map(f64::to_string),
        _ => None,
    }
}

impl Source for Crossed {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let before = table.rows();
        let filled = self.inner.fill(table, rows)?;
        let (columns, _, _) = table.parts();
        let (own, made) = columns.split_at_mut(columns.len() - self.crosses.len());
        for (values, parts) in made.iter_mut().zip(&self.crosses) {
            let Values::Names(names) = values else { continue };
            for row in before..before + filled {
                let parts: Option<Vec<String>> = parts.iter().map(|&part| name(&own[part], row)).collect();
                names.push(parts.map(|parts| parts.join(" × ")).as_deref());
            }
        }
        Ok(filled)
    }

    fn cursor(&self) -> Cursor {
        self.inner.cursor()
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        self.inner.seek(cursor)
    }

    fn image(&self) -> Shape {
        self.inner.image()
    }

    fn weight(&self) -> Option<&'static str> {
        self.inner.weight()
    }

    fn text(&self) -> Option<&'static str> {
        self.inner.text()
    }

    fn findings(&self) -> &[Finding] {
        self.inner.findings()
    }
}
