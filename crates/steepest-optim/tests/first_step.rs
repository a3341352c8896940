//! The first step of every optimizer and transform, worked out by hand.

mod descent;

use descent::{Descent, settings};
use steepest_graph::{Graph, Initial, VariableKind};
use steepest_optim::{Build, OPTIMIZERS, Parameter, TRANSFORMS, minimize};
use steepest_spec::Description;

/// θ₁ for θ₀ = 2, g = 3, α = 0.1, unless the settings say otherwise.
const OPTIMIZER_STEPS: &[(&str, f64)] = &[
    ("sgd", 2.0 - 0.1 * 3.0),
    ("momentum", 2.0 - 0.1 * 3.0),
    ("sgd-momentum", 2.0 - 0.1 * 3.0),
    // u = 3 + 0.9 · 3
    ("nesterov", 2.0 - 0.1 * 5.7),
    ("adagrad", 2.0 - 0.1 * 3.0 / (3.0 + 1e-10)),
    // v = 0.01 · 9
    ("rmsprop", 2.0 - 0.1 * 3.0 / (0.3 + 1e-8)),
    // v − m² = 0.09 − 0.03²
    ("rmsprop-centered", 2.0 - 0.1 * 3.0 / (0.298_496_231_131_985_9 + 1e-8)),
    // m̂ = g, v̂ = g²
    ("adam", 2.0 - 0.1 * 3.0 / (3.0 + 1e-8)),
    ("adamw", 2.0 * (1.0 - 0.1 * 0.01) - 0.1 * 3.0 / (3.0 + 1e-8)),
];

/// θ₁ for a link alone, its required settings being 0.5.
const TRANSFORM_STEPS: &[(&str, f64)] = &[
    ("scale-by-rate", 2.0 - 0.1 * 3.0),
    ("clip-value", 2.0 - 0.5),
    ("clip-global-norm", 2.0 - 0.5),
    ("l2", 2.0 - (3.0 + 0.5 * 2.0)),
    ("momentum", 2.0 - 3.0),
    ("nesterov", 2.0 - 5.7),
    ("adagrad", 2.0 - 3.0 / (3.0 + 1e-10)),
    ("rmsprop", 2.0 - 3.0 / (0.3 + 1e-8)),
    ("rmsprop-centered", 2.0 - 3.0 / (0.298_496_231_131_985_9 + 1e-8)),
    ("adam", 2.0 - 3.0 / (3.0 + 1e-8)),
    // S(2 − 3, 0.1 · 0.5)
    ("proximal-l1", 2.0 - (3.0 - 0.05)),
    ("weight-decay", 2.0 - (3.0 + 0.1 * 0.01 * 2.0)),
];

fn first_step(about: &Description, build: Build) -> f64 {
    let transform = build(&settings(about, &[])).unwrap();
    let graph = Graph::new();
    let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(2.0));
    let mut descent = Descent::new(&graph, minimize(3.0 * x, &[Parameter::new("x", x)], &*transform));
    descent.step(0.1);
    descent.get("x")[0]
}

fn check<'a>(specs: impl Iterator<Item = (&'a Description, Build)>, steps: &[(&str, f64)]) {
    let mut checked = 0;
    for (about, build) in specs {
        let Some((_, expected)) = steps.iter().find(|(name, _)| *name == about.name) else {
            panic!("work out the first step of `{}`", about.name);
        };
        let got = first_step(about, build);
        assert!((got - expected).abs() < 1e-14, "{}: {got} for {expected}", about.name);
        checked += 1;
    }
    assert_eq!(checked, steps.len(), "a step is worked out for something that is not registered");
}

#[test]
fn of_optimizers() {
    check(OPTIMIZERS.iter().map(|spec| (&spec.about, spec.build)), OPTIMIZER_STEPS);
}

#[test]
fn of_transforms() {
    check(TRANSFORMS.iter().map(|spec| (&spec.about, spec.build)), TRANSFORM_STEPS);
}
