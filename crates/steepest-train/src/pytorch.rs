//! Weights from PyTorch and for PyTorch, in safetensors under PyTorch's names.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use steepest_nn::PyTorch;
use steepest_tensor::{Buffer, Shape, Tensor};

use crate::blueprint::Blueprint;
use crate::checkpoint::Weights;
use crate::container::{self, Kind, Stored, write_at_once};
use crate::{Fault, Precision, SavedModel, TrainError};

/// How names of a file and names of the model are brought together, and whether all have to.
///
/// The names of a model in PyTorch are those of [`PyTorch`]. Where a file has others, each pair `(from, to)` of
/// `rename` says that what is called `from`, or begins with `from` and a dot, is called `to` here; the first pair that
/// fits counts, and either may be empty.
///
/// ```
/// use steepest_train::PyTorchOptions;
/// let pairs = [("encoder", "tokens"), ("module", "")].map(|(from, to)| (from.to_owned(), to.to_owned()));
/// let options = PyTorchOptions { rename: pairs.to_vec(), ..PyTorchOptions::default() };
/// let names = ["encoder.weight", "module.head.bias", "encoders.weight"].map(|name| options.renamed(name));
/// assert_eq!(names, ["tokens.weight", "head.bias", "encoders.weight"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PyTorchOptions {
    /// Parts of names at their beginning, and what stands in their place.
    pub rename: Vec<(String, String)>,
    /// Whether tensors that the model has not are left out, and those that the file has not keep their values.
    /// Default: neither is allowed.
    pub partial: bool,
}

impl PyTorchOptions {
    /// What a name becomes.
    pub fn renamed(&self, name: &str) -> String {
        let fits = |(from, to): &(String, String)| {
            let rest = match from.as_str() {
                "" => name,
                from => {
                    let rest = name.strip_prefix(from)?;
                    if rest.is_empty() { rest } else { rest.strip_prefix('.')? }
                }
            };
            let dot = if rest.is_empty() || to.is_empty() { "" } else { "." };
            Some(format!("{to}{dot}{rest}"))
        };
        self.rename.iter().find_map(fits).unwrap_or_else(|| name.to_owned())
    }
}

/// How the tensors of a file differ from those of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Names and shapes of the model's tensors that the file has not.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Names and shapes of the file's tensors that the model has not.
    pub extra: Vec<(String, Vec<usize>)>,
    /// Names of tensors of another shape: the model's, and the file's.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Mismatch {
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.misshapen.is_empty()
    }
}

impl fmt::Display for Mismatch {
    /// A line for each kind, with the first few.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let mut line = |what: &str, all: Vec<String>| {
            let more = all.len().saturating_sub(SHOWN);
            match all.as_slice() {
                [] => Ok(()),
                _ => {
                    let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    write!(f, "\n  {what}: {}{more}", shown.join(" · "))
                }
            }
        };
        let named = |list: &[(String, Vec<usize>)]| {
            list.iter().map(|(name, shape)| format!("`{name}` {shape:?}")).collect::<Vec<_>>()
        };
        line("missing", named(&self.missing))?;
        line("not in the model", named(&self.extra))?;
        let shapes = self.misshapen.iter();
        line(
            "of another shape",
            shapes.map(|(name, model, file)| format!("`{name}` is {file:?}, expected {model:?}")).collect(),
        )
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many tensors of the model were set.
    pub tensors: usize,
    /// What was left out, with [`PyTorchOptions::partial`].
    pub left_out: Mismatch,
}

/// The weights that a run begins with: those of a model of ours, or of a PyTorch state dictionary.
pub(crate) fn initial(
    path: &Path,
    blueprint: &Blueprint,
    options: &PyTorchOptions,
) -> Result<(Weights, Imported), TrainError> {
    match container::read(path, Kind::Model) {
        Ok(model) => {
            let tensors = model.tensors.len();
            Ok((model.tensors, Imported { tensors, left_out: Mismatch::default() }))
        }
        // Every file of ours is a safetensors file with an envelope; without one it is PyTorch's.
        Err(Fault::NotAModel) => read(path, &blueprint.pytorch()?, blueprint.precision, options),
        Err(fault) => Err(TrainError::Model { path: path.to_owned(), fault }),
    }
}

impl SavedModel {
    /// Writes the weights as a PyTorch state dictionary in safetensors, to be loaded by `load_state_dict`; returns the
    /// number of tensors.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn export_pytorch(
        &self,
        path: impl AsRef<Path>,
        options: &PyTorchOptions,
    ) -> Result<usize, TrainError> {
        let path = path.as_ref();
        let names = self.blueprint.pytorch()?;
        let mut stored = Vec::with_capacity(names.len());
        for (own, theirs) in &names {
            let tensor = self.weights.iter().find(|(name, _)| name == own);
            let tensor = tensor.and_then(|(_, tensor)| theirs.export(tensor));
            // The names come from the same model as the weights.
            let Some(tensor) = tensor else { continue };
            stored.push(Stored::of_tensor(options.renamed(theirs.name()), &tensor));
        }
        let views = stored.iter().map(|stored| Ok((stored.name(), stored.view()?)));
        let views = views.collect::<std::io::Result<Vec<(&str, TensorView<'_>)>>>();
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes = views.and_then(|views| serialize(views, Some(metadata)).map_err(std::io::Error::other));
        let written = bytes.and_then(|bytes| write_at_once(path, &bytes));
        written.map_err(TrainError::io("write", path))?;
        Ok(stored.len())
    }

    /// The same model with the weights of a PyTorch state dictionary; see [`Trainer::import_pytorch`](crate::Trainer::import_pytorch).
    ///
    /// # Errors
    /// [`TrainError::PyTorch`] with everything that does not fit.
    pub fn with_pytorch(
        &self,
        path: impl AsRef<Path>,
        options: &PyTorchOptions,
    ) -> Result<(SavedModel, Imported), TrainError> {
        let names = self.blueprint.pytorch()?;
        let (weights, imported) = read(path.as_ref(), &names, self.blueprint.precision, options)?;
        let mut model = self.clone();
        for (name, tensor) in weights {
            if let Some(slot) = model.weights.iter_mut().find(|(known, _)| *known == name) {
                slot.1 = tensor;
            }
        }
        // What it scored, it scored with other weights.
        model.scores.clear();
        Ok((model, imported))
    }
}

/// What PyTorch has beside parameters and statistics.
fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

fn read(
    path: &Path,
    names: &[(String, PyTorch)],
    precision: Precision,
    options: &PyTorchOptions,
) -> Result<(Weights, Imported), TrainError> {
    let fault = |fault| TrainError::PyTorch { path: path.to_owned(), fault };
    let bytes = fs::read(path).map_err(TrainError::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|_| fault(PyTorchFault::NotSafetensors))?;
    let views = file.tensors().into_iter().filter(|(name, _)| !is_counter(name));
    let mut theirs: HashMap<String, TensorView<'_>> =
        views.map(|(name, view)| (options.renamed(&name), view)).collect();
    let (mut weights, mut mismatch) = (Weights::new(), Mismatch::default());
    for (own, stored) in names {
        let name = stored.name();
        let Some(view) = theirs.remove(name) else {
            mismatch.missing.push((name.to_owned(), stored.shape().to_vec()));
            continue;
        };
        if view.shape() != stored.shape() {
            mismatch.misshapen.push((name.to_owned(), stored.shape().to_vec(), view.shape().to_vec()));
            continue;
        }
        let tensor = numbers(&view, precision).and_then(|tensor| stored.import(&tensor));
        let dtype = || PyTorchFault::NotNumbers { name: name.to_owned(), got: format!("{:?}", view.dtype()) };
        weights.push((own.clone(), tensor.ok_or_else(|| fault(dtype()))?));
    }
    mismatch.extra = theirs.into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
    mismatch.extra.sort();
    let fits_in_part = options.partial && mismatch.misshapen.is_empty() && !weights.is_empty();
    if mismatch.is_empty() || fits_in_part {
        return Ok((weights.clone(), Imported { tensors: weights.len(), left_out: mismatch }));
    }
    Err(fault(PyTorchFault::Mismatch(mismatch)))
}

/// A tensor in the precision of a run; none if it does not hold real numbers.
fn numbers(view: &TensorView<'_>, precision: Precision) -> Option<Tensor> {
    let data = view.data();
    let two = || data.as_chunks::<2>().0.iter();
    let four = || data.as_chunks::<4>().0.iter();
    let values: Vec<f64> = match view.dtype() {
        Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Dtype::F32 => four().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        // The upper half of a number of single precision.
        Dtype::BF16 => two().map(|b| f64::from(f32::from_le_bytes([0, 0, b[0], b[1]]))).collect(),
        Dtype::F16 => two().map(|b| half(u16::from_le_bytes(*b))).collect(),
        _ => return None,
    };
    let buffer = match precision {
        Precision::F64 => Buffer::F64(values),
        _ => Buffer::F32(values.into_iter().map(|value| value as f32).collect()),
    };
    Tensor::new(Shape::new(view.shape()).ok()?, buffer).ok()
}

/// The value of a number of half precision (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// Why weights of PyTorch cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PyTorchFault {
    /// It is another file.
    #[error("this is not a safetensors file")]
    NotSafetensors,
    /// A tensor of something else than numbers.
    #[error("`{name}` holds {got}, not numbers of 16, 32 or 64 bits")]
    NotNumbers {
        /// The tensor.
        name: String,
        /// What it holds.
        got: String,
    },
    /// Other tensors.
    #[error("its tensors are not those of the model{0}")]
    Mismatch(Mismatch),
}

impl PyTorchFault {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            PyTorchFault::NotSafetensors => {
                "in Python: `safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\")`"
            }
            PyTorchFault::NotNumbers { .. } => "convert it with `.float()` before you save it",
            PyTorchFault::Mismatch(mismatch) if mismatch.misshapen.is_empty() => {
                "`--rename FROM=TO` gives names of the file the model's; `--partial` takes what fits"
            }
            PyTorchFault::Mismatch(_) => "give the model in the spec the sizes of the file's",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_has_its_values() {
        let cases = [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333251953125), (0x0001, 2f64.powi(-24))];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert_eq!((half(0x7bff), half(0xfc00)), (65504.0, f64::NEG_INFINITY));
        assert!(half(0x7e00).is_nan());
    }
}
