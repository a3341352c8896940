//! Averaged descent: what is scored and kept is the mean of the weights of the later steps.

use std::num::NonZeroUsize;

use steepest_data::{BatchSize, Dataset, SparseRows};
use steepest_nn::Logistic;
use steepest_optim::{Adam, Chain, ScaleByRate, Span, Transform};
use steepest_tensor::Key;
use steepest_train::{Precision, RunOptions, StopOptions, Trainer, Training};

const STEPS: u64 = 24;
const AFTER: u64 = 9;

fn data(sparse: bool) -> Dataset {
    let key = Key::new(8);
    let (rows, names) = (70, ["no".to_owned(), "yes".to_owned()]);
    let labels: Vec<u32> = (0..rows).map(|row| key.stream("label").below(row, 2) as u32).collect();
    if !sparse {
        let x: Vec<f64> = (0..rows * 5).map(|i| key.normal(i)).collect();
        return Dataset::classification([5], x, labels, names).unwrap();
    }
    let mut words = SparseRows::new(11);
    for row in 0..rows {
        // Words that stand in several rows of a batch.
        let mut own: Vec<u32> = (0..4).map(|i| key.at(row).below(i, 11) as u32).collect();
        own.sort_unstable();
        own.dedup();
        words.push(own.into_iter().map(|column| (column, 1.5))).unwrap();
    }
    Dataset::sparse_classification(words, labels, names).unwrap()
}

fn trained(sparse: bool, adam: bool, steps: u64, average: Option<Span>, threads: usize) -> Trainer {
    let chain: Box<dyn Transform> = match adam {
        true => Box::new(Chain::new().then(Adam::default()).then(ScaleByRate)),
        false => Box::new(Chain::new().then(ScaleByRate)),
    };
    let options = RunOptions {
        average,
        precision: Precision::F64,
        threads: NonZeroUsize::new(threads),
        ..RunOptions::default()
    };
    let training = Training::new(data(sparse)).model(Logistic::new(1)).optimizer(chain).learning_rate(0.3);
    let stop = StopOptions { steps: Some(steps), epochs: Some(9), ..StopOptions::default() };
    let size = BatchSize::new(8).unwrap();
    let mut trainer = training.batch(size).stop(stop).options(options).trainer().unwrap();
    trainer.train().unwrap();
    trainer
}

fn weights(trainer: &Trainer) -> Vec<f64> {
    let names = ["logistic.weight", "logistic.bias"];
    names.iter().flat_map(|name| trainer.tensor(name).unwrap().to_f64()).collect()
}

#[test]
fn the_weights_of_a_run_are_the_mean_of_its_later_steps() {
    for (sparse, adam) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut mean = [0.0; 12];
        let (mut size, mut last) = (0, Vec::new());
        for steps in AFTER + 1..=STEPS {
            last = weights(&trained(sparse, adam, steps, None, 1));
            size = last.len();
            mean.iter_mut().zip(&last).for_each(|(sum, w)| *sum += w / (STEPS - AFTER) as f64);
        }
        let found = trained(sparse, adam, STEPS, Some(Span::Steps(AFTER)), 1);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(mean[..size].iter().zip(&weights(&found)).all(near), "{sparse} {adam}: {mean:?}");
        assert!(!mean[..size].iter().zip(&last).all(near), "the mean is not the last");
    }
}

#[test]
fn the_mean_does_not_depend_on_threads_nor_does_a_mean_of_nothing_change_anything() {
    let of = |average, threads| weights(&trained(true, false, STEPS, average, threads));
    let one = of(Some(Span::Percent(50.0)), 1);
    assert_eq!(one, of(Some(Span::Percent(50.0)), 3));
    assert_eq!(of(Some(Span::Epochs(9.0)), 1), of(None, 1));
}
