//! First and second derivatives of every loss, activation and normalization against central differences, in double
//! precision.

use steepest_graph::{Feeds, Graph, Var, evaluate, gradients};
use steepest_nn::*;
use steepest_spec::{Default, Settings, Value};
use steepest_tensor::{Key, Shape, Tensor};

/// The step of the differences, and what they may be off: truncation h² and rounding ε/h.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 2e-8;

/// Checks ∂f/∂x and ∂(c·∂f/∂x)/∂x for a scalar f at `at`, with c fixed random numbers.
fn check(
    what: &str,
    shape: Shape,
    at: &[f64],
    feeds: &Feeds,
    f: impl for<'g> Fn(&'g Graph, Var<'g>) -> Var<'g>,
) {
    let graph = Graph::new();
    let x = graph.input("x", shape);
    let value = f(&graph, x);
    let first = gradients(value, &[x])[0].dense();
    let mix = (0..at.len()).map(|i| Key::new(4).normal(i as u64)).collect();
    let mixed = (first * graph.literal(Tensor::f64(shape, mix).unwrap())).sum();
    let second = gradients(mixed, &[x])[0].dense();
    let run = |x: &[f64], outputs: &[Var<'_>]| -> Vec<Vec<f64>> {
        let feeds = feeds.clone().with("x", Tensor::f64(shape, x.to_vec()).unwrap());
        evaluate(&graph, outputs, &feeds).unwrap().iter().map(Tensor::to_f64).collect()
    };
    let exact = run(at, &[first, second]);
    for i in 0..at.len() {
        let moved = |by: f64| {
            let mut x = at.to_vec();
            x[i] += by;
            run(&x, &[value, mixed])
        };
        let (above, below) = (moved(STEP), moved(-STEP));
        for (order, exact) in exact.iter().enumerate() {
            let difference = (above[order][0] - below[order][0]) / (2.0 * STEP);
            let error = (exact[i] - difference).abs();
            let scale = difference.abs().max(1.0);
            assert!(
                error <= TOLERANCE * scale,
                "{what}, order {}: {} instead of {difference}",
                order + 1,
                exact[i]
            );
        }
    }
}

/// Every entry's settings: the defaults, and each number moved to another acceptable value.
fn variants<S: Registered>(spec: &'static S) -> Vec<Settings> {
    let numbers = spec.about().hyperparameters.iter().filter(|h| matches!(h.default, Default::Number(_)));
    let moved = numbers.map(|h| vec![(h.name.to_owned(), Value::Number(0.3))]);
    moved.chain([vec![]]).map(|written| spec.settings(written).unwrap()).collect()
}

#[test]
fn of_every_activation() {
    // No point within the step of a kink (−1, 0, 1).
    let at = [-4.0, -1.3, -0.4, -0.01, 0.01, 0.7, 1.6, 5.0];
    for spec in ACTIVATIONS {
        for settings in variants(*spec) {
            check(spec.about.name, Shape::from([8]), &at, &Feeds::new(), |_, x| {
                (spec.apply)(&settings, x).sum()
            });
        }
    }
}

#[test]
fn of_every_loss() {
    let at: Vec<f64> = (0..12).map(|i| 2.0 * Key::new(8).normal(i)).collect();
    let targets: Vec<f64> = (0..12).map(|i| Key::new(5).uniform(i)).collect();
    let weights = Tensor::f64([4], vec![1.0, 0.5, 0.0, 2.0]).unwrap();
    for spec in LOSSES {
        for settings in variants(*spec) {
            let loss = (spec.build)(&settings).unwrap();
            let feeds = match spec.target {
                Target::Values => Feeds::new().with("target", Tensor::f64([4, 3], targets.clone()).unwrap()),
                Target::Labels => Feeds::new().with("target", Tensor::u32([4], vec![2, 0, 1, 1]).unwrap()),
                Target::Nothing => Feeds::new(),
            };
            check(spec.about.name, Shape::from([4, 3]), &at, &feeds, |graph, x| {
                let target = match spec.target {
                    Target::Values => graph.input("target", [4, 3]),
                    Target::Labels => graph.index_input("target", [4]),
                    Target::Nothing => graph.constant(0.0),
                };
                (loss.per_example(x, target) * graph.literal(weights.clone())).sum()
            });
        }
    }
}

#[test]
fn of_every_normalization() {
    let shape = Shape::from([2, 3, 6]);
    let random = |seed, shape: Shape| {
        let key = Key::new(seed);
        Tensor::f64(shape, (0..shape.elements()).map(|i| key.normal(i as u64)).collect()).unwrap()
    };
    let feeds =
        Feeds::new().with("weight", random(6, Shape::from([6]))).with("bias", random(7, Shape::from([6])));
    let names = ["batch-norm", "group-norm", "layer-norm", "rms-norm"];
    for spec in LAYERS.iter().filter(|spec| names.contains(&spec.about.name)) {
        let groups = (spec.about.name == "group-norm").then(|| ("groups".to_owned(), Value::Integer(3)));
        let layer = (spec.build)(&spec.settings(groups).unwrap()).unwrap();
        check(spec.about.name, shape, &random(9, shape).to_f64(), &feeds, |graph, x| {
            let mut trace = Trace::new(graph, Key::new(0), Phase::Train);
            let y = layer.forward(&mut trace.scope(), x);
            // Not the plain sum, which does not change with x.
            (y * graph.literal(random(10, shape))).sum()
        });
    }
}

/// Ties and edges, where differences say nothing: the derivative is the stated one.
#[test]
fn where_logits_tie_cross_entropy_is_still_softmax_minus_target() {
    let graph = Graph::new();
    let (x, y) = (graph.input("x", [2, 4]), graph.index_input("y", [2]));
    let loss = CrossEntropy::default().per_example(x, y).sum();
    let slope = gradients(loss, &[x])[0].dense();
    let feeds = Feeds::new()
        .with("x", Tensor::f64([2, 4], vec![3.0, 3.0, 3.0, 3.0, 0.0, 0.0, -1e6, -1e6]).unwrap())
        .with("y", Tensor::u32([2], vec![0, 1]).unwrap());
    let got = evaluate(&graph, &[slope], &feeds).unwrap()[0].to_f64();
    assert_eq!(got, [-0.75, 0.25, 0.25, 0.25, 0.5, -0.5, 0.0, 0.0]);
}

/// The maximum is a constant to the derivative: no comparison that shares ties is left in the step.
#[test]
fn the_derivative_of_cross_entropy_does_not_pass_through_the_maximum() {
    let graph = Graph::new();
    let (x, y) = (graph.input("x", [2, 4]), graph.index_input("y", [2]));
    gradients(CrossEntropy::default().per_example(x, y).sum(), &[x]);
    assert!(graph.nodes().iter().all(|node| node.op.name() != "equal"));
}

#[test]
fn a_label_outside_the_classes_makes_the_loss_nan() {
    let graph = Graph::new();
    let (x, y) = (graph.input("x", [1, 2]), graph.index_input("y", [1]));
    let loss = CrossEntropy::default().per_example(x, y);
    let feeds = Feeds::new()
        .with("x", Tensor::f64([1, 2], vec![1.0, 2.0]).unwrap())
        .with("y", Tensor::u32([1], vec![2]).unwrap());
    assert!(evaluate(&graph, &[loss], &feeds).unwrap()[0].to_f64()[0].is_nan());
}

/// The classic silent mistake: `[batch, 1]` against `[batch]` must not become `[batch, batch]`.
#[test]
fn a_missing_last_axis_of_one_is_understood_and_others_are_problems() {
    for spec in LOSSES.iter().filter(|spec| spec.target == Target::Values) {
        let loss = (spec.build)(&spec.settings([]).unwrap()).unwrap();
        let graph = Graph::new();
        let target = graph.input("target", [8]);
        for shape in [&[8, 1][..], &[8]] {
            let prediction = graph.input(&format!("p{}", shape.len()), Shape::new(shape).unwrap());
            assert_eq!(*loss.per_example(prediction, target).shape(), [8]);
        }
        assert!(graph.problems().is_empty());
        loss.per_example(graph.input("wide", [8, 3]), target);
        loss.per_example(graph.input("labels", [8, 1]), graph.index_input("index", [8]));
        let problems: Vec<String> = graph.problems().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("predictions [8, 3] and targets [8]"), "{}", problems[0]);
        assert!(problems[1].contains("got indices") && problems[1].contains("help: "), "{}", problems[1]);
    }
    let graph = Graph::new();
    CrossEntropy::default().per_example(graph.input("x", [8, 3]), graph.input("y", [8]));
    let problem = graph.problems()[0].to_string();
    assert!(problem.contains("real numbers [8]") && problem.contains("`Graph::index_input`"), "{problem}");
}
