//! The law of threads: their number changes the time, never a bit.

use std::num::NonZeroUsize;

use steepest_data::{BatchSize, Dataset};
use steepest_nn::Mlp;
use steepest_tensor::Key;
use steepest_train::{Event, RunOptions, StopOptions, Training};

fn images(rows: usize) -> Dataset {
    let key = Key::new(11);
    let x: Vec<f32> = (0..rows * 64).map(|i| key.normal(i as u64) as f32).collect();
    let labels = (0..rows as u64).map(|i| key.stream("label").below(i, 10) as u32).collect();
    Dataset::classification([64], x, labels, (0..10).map(|i| i.to_string())).unwrap()
}

#[test]
fn one_two_three_and_four_threads_give_the_same_bits_after_200_steps() {
    let run = |threads: usize| {
        let defaults = RunOptions::default();
        let options = RunOptions { threads: NonZeroUsize::new(threads), ..defaults };
        let stop =
            StopOptions { steps: Some(200), epochs: Some(100), patience: Some(0), ..StopOptions::default() };
        let mut trainer = Training::new(images(500))
            .validation(images(77))
            .model(Mlp::new(&[96, 33], 10))
            .batch(BatchSize::new(48).unwrap())
            .learning_rate(0.002)
            .stop(stop)
            .options(options)
            .trainer()
            .unwrap();
        assert_eq!(trainer.overview().threads, threads);
        let mut losses = Vec::new();
        for event in trainer.run() {
            match event.unwrap() {
                Event::Step(report) => losses.push(report.loss.to_bits()),
                Event::Eval(report) => losses.push(report.validation_loss.unwrap().to_bits()),
                _ => {}
            }
        }
        let names: Vec<String> = trainer.tensor_names().map(str::to_owned).collect();
        let weights: Vec<u64> =
            names.iter().flat_map(|name| trainer.tensor(name).unwrap().to_f64()).map(f64::to_bits).collect();
        (losses, names, weights)
    };
    let one = run(1);
    assert_eq!(one.0.len(), 200 + 19);
    for threads in 2..=4 {
        assert!(run(threads) == one, "{threads} threads");
    }
}
