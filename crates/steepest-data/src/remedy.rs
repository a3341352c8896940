//! The parts of messages that depend on the case: what to do, and how to show a cell.

pub(crate) use steepest_spec::toml_key as key;

use std::path::Path;

use crate::error::Nearest;
use crate::sources;
use crate::stdin::is_stdin;

pub(crate) fn near_files(path: &Path, nearest: &Nearest) -> String {
    match nearest.name() {
        Some(name) => format!("did you mean `{name}`?"),
        None if path.components().any(|part| part.as_os_str() == "data") => {
            "check the path; the data sets of the examples are fetched by `cargo xtask data NAME`".into()
        }
        None => "check the path; it is relative to the folder you are in".into(),
    }
}

/// A file as people call it.
pub(crate) fn shown(path: &Path) -> String {
    if is_stdin(path) { "standard input".into() } else { path.display().to_string() }
}

/// What an empty file should have.
pub(crate) fn rows_to_give(path: &Path) -> &'static str {
    let headless = [&sources::libsvm::SPEC, &sources::label_text::SPEC, &sources::vowpal::SPEC];
    match is_stdin(path) || headless.iter().any(|spec| spec.names(path)) {
        true => "at least one row",
        false => "a file with a header line and at least one row",
    }
}

pub(crate) fn ragged_help(got: usize, expected: usize) -> &'static str {
    match got < expected {
        true => {
            "add the missing fields (an empty field is a missing value), or check the delimiter and the quotes"
        }
        false => "put quotes around fields that contain the delimiter, or check `data.delimiter`",
    }
}

pub(crate) fn latin(byte: u8) -> String {
    let bytes = [byte];
    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
    match text.chars().next().filter(|c| !c.is_control()) {
        Some(c) => format!(" (in Windows-1252 it is `{c}`)"),
        None => String::new(),
    }
}

/// What to do about a cell that should be a number: how to write it, if that can be guessed.
pub(crate) fn number_help(raw: &str) -> String {
    let bare: String = raw.chars().filter(|c| !c.is_whitespace() && !"$€£%_".contains(*c)).collect();
    let readings = [bare.clone(), bare.replace(',', ""), bare.replace('.', "").replace(',', ".")];
    match readings.iter().find(|text| text.parse::<f64>().is_ok_and(f64::is_finite)) {
        Some(number) => format!("write it as `{number}`"),
        None => "mend the cell".into(),
    }
}

/// A cell's text, cut where it would flood the message.
pub(crate) fn shorten(raw: &str) -> String {
    const SHOWN: usize = 60;
    match raw.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &raw[..end]),
        None => raw.to_owned(),
    }
}

pub(crate) fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text =
        names.iter().take(SHOWN).map(|n| format!("`{}`", shorten(n))).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" or {} others", names.len() - SHOWN));
    }
    text
}
