//! What holds for every registered optimizer and transform.

mod descent;

use std::collections::{BTreeMap, BTreeSet};

use descent::{Descent, required, settings};
use steepest_graph::{Graph, Initial, VariableKind};
use steepest_optim::{
    Build, OPTIMIZERS, Parameter, SCHEDULES, TRANSFORMS, Transform, apply_updates, minimize,
};
use steepest_spec::{Accepts, Default, Description, SettingError, Settings, Value};
use steepest_tensor::Tensor;

/// Every optimizer and every link, with what makes it.
fn all() -> Vec<(&'static Description, Build)> {
    let optimizers = OPTIMIZERS.iter().map(|spec| (&spec.about, spec.build));
    optimizers.chain(TRANSFORMS.iter().map(|spec| (&spec.about, spec.build))).collect()
}

fn build(about: &Description, build: Build, written: &[(&str, Value)]) -> Box<dyn Transform> {
    build(&settings(about, written)).unwrap()
}

/// f(w, b) = Σ (w − t)⁴ + (b · Σw)²: no gradient repeats, every element has its own.
fn values_after(transform: &dyn Transform, steps: u64) -> BTreeMap<String, Vec<f64>> {
    let graph = Graph::new();
    let start = Tensor::f64([2, 2], vec![1.0, -0.5, 0.25, 2.0]).unwrap();
    let w = graph.variable("w", VariableKind::Parameter, [2, 2], Initial::Values(start));
    let b = graph.variable("b", VariableKind::Parameter, [], Initial::Constant(0.75));
    let target = graph.literal(Tensor::f64([2, 2], vec![0.1, 0.2, -0.3, 0.4]).unwrap());
    let loss = (w - target).square().square().sum() + (b * w.sum()).square();
    let applied = minimize(loss, &[Parameter::new("w", w), Parameter::new("b", b)], transform);
    let mut descent = Descent::new(&graph, applied);
    for step in 0..steps {
        descent.step(0.01 / (1.0 + step as f64));
    }
    descent.values()
}

#[test]
fn names_are_unique_and_in_kebab_case() {
    let kebab = |name: &str| {
        let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        name.split('-').all(word)
    };
    let registries: [Vec<&Description>; 3] = [
        OPTIMIZERS.iter().map(|spec| &spec.about).collect(),
        TRANSFORMS.iter().map(|spec| &spec.about).collect(),
        SCHEDULES.iter().map(|spec| &spec.about).collect(),
    ];
    for registry in registries {
        let names: BTreeSet<_> = registry.iter().map(|about| about.name).collect();
        assert_eq!(names.len(), registry.len(), "{names:?}");
        for about in registry {
            assert!(kebab(about.name), "{}", about.name);
            let keys: BTreeSet<_> = about.hyperparameters.iter().map(|h| h.name).collect();
            assert_eq!(keys.len(), about.hyperparameters.len(), "{}: {keys:?}", about.name);
            assert!(keys.iter().all(|key| kebab(key)), "{}: {keys:?}", about.name);
        }
    }
}

#[test]
fn every_description_is_complete_and_every_default_has_a_source() {
    let schedules = SCHEDULES.iter().map(|spec| &spec.about);
    for about in all().into_iter().map(|(about, _)| about).chain(schedules) {
        assert!(about.summary.ends_with('.') && !about.formula.is_empty(), "{}", about.name);
        for h in about.hyperparameters {
            assert!(h.summary.ends_with('.'), "{}.{}", about.name, h.name);
            assert!(
                h.default == Default::Required || !h.source.is_empty(),
                "{}.{} has a default from nowhere",
                about.name,
                h.name
            );
        }
        Settings::new(about, required(about)).expect(about.name);
        for (key, value) in settings(about, &[]).iter() {
            let written = [(key, value.clone())];
            assert_eq!(settings(about, &written).get(key), Some(value), "its own default is accepted");
        }
    }
}

#[test]
fn unknown_settings_are_refused() {
    for (about, _) in all() {
        let wrong = ("lerning-rate".to_owned(), Value::Number(0.1));
        let error = Settings::new(about, required(about).into_iter().chain([wrong])).unwrap_err();
        assert!(matches!(error, SettingError::Unknown { .. }), "{}: {error}", about.name);
    }
    for spec in OPTIMIZERS {
        let error = Settings::new(&spec.about, [("lerning-rate".to_owned(), Value::Number(0.1))]);
        assert_eq!(error.unwrap_err().help().unwrap(), "did you mean `learning-rate`?");
    }
}

#[test]
fn every_setting_but_the_rate_changes_what_is_built() {
    for (about, make) in all() {
        let plain = values_after(&*build(about, make, &[]), 3);
        for h in about.hyperparameters.iter().filter(|h| h.name != "learning-rate") {
            let value = match (h.accepts, h.default) {
                (Accepts::Choice(names), Default::Text(default)) => {
                    let other = names.iter().find(|name| **name != default).unwrap();
                    Value::Text(other.to_string())
                }
                (Accepts::Number { .. }, _) => Value::Number(0.3),
                (accepts, default) => panic!("no value to try for {accepts} (default {default:?})"),
            };
            let changed = values_after(&*build(about, make, &[(h.name, value)]), 3);
            let theta = |values: &BTreeMap<String, Vec<f64>>| (values["w"].clone(), values["b"].clone());
            assert_ne!(theta(&plain), theta(&changed), "{}: `{}` does nothing", about.name, h.name);
        }
    }
}

#[test]
fn a_zero_gradient_moves_nothing_unless_there_is_decay() {
    for (about, make) in all() {
        let graph = Graph::new();
        let x = graph.variable("x", VariableKind::Parameter, [3], Initial::Constant(2.0));
        let applied = minimize(0.0 * x.sum(), &[Parameter::new("x", x)], &*build(about, make, &[]));
        let mut descent = Descent::new(&graph, applied);
        for _ in 0..3 {
            descent.step(0.1);
        }
        let decays = matches!(about.name, "l2" | "weight-decay" | "adamw" | "proximal-l1");
        let stayed = descent.get("x") == [2.0; 3];
        assert_eq!(stayed, !decays, "{}: {:?}", about.name, descent.get("x"));
    }
}

#[test]
fn a_step_is_a_function_of_parameters_slots_and_scalars() {
    // Training rebuilt from what a checkpoint holds goes on exactly as if it had not stopped.
    for (about, make) in all() {
        let transform = build(about, make, &[]);
        assert_eq!(values_after(&*transform, 6), values_after(&*transform, 6), "{}", about.name);
        let graph = Graph::new();
        let x = graph.variable("x", VariableKind::Parameter, [3], Initial::Constant(2.0));
        let step = || minimize((x - 0.5).square().square().sum(), &[Parameter::new("x", x)], &*transform);
        let mut whole = Descent::new(&graph, step());
        let mut first = Descent::new(&graph, step());
        (0..6).for_each(|_| drop(whole.step(0.01)));
        (0..3).for_each(|_| drop(first.step(0.01)));
        let mut second = Descent::new(&graph, step());
        (second.done, second.feeds) = (first.done, first.feeds);
        (0..3).for_each(|_| drop(second.step(0.01)));
        assert_eq!(whole.values(), second.values(), "{}", about.name);
    }
}

#[test]
fn slots_are_named_after_parameter_and_transform() {
    for (about, make) in all() {
        let transform = build(about, make, &[]);
        let graph = Graph::new();
        let x = graph.variable("mlp.0.weight", VariableKind::Parameter, [3], Initial::Constant(2.0));
        let applied = minimize(x.square().sum(), &[Parameter::new("mlp.0.weight", x)], &*transform);
        let mut descent = Descent::new(&graph, applied);
        descent.step(0.1);
        for slot in graph.variables().iter().filter(|v| v.kind == VariableKind::Slot) {
            assert!(slot.name.starts_with("mlp.0.weight/"), "{}: {}", about.name, slot.name);
            assert!(descent.feeds.get(&slot.name).is_some(), "{}: `{}` never changes", about.name, slot.name);
        }
    }
}

#[test]
fn parameters_without_elements_are_no_obstacle() {
    for (about, make) in all() {
        let graph = Graph::new();
        let x = graph.variable("x", VariableKind::Parameter, [0, 3], Initial::Constant(2.0));
        let y = graph.variable("y", VariableKind::Parameter, [2], Initial::Constant(2.0));
        let parameters = [Parameter::new("x", x), Parameter::new("y", y)];
        let applied = minimize(x.sum() + y.sum(), &parameters, &*build(about, make, &[]));
        let mut descent = Descent::new(&graph, applied);
        descent.step(0.1);
        assert_eq!(descent.get("x"), [0.0; 0], "{}", about.name);
        assert!(descent.get("y").iter().all(|y| y.is_finite() && *y < 2.0), "{}", about.name);
    }
}

#[test]
fn gradients_from_elsewhere_enter_like_those_of_a_loss() {
    for (about, make) in all() {
        let transform = build(about, make, &[]);
        let graph = Graph::new();
        let x = graph.variable("x", VariableKind::Parameter, [3], Initial::Constant(2.0));
        let parameters = [Parameter::new("x", x)];
        let loss = (x * x).sum();
        let gradients = steepest_graph::gradients(loss, &[x]);
        let mut fed = Descent::new(&graph, apply_updates(&graph, &parameters, gradients, &*transform));
        fed.step(0.1);
        let mut own = Descent::new(&graph, minimize(loss, &parameters, &*transform));
        own.step(0.1);
        assert_eq!(fed.values(), own.values(), "{}", about.name);
    }
}
