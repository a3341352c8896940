//! Derivatives of every operation against central differences, first and second.

mod table;

use std::collections::BTreeSet;

use steepest_graph::{Feeds, Graph, Initial, Op, Var, VariableKind, evaluate, gradients};
use steepest_tensor::{Key, Shape, Tensor};

use table::{Argument, Case, Leaf, cases};

/// Half the step of the differences; kinks and ties stay farther away than twice this.
const STEP: f64 = 1e-3;

/// Distinct values in random order, spread evenly over each argument's range, none near a whole number.
fn points(arguments: &[Argument], seed: u64) -> Vec<Vec<f64>> {
    let sizes: Vec<usize> = arguments.iter().map(|a| a.shape.iter().product()).collect();
    let total: usize = sizes.iter().sum();
    let key = Key::new(seed);
    let mut order: Vec<usize> = (0..total).collect();
    order.sort_by_key(|&i| key.bits(i as u64));
    let mut ranks = order.into_iter();
    let mut draw = |(low, high): (f64, f64)| {
        let rank = ranks.next().unwrap_or(0);
        let jitter = 0.35 + 0.3 * key.uniform(rank as u64);
        let x = low + (high - low) * (rank as f64 + jitter) / total as f64;
        if (x - x.round()).abs() < 4.0 * STEP { x.round() + 4.0 * STEP } else { x }
    };
    arguments.iter().zip(sizes).map(|(a, n)| (0..n).map(|_| draw(a.range)).collect()).collect()
}

fn declare<'g>(graph: &'g Graph, arguments: &[Argument]) -> Vec<Var<'g>> {
    let each = arguments.iter().enumerate().map(|(k, argument)| {
        let (name, shape) = (format!("x{k}"), Shape::new(&argument.shape).unwrap());
        match argument.leaf {
            Leaf::Input => graph.input(&name, shape),
            Leaf::HostScalar => graph.host_scalar(&name),
            Leaf::Variable => graph.variable(&name, VariableKind::Parameter, shape, Initial::Constant(0.0)),
        }
    });
    each.collect()
}

fn feed(arguments: &[Argument], values: &[Vec<f64>]) -> Feeds {
    arguments.iter().zip(values).enumerate().fold(Feeds::new(), |feeds, (k, (argument, values))| {
        feeds.with(
            &format!("x{k}"),
            Tensor::f64(Shape::new(&argument.shape).unwrap(), values.clone()).unwrap(),
        )
    })
}

/// Σ of the elements times fixed random weights, so that no two elements count alike.
fn weighted<'g>(y: Var<'g>, stream: &str) -> Var<'g> {
    let key = Key::new(99).stream(stream);
    let weights = (0..y.shape().elements()).map(|i| 0.4 + key.uniform(i as u64)).collect();
    (y * y.graph().literal(Tensor::f64(y.shape(), weights).unwrap())).sum()
}

/// Asserts that `slopes` are the derivatives of the number `of` by each argument.
fn check(
    label: &str,
    of: Var<'_>,
    slopes: &[Var<'_>],
    arguments: &[Argument],
    values: &[Vec<f64>],
    tolerance: f64,
) {
    let graph = of.graph();
    let at = |values: &[Vec<f64>]| evaluate(graph, &[of], &feed(arguments, values)).unwrap()[0].to_f64()[0];
    let exact = evaluate(graph, slopes, &feed(arguments, values)).unwrap_or_else(|e| panic!("{label}: {e}"));
    for (k, slope) in exact.iter().enumerate() {
        assert_eq!(&slope.shape()[..], &arguments[k].shape[..], "{label}: shape by argument {k}");
        for (i, &exact) in slope.to_f64().iter().enumerate() {
            let moved = |steps: f64| {
                let mut values = values.to_vec();
                values[k][i] += steps * STEP;
                at(&values)
            };
            let numeric = (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * STEP);
            let scale = exact.abs().max(numeric.abs()).max(1.0);
            assert!(
                (exact - numeric).abs() <= tolerance * scale,
                "{label}: by element {i} of argument {k}: derivative {exact}, difference {numeric}"
            );
        }
    }
}

fn dense<'g>(of: Var<'g>, wrt: &[Var<'g>]) -> Vec<Var<'g>> {
    gradients(of, wrt).into_iter().map(|gradient| gradient.dense()).collect()
}

fn label(case: &Case) -> String {
    let shapes: Vec<_> = case.arguments.iter().map(|a| (&a.shape, a.range)).collect();
    format!("{} of {shapes:?}", case.op)
}

#[test]
fn first_derivatives_agree_with_central_differences() {
    for case in cases() {
        for seed in 0..3 {
            let graph = Graph::new();
            let x = declare(&graph, &case.arguments);
            let loss = weighted((case.build)(&graph, &x), "y");
            let slopes = dense(loss, &x);
            check(&label(&case), loss, &slopes, &case.arguments, &points(&case.arguments, seed), 1e-8);
        }
    }
}

#[test]
fn second_derivatives_agree_with_differences_of_the_first() {
    for case in cases() {
        let graph = Graph::new();
        let x = declare(&graph, &case.arguments);
        let first = dense(weighted((case.build)(&graph, &x), "y"), &x);
        let names = ["a", "b", "c"];
        let sums = first.iter().zip(names).map(|(slope, name)| weighted(*slope, name));
        let Some(of) = sums.reduce(|a, b| a + b) else { continue };
        let second = dense(of, &x);
        let label = format!("second derivative of {}", label(&case));
        check(&label, of, &second, &case.arguments, &points(&case.arguments, 7), 1e-7);
    }
}

#[test]
fn every_operation_has_a_case_that_contains_it() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let graph = Graph::new();
        let x = declare(&graph, &case.arguments);
        (case.build)(&graph, &x);
        let contained = graph.nodes().iter().any(|node| node.op.name() == case.op);
        assert!(contained, "no {} in its case", label(&case));
        seen.insert(case.op);
    }
    assert_eq!(seen, Op::NAMES.iter().copied().collect::<BTreeSet<_>>());
}
