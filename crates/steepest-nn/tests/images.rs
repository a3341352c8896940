//! Layers and models over images against PyTorch, in double precision.
//!
//! `golden/images.py` wrote the numbers; `images.json` records the versions it ran with.

use std::collections::BTreeMap;

use serde::Deserialize;
use steepest_graph::{Feeds, Graph, Var, advance, gradients};
use steepest_nn::*;
use steepest_spec::Value;
use steepest_tensor::{Key, Shape, Tensor};

/// Both sides are in double precision and round differently.
const TOLERANCE: f64 = 1e-11;

#[derive(Deserialize)]
struct Golden {
    layers: Vec<LayerRow>,
    models: Vec<ModelRow>,
}

#[derive(Deserialize)]
struct Parameter {
    shape: Vec<usize>,
    value: Vec<f64>,
    /// The beginning, if it is long.
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct LayerRow {
    layer: String,
    settings: BTreeMap<String, Value>,
    shape: Vec<usize>,
    x: Vec<f64>,
    y_shape: Vec<usize>,
    y: Vec<f64>,
    x_gradient: Vec<f64>,
    parameters: BTreeMap<String, Parameter>,
    states: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct ModelRow {
    model: String,
    settings: BTreeMap<String, Value>,
    shape: Vec<usize>,
    x: Vec<f64>,
    classes: usize,
    labels: Vec<u32>,
    logits: Vec<f64>,
    loss: f64,
    parameters: BTreeMap<String, Parameter>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/images.json")).unwrap()
}

fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::f64(Shape::new(shape).unwrap(), values.to_vec()).unwrap()
}

#[track_caller]
fn assert_near(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= TOLERANCE * e.abs().max(1.0), "{what} [{i}]: {g} instead of {e}");
    }
}

#[track_caller]
fn assert_gradient(what: &str, got: &Tensor, expected: &Parameter) {
    assert_eq!(&got.shape()[..], &expected.shape[..], "{what}");
    assert_near(what, &got.to_f64()[..expected.gradient.len()], &expected.gradient);
}

/// The parameters' values as feeds.
fn fed(mut feeds: Feeds, parameters: &BTreeMap<String, Parameter>, prefix: &str) -> Feeds {
    for (name, parameter) in parameters {
        feeds = feeds.with(&format!("{prefix}{name}"), tensor(&parameter.shape, &parameter.value));
    }
    feeds
}

#[test]
fn layers_are_those_of_pytorch() {
    let rows = golden().layers;
    for (number, row) in rows.iter().enumerate() {
        let what = format!("row {number}, {} {:?}", row.layer, row.settings);
        let spec = LayerSpec::find(&row.layer).unwrap();
        let layer = (spec.build)(&spec.settings(row.settings.clone()).unwrap()).unwrap();
        let graph = Graph::new();
        let x = graph.input("x", Shape::new(&row.shape).unwrap());
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let y = trace.scope().apply("layer", &layer, x);
        assert_eq!(&y.shape()[..], &row.y_shape[..], "{what}");
        let n = y.shape().elements();
        let weights = tensor(&row.y_shape, &(1..=n).map(|i| i as f64 / n as f64).collect::<Vec<_>>());
        let loss = (y * graph.literal(weights)).sum();
        let names: Vec<String> = trace.parameters().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names.len(), row.parameters.len(), "{what}: {names:?}");
        let by: Vec<Var<'_>> = [x].into_iter().chain(trace.parameters().iter().map(|(_, p)| *p)).collect();
        let mut outputs = vec![y];
        outputs.extend(gradients(loss, &by).into_iter().map(|gradient| gradient.dense()));
        let mut feeds = fed(Feeds::new().with("x", tensor(&row.shape, &row.x)), &row.parameters, "layer.");
        let got = advance(&graph, &outputs, &mut feeds).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_near(&what, &got[0].to_f64(), &row.y);
        assert_near(&format!("{what}, by x"), &got[1].to_f64(), &row.x_gradient);
        for (name, got) in names.iter().zip(&got[2..]) {
            let expected = &row.parameters[name.strip_prefix("layer.").unwrap()];
            assert_gradient(&format!("{what}, by {name}"), got, expected);
        }
        for (name, expected) in &row.states {
            let got = feeds.get(&format!("layer.{name}")).unwrap();
            assert_near(&format!("{what}, {name}"), &got.to_f64(), expected);
        }
    }
}

#[test]
fn models_are_those_of_pytorch() {
    for row in golden().models {
        let task = Task::Multiclass { classes: row.classes };
        let spec = ModelSpec::find(&row.model).unwrap();
        let model = spec.build(&spec.settings(row.settings).unwrap(), &task).unwrap();
        let graph = Graph::new();
        let x = graph.input("x", Shape::new(&row.shape).unwrap());
        let labels = graph.index_input("labels", [row.labels.len()]);
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let logits = model.output(&mut trace.scope(), &Inputs::new("x", x));
        let loss = CrossEntropy::default().per_example(logits, labels).mean();
        let names: Vec<String> = trace.parameters().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names.len(), row.parameters.len(), "{}: {names:?}", row.model);
        let by: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![logits, loss];
        outputs.extend(gradients(loss, &by).into_iter().map(|gradient| gradient.dense()));
        let feeds = Feeds::new()
            .with("x", tensor(&row.shape, &row.x))
            .with("labels", Tensor::u32([row.labels.len()], row.labels.clone()).unwrap());
        let mut feeds = fed(feeds, &row.parameters, "");
        let got = advance(&graph, &outputs, &mut feeds).unwrap();
        assert_near(&row.model, &got[0].to_f64(), &row.logits);
        assert_near(&row.model, &got[1].to_f64(), &[row.loss]);
        for (name, got) in names.iter().zip(&got[2..]) {
            let expected = row.parameters.get(name).unwrap_or_else(|| panic!("{name} is not PyTorch's"));
            assert_gradient(&format!("{} by {name}", row.model), got, expected);
        }
    }
}
