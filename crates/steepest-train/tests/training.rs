//! Training end to end: accuracy on real data, stopping, findings, and what is kept at the end.

use std::path::PathBuf;

use steepest_data::{BatchSize, Dataset, Part};
use steepest_graph::Var;
use steepest_nn::{Dense, Layer, Mlp, Scope, Sequential};
use steepest_optim::{Chain, ScaleByRate};
use steepest_tensor::Tensor;
use steepest_train::{
    EvalReport, Event, Finding, Minimize, RunSpec, StopOptions, StopReason, Trainer, Training,
};

fn bundled(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name)
}

/// y = sin(3x) + x, one input.
fn curve(rows: usize) -> Dataset {
    let x: Vec<f32> = (0..rows).map(|i| (i as f32 * 0.618_034).fract() * 2.0 - 1.0).collect();
    let y = x.iter().map(|&x| (3.0 * f64::from(x)).sin() + f64::from(x)).collect();
    Dataset::regression([1], x, y).unwrap()
}

fn reports(trainer: &mut Trainer) -> (Vec<EvalReport>, StopReason) {
    let (mut all, mut stopped) = (Vec::new(), None);
    for event in trainer.run() {
        match event.unwrap() {
            Event::Eval(report) => all.push(*report),
            Event::Stopped(reason) => stopped = Some(reason),
            _ => {}
        }
    }
    (all, stopped.unwrap())
}

#[test]
fn iris_is_learned_from_its_file() {
    let spec = RunSpec::new(bundled("iris.csv"), "species").unwrap();
    let spec = spec.with("optimizer.learning-rate", 0.01).unwrap().with("stop.epochs", 60).unwrap();
    let mut trainer = Trainer::new(&spec).unwrap();
    trainer.train().unwrap();
    let test = trainer.evaluate(Part::Test).unwrap().unwrap();
    assert!(test.metric("accuracy").unwrap() > 0.9, "{test}");
    let confusion = test.confusion.unwrap();
    assert_eq!(confusion.counts.iter().flatten().sum::<u64>(), test.rows as u64);
}

#[test]
fn regression_metrics_are_in_the_unit_of_the_target() {
    let spec = RunSpec::new(bundled("diabetes.csv"), "target").unwrap();
    let spec = spec.with("model.kind", "linear").unwrap().with("stop.epochs", 40).unwrap();
    let mut trainer = Trainer::new(&spec.with("optimizer.learning-rate", 0.01).unwrap()).unwrap();
    trainer.train().unwrap();
    let test = trainer.evaluate(Part::Test).unwrap().unwrap();
    let (rmse, r2) = (test.metric("rmse").unwrap(), test.metric("r2"));
    assert!((40.0..70.0).contains(&rmse), "{test}");
    assert!(r2.is_none_or(|r2| r2 > 0.25), "{test}");
}

#[test]
fn two_classes_suit_logistic_and_softmax() {
    for model in ["logistic", "softmax", "mlp"] {
        let spec = RunSpec::new(bundled("breast_cancer.csv"), "diagnosis").unwrap();
        let spec = spec.with("model.kind", model).unwrap().with("stop.epochs", 15).unwrap();
        let mut trainer = Trainer::new(&spec.with("optimizer.learning-rate", 0.02).unwrap()).unwrap();
        trainer.train().unwrap();
        let test = trainer.evaluate(Part::Test).unwrap().unwrap();
        assert!(test.metric("accuracy").unwrap() > 0.93, "{model}: {test}");
    }
}

#[test]
fn early_stopping_restores_the_best_weights() {
    // Noise to learn by heart, and other noise to validate on.
    let noise = |rows: usize, seed: u64| {
        let key = steepest_tensor::Key::new(seed);
        let x = (0..rows * 4).map(|i| key.normal(i as u64) as f32).collect();
        let y = (0..rows).map(|i| key.normal(1 << 40 | i as u64)).collect();
        Dataset::regression([4], x, y).unwrap()
    };
    let stop = StopOptions { epochs: Some(500), patience: Some(6), ..StopOptions::default() };
    let training =
        || Training::new(noise(60, 1)).validation(noise(60, 2)).model(Mlp::new(&[32], 1)).learning_rate(0.01);
    let mut trainer = training().stop(stop).trainer().unwrap();
    let mut findings = Vec::new();
    let (mut evals, mut stopped) = (Vec::new(), None);
    for event in trainer.run() {
        match event.unwrap() {
            Event::Eval(report) => evals.push(*report),
            Event::Warning(finding) => findings.push(finding),
            Event::Stopped(reason) => stopped = Some(reason),
            _ => {}
        }
    }
    let Some(StopReason::Plateau { best, patience: 6, epoch }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((epoch, evals.len() as u64), (best.epoch + 6, epoch));
    let lowest = evals.iter().map(|report| report.validation_loss.unwrap()).fold(f64::INFINITY, f64::min);
    assert_eq!(best.loss, lowest);
    // The weights at the end are those of the best epoch: the same loss, to the bit.
    let restored = trainer.evaluate(Part::Validation).unwrap().unwrap();
    assert_eq!(restored.loss.to_bits(), best.loss.to_bits());

    // The budget ends in the same way.
    let mut trainer = training().epochs(best.epoch + 3).trainer().unwrap();
    let (_, reason) = reports(&mut trainer);
    assert!(matches!(reason, StopReason::Budget { best: Some(kept), .. } if kept == best), "{reason}");
    assert_eq!(trainer.evaluate(Part::Validation).unwrap().unwrap().loss.to_bits(), best.loss.to_bits());
}

#[test]
fn convergence_is_noticed() {
    let stop = StopOptions {
        epochs: Some(100_000),
        patience: Some(0),
        tolerance: Some(1e-4),
        window: 5,
        ..StopOptions::default()
    };
    let mut trainer = Training::new(curve(64))
        .model(Dense::new(1))
        .batch(BatchSize::Full)
        .learning_rate(0.05)
        .stop(stop)
        .trainer()
        .unwrap();
    let (evals, reason) = reports(&mut trainer);
    assert!(matches!(reason, StopReason::Converged { change, .. } if change < 1e-4), "{reason}");
    assert!(evals.len() > 20 && evals.len() < 2_000, "{}", evals.len());
}

#[test]
fn a_huge_learning_rate_names_the_tensor_and_the_step() {
    let sgd = Chain::new().then(ScaleByRate);
    let mut trainer = Training::new(curve(256))
        .model(Mlp::new(&[16], 1))
        .optimizer(sgd)
        .learning_rate(1e6)
        .batch(BatchSize::new(8).unwrap())
        .trainer()
        .unwrap();
    let (_, reason) = reports(&mut trainer);
    let StopReason::Diverged { step, tensor, learning_rate, .. } = &reason else { panic!("{reason}") };
    assert_eq!((tensor.as_str(), *learning_rate), ("`mlp.0.weight`", 1e6));
    assert!(*step < 32, "{reason}");
    assert!(
        reason.to_string().starts_with(&format!("diverged at step {step}: `mlp.0.weight` is not finite"))
    );
    assert!(reason.help().unwrap().contains("optimizer.learning-rate = 1e5"), "{:?}", reason.help());
}

/// √x of a column that has negative numbers.
struct Root;

impl Layer for Root {
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        cx.apply("out", &Dense::new(1), x.sqrt())
    }
}

#[test]
fn the_operation_that_made_the_first_nan_is_named_with_its_line() {
    let line = line!() - 6;
    let model = Sequential::new().named("root", Root);
    let mut trainer = Training::new(curve(64)).model(model).trainer().unwrap();
    let (_, reason) = reports(&mut trainer);
    let StopReason::Diverged { cause: Some(cause), .. } = &reason else { panic!("{reason}") };
    assert_eq!((cause.op.as_str(), cause.layer.as_str(), cause.value.is_nan()), ("sqrt", "root", true));
    assert!(cause.location.contains(&format!("training.rs:{line}:")), "{} {line}", cause.location);
    assert!(reason.to_string().contains("; first, `sqrt` of layer `root`, built at"), "{reason}");
}

#[test]
fn the_update_that_overflows_is_found_by_making_those_before_it_again() {
    let sgd = Chain::new().then(ScaleByRate);
    let training = Training::new(curve(256)).model(Mlp::new(&[16], 1)).optimizer(sgd).learning_rate(1e6);
    let mut trainer = training.batch(BatchSize::new(8).unwrap()).trainer().unwrap();
    let (_, reason) = reports(&mut trainer);
    let StopReason::Diverged { step, cause: Some(cause), .. } = &reason else { panic!("{reason}") };
    assert!(*step > 1 && cause.value.abs() > 1e38 && !cause.value.is_nan(), "{reason}");
}

#[test]
fn a_problem_of_a_layer_says_which_line_applied_it() {
    let training =
        Training::new(curve(8)).model(Sequential::new().then(Dense { outputs: 0, ..Dense::new(1) }));
    let line = line!() - 1;
    let error = training.trainer().err().unwrap().to_string();
    assert!(error.contains(&format!("applied at {}:{line}:", file!())), "{error}");
}

#[test]
fn overfitting_is_said_in_words() {
    let finding = Finding::Overfitting { epoch: 9, best_epoch: 4, best: 0.5, validation: 0.75, train: 0.1 };
    assert_eq!(
        finding.to_string(),
        "overfitting at epoch 9: the validation loss has risen from 0.5000 (epoch 4) to 0.7500 while the training \
         loss fell to 0.1000; try a smaller model, dropout or `optimizer.l2`; the weights of epoch 4 are kept"
    );
}

#[test]
fn a_budget_of_steps_may_end_within_an_epoch() {
    let stop = StopOptions { epochs: Some(9), steps: Some(7), patience: Some(0), ..StopOptions::default() };
    let mut trainer =
        Training::new(curve(50)).batch(BatchSize::new(10).unwrap()).stop(stop).trainer().unwrap();
    let (evals, reason) = reports(&mut trainer);
    assert!(matches!(reason, StopReason::Budget { epochs: 2, steps: 7, .. }), "{reason}");
    assert_eq!(evals.iter().map(|report| report.epoch).collect::<Vec<_>>(), [1.0, 1.4]);
    assert_eq!(evals[1].step, 7);
}

/// Epochs of 37 steps and a budget of 150: stretches end with epochs, at looks at the clock, and within both.
#[test]
fn training_at_once_makes_the_updates_of_training_event_by_event() {
    let stop = StopOptions { steps: Some(150), ..StopOptions::default() };
    let batch = BatchSize::new(1).unwrap();
    let trainer = || Training::new(curve(37)).batch(batch).stop(stop.clone()).trainer().unwrap();
    let (mut at_once, mut by_events) = (trainer(), trainer());
    let reason = at_once.train().unwrap();
    let steps = by_events.run().filter(|event| matches!(event, Ok(Event::Step(_)))).count();
    assert_eq!((steps, matches!(reason, StopReason::Budget { steps: 150, .. })), (150, true), "{reason}");
    for name in at_once.tensor_names() {
        assert_eq!(at_once.tensor(name), by_events.tensor(name), "{name}");
    }
}

#[test]
fn an_interrupt_stops_after_the_step_at_hand() {
    let mut trainer = Training::new(curve(50)).trainer().unwrap();
    let flag = trainer.interrupt();
    let mut steps = 0;
    let mut last = None;
    for event in trainer.run() {
        match event.unwrap() {
            Event::Step(report) if report.step == 3 => flag.store(true, std::sync::atomic::Ordering::Relaxed),
            Event::Step(_) => steps += 1,
            Event::Stopped(reason) => last = Some(reason),
            _ => {}
        }
    }
    assert_eq!((steps, last), (2, Some(StopReason::Interrupted { step: 3 })));
}

#[test]
fn parts_that_do_not_fit_together_are_errors() {
    let labels = (0..30).map(|i| i % 3).collect();
    let names = ["a", "b", "c"].map(str::to_owned);
    let classes = Dataset::classification([2], vec![0.5f32; 60], labels, names).unwrap();
    let say = |training: Training| {
        let error = training.trainer().unwrap_err();
        format!("{error}; {}", error.help().unwrap_or_default())
    };
    let text = say(Training::new(classes).model(Dense::new(2)));
    assert!(text.contains("the model has 2 outputs, the data have 3 classes"), "{text}");
    assert!(text.contains("help: give the last layer 3 outputs"), "{text}");
    let text = say(Training::new(curve(8)).model(Dense::new(2)));
    assert!(text.contains("do not have the same shape"), "{text}");
    assert_eq!(
        say(Training::new(curve(8)).learning_rate(-0.1)),
        "the learning rate must be a number above 0, got -0.1; "
    );
    let unlabelled = Dataset::unlabelled([1], vec![1.0f32]).unwrap();
    assert_eq!(
        say(Training::new(unlabelled)),
        "the data have no target to learn; name the column to predict as `data.target`"
    );
    let none = curve(8).subset(&[]).unwrap();
    assert_eq!(say(Training::new(none)), "there are no rows to train on; give a data file with rows");
}

#[test]
fn a_search_that_leaves_the_numbers_says_so() {
    let search = Minimize::new(|p| -1.0 * p[0].powf(4.0)).from(&[Tensor::scalar(1.0)]);
    let sgd = Chain::new().then(ScaleByRate);
    let error = search.optimizer(sgd).learning_rate(10.0).run().unwrap_err();
    assert!(error.to_string().starts_with("the function is not finite at step"), "{error}");
    assert!(error.help().unwrap().contains("smaller learning rate"));
}

#[test]
fn a_search_without_tolerance_uses_all_steps_and_keeps_the_lowest_point() {
    let search = Minimize::new(|p| p[0].square()).from(&[Tensor::scalar(1.0)]).tolerance(0.0).steps(50);
    let minimum = search.learning_rate(0.3).run().unwrap();
    assert_eq!((minimum.steps, minimum.converged), (50, false));
    assert_eq!(minimum.value, minimum.at[0].to_f64()[0].powi(2));
}
