//! The bundled data sets, from file to batch.

use std::path::PathBuf;

use steepest_data::{
    BatchSize, Batches, DataOptions, Finding, Fractions, Permutation, TargetKind, TargetsMut, Task, prepare,
};
use steepest_tensor::Key;

fn bundled(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name)
}

/// (file, target, rows, features, classes; 0 for regression)
const BUNDLED: [(&str, &str, usize, usize, usize); 5] = [
    ("iris.csv", "species", 150, 4, 3),
    ("wine.csv", "cultivar", 178, 13, 3),
    ("breast_cancer.csv", "diagnosis", 569, 30, 2),
    // Three border pixels are blank in every image, and depend on the split.
    ("digits.csv", "label", 1797, 61, 10),
    ("diabetes.csv", "target", 442, 10, 0),
];

#[test]
fn every_bundled_file_prepares_without_settings() {
    for (file, target, rows, features, classes) in BUNDLED {
        let mut options = DataOptions::new(bundled(file), target);
        let few = prepare(&options, 7).unwrap().validation.is_none();
        assert_eq!(few, rows < 1000, "{file}: small tables keep their rows for training");
        options.split = Fractions::default().into();
        let data = prepare(&options, 7).unwrap();
        let (validation, test) = (data.validation.as_ref().unwrap(), data.test.as_ref().unwrap());
        assert_eq!(data.train.rows() + validation.rows() + test.rows(), rows, "{file}");
        assert!(data.train.feature_width().abs_diff(features) <= 3, "{file}: {}", data.train.feature_width());
        assert_eq!(validation.feature_width(), data.train.feature_width());
        match data.train.target_kind() {
            TargetKind::Classes { names } => assert_eq!(names.len(), classes, "{file}"),
            TargetKind::Regression { width, .. } => assert_eq!((width, classes), (1, 0), "{file}"),
            TargetKind::None
            | TargetKind::NextToken { .. }
            | TargetKind::Context { .. }
            | TargetKind::Ranking { .. } => {
                panic!("{file} has a target")
            }
        }
        assert!(data.findings.iter().any(|f| matches!(f, Finding::TaskInferred { .. })), "{file}");
        assert!(data.findings.iter().any(|f| matches!(f, Finding::Split { .. })), "{file}");
    }
}

#[test]
fn digits_are_ten_classes_in_numeric_order() {
    let data = prepare(&DataOptions::new(bundled("digits.csv"), "label"), 1).unwrap();
    assert_eq!(data.preprocessor.target.classes(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(data.preprocessor.target.task(), Task::Classification);
}

#[test]
fn training_features_have_mean_0_and_deviation_1_and_the_others_do_not() {
    let data = prepare(&DataOptions::new(bundled("breast_cancer.csv"), "diagnosis"), 3).unwrap();
    let moments = |set: &steepest_data::Dataset| {
        let width = set.feature_width();
        let mut x = vec![0f64; set.rows() * width];
        set.fill(0..set.rows(), &mut x, TargetsMut::None).unwrap();
        let column = |c: usize| x.iter().skip(c).step_by(width).copied().collect::<Vec<f64>>();
        (0..width)
            .map(|c| {
                let values = column(c);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
                (mean, square.sqrt())
            })
            .collect::<Vec<_>>()
    };
    for (mean, std) in moments(&data.train) {
        assert!(mean.abs() < 1e-6 && (std - 1.0).abs() < 1e-6, "{mean} {std}");
    }
    assert!(moments(data.test.as_ref().unwrap()).iter().any(|(mean, _)| mean.abs() > 1e-3));
}

/// Means and deviations of iris computed in exact rational arithmetic, divisor n (as scikit-learn's
/// `StandardScaler`): Python's `fractions.Fraction`, then one square root.
#[test]
fn means_and_deviations_are_exact() {
    let options =
        DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(bundled("iris.csv"), "species") };
    let data = prepare(&options, 1).unwrap();
    let expected = [
        (5.843333333333334, 0.8253012917851409),
        (3.0573333333333332, 0.43441096773549454),
        (3.758, 1.759404065775303),
        (1.1993333333333334, 0.7596926279021594),
    ];
    for (input, (mean, std)) in data.preprocessor.inputs.iter().zip(expected) {
        let steepest_data::Encoding::Numeric(scaled) = &input.encoding else { panic!("iris is numeric") };
        assert!(
            (scaled.scaling.shift / mean - 1.0).abs() < 1e-14,
            "{} {}",
            input.column,
            scaled.scaling.shift
        );
        assert!(
            (scaled.scaling.scale / std - 1.0).abs() < 1e-13,
            "{} {}",
            input.column,
            scaled.scaling.scale
        );
    }
}

#[test]
fn regression_targets_turn_back_into_the_real_unit() {
    let data = prepare(&DataOptions::new(bundled("diabetes.csv"), "target"), 3).unwrap();
    let scaling = data.preprocessor.target.scaling();
    let stored = data.train.numbers();
    let mean = stored.iter().sum::<f64>() / stored.len() as f64;
    assert!(mean.abs() < 1e-12);
    assert!(stored.iter().all(|&y| {
        let real = scaling.invert(y);
        (25.0..=346.0).contains(&real.round()) && (real - real.round()).abs() < 1e-9
    }));
}

#[test]
fn preparing_is_a_function_of_the_seed() {
    let options = DataOptions::new(bundled("iris.csv"), "species");
    let (a, b, c) =
        (prepare(&options, 5).unwrap(), prepare(&options, 5).unwrap(), prepare(&options, 6).unwrap());
    assert_eq!(
        (a.train.classes(), &a.preprocessor, &a.files),
        (b.train.classes(), &b.preprocessor, &b.files)
    );
    assert_ne!(a.preprocessor, c.preprocessor);
}

#[test]
fn stratified_parts_keep_the_shares_of_the_classes() {
    let mut options = DataOptions::new(bundled("iris.csv"), "species");
    options.split = Fractions { validation: 0.2, test: 0.2 }.into();
    let data = prepare(&options, 5).unwrap();
    assert_eq!(data.train.class_counts(), [30, 30, 30]);
    assert_eq!(data.test.unwrap().class_counts(), [10, 10, 10]);
}

#[test]
fn numbers_cannot_keep_the_shares_of_classes() {
    let mut options = DataOptions::new(bundled("diabetes.csv"), "target");
    options.stratify = Some(true);
    let error = prepare(&options, 5).unwrap_err().to_string();
    assert!(error.contains("`data.stratify` keeps the shares of classes"), "{error}");
}

#[test]
fn the_preprocessor_survives_its_text_form() {
    for (file, target, ..) in BUNDLED {
        let data = prepare(&DataOptions::new(bundled(file), target), 7).unwrap();
        let text = serde_json::to_string(&data.preprocessor).unwrap();
        assert_eq!(
            serde_json::from_str::<steepest_data::Preprocessor>(&text).unwrap(),
            data.preprocessor,
            "{file}"
        );
    }
}

#[test]
fn batches_fill_from_a_data_set() {
    let data = prepare(&DataOptions::new(bundled("iris.csv"), "species"), 7).unwrap();
    let batches =
        Batches::shuffled(data.train.rows(), BatchSize::new(32).unwrap(), Key::new(7).stream("shuffle"));
    let (mut x, mut y) = (vec![0f32; 32 * 4], vec![0u32; 32]);
    let mut counts = vec![0; 3];
    for batch in batches.epoch(0) {
        let filled = data.train.fill(batch.rows(), &mut x, TargetsMut::Classes(&mut y)).unwrap();
        assert_eq!(filled, batch.len());
        y[..filled].iter().for_each(|&class| counts[class as usize] += 1);
    }
    assert_eq!(counts, data.train.class_counts());
    let order = Permutation::new(Key::new(7).stream("shuffle").at(0), 3);
    assert_eq!(order.len(), 3);
}
