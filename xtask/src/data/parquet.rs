//! Parquet files as CSV.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::DataError;

/// Writes the rows of a Parquet file as CSV with a header; a null becomes an empty cell.
pub fn to_csv(from: &Path, to: &Path) -> Result<(), DataError> {
    let failed = |source: ParquetError| DataError::Parquet { path: from.to_path_buf(), source };
    let input = File::open(from).map_err(DataError::file(from))?;
    let mut output = BufWriter::new(File::create(to).map_err(DataError::file(to))?);
    let reader = SerializedFileReader::new(input).map_err(failed)?;
    let columns = reader.metadata().file_metadata().schema().get_fields();
    let header = columns.iter().map(|column| quoted(column.name()));
    let mut lines = vec![header.collect::<Vec<_>>().join(",")];
    for row in reader.get_row_iter(None).map_err(failed)? {
        let row = row.map_err(failed)?;
        lines.push(row.get_column_iter().map(|(_, field)| cell(field)).collect::<Vec<_>>().join(","));
    }
    for line in lines {
        writeln!(output, "{line}").map_err(DataError::file(to))?;
    }
    output.flush().map_err(DataError::file(to))
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => quoted(text),
        // The shortest text that reads back as the same number.
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
