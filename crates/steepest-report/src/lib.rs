//! Turns the records of a run into pictures.
//!
//! A [`History`] is read from the run's `metrics.jsonl`; the functions of [`chart`] turn it into a
//! [`Drawing`], which is written as SVG or PNG. [`write_pictures`] does all of this for a run directory.
//! No font, library or program of the system is needed.
#![forbid(unsafe_code)]

mod axis;
pub mod chart;
mod drawing;
mod error;
mod font;
mod history;
#[cfg(feature = "png")]
mod png;
mod run;
mod svg;
mod theme;

pub use drawing::{Anchor, Colour, Drawing, Face, Point, Shape, Stroke, Text};
pub use error::ReportError;
pub use history::{History, Series};
pub use run::{write_drawing, write_pictures};
