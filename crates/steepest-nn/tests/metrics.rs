//! What holds for every metric: no examples, cuts, merging, restoring, wrong input.

use steepest_nn::*;
use steepest_spec::Value;
use steepest_tensor::Key;

const TASKS: [Task; 5] = [
    Task::Ranking { items: 30 },
    Task::Regression { outputs: 1 },
    Task::Regression { outputs: 3 },
    Task::Binary,
    Task::Multiclass { classes: 4 },
];

fn build(spec: &'static MetricSpec, task: &Task) -> Box<dyn Metric> {
    spec.build(&spec.settings([]).unwrap(), task).unwrap()
}

/// Predictions and targets of `n` examples.
fn sample(task: &Task, n: usize) -> (Vec<f64>, Vec<f64>) {
    let key = Key::new(11);
    let predictions = (0..n * task.outputs()).map(|i| key.stream("predictions").normal(i as u64)).collect();
    let targets = (0..n * task.targets()).map(|i| match *task {
        Task::Regression { .. } => key.stream("targets").normal(i as u64),
        Task::Binary => key.stream("labels").below(i as u64, 2) as f64,
        Task::Multiclass { classes } | Task::NextToken { vocabulary: classes } => {
            key.stream("labels").below(i as u64, classes as u64) as f64
        }
        Task::Ranking { .. } => key.stream("labels").below(i as u64, 2) as f64,
        Task::Context { .. } => 0.0,
    });
    (predictions, targets.collect())
}

fn for_each(check: impl Fn(&'static MetricSpec, &Task)) {
    for spec in METRICS {
        for task in TASKS.iter().filter(|task| (spec.suits)(task)) {
            check(spec, task);
        }
    }
}

#[test]
fn no_examples_have_no_value() {
    for_each(|spec, task| {
        let mut metric = build(spec, task);
        metric.update((&[0.0f32; 0][..]).into(), (&[0u32; 0][..]).into()).unwrap();
        assert_eq!(metric.value(), None, "{}", spec.about.name);
        assert!(metric.details().iter().all(|(_, value)| value.is_none()));
    });
}

#[test]
fn cuts_do_not_matter_and_states_restore_exactly() {
    for_each(|spec, task| {
        let (name, n) = (spec.about.name, 97);
        let (predictions, targets) = sample(task, n);
        let part = |metric: &mut dyn Metric, from: usize, to: usize| {
            let predictions = &predictions[from * task.outputs()..to * task.outputs()];
            let targets = &targets[from * task.targets()..to * task.targets()];
            metric.update(predictions.into(), targets.into()).unwrap();
        };
        let (mut whole, mut cut) = (build(spec, task), build(spec, task));
        part(&mut *whole, 0, n);
        (0..n).for_each(|row| part(&mut *cut, row, row + 1));
        assert_eq!(whole.state(), cut.state(), "{name}: one row at a time");

        let (mut resumed, mut first) = (build(spec, task), build(spec, task));
        part(&mut *first, 0, 40);
        resumed.merge(&first.state()).unwrap();
        assert_eq!(resumed.state(), first.state(), "{name}: a restored state");
        part(&mut *resumed, 40, n);
        assert_eq!(resumed.value(), whole.value(), "{name}: resumed");

        let mut second = build(spec, task);
        part(&mut *second, 40, n);
        first.merge(&second.state()).unwrap();
        let (joined, whole) = (first.value().unwrap(), whole.value().unwrap());
        assert!((joined - whole).abs() < 1e-13, "{name}: two halves joined");
    });
}

#[test]
fn a_perfect_prediction_beats_every_other_in_the_stated_direction() {
    for_each(|spec, task| {
        let (random, targets) = sample(task, 50);
        let perfect: Vec<f64> = match *task {
            Task::Regression { .. } => targets.clone(),
            Task::Binary | Task::Ranking { .. } => targets.iter().map(|y| 20.0 * y - 10.0).collect(),
            Task::Multiclass { classes } | Task::NextToken { vocabulary: classes } => targets
                .iter()
                .flat_map(|y| (0..classes).map(move |k| 10.0 * f64::from(k as f64 == *y)))
                .collect(),
            Task::Context { .. } => Vec::new(),
        };
        let value = |predictions: &[f64]| {
            let mut metric = build(spec, task);
            metric.update(predictions.into(), targets[..].into()).unwrap();
            metric.value().unwrap()
        };
        let (best, other) = (value(&perfect), value(&random));
        // Five of four or two classes always contain the right one.
        let trivial = spec.about.name == "top-k-accuracy";
        // More items may be relevant than places are counted, and fewer.
        let bounded = matches!(spec.about.name, "precision-at-k" | "recall-at-k");
        match spec.direction {
            Direction::Higher if bounded => assert!(best > other, "{}", spec.about.name),
            Direction::Higher => assert!(best == 1.0 && (other < 1.0 || trivial), "{}", spec.about.name),
            Direction::Lower => assert!(best < 1e-3 && other > best, "{}", spec.about.name),
        }
    });
}

#[test]
fn wrong_lengths_labels_and_states_are_errors() {
    for_each(|spec, task| {
        let (predictions, targets) = sample(task, 5);
        let mut metric = build(spec, task);
        let short = metric.update(predictions[1..].into(), targets[..].into());
        assert!(matches!(short, Err(NnError::Lengths { .. })), "{}", spec.about.name);
        assert!(metric.merge(&[1.0; 7]).is_err(), "{}", spec.about.name);
        if !matches!(task, Task::Regression { .. }) {
            for bad in [-1.0, 0.5, 4.0, f64::NAN] {
                let mut targets = targets.clone();
                targets[3] = bad;
                let error = metric.update(predictions[..].into(), targets[..].into());
                assert!(
                    matches!(error, Err(NnError::Label { position: 3, .. })),
                    "{}: {bad}",
                    spec.about.name
                );
            }
        }
    });
}

#[test]
fn nan_predictions_are_never_good() {
    let (logits, labels) = ([f64::NAN, 0.0, 1.0, 0.0], [0u32, 0]);
    let task = Task::Multiclass { classes: 2 };
    for (name, expected) in
        [("accuracy", 0.5), ("top-k-accuracy", 0.5), ("auc", f64::NAN), ("log-loss", f64::NAN)]
    {
        let mut metric = build(MetricSpec::find(name).unwrap(), &task);
        metric.update(logits[..].into(), labels[..].into()).unwrap();
        let value = metric.value().unwrap();
        assert!(value == expected || (value.is_nan() && expected.is_nan()), "{name}: {value}");
    }
}

#[test]
fn of_equal_logits_the_first_classes_count() {
    let logits = [1.0, 1.0, 1.0, 0.0];
    let right = |name: &str, k: Option<i64>, label: u32| {
        let spec = MetricSpec::find(name).unwrap();
        let settings = spec.settings(k.map(|k| ("k".to_owned(), Value::Integer(k)))).unwrap();
        let mut metric = spec.build(&settings, &Task::Multiclass { classes: 4 }).unwrap();
        metric.update(logits[..].into(), (&[label][..]).into()).unwrap();
        metric.value() == Some(1.0)
    };
    assert_eq!([0, 1, 2, 3].map(|label| right("accuracy", None, label)), [true, false, false, false]);
    assert_eq!([0, 1, 2, 3].map(|label| right("top-k-accuracy", Some(2), label)), [true, true, false, false]);
}
