//! The pictures of a run directory.

use std::path::{Path, PathBuf};

use crate::drawing::Drawing;
use crate::error::ReportError;
use crate::history::History;
use crate::{chart, history};

/// Draws the curves of a run into its directory, as SVG and PNG, and says which files it wrote.
///
/// Reads `metrics.jsonl`. Writes `curves` (all panels on one page), `loss`, and one picture for each metric.
///
/// # Errors
/// [`ReportError`], if the log cannot be read or a picture not be written.
pub fn write_pictures(run: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let history = History::read(&run.join("metrics.jsonl"))?;
    let mut written = Vec::new();
    for (name, drawing) in drawings(&history) {
        written.extend(write_drawing(&drawing, &run.join(name))?);
    }
    Ok(written)
}

fn drawings(history: &history::History) -> Vec<(String, Drawing)> {
    let mut drawings = Vec::new();
    drawings.extend(chart::overview(history).map(|drawing| ("curves".to_owned(), drawing)));
    drawings.extend(chart::loss(history).map(|drawing| ("loss".to_owned(), drawing)));
    for metric in history.metrics() {
        drawings.extend(chart::metric(history, &metric).map(|drawing| (metric, drawing)));
    }
    drawings
}

/// Writes a picture as `stem.svg` and, where built in, `stem.png`; returns the files.
///
/// # Errors
/// [`ReportError::Io`].
pub fn write_drawing(drawing: &Drawing, stem: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut written = vec![write(stem.with_extension("svg"), drawing.svg().as_bytes())?];
    #[cfg(feature = "png")]
    written.push(write(stem.with_extension("png"), &drawing.png(2.0)?)?);
    Ok(written)
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    match std::fs::write(&path, bytes) {
        Ok(()) => Ok(path),
        Err(source) => Err(ReportError::Io { action: "write", path, source }),
    }
}
