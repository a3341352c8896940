//! How many rows a second the trainer takes, in memory: dense rows one by one, sparse rows, ratings.
//!
//! `cargo run --release -p steepest-train --example rows_per_second [THREADS [WHAT [BATCH]]]` with the beginning of a name: `dense`.
//! Times are those of the processor, where the system counts them, so that other programs do not disturb them much. The
//! first epoch is not timed.
//!
//! `rows_per_second write FOLDER [WHAT]` writes the rows as arrays instead, for other programs to train on.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use steepest_data::{BatchSize, Codes, DataError, Dataset, SparseRows};
use steepest_nn::{Hinge, Logistic, MatrixFactorization};
use steepest_optim::{Chain, ScaleByRate};
use steepest_tensor::Key;
use steepest_train::{RunOptions, StopOptions, TrainError, Trainer, Training};

/// Rows as they are written for others: of `width` numbers, or of as many columns as `ends` says.
#[derive(Default)]
struct Rows {
    numbers: Vec<f32>,
    codes: Vec<u32>,
    ends: Vec<u32>,
    targets: Vec<f32>,
}

impl Rows {
    /// Little-endian arrays `{name}.numbers`, `.codes`, `.ends` and `.targets`.
    fn write(&self, folder: &Path, name: &str) -> io::Result<()> {
        let floats =
            |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let wholes =
            |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        fs::write(folder.join(format!("{name}.numbers")), floats(&self.numbers))?;
        fs::write(folder.join(format!("{name}.codes")), wholes(&self.codes))?;
        fs::write(folder.join(format!("{name}.ends")), wholes(&self.ends))?;
        fs::write(folder.join(format!("{name}.targets")), floats(&self.targets))
    }

    /// A class that is one with the logistic function's probability of this score.
    fn push_class(&mut self, key: Key, score: f64) {
        let row = self.targets.len() as u64;
        self.targets.push(if key.uniform(row) < 1.0 / (1.0 + (-score).exp()) { 1.0 } else { 0.0 });
    }

    fn classes(&self) -> (Vec<u32>, [String; 2]) {
        (self.targets.iter().map(|&class| class as u32).collect(), ["no".to_owned(), "yes".to_owned()])
    }
}

/// Columns of dense rows.
const NUMBERS: u64 = 100;
/// Columns of sparse rows.
const COLUMNS: usize = 1 << 20;
const USERS: usize = 50_000;
const ITEMS: usize = 10_000;

/// 100 numbers for each row, and a class by their weighted sum.
fn dense() -> Rows {
    let (key, weight) = (Key::new(1), Key::new(4));
    let mut rows = Rows::default();
    for row in 0..200_000 {
        let mut score = 0.0;
        for i in 0..NUMBERS {
            let number = key.uniform(row * NUMBERS + i) as f32 - 0.5;
            score += f64::from(number) * weight.normal(i);
            rows.numbers.push(number);
        }
        rows.push_class(Key::new(5), score);
    }
    rows
}

/// About 100 of a million features for each row, and a class by their weights' sum.
fn sparse() -> Rows {
    let weight = Key::new(4);
    let mut rows = Rows::default();
    for row in 0..200_000 {
        let key = Key::new(2).at(row);
        let mut columns: Vec<u32> =
            (0..80 + key.below(99, 41)).map(|i| key.below(i, COLUMNS as u64) as u32).collect();
        columns.sort_unstable();
        columns.dedup();
        let score = columns.iter().map(|&column| 0.3 * weight.normal(u64::from(column))).sum();
        rows.codes.extend(columns);
        rows.ends.push(rows.codes.len() as u32);
        rows.push_class(Key::new(5), score);
    }
    rows
}

/// Ratings of 10,000 items by 50,000 users: products of eight hidden numbers for each, and noise.
fn ratings() -> Rows {
    let key = Key::new(3);
    let hidden = |name: &str, count: usize| -> Vec<f64> {
        (0..8 * count as u64).map(|i| 0.5 * key.stream(name).normal(i)).collect()
    };
    let (users, items) = (hidden("user", USERS), hidden("item", ITEMS));
    let mut rows = Rows::default();
    for row in 0..10_000_000 {
        let (user, item) = (key.below(2 * row, USERS as u64), key.below(2 * row + 1, ITEMS as u64));
        rows.codes.extend([user as u32, item as u32]);
        let product = |f: usize| users[8 * user as usize + f] * items[8 * item as usize + f];
        let rating = 3.5 + (0..8).map(product).sum::<f64>() + 0.5 * key.stream("rating").normal(row);
        rows.targets.push(rating as f32);
    }
    rows
}

fn dataset(name: &str, rows: Rows) -> Result<Dataset, DataError> {
    let (labels, names) = rows.classes();
    match name {
        "dense" => Dataset::classification([NUMBERS as usize], rows.numbers, labels, names),
        "sparse" => {
            let (mut data, mut begin) = (SparseRows::new(COLUMNS), 0);
            for end in rows.ends {
                data.push(rows.codes[begin..end as usize].iter().map(|&column| (column, 1.0)))?;
                begin = end as usize;
            }
            Dataset::sparse_classification(data, labels, names)
        }
        _ => {
            let fields = vec![("user".to_owned(), USERS), ("item".to_owned(), ITEMS)];
            let targets = rows.targets.into_iter().map(f64::from).collect();
            Dataset::ratings(Codes { fields, codes: rows.codes }, targets)
        }
    }
}

/// Seconds of this thread on a processor where that can be read and it is the only one, else of the clock on the wall.
struct Clock {
    began: Instant,
    own: bool,
}

impl Clock {
    fn new(threads: NonZeroUsize) -> Clock {
        Clock { began: Instant::now(), own: threads == NonZeroUsize::MIN && own_seconds().is_some() }
    }

    fn seconds(&self) -> f64 {
        let own = own_seconds().filter(|_| self.own);
        own.unwrap_or_else(|| self.began.elapsed().as_secs_f64())
    }
}

fn own_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-9)
}

/// Rows that are trained on at least after the first epoch, in whole epochs.
const ROWS_TIMED: usize = 2_000_000;

fn measure(
    what: &str,
    training: impl Fn() -> Training,
    batch: i64,
    threads: NonZeroUsize,
    data: &Dataset,
) -> Result<(), TrainError> {
    let (rows, size) = (data.rows(), BatchSize::new(batch).expect("a batch has rows"));
    let epochs = ROWS_TIMED.div_ceil(rows).max(4);
    let train = |epochs: usize| -> Result<(f64, Trainer), TrainError> {
        let stop = StopOptions { epochs: Some(epochs as u64), patience: Some(0), ..StopOptions::default() };
        let options = RunOptions { threads: Some(threads), ..RunOptions::default() };
        let chain = Chain::new().then(ScaleByRate);
        let mut trainer = training().optimizer(chain).batch(size).stop(stop).options(options).trainer()?;
        let clock = Clock::new(threads);
        let begun = clock.seconds();
        _ = trainer.train()?;
        Ok((clock.seconds() - begun, trainer))
    };
    let ((once, _), (all, trainer)) = (train(1)?, train(1 + epochs)?);
    let seconds = (all - once).max(1e-9) / (epochs * rows) as f64;
    let scored = trainer.model().score(data)?;
    let score =
        scored.metric("rmse").map_or(format!("loss {:.5}", scored.loss), |rmse| format!("rmse {rmse:.5}"));
    println!(
        "{what:<28} batch {batch:>5}: {:>10.0} rows/s, {:>7.1} ns a row, {score} after {} epochs",
        1.0 / seconds,
        seconds * 1e9,
        1 + epochs
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_default();
    let made = |wanted: &str| {
        [("dense", dense as fn() -> Rows), ("sparse", sparse), ("ratings", ratings)]
            .into_iter()
            .filter(|(name, _)| name.starts_with(wanted))
            .map(|(name, make)| (name, make()))
            .collect::<Vec<_>>()
    };
    if first == "write" {
        let folder = arguments.next().ok_or("no folder is named")?;
        for (name, rows) in made(&arguments.next().unwrap_or_default()) {
            rows.write(Path::new(&folder), name)?;
        }
        return Ok(());
    }
    let threads = first.parse().unwrap_or(NonZeroUsize::MIN);
    let wanted = arguments.next().unwrap_or_default();
    let only: Option<i64> = arguments.next().and_then(|text| text.parse().ok());
    for (name, rows) in made(&wanted) {
        let data = dataset(name, rows)?;
        let training = || Training::new(data.clone());
        let logistic = |rate: f64| training().model(Logistic::new(1)).learning_rate(rate);
        let sizes = |all: &[i64]| {
            all.iter().copied().filter(|&size| only.is_none_or(|only| only == size)).collect::<Vec<_>>()
        };
        match name {
            "dense" => {
                measure("dense logistic", || logistic(0.01), 1, threads, &data)?;
                measure("dense hinge", || logistic(0.01).loss(Hinge::default()), 1, threads, &data)?;
            }
            // The loss is the mean of a batch: its rate is such that each row's gradient is applied at the same rate.
            "sparse" => {
                for batch in sizes(&[1, 16, 64, 256]) {
                    measure("sparse logistic", || logistic(0.01 * batch as f64), batch, threads, &data)?;
                }
            }
            _ => {
                let model = MatrixFactorization { factors: 32, ..MatrixFactorization::default() };
                let factors = |rate: f64| training().model(model.clone()).learning_rate(rate);
                // The mean of all ratings is learned from every row of a batch: rates of one and more overshoot it.
                for batch in sizes(&[64, 256, 1024]) {
                    measure("matrix factorization, 32", || factors(0.64), batch, threads, &data)?;
                }
            }
        }
    }
    Ok(())
}
