//! What every operation computes, worked out by hand.

use std::collections::BTreeSet;

use steepest_graph::{Csr, Feeds, Graph, Initial, Op, Var, VariableKind, Window, evaluate, gradients};
use steepest_graph::{Direction, ScanInputs, StepOutputs};
use steepest_tensor::{Buffer, Key, Shape, Tensor};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// hₜ = 2 hₜ₋₁ + xₜ for x = 10, 20, 30 and h = 1 before the first step.
fn doubling(graph: &Graph, direction: Direction) -> Var<'_> {
    let (x, two) = (list(graph, &[10.0, 20.0, 30.0]), list(graph, &[2.0]).sum());
    let inputs = ScanInputs { carried: &[graph.constant(1.0)], stacked: &[x], fixed: &[two] };
    let scanned = graph.scan(direction, inputs, |s| StepOutputs {
        carried: vec![s.fixed[0] * s.carried[0] + s.stacked[0]],
        stacked: vec![],
    });
    scanned.states[0]
}

/// An operation (and nothing else of interest), the result's shape and its elements.
struct Row {
    op: &'static str,
    build: for<'g> fn(&'g Graph) -> Var<'g>,
    shape: &'static [usize],
    values: &'static [f64],
}

const fn row(
    op: &'static str,
    build: for<'g> fn(&'g Graph) -> Var<'g>,
    shape: &'static [usize],
    values: &'static [f64],
) -> Row {
    Row { op, build, shape, values }
}

fn real<'g>(graph: &'g Graph, shape: &[usize], values: &[f64]) -> Var<'g> {
    graph.literal(Tensor::f64(Shape::new(shape).unwrap(), values.to_vec()).unwrap())
}

fn list<'g>(graph: &'g Graph, values: &[f64]) -> Var<'g> {
    real(graph, &[values.len()], values)
}

fn index<'g>(graph: &'g Graph, shape: &[usize], values: &[u32]) -> Var<'g> {
    graph.literal(Tensor::u32(Shape::new(shape).unwrap(), values.to_vec()).unwrap())
}

/// 0, 1, 2, … under a shape.
fn count<'g>(graph: &'g Graph, shape: &[usize]) -> Var<'g> {
    let n = shape.iter().product::<usize>();
    real(graph, shape, &(0..n).map(|i| i as f64).collect::<Vec<_>>())
}

const ROWS: &[Row] = &[
    row("input", |g| g.input("fed", [2]), &[2], &[7.0, 8.0]),
    row("input", |g| g.input("not fed", [2]), &[2], &[NAN, NAN]),
    row("input", |g| g.index_input("no index fed", [1]), &[1], &[0.0]),
    row("host_scalar", |g| g.host_scalar("rate"), &[], &[0.25]),
    row("read", |g| g.variable("w", VariableKind::Parameter, [2], Initial::Constant(1.5)), &[2], &[1.5, 1.5]),
    row("read", |g| g.variable("fed", VariableKind::State, [2], Initial::Constant(1.5)), &[2], &[7.0, 8.0]),
    row("constant", |g| g.constant(-2.5), &[], &[-2.5]),
    row("literal", |g| list(g, &[1.0, NAN]), &[2], &[1.0, NAN]),
    row("uniform", |g| g.uniform(Key::new(0), g.constant(0.0), [0]), &[0], &[]),
    row("neg", |g| -list(g, &[1.0, -2.0]), &[2], &[-1.0, 2.0]),
    row("abs", |g| list(g, &[1.0, -2.0, -0.0, NAN]).abs(), &[4], &[1.0, 2.0, 0.0, NAN]),
    row("sign", |g| list(g, &[0.5, -2.0, -0.0, NAN, INF]).sign(), &[5], &[1.0, -1.0, 0.0, NAN, 1.0]),
    row("exp", |g| list(g, &[0.0, 1.0, -INF]).exp(), &[3], &[1.0, std::f64::consts::E, 0.0]),
    row("ln", |g| list(g, &[1.0, std::f64::consts::E, 0.0, -1.0]).ln(), &[4], &[0.0, 1.0, -INF, NAN]),
    row("sqrt", |g| list(g, &[0.0, 2.25, -1.0]).sqrt(), &[3], &[0.0, 1.5, NAN]),
    row("tanh", |g| list(g, &[0.0, 0.5, 900.0]).tanh(), &[3], &[0.0, 0.462_117_157_260_009_8, 1.0]),
    row("sigmoid", |g| list(g, &[0.0, 800.0, -800.0, NAN]).sigmoid(), &[4], &[0.5, 1.0, 0.0, NAN]),
    row(
        "sigmoid",
        |g| list(g, &[-700.0, 2.0]).sigmoid(),
        &[2],
        &[9.859_676_543_759_77e-305, 0.880_797_077_977_882_4],
    ),
    row(
        "softplus",
        |g| list(g, &[0.0, 800.0, -800.0, NAN]).softplus(),
        &[4],
        &[std::f64::consts::LN_2, 800.0, 0.0, NAN],
    ),
    row("softplus", |g| list(g, &[-40.0]).softplus(), &[1], &[4.248_354_255_291_589e-18]),
    row("relu", |g| list(g, &[1.5, -2.0, 0.0, NAN, -INF]).relu(), &[5], &[1.5, 0.0, 0.0, NAN, 0.0]),
    row(
        "erf",
        |g| list(g, &[0.0, 0.5, -4.0]).erf(),
        &[3],
        &[0.0, 0.520_499_877_813_046_5, -0.999_999_984_582_742_1],
    ),
    row("sin", |g| list(g, &[0.0, std::f64::consts::FRAC_PI_6]).sin(), &[2], &[0.0, 0.5]),
    row("cos", |g| list(g, &[0.0, std::f64::consts::FRAC_PI_3]).cos(), &[2], &[1.0, 0.5]),
    row("floor", |g| list(g, &[1.5, -1.5, 2.0]).floor(), &[3], &[1.0, -2.0, 2.0]),
    row("add", |g| list(g, &[1.0, 2.0]) + 0.5, &[2], &[1.5, 2.5]),
    row(
        "add",
        |g| real(g, &[2, 1], &[10.0, 20.0]) + list(g, &[1.0, 2.0]),
        &[2, 2],
        &[11.0, 12.0, 21.0, 22.0],
    ),
    row("sub", |g| 1.0 - list(g, &[1.0, 3.0]), &[2], &[0.0, -2.0]),
    row("mul", |g| list(g, &[1.0, 3.0]) * list(g, &[-2.0, 0.5]), &[2], &[-2.0, 1.5]),
    row("div", |g| list(g, &[1.0, 3.0, 0.0]) / list(g, &[0.0, 2.0, 0.0]), &[3], &[INF, 1.5, NAN]),
    row("pow", |g| list(g, &[2.0, -2.0, 0.0]).pow(list(g, &[-1.0, 3.0, 0.0])), &[3], &[0.5, -8.0, 1.0]),
    row("maximum", |g| list(g, &[1.0, NAN, 3.0]).maximum(list(g, &[2.0, 2.0, NAN])), &[3], &[2.0, NAN, NAN]),
    row("minimum", |g| list(g, &[1.0, NAN, 3.0]).minimum(list(g, &[2.0, 2.0, NAN])), &[3], &[1.0, NAN, NAN]),
    row("less", |g| list(g, &[1.0, 2.0, 3.0, NAN]).less(g.constant(2.0)), &[4], &[1.0, 0.0, 0.0, 0.0]),
    row(
        "less_equal",
        |g| list(g, &[1.0, 2.0, 3.0, NAN]).less_equal(g.constant(2.0)),
        &[4],
        &[1.0, 1.0, 0.0, 0.0],
    ),
    row("equal", |g| list(g, &[1.0, 2.0, NAN]).equal(list(g, &[2.0, 2.0, NAN])), &[3], &[0.0, 1.0, 0.0]),
    row(
        "select",
        |g| list(g, &[0.0, -3.0, NAN]).select(g.constant(1.0), g.constant(2.0)),
        &[3],
        &[2.0, 1.0, 1.0],
    ),
    row("sum", |g| count(g, &[2, 3]).sum_over(&[1]), &[2], &[3.0, 12.0]),
    row("sum", |g| count(g, &[2, 2, 2]).sum_over(&[2, 0]), &[2], &[10.0, 18.0]),
    row("sum", |g| count(g, &[2, 0]).sum_over(&[1]), &[2], &[0.0, 0.0]),
    row("max", |g| real(g, &[2, 3], &[1.0, 3.0, 2.0, NAN, 5.0, -INF]).max_over(&[1]), &[2], &[3.0, NAN]),
    row("max", |g| real(g, &[2, 2], &[-INF, -3.0, -INF, -5.0]).max_over(&[0]), &[2], &[-INF, -3.0]),
    row("arg_max", |g| real(g, &[2, 3], &[1.0, 3.0, 3.0, 2.0, -1.0, 2.0]).arg_max(), &[2], &[1.0, 0.0]),
    row("arg_max", |g| list(g, &[1.0, NAN, 9.0, NAN]).arg_max(), &[], &[1.0]),
    row("reshape", |g| count(g, &[2, 3]).reshape([3, 2]), &[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    row("permute", |g| count(g, &[2, 3]).transpose(), &[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
    row("permute", |g| count(g, &[1, 2, 3]).permute(&[2, 0, 1]), &[3, 1, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
    row(
        "broadcast",
        |g| count(g, &[2, 1]).broadcast_to([2, 2, 2]),
        &[2, 2, 2],
        &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
    ),
    row("slice", |g| count(g, &[2, 3]).slice(1, 1, 3), &[2, 2], &[1.0, 2.0, 4.0, 5.0]),
    row("pad", |g| count(g, &[2, 2]).pad(1, 1, 0), &[2, 3], &[0.0, 0.0, 1.0, 0.0, 2.0, 3.0]),
    row("pad", |g| count(g, &[2]).pad(0, 0, 2), &[4], &[0.0, 1.0, 0.0, 0.0]),
    row(
        "concat",
        |g| count(g, &[2, 2]).concat(&[real(g, &[2, 1], &[8.0, 9.0])], 1),
        &[2, 3],
        &[0.0, 1.0, 8.0, 2.0, 3.0, 9.0],
    ),
    row("concat", |g| index(g, &[1], &[4]).concat(&[index(g, &[2], &[5, 6])], 0), &[3], &[4.0, 5.0, 6.0]),
    row("matmul", |g| count(g, &[2, 3]).matmul(count(g, &[3, 2])), &[2, 2], &[10.0, 13.0, 28.0, 40.0]),
    row("matmul", |g| count(g, &[2, 1, 2]).matmul(count(g, &[2, 2, 1])), &[2, 1, 1], &[1.0, 13.0]),
    row("matmul", |g| count(g, &[2, 0]).matmul(count(g, &[0, 1])), &[2, 1], &[0.0, 0.0]),
    row("gather", |g| count(g, &[3, 2]).gather(index(g, &[2], &[2, 0])), &[2, 2], &[4.0, 5.0, 0.0, 1.0]),
    row("gather", |g| count(g, &[2]).gather(index(g, &[1, 2], &[1, 2])), &[1, 2], &[1.0, NAN]),
    row(
        "scatter_add",
        |g| count(g, &[3, 1]).scatter_add(index(g, &[3], &[1, 5, 1]), 3),
        &[3, 1],
        &[0.0, 2.0, 0.0],
    ),
    // hₜ = 2 hₜ₋₁ + xₜ from 1, backwards: 30 + 2, 20 + 64, 10 + 168.
    row("scan", |g| doubling(g, Direction::Reverse), &[3], &[178.0, 84.0, 32.0]),
    row("scan", |g| doubling(g, Direction::Forward), &[3], &[12.0, 44.0, 118.0]),
    row("one_hot", |g| index(g, &[2], &[1, 2]).one_hot(2), &[2, 2], &[0.0, 1.0, NAN, NAN]),
    row(
        "gather",
        |g| list(g, &[5.0, 6.0]).gather_or_zero(index(g, &[3], &[1, 2, u32::MAX])),
        &[3],
        &[6.0, 0.0, 0.0],
    ),
    row(
        "add_rows",
        |g| {
            count(g, &[3, 2])
                .add_rows(index(g, &[3], &[2, 3, 2]), real(g, &[3, 2], &[1.0, 2.0, 9.0, 9.0, 3.0, 4.0]))
        },
        &[3, 2],
        &[0.0, 1.0, 2.0, 3.0, 8.0, 11.0],
    ),
    row(
        "set_rows",
        |g| count(g, &[3]).set_rows(index(g, &[3], &[2, 3, 2]), list(g, &[7.0, 8.0, 9.0])),
        &[3],
        &[0.0, 1.0, 9.0],
    ),
    row(
        "first_occurrence",
        |g| index(g, &[6], &[4, 1, 4, 5, 1, 1]).first_occurrence(5),
        &[6],
        &[0.0, 1.0, 0.0, u32::MAX as f64, 1.0, 1.0],
    ),
    row(
        "distinct",
        |g| {
            let rows = index(g, &[4], &[4, 1, 4, 5]);
            rows.distinct(rows.first_occurrence(5))
        },
        &[4],
        &[4.0, 1.0, u32::MAX as f64, u32::MAX as f64],
    ),
    row(
        "segments",
        |g| {
            let columns = index(g, &[5], &[0; 5]);
            Csr::new(index(g, &[4], &[0, 1, 1, 3]), columns, list(g, &[0.0; 5])).rows_of_entries()
        },
        &[5],
        &[0.0, 2.0, 2.0, u32::MAX as f64, u32::MAX as f64],
    ),
    row(
        "sparse_matmul",
        |g| {
            let csr = Csr::new(
                index(g, &[3], &[0, 2, 3]),
                index(g, &[4], &[0, 2, 1, 0]),
                list(g, &[5.0, 6.0, 7.0, NAN]),
            );
            csr.matmul(real(g, &[3, 2], &[1.0, -1.0, 10.0, -10.0, 100.0, -100.0]))
        },
        &[2, 2],
        &[605.0, -605.0, 70.0, -70.0],
    ),
    row(
        "custom_derivative",
        |g| list(g, &[4.0]).with_derivative(list(g, &[1.0]), &[], |grad, _, _| grad),
        &[1],
        &[4.0],
    ),
    row("stop_gradient", |g| list(g, &[4.0]).stop_gradient(), &[1], &[4.0]),
    row(
        "conv2d",
        |g| {
            count(g, &[1, 2, 3, 1]).conv2d(
                real(g, &[2, 2, 1, 1], &[1.0, 0.0, 0.0, 10.0]),
                Window::new([2, 2]),
                1,
            )
        },
        &[1, 1, 2, 1],
        &[40.0, 51.0],
    ),
    row(
        "conv2d",
        |g| {
            let weight = real(g, &[1, 2, 1, 2], &[1.0, 100.0, 10.0, 1000.0]);
            count(g, &[1, 1, 2, 2]).conv2d(weight, Window::new([1, 2]).padding([0, 1]).dilation([1, 2]), 2)
        },
        &[1, 1, 2, 2],
        &[20.0, 3000.0, 0.0, 100.0],
    ),
    row(
        "conv2d_input_gradient",
        |g| {
            let weight = real(g, &[1, 2, 1, 1], &[1.0, 10.0]);
            list(g, &[1.0, 2.0]).reshape([1, 1, 2, 1]).conv2d_transposed(
                weight,
                Window::new([1, 2]),
                1,
                [1, 3],
            )
        },
        &[1, 1, 3, 1],
        &[1.0, 12.0, 20.0],
    ),
    row(
        "conv2d_weight_gradient",
        |g| {
            let (x, w) = (count(g, &[1, 1, 3, 1]), list(g, &[7.0, 8.0]).reshape([1, 2, 1, 1]));
            let y = x.conv2d(w, Window::new([1, 2]), 1);
            gradients((y * list(g, &[1.0, 10.0]).reshape([1, 1, 2, 1])).sum(), &[w])[0].dense()
        },
        &[1, 2, 1, 1],
        &[10.0, 21.0],
    ),
    row(
        "max_pool",
        |g| {
            let x = real(g, &[1, 2, 4, 1], &[-3.0, -1.0, 5.0, NAN, -2.0, -4.0, 9.0, 9.0]);
            x.max_pool2d(Window::new([2, 2]).stride([2, 2]))
        },
        &[1, 1, 2, 1],
        &[-1.0, NAN],
    ),
    row(
        "max_pool",
        |g| {
            list(g, &[-3.0, -1.0, -2.0]).reshape([1, 1, 3, 1]).max_pool2d(Window::new([1, 3]).padding([0, 1]))
        },
        &[1, 1, 3, 1],
        &[-1.0, -1.0, -1.0],
    ),
    row(
        "max_unpool",
        |g| {
            // Of equal pixels the first wins.
            let x = list(g, &[1.0, 1.0, 0.0, 1.0]).reshape([1, 2, 2, 1]);
            let y = x.max_pool2d(Window::new([2, 1]));
            gradients((y * list(g, &[3.0, 5.0]).reshape([1, 1, 2, 1])).sum(), &[x])[0].dense()
        },
        &[1, 2, 2, 1],
        &[3.0, 5.0, 0.0, 0.0],
    ),
];

#[test]
fn operations_compute_what_they_say() {
    let fed = Tensor::f32([2], vec![7.0, 8.0]).unwrap();
    let feeds = Feeds::new().with("fed", fed).scalar("rate", 0.25);
    for Row { op, build, shape, values } in ROWS {
        let graph = Graph::new();
        let y = build(&graph);
        let found = evaluate(&graph, &[y], &feeds).unwrap_or_else(|e| panic!("{op}: {e}")).remove(0);
        assert_eq!((&found.shape()[..], &y.shape()[..]), (*shape, *shape), "shape of {op}");
        assert_eq!(matches!(found.buffer(), Buffer::U32(_)), !y.ty().is_real(), "element of {op}");
        for (a, b) in found.to_f64().iter().zip(*values) {
            let close = a == b || (a - b).abs() <= 3e-15 * b.abs() || a.is_nan() && b.is_nan();
            assert!(close, "{op}: found {:?}, expected {values:?}", found.to_f64());
        }
    }
}

#[test]
fn every_operation_has_a_row_that_contains_it() {
    let seen: BTreeSet<&str> = ROWS.iter().map(|row| row.op).collect();
    assert_eq!(seen, Op::NAMES.iter().copied().collect());
    for Row { op, build, .. } in ROWS {
        let graph = Graph::new();
        build(&graph);
        assert!(graph.nodes().iter().any(|node| node.op.name() == *op), "no {op} in its row");
    }
}
