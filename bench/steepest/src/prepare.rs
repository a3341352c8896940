//! The arrays of a workload: random, but the same on every machine.

use bench_protocol::{Folder, FolderError, Model};
use steepest_graph::{PlanErrors, Variables};
use steepest_tensor::{DType, Key, Slice};

/// Share of the targets that the teacher does not decide, so that the loss has a floor above zero and
/// gradients never fade into subnormal numbers.
const NOISE: f64 = 0.1;

/// Arrays that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The step whose initial values are written.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// A parameter that the workload lists and the model lacks.
    #[error("the model has no parameter `{name}`; compare bench/protocol/src/networks.rs with the model")]
    Missing {
        /// Its name.
        name: String,
    },
}

/// Writes the arrays, then the description.
pub fn prepare(folder: &Folder) -> Result<(), PrepareError> {
    let key = Key::new(1);
    match &folder.workload.model {
        Model::Update { parameters } => {
            write_f32(folder, "parameter", *parameters, |i| key.stream("parameter").normal(i))?;
            write_f32(folder, "gradient", *parameters, |i| key.stream("gradient").normal(i))?;
        }
        model @ (Model::Mlp { .. } | Model::Logistic { .. }) => {
            for (index, (inputs, outputs)) in model.layers().into_iter().enumerate() {
                // He et al. (2015): variance 2 / inputs; a lone layer begins at zero.
                let deviation =
                    if matches!(model, Model::Mlp { .. }) { (2.0 / inputs as f64).sqrt() } else { 0.0 };
                let name = format!("weight{index}");
                let weights = key.stream(&name);
                write_f32(folder, &name, inputs * outputs, |i| deviation * weights.normal(i))?;
                write_f32(folder, &format!("bias{index}"), outputs, |_| 0.0)?;
            }
            write_rows(folder, key, model)?;
        }
        model => {
            write_initial(folder)?;
            match model.vocabulary() {
                Some(vocabulary) => write_tokens(folder, key, vocabulary as u64)?,
                None => write_rows(folder, key, model)?,
            }
        }
    }
    Ok(folder.seal()?)
}

/// The parameters as Steepest's layers begin.
fn write_initial(folder: &Folder) -> Result<(), PrepareError> {
    let plan = steepest_bench::compile(&folder.workload)?;
    let variables = Variables::new(plan.variables(), DType::F32);
    for (name, _) in bench_protocol::parameters(&folder.workload.model) {
        match variables.slice(&name) {
            Some(Slice::F32(values)) => {
                folder.write(&name, values.iter().map(|value| value.to_le_bytes()))?
            }
            _ => return Err(PrepareError::Missing { name }),
        }
    }
    Ok(())
}

/// Windows of a text in which a token tells the next one, up to noise.
fn write_tokens(folder: &Folder, key: Key, vocabulary: u64) -> Result<(), FolderError> {
    let length: usize = folder.workload.model.example().iter().product();
    let count = (folder.workload.batch * folder.workload.batches * length) as u64;
    let (next, noise) = (key.stream("next"), key.stream("noise"));
    let mut text = Vec::with_capacity(count as usize + 1);
    let mut token = 0;
    for i in 0..=count {
        let random = noise.uniform(2 * i) < 0.5;
        token = if random { noise.below(2 * i + 1, vocabulary) } else { next.below(token, vocabulary) };
        text.push(token as u32);
    }
    folder.write("x", text[..count as usize].iter().map(|token| token.to_le_bytes()))?;
    folder.write("y", text[1..].iter().map(|token| token.to_le_bytes()))
}

/// Normal inputs, and the class that a random linear teacher scores highest.
fn write_rows(folder: &Folder, key: Key, model: &Model) -> Result<(), FolderError> {
    let inputs: usize = model.example().iter().product();
    let classes = match model {
        Model::Mlp { layers } => layers[layers.len() - 1],
        Model::Cnn { classes, .. } | Model::ResNet { classes, .. } => *classes,
        _ => 2,
    };
    let rows = folder.workload.batch * folder.workload.batches;
    let (input, teacher, noise) = (key.stream("x"), key.stream("teacher"), key.stream("noise"));
    let x: Vec<f32> = (0..rows * inputs).map(|i| input.normal(i as u64) as f32).collect();
    let teacher: Vec<f32> = (0..classes * inputs).map(|i| teacher.normal(i as u64) as f32).collect();
    let target = |(row, x): (usize, &[f32])| {
        let row = row as u64;
        if noise.uniform(2 * row) < NOISE {
            return noise.below(2 * row + 1, classes as u64) as u32;
        }
        let score = |class: &[f32]| class.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        let scores: Vec<f32> = teacher.chunks(inputs).map(score).collect();
        (0..classes).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0) as u32
    };
    folder.write("y", x.chunks(inputs).enumerate().map(target).map(u32::to_le_bytes))?;
    folder.write("x", x.iter().map(|value| value.to_le_bytes()))
}

fn write_f32(
    folder: &Folder,
    name: &str,
    count: usize,
    value: impl Fn(u64) -> f64,
) -> Result<(), FolderError> {
    folder.write(name, (0..count as u64).map(|i| (value(i) as f32).to_le_bytes()))
}
