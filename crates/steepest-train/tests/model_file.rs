//! The saved model: what it gives back, and what it says of files that are none.

use std::fs;
use std::path::{Path, PathBuf};

use steepest_data::{Dataset, Part};
use steepest_nn::{Dense, Mlp};
use steepest_train::{Prediction, Predictor, RunSpec, SavedModel, TrainError, Trainer, Training};

fn bundled(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name)
}

fn trained(file: &Path, target: &str, changes: &[(&str, &str)]) -> Trainer {
    let start = RunSpec::new(file, target).unwrap().with("optimizer.learning-rate", 0.01).unwrap();
    let spec = changes.iter().fold(start, |spec, (key, value)| spec.with(key, value).unwrap());
    let mut trainer = Trainer::new(&spec).unwrap();
    trainer.train().unwrap();
    trainer
}

fn csv(model: &SavedModel, file: &Path) -> (Vec<Vec<String>>, steepest_train::Predicted) {
    let mut out = Vec::new();
    let predicted = Predictor::new(model).unwrap().csv(file, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect(), predicted)
}

#[test]
fn a_saved_model_predicts_what_the_trained_one_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("iris.safetensors");
    let mut trainer = trained(&bundled("iris.csv"), "species", &[("stop.epochs", "30")]);
    trainer.model().save(&path).unwrap();
    let model = SavedModel::load(&path).unwrap();
    assert_eq!(model.spec().unwrap().resolved(), trainer.spec().unwrap().resolved());
    assert_eq!(model.preprocessor(), trainer.preprocessor());

    let (lines, predicted) = csv(&model, &bundled("iris.csv"));
    assert_eq!((predicted.rows, predicted.findings.len(), lines.len()), (150, 0, 151));
    let header = lines[0].join(",");
    assert!(
        header.ends_with("prediction,probability:setosa,probability:versicolor,probability:virginica"),
        "{header}"
    );
    let columns = lines[0].len();
    for line in &lines[1..] {
        let shares: Vec<f64> = line[columns - 3..].iter().map(|share| share.parse().unwrap()).collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{line:?}");
        let best = shares.iter().copied().fold(0.0, f64::max);
        let named =
            lines[0].iter().position(|name| *name == format!("probability:{}", line[columns - 4])).unwrap();
        assert_eq!(shares[named - (columns - 3)], best, "{line:?}");
    }
    // The file's own columns come first, as they stood there.
    let original = fs::read_to_string(bundled("iris.csv")).unwrap();
    assert!(original.lines().zip(&lines).all(|(was, now)| now[..columns - 4].join(",") == was));
    // Scoring the file agrees with the share of right predictions in it.
    let right = lines[1..].iter().filter(|line| line[columns - 5] == line[columns - 4]).count();
    let (evaluation, _) = model.evaluate(bundled("iris.csv")).unwrap();
    assert_eq!((evaluation.rows, evaluation.metric("accuracy")), (150, Some(right as f64 / 150.0)));
    // A file written twice is the same file.
    let first = fs::read(&path).unwrap();
    model.save(&path).unwrap();
    assert!(fs::read(&path).unwrap() == first);
    assert!(trainer.evaluate(Part::Test).unwrap().is_some());
}

#[test]
fn regression_predicts_in_the_unit_of_the_target() {
    let trainer =
        trained(&bundled("diabetes.csv"), "target", &[("model.kind", "linear"), ("stop.epochs", "40")]);
    let model = trainer.model();
    let (lines, _) = csv(&model, &bundled("diabetes.csv"));
    let of = |line: &[String]| -> (f64, f64) {
        (line[line.len() - 2].parse().unwrap(), line[line.len() - 1].parse().unwrap())
    };
    let pairs: Vec<(f64, f64)> = lines[1..].iter().map(|line| of(line)).collect();
    let rmse = (pairs.iter().map(|(y, p)| (y - p).powi(2)).sum::<f64>() / pairs.len() as f64).sqrt();
    let (evaluation, _) = model.evaluate(bundled("diabetes.csv")).unwrap();
    assert!((rmse - evaluation.metric("rmse").unwrap()).abs() < 1e-6 * rmse, "{rmse} {evaluation}");
    assert!(rmse < 60.0, "{rmse}");
}

#[test]
fn categories_that_training_never_saw_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (train, new) = (folder.path().join("train.csv"), folder.path().join("new.csv"));
    let row = |i: usize| format!("{},{}\n", ["red", "green"][i % 2], ["no", "yes"][i % 2]);
    fs::write(&train, format!("color,y\n{}", (0..40).map(row).collect::<String>())).unwrap();
    fs::write(&new, "color\nred\nblue\nblue\n").unwrap();
    let changes = [("stop.epochs", "3"), ("data.split.validation", "0"), ("data.split.test", "0")];
    let (lines, predicted) = csv(&trained(&train, "y", &changes).model(), &new);
    assert_eq!((lines.len(), predicted.rows), (4, 3));
    let said: Vec<String> = predicted.findings.iter().map(ToString::to_string).collect();
    assert!(said.len() == 1 && said[0].contains("2 cells") && said[0].contains("`blue`"), "{said:?}");

    let strict = [("data.unseen", "error"), ("stop.epochs", "3"), ("data.split.validation", "0")];
    let model = trained(&train, "y", &strict).model();
    let error = Predictor::new(&model).unwrap().csv(&new, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("new.csv:3, column 1 `color`"), "{error}");
}

#[test]
fn each_file_that_is_no_model_has_its_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let trainer = trained(&bundled("iris.csv"), "species", &[("stop.epochs", "1")]);
    trainer.model().save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let say = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = SavedModel::load(&path).unwrap_err();
        let text = error.to_string().replace(&path.display().to_string(), "FILE");
        (text, error.help().unwrap_or_default())
    };
    let half = whole.len() - 100;
    let mut flipped = whole.clone();
    flipped[whole.len() - 1] ^= 1;
    let pattern = br#"\"version\":"#;
    let at = whole.windows(pattern.len()).position(|bytes| bytes == pattern).unwrap() + pattern.len();
    let mut newer = whole.clone();
    newer[at] = b'7';
    let again = "copy it again, or write it anew by resuming its run";
    let truncated = format!("FILE: the model file is truncated: {half} bytes of at least {}", whole.len());
    assert_eq!(say(&whole[..half]), (truncated, again.to_owned()));
    let (damaged, help) = say(&flipped);
    assert!(damaged.starts_with("FILE: the model file is damaged: its checksum is "), "{damaged}");
    assert_eq!(help, again);
    let (message, help) = say(&newer);
    assert_eq!(message, "FILE: the model file has format 7; this version reads up to format 1");
    assert_eq!(help, "use the version of Steepest that wrote it, or a newer one");
    for other in [&b""[..], b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n and more bytes"] {
        let expected = (
            "FILE: this is not a Steepest model".to_owned(),
            "give the `model.safetensors` of a run".to_owned(),
        );
        assert_eq!(say(other), expected);
    }
    fs::remove_file(&path).unwrap();
    let error = SavedModel::load(&path).unwrap_err();
    assert!(error.to_string().contains("cannot read the model: No such file"), "{error}");
}

#[test]
fn a_model_written_in_rust_is_given_again_to_load_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let x: Vec<f32> = (0..32).map(|i| i as f32 / 16.0 - 1.0).collect();
    let y = x.iter().map(|&x| f64::from(x) * 4.0).collect();
    let data = Dataset::regression([1], x, y).unwrap();
    let mut trainer =
        Training::new(data.clone()).model(Dense::new(1)).learning_rate(0.1).epochs(20).trainer().unwrap();
    trainer.train().unwrap();
    trainer.model().save(&path).unwrap();
    assert!(matches!(SavedModel::load(&path), Err(TrainError::ForeignModel { .. })));
    let model = SavedModel::load_with(&path, Dense::new(1)).unwrap();
    let predictions = Predictor::new(&model).unwrap().dataset(&data).unwrap();
    assert_eq!(predictions, Predictor::new(&trainer.model()).unwrap().dataset(&data).unwrap());
    assert!(matches!(&predictions[31], Prediction::Numbers(y) if y.len() == 1));
    assert_eq!(model.score(&data).unwrap(), trainer.evaluate(Part::Train).unwrap().unwrap());
    // Another model does not fit the weights.
    let error = SavedModel::load_with(&path, Mlp::new(&[3], 1)).unwrap_err();
    assert!(error.to_string().ends_with("its tensors are not those of the model"), "{error}");
}
