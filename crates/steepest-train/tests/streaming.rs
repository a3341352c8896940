//! One pass over a stream: the laws, and what weights and hashing do.

use std::fs;
use std::path::{Path, PathBuf};

use steepest_data::{BatchSize, Dataset};
use steepest_nn::Logistic;
use steepest_optim::{Chain, ScaleByRate};
use steepest_tensor::{Buffer, Key};
use steepest_train::{Passed, RunSpec, SavedModel, StreamEvent, Streaming, TrainError, Training};

/// Rows of a few of 500 features, the first half of which speaks for one class.
fn write(folder: &Path, rows: u64) -> PathBuf {
    let key = Key::new(3);
    let line = |row: u64| {
        let label = key.stream("label").below(row, 2);
        let feature = |i: u64| match key.at(row).below(2 * i, 4) {
            0 => key.at(row).below(2 * i + 1, 500),
            _ => key.at(row).below(2 * i + 1, 250) + 250 * label,
        };
        let features: String = (0..6).map(|i| format!(" f{}:0.5", feature(i))).collect();
        // Every hundredth row has no label.
        match row % 100 {
            50 => format!("|{features}\n"),
            _ => format!("{} 1.5 |{features}\n", if label == 1 { "1" } else { "-1" }),
        }
    };
    let path = folder.join("rows.vw");
    fs::write(&path, (0..rows).map(line).collect::<String>()).unwrap();
    path
}

fn spec(path: &Path, out: &Path, threads: usize) -> RunSpec {
    let changes = [
        ("data.stream", "true".to_owned()),
        ("data.hash-bits", "12".to_owned()),
        ("data.infer-rows", "1000".to_owned()),
        ("model.kind", "\"logistic\"".to_owned()),
        ("optimizer.kind", "\"adagrad\"".to_owned()),
        ("optimizer.learning-rate", "0.3".to_owned()),
        ("batch.size", "7".to_owned()),
        ("run.threads", threads.to_string()),
        // After every window.
        ("run.checkpoint-seconds", "1e-9".to_owned()),
        ("run.directory", format!("{:?}", out.display().to_string())),
    ];
    let start = RunSpec::new(path, "label").unwrap();
    changes.iter().fold(start, |spec, (key, value)| spec.with(key, value).unwrap())
}

fn weights(out: &Path) -> Vec<(String, Vec<u32>)> {
    let model = SavedModel::load(out.join("model.safetensors")).unwrap();
    let bits = |buffer: &Buffer| match buffer {
        Buffer::F32(values) => values.iter().map(|x| x.to_bits()).collect(),
        other => panic!("{other:?}"),
    };
    model.weights().iter().map(|(name, tensor)| (name.clone(), bits(tensor.buffer()))).collect()
}

fn passed(streaming: Streaming) -> Passed {
    let last = streaming.run().map(Result::unwrap).last();
    let Some(StreamEvent::Ended(passed)) = last else { panic!("{last:?}") };
    passed
}

#[test]
fn a_pass_that_was_killed_and_resumed_ends_in_the_bits_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), 30_000);
    let whole = folder.path().join("whole");
    let complete = passed(Streaming::new(&spec(&data, &whole, 1)).unwrap());
    assert_eq!((complete.rows, complete.unlabelled, complete.interrupted), (29_700, 300, false));
    assert!((complete.weight - 29_700.0 * 1.5).abs() < 1e-6 && complete.average < 0.5, "{complete:?}");
    for events in [1, 4, 20] {
        let out = folder.path().join(format!("killed-{events}"));
        // Whoever stops listening leaves what a killed process would: the last checkpoint.
        Streaming::new(&spec(&data, &out, 2))
            .unwrap()
            .run()
            .take(events)
            .for_each(|event| drop(event.unwrap()));
        let resumed = passed(Streaming::resume(&out).unwrap());
        assert_eq!((resumed.rows, resumed.average.to_bits()), (complete.rows, complete.average.to_bits()));
        assert_eq!(weights(&out), weights(&whole), "after {events} events");
    }
}

#[test]
fn threads_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), 3_000);
    let run = |threads: usize| {
        let out = folder.path().join(threads.to_string());
        passed(Streaming::new(&spec(&data, &out, threads)).unwrap());
        weights(&out)
    };
    let one = run(1);
    for threads in 2..=4 {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

#[test]
fn lines_stand_where_rows_have_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), 3_000);
    let one = spec(&data, &folder.path().join("out"), 1).with("batch.size", 1).unwrap();
    let lines = Streaming::new(&one).unwrap().run().filter_map(|event| match event.unwrap() {
        StreamEvent::Progress(line) => Some(line),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    let rows: Vec<u64> = lines.iter().map(|line| line.rows).collect();
    assert_eq!(rows, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
    assert_eq!((lines[0].weight, lines[0].features, lines[0].prediction.as_str()), (1.5, 6, "0.0000"));
    // Before anything is learned both classes have one half; the mean is one over weights.
    assert!((lines[0].average - std::f64::consts::LN_2).abs() < 1e-6, "{}", lines[0].average);
    let log = fs::read_to_string(folder.path().join("out/metrics.jsonl")).unwrap();
    assert_eq!(log.lines().count(), lines.len());
}

#[test]
fn what_needs_rows_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), 200);
    let plain = spec(&data, &folder.path().join("out"), 1);
    for (key, value) in [
        ("stop.epochs", "2"),
        ("stop.patience", "3"),
        ("data.split.test", "0.2"),
        ("data.validation", "\"rows.vw\""),
        ("batch.size", "\"full\""),
    ] {
        let refused = Streaming::new(&plain.with(key, value).unwrap()).unwrap_err();
        assert!(
            matches!(refused, TrainError::NotInAStream { key: named } if named.contains(key)),
            "{refused}"
        );
        assert!(refused.help().unwrap().contains("data.stream = false"));
    }
}

#[test]
fn a_label_that_the_first_rows_do_not_have_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.vw");
    let rows: String = (0..2000).map(|row| format!("{} | a b\n", row % 2)).collect();
    fs::write(&path, rows + "3 | a\n").unwrap();
    let events: Vec<_> = Streaming::new(&spec(&path, &folder.path().join("out"), 1)).unwrap().run().collect();
    let error = events.last().unwrap().as_ref().unwrap_err().to_string();
    assert!(error.contains("rows.vw:2001") && error.contains("`3`"), "{error}");
}

/// What a pass over all rows at once makes of the weights of a line.
fn line_after(weights: Option<Vec<f32>>, rate: f64) -> Vec<f64> {
    let x: Vec<f32> = (0..40).map(|i| i as f32 / 20.0 - 0.7).collect();
    let labels = (0..40).map(|i| u32::from(i % 3 == 0 || i > 25)).collect();
    let data = Dataset::classification([1], x, labels, ["a".to_owned(), "b".to_owned()]).unwrap();
    let data = match weights {
        Some(weights) => data.with_weights(weights).unwrap(),
        None => data,
    };
    let training = Training::new(data).model(Logistic::new(1)).optimizer(Chain::new().then(ScaleByRate));
    let mut trainer = training.learning_rate(rate).batch(BatchSize::Full).epochs(50).trainer().unwrap();
    trainer.train().unwrap();
    trainer.tensor_names().flat_map(|name| trainer.tensor(name).unwrap().to_f64()).collect()
}

#[test]
fn a_weight_is_a_factor_of_the_loss() {
    let (plain, ones) = (line_after(None, 0.2), line_after(Some(vec![1.0; 40]), 0.2));
    assert_eq!(plain, ones);
    assert_eq!(line_after(Some(vec![2.0; 40]), 0.1), plain, "twice the loss at half the rate");
    let only: Vec<f32> = (0..40).map(|i| if i < 20 { 2.0 } else { 0.0 }).collect();
    assert_ne!(line_after(Some(only), 0.2), plain);
}

#[test]
fn balanced_classes_count_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    // One in ten is positive; nothing tells them apart.
    let rows: String =
        (0..1000).map(|i| format!("{},{}\n", i % 7, if i % 10 == 0 { "yes" } else { "no" })).collect();
    fs::write(&path, format!("x,y\n{rows}")).unwrap();
    let bias = |class_weight: &str| {
        let mut spec = RunSpec::new(&path, "y").unwrap();
        for (key, value) in
            [("model.kind", "\"logistic\""), ("batch.size", "\"full\""), ("stop.epochs", "300")]
        {
            spec = spec.with(key, value).unwrap();
        }
        spec = spec.with("optimizer.learning-rate", "0.1").unwrap();
        if !class_weight.is_empty() {
            spec = spec.with("data.class-weight", class_weight).unwrap();
        }
        let mut trainer = steepest_train::Trainer::new(&spec).unwrap();
        trainer.train().unwrap();
        trainer.tensor("logistic.bias").unwrap().to_f64()[0]
    };
    let (plain, balanced) = (bias(""), bias("\"balanced\""));
    assert!((plain - (0.1f64 / 0.9).ln()).abs() < 0.1, "{plain}");
    assert!(balanced.abs() < 0.05, "{balanced}");
}

#[test]
fn calibrated_probabilities_are_shares_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    // The margin says more than it should: positive with probability ¾ right of 0, ¼ left of it.
    let key = Key::new(8);
    let row = |i: u64| {
        let right = key.below(2 * i, 2) == 1;
        let yes = (key.below(2 * i + 1, 4) > 0) == right;
        format!("{},{}\n", if right { 1.0 } else { -1.0 }, if yes { "yes" } else { "no" })
    };
    fs::write(&path, format!("x,y\n{}", (0..4000).map(row).collect::<String>())).unwrap();
    let mut spec = RunSpec::new(&path, "y").unwrap();
    for (key, value) in [("model.kind", "\"svm\""), ("stop.epochs", "5"), ("run.calibrate", "true")] {
        spec = spec.with(key, value).unwrap();
    }
    let mut trainer = steepest_train::Trainer::new(&spec).unwrap();
    trainer.train().unwrap();
    let file = folder.path().join("model.safetensors");
    trainer.model().save(&file).unwrap();
    let model = SavedModel::load(&file).unwrap();
    let mut predictor = steepest_train::Predictor::new(&model).unwrap();
    let mut out = Vec::new();
    predictor.csv(&path, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let shares: Vec<f64> =
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert!(shares.iter().all(|p| (p - 0.25).abs() < 0.06 || (p - 0.75).abs() < 0.06), "{:?}", &shares[..8]);
    let refused = steepest_train::Trainer::new(&spec.with("data.split.validation", 0.0).unwrap());
    assert!(matches!(refused, Err(TrainError::NothingToCalibrate)));
}
