//! Finding out how a text file is cut into fields, and whether its first line holds names.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::scan::{CellReader, decimal_comma};

const CANDIDATES: [u8; 4] = [b',', b'\t', b';', b'|'];
const LINES: usize = 50;

/// The delimiter that cuts the first lines into equally many fields, most fields first.
pub(super) fn delimiter(path: &Path, head: &str) -> u8 {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let tabbed = name.ends_with(".tsv") || name.ends_with(".tab");
    let score = |&candidate: &u8| {
        let records = records(head, candidate, LINES);
        let fields = records.first().map_or(0, StringRecord::len);
        let alike = records.iter().filter(|record| record.len() == fields).count();
        let share = if fields < 2 { 0 } else { alike * 100 / records.len().max(1) };
        (share, tabbed && candidate == b'\t', fields)
    };
    // `max_by_key` keeps the last of equals; the comma should win ties.
    CANDIDATES.into_iter().rev().max_by_key(score).unwrap_or(b',')
}

/// Whether the first line holds names: it does unless it has a number in a column of numbers, and
/// no text above one.
pub(super) fn has_header(head: &str, delimiter: u8, cells: &CellReader) -> bool {
    let records = records(head, delimiter, LINES);
    let Some((first, rest)) = records.split_first() else { return true };
    let is_number = |text: &str| cells.number(text.trim()).is_ok_and(|number| !number.is_nan());
    let (mut for_names, mut against) = (false, false);
    for (column, cell) in first.iter().enumerate() {
        let below =
            || rest.iter().filter_map(|record| record.get(column)).filter(|c| !cells.is_missing(c.trim()));
        let numeric = below().next().is_some() && below().all(is_number);
        // With a single line there is nothing to compare with: a number is then data.
        against |= is_number(cell) && (numeric || rest.is_empty());
        for_names |= numeric && !is_number(cell) && !cells.is_missing(cell.trim());
    }
    for_names || !against
}

/// Whether some cells are numbers with a decimal comma, and none with a point.
pub(super) fn has_decimal_comma(head: &str, delimiter: u8) -> bool {
    let records = records(head, delimiter, LINES);
    let cells = || records.iter().flat_map(|record| record.iter()).map(str::trim);
    let fraction = |mark| move |cell: &&str| cell.contains(mark);
    let commas = cells().filter(fraction(',')).any(|cell| decimal_comma(cell).is_some());
    commas && !cells().filter(fraction('.')).any(|cell| cell.parse::<f64>().is_ok())
}

/// The first whole records of a text. The last is left out if the text may be cut within it.
fn records(head: &str, delimiter: u8, count: usize) -> Vec<StringRecord> {
    let whole = match (head.len() + 4 >= crate::text::HEAD_BYTES, head.rfind('\n')) {
        (true, Some(end)) => &head[..end],
        _ => head,
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(whole.as_bytes());
    reader.records().map_while(Result::ok).filter(|r| !is_blank(r)).take(count).collect()
}

/// A line of white space is no row.
pub(super) fn is_blank(record: &StringRecord) -> bool {
    record.len() <= 1 && record.get(0).is_none_or(|field| field.trim().is_empty())
}
