//! `steepest predict`: rows in, predictions out.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use steepest::train::Predictor;
use tempfile::TempDir;

use super::{grouped, load_model, tell};
use crate::arguments::Predict;
use crate::failure::Failure;
use crate::style::Style;

pub fn run(arguments: &Predict) -> Result<(), Failure> {
    let model = load_model(&arguments.model)?;
    let mut predictor = Predictor::new(&model)?;
    if arguments.data != Path::new("-") {
        return predict(&mut predictor, &arguments.data, &arguments.output);
    }
    let folder = spool()?;
    let copy = folder.path().join(INPUT);
    predict(&mut predictor, &copy, &arguments.output)
        .map_err(|error| Failure::Input { copy, error: Box::new(error) })
}

fn predict(predictor: &mut Predictor, data: &Path, path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        let predicted = predictor.csv(data, &mut out)?;
        out.flush()?;
        tell(&predicted.findings);
        return Ok(());
    }
    if let (Ok(a), Ok(b)) = (fs::canonicalize(data), fs::canonicalize(path))
        && a == b
    {
        return Err(Failure::SameFile { path: path.to_owned() });
    }
    let predicted = whole(path, |out| Ok(predictor.csv(data, out)?))?;
    tell(&predicted.findings);
    let style = Style::stderr();
    errln!(
        "{} {} rows predicted, written to {}",
        style.green("done:"),
        grouped(predicted.rows),
        path.display()
    );
    Ok(())
}

/// Writes a file that appears when it is whole: until then, and after a failure, what was there before stays. What is no
/// file, such as a pipe, is written to directly.
fn whole<R>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<R, Failure>) -> Result<R, Failure> {
    let failed = |source| Failure::File { action: "write", path: path.to_owned(), source };
    let direct = fs::metadata(path).is_ok_and(|found| !found.is_file());
    let mut name = path.as_os_str().to_owned();
    name.push(if direct { "" } else { ".part" });
    let part = Path::new(&name);
    let mut out = BufWriter::new(File::create(part).map_err(failed)?);
    let written = write(&mut out).and_then(|written| {
        out.flush().map_err(failed)?;
        Ok(written)
    });
    match written {
        Ok(_) if !direct => fs::rename(part, path).map_err(failed)?,
        // What is left of it says nothing.
        Err(_) if !direct => drop(fs::remove_file(part)),
        _ => {}
    }
    written
}

/// The name of the copy of standard input.
const INPUT: &str = "standard-input";

/// Copies standard input to a file: what it holds is found out before its rows are read.
fn spool() -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(INPUT);
    let failed = |source| Failure::File { action: "copy standard input to", path: path.clone(), source };
    let mut file = File::create(&path).map_err(failed)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
    Ok(folder)
}
