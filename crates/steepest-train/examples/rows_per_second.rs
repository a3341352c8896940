//! How many rows a second the trainer takes, in memory: dense rows one by one, sparse rows, ratings.
//!
//! `cargo run --release -p steepest-train --example rows_per_second [THREADS [WHAT [BATCH]]]` with the beginning of a name: `dense`.
//! Times are those of the processor, where the system counts them, so that other programs do not disturb them much.

use std::num::NonZeroUsize;
use std::time::Instant;

use steepest_data::{BatchSize, Codes, Dataset, SparseRows};
use steepest_nn::{Hinge, Logistic, MatrixFactorization, Model};
use steepest_optim::{Chain, ScaleByRate};
use steepest_tensor::Key;
use steepest_train::{RunOptions, StopOptions, Training};

fn labels(rows: u64) -> (Vec<u32>, [String; 2]) {
    let key = Key::new(5);
    ((0..rows).map(|i| key.below(i, 2) as u32).collect(), ["no".to_owned(), "yes".to_owned()])
}

/// 100 numbers for each row.
fn dense(rows: u64) -> Dataset {
    let key = Key::new(1);
    let (labels, names) = labels(rows);
    let x = (0..rows * 100).map(|i| key.uniform(i) as f32 - 0.5).collect();
    Dataset::classification([100], x, labels, names).expect("rows are whole")
}

/// About 100 of a million features for each row.
fn sparse(rows: u64) -> Dataset {
    let mut data = SparseRows::new(1 << 20);
    for row in 0..rows {
        let key = Key::new(2).at(row);
        let mut columns: Vec<u32> =
            (0..80 + key.below(99, 41)).map(|i| key.below(i, 1 << 20) as u32).collect();
        columns.sort_unstable();
        columns.dedup();
        data.push(columns.into_iter().map(|column| (column, 1.0))).expect("columns ascend");
    }
    let (labels, names) = labels(rows);
    Dataset::sparse_classification(data, labels, names).expect("rows are whole")
}

/// Ratings of 10,000 items by 50,000 users.
fn ratings(rows: u64) -> Dataset {
    let key = Key::new(3);
    let codes =
        (0..rows).flat_map(|i| [key.below(2 * i, 50_000) as u32, key.below(2 * i + 1, 10_000) as u32]);
    let fields = vec![("user".to_owned(), 50_000), ("item".to_owned(), 10_000)];
    let numbers = (0..rows).map(|i| key.stream("rating").normal(i)).collect();
    Dataset::ratings(Codes { fields, codes: codes.collect() }, numbers).expect("codes are whole")
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

/// Rows that are timed together at least, in whole epochs: the system counts a thread's seconds in ticks of some milliseconds.
const ROWS_TOGETHER: usize = 1_000_000;

fn measure(what: &str, training: Training, batch: i64, threads: NonZeroUsize, rows: usize) {
    let together = ROWS_TOGETHER.div_ceil(rows);
    let stop = StopOptions { epochs: Some(4 * together as u64), patience: Some(0), ..StopOptions::default() };
    let options = RunOptions { threads: Some(threads), ..RunOptions::default() };
    let training = training.optimizer(Chain::new().then(ScaleByRate)).learning_rate(0.01);
    let size = BatchSize::new(batch).expect("a batch has rows");
    let mut trainer = match training.batch(size).stop(stop).options(options).trainer() {
        Ok(trainer) => trainer,
        Err(error) => return eprintln!("{what}: {error}"),
    };
    let (mut run, mut best) = (trainer.run(), f64::INFINITY);
    let clock = Clock::new(threads);
    let (mut begun, mut epochs) = (clock.seconds(), 0);
    for event in run.by_ref() {
        if let Ok(steepest_train::Event::Eval(_)) = event {
            epochs += 1;
            if epochs % together == 0 {
                let now = clock.seconds();
                best = best.min((now - begun) / together as f64);
                begun = now;
            }
        }
    }
    println!(
        "{what:<28} batch {batch:>5}: {:>10.0} rows/s, {:>7.1} ns a row",
        rows as f64 / best,
        best * 1e9 / rows as f64
    );
}

fn model(kind: &str) -> Box<dyn Model> {
    match kind {
        "ratings" => Box::new(MatrixFactorization { factors: 32, ..MatrixFactorization::default() }),
        _ => Box::new(Logistic::new(1)),
    }
}

/// A boxed model.
struct Boxed(Box<dyn Model>);

impl Model for Boxed {
    fn output<'g>(
        &self,
        cx: &mut steepest_nn::Scope<'_, 'g>,
        inputs: &steepest_nn::Inputs<'g>,
    ) -> steepest_graph::Var<'g> {
        self.0.output(cx, inputs)
    }
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(NonZeroUsize::MIN);
    let wanted = std::env::args().nth(2).unwrap_or_default();
    let only: Option<i64> = std::env::args().nth(3).and_then(|text| text.parse().ok());
    let sizes = |all: &[i64]| {
        all.iter().copied().filter(|&size| only.is_none_or(|only| only == size)).collect::<Vec<_>>()
    };
    let of = |data: &Dataset, kind: &str| Training::new(data.clone()).model(Boxed(model(kind)));
    if "dense".starts_with(&wanted) {
        let rows = 200_000;
        let data = dense(rows);
        measure("dense logistic", of(&data, "dense"), 1, threads, rows as usize);
        measure("dense hinge", of(&data, "dense").loss(Hinge::default()), 1, threads, rows as usize);
    }
    if "sparse".starts_with(&wanted) {
        let data = sparse(100_000);
        for batch in sizes(&[1, 16, 64, 256]) {
            measure("sparse logistic", of(&data, "sparse"), batch, threads, 100_000);
        }
    }
    if "ratings".starts_with(&wanted) {
        let data = ratings(10_000_000);
        for batch in sizes(&[64, 256, 1024]) {
            measure("matrix factorization, 32", of(&data, "ratings"), batch, threads, 10_000_000);
        }
    }
}
