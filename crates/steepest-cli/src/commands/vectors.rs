//! `steepest vectors`: a model's vectors as a file that other programs read.

use std::path::Path;

use steepest::train::{VectorFormat, Vectors};

use super::{grouped, load_model};
use crate::arguments;
use crate::failure::Failure;

pub fn run(arguments: &arguments::Vectors) -> Result<(), Failure> {
    let vectors = load(&arguments.model, arguments.column.as_deref())?;
    let format = if arguments.binary { VectorFormat::Binary } else { VectorFormat::Text };
    vectors.save(&arguments.output, format)?;
    let (count, width) = (grouped(vectors.names.len() as u64), vectors.width);
    errln!("wrote {count} vectors of size {width} to {}", arguments.output.display());
    Ok(())
}

/// The vectors of a model, or those of a file in one of word2vec's formats.
pub(super) fn load(path: &Path, column: Option<&str>) -> Result<Vectors, Failure> {
    let is_vectors = ["txt", "vec", "bin"].iter().any(|own| path.extension().is_some_and(|e| e == *own));
    Ok(if is_vectors { Vectors::load(path)? } else { load_model(path)?.vectors(column)? })
}
