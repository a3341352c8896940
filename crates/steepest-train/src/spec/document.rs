//! A TOML text and overrides as a flat list of entries that remember where they were written.

use std::ops::Range;
use std::path::Path;

use steepest_spec::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, SpecError, SpecProblem};
use super::sections::{SECTIONS, Section};

/// One `key = value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The names of the tables around it and its own: `["data", "split", "test"]`.
    pub path: Vec<String>,
    pub value: Value,
    /// Where the key is written.
    pub key_at: Place,
    /// Where the value is written.
    pub value_at: Place,
}

/// All entries of a spec, each key once; overrides replace what the text says.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub origin: &'a Path,
    text: &'a str,
    pub entries: Vec<Entry>,
    /// The names of the outermost tables, and where each is first written.
    pub sections: Vec<(String, Place)>,
}

impl<'a> Document<'a> {
    pub fn parse(text: &'a str, origin: &'a Path, overrides: &[String]) -> Result<Document<'a>, SpecError> {
        let mut document = Document { origin, text, entries: Vec::new(), sections: Vec::new() };
        let table = DeTable::parse(text).map_err(|error| {
            let place = error.span().map_or(Place::Absent, |span| document.place(span));
            let kind = SpecProblem::Syntax { message: error.message().to_owned() };
            SpecError { origin: origin.to_owned(), place, kind: Box::new(kind) }
        })?;
        let entries = document.flatten(table.get_ref(), &[])?;
        document.entries = entries;
        let tables = table.get_ref().iter().filter(|(_, value)| value.get_ref().is_table());
        document.sections =
            tables.map(|(key, _)| (key.get_ref().to_string(), document.place(key.span()))).collect();
        for text in overrides {
            document.set(text)?;
        }
        Ok(document)
    }

    fn flatten(&self, table: &DeTable<'_>, path: &[String]) -> Result<Vec<Entry>, SpecError> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let path = [path, &[key.get_ref().to_string()]].concat();
            if let DeValue::Table(inner) = value.get_ref() {
                entries.extend(self.flatten(inner, &path)?);
                continue;
            }
            let (key_at, value_at) = (self.place(key.span()), self.place(value.span()));
            let value = plain(value).map_err(|got| {
                let kind = SpecProblem::BadType { key: path.join("."), got };
                SpecError { origin: self.origin.to_owned(), place: value_at.clone(), kind: Box::new(kind) }
            })?;
            entries.push(Entry { path, value, key_at, value_at });
        }
        // Toml tables are sorted by key; errors should come in the order of the text.
        entries.sort_by_key(|entry| match entry.key_at {
            Place::Text { line, column, .. } => (line, column),
            _ => (usize::MAX, 0),
        });
        Ok(entries)
    }

    /// Applies one override, `a.b=v`: v is a TOML value, or else a text as it stands.
    fn set(&mut self, text: &str) -> Result<(), SpecError> {
        let place = Place::Override(text.to_owned());
        let wrong = |kind: SpecProblem| SpecError {
            origin: self.origin.to_owned(),
            place: place.clone(),
            kind: Box::new(kind),
        };
        let (key, value) = text.split_once('=').ok_or_else(|| wrong(SpecProblem::Override))?;
        let path: Vec<String> = key.trim().split('.').map(|part| part.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(wrong(SpecProblem::Override));
        }
        let value = value.trim();
        let value = match DeValue::parse(value) {
            Ok(parsed) => {
                plain(&parsed).map_err(|got| wrong(SpecProblem::BadType { key: path.join("."), got }))?
            }
            Err(_) => Value::Text(value.to_owned()),
        };
        // Another kind has other settings: what the text says of the former one does not count. Overrides do, in any order.
        if let [section, key] = &path[..]
            && key == "kind"
            && self.kind_of(section).is_none_or(|kind| kind != value)
        {
            let meant = |entry: &Entry| matches!(entry.key_at, Place::Override(_));
            self.entries.retain(|entry| entry.path[0] != *section || meant(entry));
        }
        self.entries.retain(|entry| entry.path != path);
        self.entries.push(Entry { path, value, key_at: place.clone(), value_at: place });
        Ok(())
    }

    /// The kind that a section has so far: the one written, else its default.
    fn kind_of(&self, section: &str) -> Option<Value> {
        let written = self.entries.iter().find(|entry| entry.path == [section, "kind"]);
        let default = || {
            SECTIONS.iter().find_map(|known| match known {
                Section::Chosen { name, default, .. } if *name == section => *default,
                _ => None,
            })
        };
        written
            .map(|entry| entry.value.clone())
            .or_else(|| default().map(|kind| Value::Text(kind.to_owned())))
    }

    /// The place of a span of bytes.
    fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = &self.text[line_start..];
        let source = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = before[line_start..].chars().count() + 1;
        let meant = self.text.get(span.start..span.end.min(line_start + source.len())).unwrap_or_default();
        Place::Text {
            line: before.matches('\n').count() + 1,
            column,
            source: source.to_owned(),
            width: meant.chars().count(),
        }
    }
}

/// A value of a list, which may be a table, such as each of `[[model.layers]]`.
fn element(value: &Spanned<DeValue<'_>>) -> Result<Value, &'static str> {
    let DeValue::Table(entries) = value.get_ref() else { return plain(value) };
    let entries = entries.iter().map(|(key, value)| Ok((key.get_ref().to_string(), plain(value)?)));
    Ok(Value::Table(entries.collect::<Result<_, _>>()?))
}

/// A value that is no table; else the name of its type.
fn plain(value: &Spanned<DeValue<'_>>) -> Result<Value, &'static str> {
    let value = value.get_ref();
    Ok(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.map_err(|_| "whole number of more than 64 bits")?)
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().map_err(|_| value.type_str())?),
        DeValue::Array(values) => Value::List(values.iter().map(element).collect::<Result<_, _>>()?),
        DeValue::Datetime(_) | DeValue::Table(_) => return Err(value.type_str()),
    })
}
