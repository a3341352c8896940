//! `steepest predict`: rows in, predictions out.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use steepest::train::Predictor;

use super::{grouped, load_model, tell};
use crate::arguments::Predict;
use crate::failure::Failure;
use crate::style::Style;

pub fn run(arguments: &Predict) -> Result<(), Failure> {
    let model = load_model(&arguments.model)?;
    let mut predictor = Predictor::new(&model)?;
    let dash = Path::new("-");
    let data = if arguments.data == dash { PathBuf::from("/dev/stdin") } else { arguments.data.clone() };
    if arguments.output == dash {
        let mut out = BufWriter::new(io::stdout().lock());
        let predicted = predictor.csv(&data, &mut out)?;
        out.flush()?;
        tell(&predicted.findings);
        return Ok(());
    }
    let path = &arguments.output;
    if let (Ok(a), Ok(b)) = (fs::canonicalize(&data), fs::canonicalize(path))
        && a == b
    {
        return Err(Failure::SameFile { path: path.clone() });
    }
    let failed = |source| Failure::File { action: "write", path: path.clone(), source };
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    let predicted = predictor.csv(&data, &mut out)?;
    out.flush().map_err(failed)?;
    tell(&predicted.findings);
    let style = Style::stderr();
    eprintln!(
        "{} {} rows predicted, written to {}",
        style.green("done:"),
        grouped(predicted.rows),
        path.display()
    );
    Ok(())
}
