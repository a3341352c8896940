//! What must stand in the pictures of a run.

use std::fs;

use steepest_report::{History, chart, write_pictures};

const LOG: &str = r#"{"step":10,"epoch":1,"train_loss":2.0,"validation_loss":1.5,"validation_accuracy":0.5,"learning_rate":0.001}
{"step":20,"epoch":2,"train_loss":0.5,"validation_loss":0.25,"validation_accuracy":0.75,"learning_rate":0.001}
{"step":30,"epoch":3,"train_loss":0.02,"validation_loss":0.75,"validation_accuracy":0.625,"learning_rate":0.0005}
"#;

fn history() -> History {
    History::parse(LOG, "metrics.jsonl".as_ref()).unwrap()
}

#[test]
fn the_loss_picture_marks_the_best_epoch_and_says_its_values() {
    let svg = chart::loss(&history()).unwrap().svg();
    for text in [
        ">training 0.02<",
        ">validation 0.25 at best, 0.75 at last<",
        ">best: epoch 2<",
        ">loss (logarithmic)<",
        ">epoch<",
    ] {
        assert!(svg.contains(text), "{text} is not in\n{svg}");
    }
    assert_eq!(svg.matches("<circle").count(), 1, "one ring, on the validation curve");
}

#[test]
fn of_a_long_epoch_the_training_curve_shows_the_parts() {
    let log = r#"{"step":50,"epoch":0.5,"recent_loss":3.0,"learning_rate":0.01}
{"step":100,"epoch":1,"train_loss":2.5,"recent_loss":2.0,"validation_loss":1.5,"learning_rate":0.0}
"#;
    let history = History::parse(log, "metrics.jsonl".as_ref()).unwrap();
    let svg = chart::loss(&history).unwrap().svg();
    assert!(svg.contains(">training 2<") && svg.contains(">validation 1.5<"), "{svg}");
    assert_eq!(history.series("learning_rate").points, [(50.0, 0.01), (100.0, 0.0)]);
}

#[test]
fn a_metric_has_a_linear_axis_and_its_own_picture() {
    let svg = chart::metric(&history(), "accuracy").unwrap().svg();
    assert!(svg.contains(">Accuracy<") && !svg.contains("logarithmic"), "{svg}");
    assert_eq!(chart::metric(&history(), "auc"), None);
}

#[test]
fn what_was_not_logged_is_not_drawn() {
    let empty = History::default();
    assert_eq!((chart::overview(&empty), chart::loss(&empty)), (None, None));
    assert_eq!(chart::gradient_norm(&history()), None);
    assert!(chart::learning_rate(&history()).is_some());
}

#[test]
fn a_run_with_one_record_or_equal_values_is_drawn() {
    for log in [
        "{\"step\":1,\"train_loss\":0.0}\n",
        "{\"step\":1,\"train_loss\":-3}\n{\"step\":2,\"train_loss\":-3}\n",
    ] {
        let picture = chart::loss(&History::parse(log, "m".as_ref()).unwrap()).unwrap();
        assert!(!picture.svg().contains("NaN"), "{}", picture.svg());
    }
}

#[test]
fn a_long_run_stays_a_small_file() {
    let log: String = (1..=200_000)
        .map(|s| format!("{{\"step\":{s},\"train_loss\":{}}}\n", 1.0 + f64::from(s % 13)))
        .collect();
    let svg = chart::loss(&History::parse(&log, "m".as_ref()).unwrap()).unwrap().svg();
    assert!(svg.len() < 80_000, "{} bytes", svg.len());
}

#[test]
fn a_run_directory_gets_svg_and_png_files() {
    let run = tempfile::tempdir().unwrap();
    fs::write(run.path().join("metrics.jsonl"), LOG).unwrap();
    let written = write_pictures(run.path()).unwrap();
    let names: Vec<_> = written.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["curves.svg", "curves.png", "loss.svg", "loss.png", "accuracy.svg", "accuracy.png"]);
    assert!(fs::read(&written[1]).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_confusion_matrix_turns_long_names_and_counts_every_cell() {
    let names: Vec<String> = (0..12).map(|i| format!("class number {i}")).collect();
    let mut counts = vec![0; 144];
    counts[0] = 1234;
    let svg = chart::confusion("Test rows", &names, &counts).unwrap().svg();
    assert!(
        svg.contains(">1,234<") && svg.contains("rotate(-90") && svg.contains("1,234 of 1,234 right"),
        "{svg}"
    );
}
