//! Optimizers and schedules against PyTorch and optax: `golden/generate.py` wrote what they do.

mod descent;

use std::collections::{BTreeMap, BTreeSet};

use descent::{Compiled, Descent};
use serde_json::Value as Json;
use steepest_graph::{Graph, Initial, Var, VariableKind};
use steepest_optim::{OPTIMIZERS, Parameter, Progress, SCHEDULES, minimize};
use steepest_spec::{Settings, Value};
use steepest_tensor::{DType, Shape, Tensor};

/// Largest difference of a parameter over 200 steps, relative to its size (at least 0.1): some hundreds of
/// roundings of double precision.
const TRAJECTORY_TOLERANCE: f64 = 1e-13;
/// Largest difference of a schedule's factor; PyTorch computes some of them by recurrence.
const FACTOR_TOLERANCE: f64 = 1e-14;

fn numbers(json: &Json) -> Vec<f64> {
    match json {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn written(case: &Json) -> BTreeMap<String, Value> {
    serde_json::from_value(case["settings"].clone()).unwrap()
}

fn label(case: &Json) -> String {
    let kind = if case["optimizer"].is_string() { &case["optimizer"] } else { &case["schedule"] };
    format!("{kind} {} against {}", case["settings"], case["source"])
}

/// The loss of the generator, over the parameters w, x and s.
fn problem<'g>(graph: &'g Graph, problem: &Json) -> (Var<'g>, [Parameter<'g>; 3]) {
    let tensor =
        |shape: &[usize], json: &Json| Tensor::f64(Shape::new(shape).unwrap(), numbers(json)).unwrap();
    let parameter = |name: &str, shape: &[usize]| {
        let values = tensor(shape, &problem["start"][name]);
        graph.variable(name, VariableKind::Parameter, values.shape(), Initial::Values(values))
    };
    let (w, x, s) = (parameter("w", &[2, 3]), parameter("x", &[2]), parameter("s", &[]));
    let element = |unit: [f64; 2]| (x * graph.literal(Tensor::f64([2], unit.to_vec()).unwrap())).sum();
    let (x0, x1) = (element([1.0, 0.0]), element([0.0, 1.0]));
    let curvature = graph.literal(tensor(&[2, 3], &problem["curvature"]));
    let target = graph.literal(tensor(&[2, 3], &problem["target"]));
    let quadratic = (curvature * (w - target).square()).sum() / 2.0;
    let valley = ((1.0 - x0).square() + 100.0 * (x1 - x0.square()).square()) / 20.0;
    let coupling = (s * w.sum() - x0 - 1.0).square() / 2.0;
    let parameters = [Parameter::new("w", w), Parameter::new("x", x), Parameter::new("s", s)];
    (quadratic + valley + coupling, parameters)
}

/// The largest relative differences from the case over the steps it keeps: of the reference interpreter
/// and of the compiled plan.
fn farthest(golden: &Json, case: &Json) -> [f64; 2] {
    let spec = OPTIMIZERS.iter().find(|spec| spec.about.name == case["optimizer"]).unwrap();
    let transform = (spec.build)(&Settings::new(&spec.about, written(case)).unwrap()).unwrap();
    let graph = Graph::new();
    let (loss, parameters) = problem(&graph, &golden["problem"]);
    let applied = minimize(loss, &parameters, &*transform);
    let mut compiled = Compiled::new(&graph, &applied, DType::F64);
    let mut reference = Descent::new(&graph, applied);
    let (rate, fall) = (case["rate"].as_f64().unwrap(), golden["problem"]["fall"].as_f64().unwrap());
    let mut worst = [0.0f64; 2];
    for (kept, expected) in numbers(&golden["problem"]["kept"]).iter().zip(case["values"].as_array().unwrap())
    {
        while (reference.done as f64) < *kept {
            let rate = rate * fall.powf(reference.done as f64);
            reference.step(rate);
            compiled.step(rate);
        }
        let reached =
            [["w", "x", "s"].map(|name| reference.get(name)), ["w", "x", "s"].map(|name| compiled.get(name))];
        for (worst, reached) in worst.iter_mut().zip(reached) {
            for (got, expected) in reached.concat().iter().zip(numbers(expected)) {
                *worst = worst.max((got - expected).abs() / expected.abs().max(0.1));
            }
        }
    }
    worst
}

#[test]
fn optimizers_go_where_their_sources_go() {
    let golden: Json = serde_json::from_str(include_str!("golden/trajectories.json")).unwrap();
    let mut seen = BTreeSet::new();
    for case in golden["cases"].as_array().unwrap() {
        let [reference, compiled] = farthest(&golden, case);
        assert!(reference <= TRAJECTORY_TOLERANCE, "{}: off by {reference:e}", label(case));
        assert!(compiled <= TRAJECTORY_TOLERANCE, "{}: compiled, off by {compiled:e}", label(case));
        seen.insert(case["optimizer"].as_str().unwrap());
    }
    assert_eq!(seen, OPTIMIZERS.iter().map(|spec| spec.about.name).collect(), "each has a trajectory");
}

#[test]
fn schedules_are_those_of_their_sources() {
    let golden: Json = serde_json::from_str(include_str!("golden/schedules.json")).unwrap();
    let mut seen = BTreeSet::new();
    for case in golden["cases"].as_array().unwrap() {
        let spec = SCHEDULES.iter().find(|spec| spec.about.name == case["schedule"]).unwrap();
        let schedule = (spec.build)(&Settings::new(&spec.about, written(case)).unwrap()).unwrap();
        for (step, expected) in (1..).zip(numbers(&case["rates"])) {
            let progress = Progress { step, total: case["total"].as_u64(), steps_per_epoch: Some(10) };
            let got = schedule.at(progress);
            assert!(
                (got - expected).abs() <= FACTOR_TOLERANCE,
                "{} at {step}: {got} for {expected}",
                label(case)
            );
        }
        seen.insert(case["schedule"].as_str().unwrap());
    }
    assert_eq!(seen, SCHEDULES.iter().map(|spec| spec.about.name).collect(), "each has a source");
}
