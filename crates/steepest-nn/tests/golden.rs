//! Losses, activations and a perceptron against PyTorch, metrics against scikit-learn, in double precision.
//!
//! `golden/generate.py` wrote the numbers; `golden.json` records the versions it ran with.

use std::collections::BTreeMap;

use serde::Deserialize;
use steepest_graph::{Feeds, Graph, evaluate, gradients};
use steepest_nn::*;
use steepest_spec::Value;
use steepest_tensor::{Key, Shape, Tensor};

/// Both sides are in double precision and round differently.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Golden {
    losses: Vec<LossRow>,
    activations: Vec<ActivationRow>,
    metrics: Vec<MetricRow>,
    perceptron: Perceptron,
}

#[derive(Deserialize)]
struct Perceptron {
    x: Vec<f64>,
    labels: Vec<u32>,
    logits: Vec<f64>,
    loss: f64,
    parameters: BTreeMap<String, Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    shape: Vec<usize>,
    value: Vec<f64>,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct LossRow {
    loss: String,
    settings: BTreeMap<String, Value>,
    shape: Vec<usize>,
    prediction: Vec<f64>,
    target: Vec<f64>,
    target_shape: Vec<usize>,
    per_example: Vec<f64>,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct ActivationRow {
    activation: String,
    x: Vec<f64>,
    y: Vec<f64>,
    slope: Vec<f64>,
}

#[derive(Deserialize)]
struct MetricRow {
    task: Task,
    predictions: Vec<f64>,
    targets: Vec<f64>,
    values: BTreeMap<String, f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/golden.json")).unwrap()
}

#[track_caller]
fn assert_near(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= TOLERANCE * e.abs().max(1.0), "{what} [{i}]: {g} instead of {e}");
    }
}

#[test]
fn losses_are_those_of_pytorch() {
    let rows = golden().losses;
    for row in &rows {
        let spec = LossSpec::find(&row.loss).unwrap();
        let loss = (spec.build)(&spec.settings(row.settings.clone()).unwrap()).unwrap();
        assert_eq!(loss.target(), spec.target);
        let (graph, shape) = (Graph::new(), Shape::new(&row.shape).unwrap());
        let target_shape = Shape::new(&row.target_shape).unwrap();
        let prediction = graph.input("prediction", shape);
        let (target, fed) = match spec.target {
            Target::Values => {
                let fed = Tensor::f64(target_shape, row.target.clone());
                (graph.input("target", target_shape), fed)
            }
            Target::Labels => {
                let labels = row.target.iter().map(|&y| y as u32).collect();
                (graph.index_input("target", target_shape), Tensor::u32(target_shape, labels))
            }
            Target::Nothing => continue,
        };
        let per_example = loss.per_example(prediction, target);
        assert_eq!(*per_example.shape(), [row.shape[0]]);
        // The rows have the weights 1, 2, 3, …, so that no row's gradient can stand for another's.
        let weights: Vec<f64> = (1..=row.shape[0]).map(|w| w as f64).collect();
        let weights = graph.literal(Tensor::f64([row.shape[0]], weights).unwrap());
        let gradient = gradients((per_example * weights).sum(), &[prediction])[0].dense();
        let feeds = Feeds::new()
            .with("prediction", Tensor::f64(shape, row.prediction.clone()).unwrap())
            .with("target", fed.unwrap());
        let got = evaluate(&graph, &[per_example, gradient], &feeds).unwrap();
        assert_near(&row.loss, &got[0].to_f64(), &row.per_example);
        assert_near(&format!("gradient of {}", row.loss), &got[1].to_f64(), &row.gradient);
    }
    for spec in LOSSES.iter().filter(|spec| spec.target != Target::Nothing) {
        assert!(rows.iter().any(|row| row.loss == spec.about.name), "{} has no row", spec.about.name);
    }
}

#[test]
fn activations_are_those_of_pytorch() {
    let rows = golden().activations;
    for row in &rows {
        let graph = Graph::new();
        let x = graph.input("x", [row.x.len()]);
        let y = row.activation.parse::<Activation>().unwrap().apply(x);
        let slope = gradients(y.sum(), &[x])[0].dense();
        let feeds = Feeds::new().with("x", Tensor::f64([row.x.len()], row.x.clone()).unwrap());
        let got = evaluate(&graph, &[y, slope], &feeds).unwrap();
        assert_near(&row.activation, &got[0].to_f64(), &row.y);
        assert_near(&format!("slope of {}", row.activation), &got[1].to_f64(), &row.slope);
    }
    for spec in ACTIVATIONS {
        let name = spec.about.name;
        assert!(rows.iter().any(|row| row.activation.split('(').next() == Some(name)), "{name} has no row");
    }
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let rows = golden().metrics;
    for row in &rows {
        for (written, expected) in &row.values {
            let configured: Configured<MetricSpec> = written.parse().unwrap();
            let mut metric = configured.spec().build(configured.settings(), &row.task).unwrap();
            // In uneven pieces: how rows are cut must not matter.
            let (width, per_row) = (row.task.outputs(), row.task.targets());
            let cuts = [0, 1, 8, 60];
            for cut in cuts.windows(2) {
                let predictions = &row.predictions[cut[0] * width..cut[1] * width];
                let targets = &row.targets[cut[0] * per_row..cut[1] * per_row];
                metric.update(predictions.into(), targets.into()).unwrap();
            }
            let value = metric.value().unwrap();
            assert!((value - expected).abs() < 1e-13, "{written} of {}: {value}, {expected}", row.task);
        }
    }
    // Those of rankings are worked out by hand beside them.
    for spec in METRICS.iter().filter(|spec| !(spec.suits)(&Task::Ranking { items: 3 })) {
        let name = spec.about.name;
        let has_row = rows.iter().flat_map(|row| row.values.keys()).any(|written| written.starts_with(name));
        assert!(has_row, "{name} has no row");
    }
}

#[test]
fn a_perceptron_is_that_of_pytorch() {
    let row = golden().perceptron;
    let graph = Graph::new();
    let (x, labels) = (graph.input("x", [6, 4]), graph.index_input("labels", [6]));
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let mlp = Mlp { activation: Activation::tanh(), ..Mlp::new(&[5, 3], 2) };
    let logits = mlp.forward(&mut trace.scope(), x);
    let loss = CrossEntropy::default().per_example(logits, labels).mean();
    let (names, parameters): (Vec<String>, Vec<_>) = trace.parameters().iter().cloned().unzip();
    assert_eq!(names.len(), row.parameters.len());
    let mut outputs = vec![logits, loss];
    outputs.extend(gradients(loss, &parameters).iter().map(|gradient| gradient.dense()));
    let mut feeds = Feeds::new()
        .with("x", Tensor::f64([6, 4], row.x).unwrap())
        .with("labels", Tensor::u32([6], row.labels).unwrap());
    for (name, parameter) in &row.parameters {
        let shape = Shape::new(&parameter.shape).unwrap();
        feeds = feeds.with(name, Tensor::f64(shape, parameter.value.clone()).unwrap());
    }
    let got = evaluate(&graph, &outputs, &feeds).unwrap();
    assert_near("logits", &got[0].to_f64(), &row.logits);
    assert_near("loss", &got[1].to_f64(), &[row.loss]);
    for (name, gradient) in names.iter().zip(&got[2..]) {
        assert_near(name, &gradient.to_f64(), &row.parameters[name].gradient);
    }
}
