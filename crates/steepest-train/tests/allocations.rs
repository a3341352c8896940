//! A training step allocates nothing, batch assembly included.

mod counting;

use std::num::NonZeroUsize;

use steepest_data::{BatchSize, Codes, Dataset, SparseRows, WordOptions};
use steepest_nn::{Dense, MatrixFactorization, Mlp, Model, Svm, Word2vec};
use steepest_tensor::Key;
use steepest_train::{Event, RunOptions, Training};

fn rows(rows: usize) -> Dataset {
    let key = Key::new(3);
    let x: Vec<f32> = (0..rows * 12).map(|i| key.normal(i as u64) as f32).collect();
    let labels = (0..rows as u64).map(|i| key.stream("label").below(i, 2) as u32).collect();
    Dataset::classification([12], x, labels, ["no".to_owned(), "yes".to_owned()]).unwrap()
}

/// Rows of 0 to 8 words of 1000, some of them long.
fn words(rows: u64) -> Dataset {
    let key = Key::new(4);
    let mut sparse = SparseRows::new(1000);
    for row in 0..rows {
        let mut row: Vec<u32> =
            (0..row % 9 + 90 * u64::from(row % 97 == 5)).map(|i| key.at(row).below(i, 1000) as u32).collect();
        row.sort_unstable();
        row.dedup();
        sparse.push(row.into_iter().map(|column| (column, 1.0))).unwrap();
    }
    let labels = (0..rows).map(|i| key.stream("label").below(i, 2) as u32).collect();
    Dataset::sparse_classification(sparse, labels, ["no".to_owned(), "yes".to_owned()]).unwrap()
}

fn ratings(rows: u64) -> Dataset {
    let key = Key::new(4);
    let codes = (0..2 * rows).map(|i| key.below(i, 40) as u32).collect();
    let fields = vec![("user".to_owned(), 40), ("item".to_owned(), 40)];
    let numbers = (0..rows).map(|i| key.stream("rating").normal(i)).collect();
    Dataset::ratings(Codes { fields, codes }, numbers).unwrap()
}

fn corpus(sentences: u64) -> Dataset {
    let key = Key::new(6);
    let sentence = |i| (0..8).map(|j| key.at(i).below(j, 30) as u32).collect();
    let options = WordOptions { sample: 0.02, block: 8, ..WordOptions::default() };
    Dataset::words((0..sentences).map(sentence), &[8 * sentences / 30; 30], &options, 1).unwrap()
}

/// Allocations in the steps of the second epoch, of which the last one also ends the epoch.
fn allocations(model: impl Model + 'static, batch: BatchSize, threads: usize) -> (u64, u64) {
    counted((rows(330), rows(50)), model, batch, threads)
}

fn counted(
    (train, validation): (Dataset, Dataset),
    model: impl Model + 'static,
    batch: BatchSize,
    threads: usize,
) -> (u64, u64) {
    let options = RunOptions { threads: NonZeroUsize::new(threads), ..RunOptions::default() };
    let training = Training::new(train).validation(validation).model(model).batch(batch);
    let mut trainer = training.epochs(3).options(options).trainer().unwrap();
    let per_epoch = trainer.overview().steps_per_epoch;
    let mut run = trainer.run();
    let (mut steps, mut counted) = (0, 0);
    loop {
        let before = counting::allocations();
        let event = run.next();
        let made = counting::allocations() - before;
        match event {
            Some(Ok(Event::Step(report))) => {
                let inside = report.step > per_epoch && report.step < 2 * per_epoch;
                steps += u64::from(inside);
                counted += if inside { made } else { 0 };
            }
            Some(event) => drop(event.unwrap()),
            None => return (steps, counted),
        }
    }
}

/// One test, because the counter counts what every thread of the process does. That includes the test
/// harness, which may make an allocation of its own at any time: what a step allocates is the least of
/// three counts.
#[test]
fn a_step_allocates_nothing() {
    let size = |rows| BatchSize::new(rows).unwrap();
    let least = |count: &dyn Fn() -> (u64, u64)| (0..3).map(|_| count()).min_by_key(|(_, made)| *made);
    let perceptron = |threads| allocations(Mlp::new(&[24], 1), size(32), threads);
    assert_eq!(least(&|| perceptron(1)), Some((10, 0)), "mini-batches with a tail");
    assert_eq!(least(&|| allocations(Dense::new(1), size(1), 1)), Some((329, 0)), "stochastic");
    assert_eq!(least(&|| perceptron(2)), Some((10, 0)), "two threads");
    let texts = || counted((words(330), words(50)), Svm::new(1), size(32), 2);
    assert_eq!(least(&texts), Some((10, 0)), "sparse rows, of which some batches need more room");
    let factors = || MatrixFactorization { factors: 5, ..MatrixFactorization::default() };
    let rated = || counted((ratings(330), ratings(50)), factors(), size(32), 2);
    assert_eq!(least(&rated), Some((10, 0)), "ratings");
    let corpus =
        || counted((corpus(330), corpus(50)), Word2vec { size: 9, ..Word2vec::default() }, size(4), 2);
    assert_eq!(least(&corpus).map(|(_, made)| made), Some(0), "words of a text");
}
