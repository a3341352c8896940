//! The arrays of a workload: random, but the same on every machine.

use bench_protocol::{Folder, FolderError, Model};
use steepest_tensor::Key;

/// Share of the targets that the teacher does not decide, so that the loss has a floor above zero and
/// gradients never fade into subnormal numbers.
const NOISE: f64 = 0.1;

/// Writes the arrays, then the description.
pub fn prepare(folder: &Folder) -> Result<(), FolderError> {
    let key = Key::new(1);
    match &folder.workload.model {
        Model::Update { parameters } => {
            write_f32(folder, "parameter", *parameters, |i| key.stream("parameter").normal(i))?;
            write_f32(folder, "gradient", *parameters, |i| key.stream("gradient").normal(i))?;
        }
        model => {
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
    }
    folder.seal()
}

/// Normal inputs, and the class that a random linear teacher scores highest.
fn write_rows(folder: &Folder, key: Key, model: &Model) -> Result<(), FolderError> {
    let layers = model.layers();
    let inputs = layers[0].0;
    let classes = match model {
        Model::Mlp { .. } => layers[layers.len() - 1].1,
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
