//! Parsers meet arbitrary bytes: they may refuse, never panic.

use std::path::PathBuf;

use proptest::prelude::*;
use steepest_data::{DataOptions, Fractions, ReadOptions, Table, inspect, prepare, sources};

fn file(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Reads, inspects, and goes back to the middle; what was read twice must agree.
fn exercise(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    let (_folder, path) = file(bytes, name);
    let options = ReadOptions::default();
    let _ = inspect(&path, &options).map(|inspection| inspection.to_string().len());
    let Ok(mut source) = sources::open(&path, &options) else { return Ok(()) };
    let Ok(table) = Table::read(&mut *source) else { return Ok(()) };
    let names: Vec<&str> = table.schema().names().collect();
    let data =
        DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(&path, names[names.len() - 1]) };
    if let Ok(data) = prepare(&data, 1) {
        prop_assert!(data.train.rows() <= table.rows());
    }
    let mut source = sources::open(&path, &options).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let mut half = source.table();
    let read = source.fill(&mut half, table.rows() / 2).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let cursor = source.cursor();
    source.seek(cursor).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let rest = Table::read(&mut *source).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(read + rest.rows(), table.rows());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn csv_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        exercise(&bytes, "x.csv")?;
    }

    #[test]
    fn csv_of_likely_bytes(text in "([a-c0-9.,;\t\" ?\r\n-]|é|NaN|inf|true|no){0,200}") {
        exercise(text.as_bytes(), "x.csv")?;
    }

    #[test]
    fn csv_of_tables(
        rows in prop::collection::vec(prop::collection::vec("[0-9]{0,3}|[a-z]{1,3}|\"[a-z\n,]{0,4}\"", 3), 1..30),
    ) {
        let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        exercise(text.as_bytes(), "x.csv")?;
    }

    #[test]
    fn gzip_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&[&[0x1F, 0x8B, 8, 0], &bytes[..]].concat(), "x.csv.gz")?;
    }

    #[test]
    fn idx_of_any_bytes(axes in 0u8..6, header in prop::collection::vec(0u8..4, 16), data in prop::collection::vec(any::<u8>(), 0..100)) {
        exercise(&[&[0, 0, 8, axes], &header[..], &data].concat(), "x-ubyte")?;
    }

    #[test]
    fn idx_of_likely_sizes(rows in 0u32..5, width in 0u32..5, extra in 0usize..3, cut in 0usize..3) {
        let mut bytes = vec![0, 0, 8, 2];
        bytes.extend(rows.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend(vec![7u8; ((rows * width) as usize + extra).saturating_sub(cut)]);
        exercise(&bytes, "x-ubyte")?;
    }
}
