//! Trains every kind of network for 100 steps and writes down what another program needs to do the same: initial
//! weights as PyTorch names and stores them, batches in order, losses. `bench/parity/compare.py` trains PyTorch on it.
//!
//! `cargo run --release -p steepest-train --example parity -- FOLDER [MODEL …]`

use std::error::Error;
use std::fs;
use std::path::Path;

use steepest_data::{BatchSize, Batches, Dataset, Position};
use steepest_nn::{
    Activation, Cell, Cnn, Encoder, Gpt, LeNet, Mlp, Model, RecurrentModel, ResNet, Shortcut, Vgg,
};
use steepest_tensor::{Key, Shape};
use steepest_train::{Event, PyTorchOptions, StopOptions, Training};

const STEPS: u64 = 100;
const SEED: u64 = 7;
const VOCABULARY: usize = 65;

/// What a model is trained on.
enum Data {
    /// Rows of this shape, whose class depends on them.
    Rows(&'static [usize], usize),
    /// Windows of so many tokens, so many of them.
    Text(usize, usize),
}

/// Features, targets, and the data set made of them.
struct Made {
    x: Vec<u8>,
    y: Vec<u8>,
    x_type: &'static str,
    data: Dataset,
}

fn bytes<T, const N: usize>(values: &[T], to: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(to).collect()
}

impl Data {
    fn make(&self) -> Result<Made, Box<dyn Error>> {
        let key = Key::new(11);
        match *self {
            Data::Rows(example, rows) => {
                let size: usize = example.iter().product();
                let x: Vec<f32> = (0..(rows * size) as u64).map(|i| key.normal(i) as f32).collect();
                // The class is where the largest of ten sums over parts of the row stands.
                let label = |row: &[f32]| {
                    let sums = row.chunks(size.div_ceil(10)).map(|part| part.iter().sum::<f32>());
                    sums.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class as u32)
                };
                let y: Vec<u32> = x.chunks(size).map(label).collect();
                let (x_bytes, y_bytes) = (bytes(&x, |v| v.to_le_bytes()), bytes(&y, |v| v.to_le_bytes()));
                let names = (0..10).map(|class| class.to_string());
                let data = Dataset::classification(Shape::new(example)?, x, y, names)?;
                Ok(Made { x: x_bytes, y: y_bytes, x_type: "f32", data })
            }
            Data::Text(window, rows) => {
                let mut tokens = vec![1u32];
                for i in 0..(window * rows) as u64 {
                    let last = tokens.last().copied().unwrap_or(0);
                    tokens.push(((u64::from(last) * 7 + key.below(i, 5) + 1) % VOCABULARY as u64) as u32);
                }
                let of = |first: usize| -> Vec<u8> {
                    let rows = (0..rows).flat_map(|row| tokens[row * window + first..][..window].iter());
                    rows.flat_map(|token| token.to_le_bytes()).collect()
                };
                let (x, y) = (of(0), of(1));
                let names = (0..VOCABULARY).map(|token| token.to_string());
                Ok(Made { x, y, x_type: "u32", data: Dataset::language(tokens, window, window, names)? })
            }
        }
    }
}

/// A run: its name, its model, data, rows of a batch, learning rate.
struct Task {
    name: &'static str,
    model: Box<dyn Fn(Training) -> Training>,
    data: Data,
    batch: usize,
    rate: f64,
}

fn task<M: Model + 'static>(
    name: &'static str,
    model: impl Fn() -> M + 'static,
    data: Data,
    batch: usize,
    rate: f64,
) -> Task {
    Task { name, model: Box::new(move |training| training.model(model())), data, batch, rate }
}

fn tasks() -> Vec<Task> {
    let words = |cell: Cell| move || RecurrentModel::new(cell, 256, VOCABULARY);
    let both = || RecurrentModel { layers: 2, bidirectional: true, ..RecurrentModel::new(Cell::Gru, 64, 10) };
    let vgg = || Vgg { dropout: 0.0, ..Vgg::new(10) };
    let resnet = || ResNet { shortcut: Shortcut::Project, ..ResNet::new(10) };
    let tanh = || Mlp { activation: Activation::tanh(), ..Mlp::new(&[64, 32], 10) };
    vec![
        task("mlp", || Mlp::new(&[512, 256], 10), Data::Rows(&[784], 1280), 128, 1e-3),
        task("mlp-tanh", tanh, Data::Rows(&[30], 320), 32, 1e-3),
        task("cnn", || Cnn::new(10), Data::Rows(&[28, 28, 1], 640), 64, 1e-3),
        task("lenet", || LeNet::new(10), Data::Rows(&[28, 28, 1], 640), 64, 1e-3),
        task("vgg", vgg, Data::Rows(&[16, 16, 3], 320), 32, 1e-3),
        task("resnet20", || ResNet::new(10), Data::Rows(&[32, 32, 3], 640), 64, 1e-3),
        task("resnet20-project", resnet, Data::Rows(&[16, 16, 3], 320), 32, 1e-3),
        task("rnn", words(Cell::Rnn), Data::Text(64, 320), 32, 1e-3),
        task("lstm", words(Cell::Lstm), Data::Text(64, 320), 32, 1e-3),
        task("gru", words(Cell::Gru), Data::Text(64, 320), 32, 1e-3),
        task("gru-bidirectional", both, Data::Rows(&[28, 28], 320), 32, 1e-3),
        task("encoder", || Encoder::new(10), Data::Rows(&[28, 12], 160), 16, 1e-3),
        task("gpt", || Gpt::new(VOCABULARY), Data::Text(64, 160), 16, 1e-3),
    ]
}

fn run(task: &Task, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let Made { x, y, x_type, data } = task.data.make()?;
    let (rows, example) = (data.rows(), data.example().to_vec());
    let size = BatchSize::new(task.batch.try_into()?)?;
    let stop = StopOptions { steps: Some(STEPS), patience: Some(0), ..StopOptions::default() };
    let training = Training::new(data).batch(size).learning_rate(task.rate).stop(stop).seed(SEED);
    let mut trainer = (task.model)(training).trainer()?;
    trainer.model().export_pytorch(folder.join("weights.safetensors"), &PyTorchOptions::default())?;
    let batches = Batches::shuffled(rows, size, Key::new(SEED).stream("shuffle"));
    let order: Vec<Vec<usize>> = batches
        .iter_from(Position::default())
        .take(STEPS as usize)
        .map(|batch| batch.rows().collect())
        .collect();
    let mut losses = Vec::new();
    for event in trainer.run() {
        if let Event::Step(report) = event? {
            losses.push(report.loss);
        }
    }
    fs::write(folder.join("x.bin"), x)?;
    fs::write(folder.join("y.bin"), y)?;
    let document = serde_json::json!({
        "model": task.name, "rate": task.rate, "rows": rows, "example": example, "x": x_type,
        "order": order, "losses": losses,
    });
    fs::write(folder.join("run.json"), document.to_string())?;
    println!("{:18} loss {:.4} → {:.4}", task.name, losses[0], losses[losses.len() - 1]);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let wanted: Vec<String> = arguments.collect();
    for task in tasks() {
        if wanted.is_empty() || wanted.iter().any(|name| name == task.name) {
            run(&task, &Path::new(&folder).join(task.name))?;
        }
    }
    Ok(())
}
