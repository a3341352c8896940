//! `steepest export` and `steepest import`: weights for PyTorch and from it.

use steepest::train::{Imported, PyTorchOptions, Trainer};

use super::{grouped, load_model, spec};
use crate::arguments::{Export, Format, Import};
use crate::failure::Failure;
use crate::style::Style;

pub fn export(arguments: &Export) -> Result<(), Failure> {
    let Format::Pytorch = arguments.format;
    let options = PyTorchOptions { rename: arguments.rename.clone(), partial: false };
    let tensors = load_model(&arguments.model)?.export_pytorch(&arguments.output, &options)?;
    let style = Style::stderr();
    errln!("{} {} tensors in {}", style.green("wrote"), grouped(tensors as u64), arguments.output.display());
    Ok(())
}

pub fn import(arguments: &Import) -> Result<(), Failure> {
    if arguments.output.exists() {
        return Err(Failure::Exists { path: arguments.output.clone() });
    }
    let mut spec = spec::from_arguments(&arguments.spec, &arguments.run, &[])?;
    // Nothing is trained, so there is no run.
    spec.run.directory = None;
    spec.run.init_from = None;
    let Format::Pytorch = arguments.format;
    let options = PyTorchOptions { rename: arguments.rename.clone(), partial: arguments.partial };
    let mut trainer = Trainer::new(&spec)?;
    let Imported { tensors, left_out } = trainer.import_pytorch(&arguments.weights, &options)?;
    trainer.model().save(&arguments.output)?;
    let style = Style::stderr();
    let left_out = left_out.to_string();
    if !left_out.is_empty() {
        errln!("{} left out:{left_out}", style.yellow("warning:"));
    }
    errln!(
        "{} {} tensors to {}",
        style.green("imported"),
        grouped(tensors as u64),
        arguments.output.display()
    );
    Ok(())
}
