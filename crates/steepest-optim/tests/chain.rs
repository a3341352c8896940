//! What chains, scopes and clipping promise.

mod descent;

use descent::{Compiled, Descent};
use steepest_graph::{Feeds, Gradient, Graph, Initial, PlanErrors, VariableKind, evaluate};
use steepest_optim::{
    Adam, Chain, ClipGlobalNorm, ClipValue, LEARNING_RATE, Momentum, Parameter, STEP, ScaleByRate, Transform,
    UpdateScope, Updates, apply_updates, minimize,
};
use steepest_tensor::{DType, Tensor};

fn parameter<'g>(graph: &'g Graph, name: &str, values: &[f64]) -> Parameter<'g> {
    let tensor = Tensor::f64([values.len()], values.to_vec()).unwrap();
    Parameter::new(
        name,
        graph.variable(name, VariableKind::Parameter, [values.len()], Initial::Values(tensor)),
    )
}

/// One step against the given gradients.
fn step_against(transform: &dyn Transform, gradients: &[&[f64]], dtype: DType) -> (Vec<Vec<f64>>, Vec<f64>) {
    let graph = Graph::new();
    let names: Vec<String> = (0..gradients.len()).map(|i| format!("p{i}")).collect();
    let parameters: Vec<_> =
        names.iter().zip(gradients).map(|(name, g)| parameter(&graph, name, &vec![0.0; g.len()])).collect();
    let literal = |g: &&[f64]| Gradient::Dense(graph.literal(Tensor::f64([g.len()], g.to_vec()).unwrap()));
    let gradients = gradients.iter().map(literal).collect();
    let applied = apply_updates(&graph, &parameters, gradients, transform);
    let mut compiled = Compiled::new(&graph, &applied, dtype);
    let reports = compiled.step(1.0);
    (names.iter().map(|name| compiled.get(name)).collect(), reports)
}

#[test]
fn huge_gradients_are_shortened_and_not_lost() {
    for (size, dtype) in [(1e20, DType::F32), (3e38, DType::F32), (1e200, DType::F64), (1.7e308, DType::F64)]
    {
        let (values, norm) =
            step_against(&ClipGlobalNorm { norm: 5.0 }, &[&[-size, 0.0], &[-size; 3]], dtype);
        let plain = 2.0 * size;
        let largest = if dtype == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
        assert!(if plain > largest { norm[0].is_infinite() } else { (norm[0] / plain - 1.0).abs() < 1e-6 });
        for (got, expected) in values.concat().iter().zip([2.5, 0.0, 2.5, 2.5, 2.5]) {
            assert!((got - expected).abs() < 1e-5, "{size:e}: {values:?}");
        }
    }
}

#[test]
fn tiny_gradients_have_a_norm() {
    let (values, norm) = step_against(&ClipGlobalNorm { norm: 1e-32 }, &[&[3e-30, 4e-30]], DType::F32);
    assert!((norm[0] / 5e-30 - 1.0).abs() < 1e-6, "{norm:?}");
    assert!((values[0][1] / -0.8e-32 - 1.0).abs() < 1e-6, "{values:?}");
    let (values, norm) = step_against(&ClipGlobalNorm { norm: 1.0 }, &[&[0.0, 0.0]], DType::F32);
    assert_eq!((values[0].as_slice(), norm[0]), ([0.0, 0.0].as_slice(), 0.0));
}

#[test]
fn gradients_within_the_limit_are_untouched() {
    let gradient = [0.1, -0.7, 1.0 / 3.0];
    let (values, _) = step_against(&ClipGlobalNorm { norm: 10.0 }, &[&gradient], DType::F64);
    assert_eq!(values[0], gradient.map(|g| -g));
}

#[test]
fn clipping_hides_no_nan_and_no_infinity() {
    for bad in [f64::NAN, f64::INFINITY] {
        for dtype in [DType::F32, DType::F64] {
            let (values, norm) = step_against(&ClipGlobalNorm { norm: 1.0 }, &[&[1.0], &[bad, 2.0]], dtype);
            assert!(!norm[0].is_finite(), "{norm:?}");
            assert!(values[1][0].is_nan(), "{values:?}");
        }
    }
    let (values, _) = step_against(&ClipValue { limit: 1.0 }, &[&[f64::NAN, f64::INFINITY]], DType::F32);
    assert!(values[0][0].is_nan() && values[0][1] == -1.0, "{values:?}");
}

#[test]
fn a_second_transform_of_a_kind_has_slots_of_its_own() {
    let graph = Graph::new();
    let x = parameter(&graph, "x", &[1.0]);
    let chain = Chain::new().then(Momentum { gamma: 0.5 }).then(ScaleByRate).then(Momentum { gamma: 0.5 });
    minimize(x.value.sum(), &[x], &chain);
    let slots = graph.variables().into_iter().filter(|v| v.kind == VariableKind::Slot);
    assert_eq!(slots.map(|v| v.name).collect::<Vec<_>>(), ["x/momentum.v", "x/momentum-2.v"]);
    assert_eq!(chain.names(), ["momentum", "scale-by-rate", "momentum"]);
}

#[test]
fn what_must_be_fed_is_listed() {
    let graph = Graph::new();
    let x = parameter(&graph, "x", &[1.0]);
    let chain = Chain::new().then(Adam::default()).then(ScaleByRate);
    let applied = minimize(x.value.sum(), &[x], &chain);
    assert_eq!(applied.scalars, [STEP, LEARNING_RATE]);
}

#[test]
fn rows_are_added_up_before_the_chain() {
    let graph = Graph::new();
    let table = graph.variable("table", VariableKind::Parameter, [4, 2], Initial::Constant(1.0));
    let indices = graph.literal(Tensor::u32([3], vec![2, 0, 2]).unwrap());
    let values = graph.literal(Tensor::f64([3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap());
    let rows = Gradient::Rows { indices, values, rows: 4 };
    let applied = apply_updates(&graph, &[Parameter::new("table", table)], vec![rows], &ScaleByRate);
    let mut descent = Descent::new(&graph, applied);
    descent.step(0.5);
    assert_eq!(descent.get("table"), [-0.5, -1.0, 1.0, 1.0, -2.0, -3.0, 1.0, 1.0]);
}

/// A transform made of a function.
struct Custom(for<'g> fn(&mut UpdateScope<'_, 'g>, Updates<'g>) -> Updates<'g>);

impl Transform for Custom {
    fn name(&self) -> &str {
        "custom"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        (self.0)(cx, updates)
    }
}

fn sum<'g>(cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
    cx.each(updates, |_, g| g.sum())
}

#[test]
fn an_update_of_another_shape_is_reported_where_it_arose() {
    let graph = Graph::new();
    let x = parameter(&graph, "layer.weight", &[1.0, 2.0]);
    minimize(x.value.sum(), std::slice::from_ref(&x), &Custom(sum));
    let PlanErrors(problems) = evaluate(&graph, &[x.value], &Feeds::new()).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let text = problems[0].to_string();
    let what = "update: transform `custom` makes of the update [2] of `layer.weight` one of shape []";
    assert!(text.starts_with(what), "{text}");
    assert!(text.contains("tests/chain.rs") && text.contains("broadcast_to([2])"), "{text}");
}

#[test]
fn a_missing_gradient_is_reported_where_it_is_missing() {
    let graph = Graph::new();
    let parameters = [parameter(&graph, "x", &[1.0]), parameter(&graph, "y", &[1.0])];
    apply_updates(&graph, &parameters, vec![Gradient::Dense(parameters[0].value)], &ScaleByRate);
    let text = graph.problems()[0].to_string();
    assert!(text.contains("1 gradients for 2 parameters") && text.contains("tests/chain.rs"), "{text}");
}

/// Polyak's step with J* = 0: u = J/‖g‖²·g. It counts its steps, from 10.
fn polyak<'g>(cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
    let steps = cx.slot("steps", [], 10.0);
    cx.set_slot(steps, steps + 1.0);
    let Some((loss, (s, r))) = cx.loss().zip(updates.scaled_norm()) else { return updates };
    cx.each(updates, |_, g| loss / (s * r).square() * g)
}

#[test]
fn a_transform_sees_the_loss_and_has_memory_of_its_own() {
    let graph = Graph::new();
    let x = parameter(&graph, "x", &[3.0, 4.0]);
    let applied = minimize(x.value.square().sum(), &[x], &Custom(polyak));
    let mut descent = Descent::new(&graph, applied);
    descent.step(1.0);
    descent.step(1.0);
    // The step halves x: (‖x‖²/‖2x‖²)·2x = x/2.
    assert_eq!((descent.get("x"), descent.get("custom.steps")), (vec![0.75, 1.0], vec![12.0]));
}
