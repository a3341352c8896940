//! Derivatives where they jump: the documented choice, exactly, and never a stray NaN.

use steepest_graph::{Feeds, Graph, Var, evaluate, gradients};
use steepest_tensor::Tensor;

const INF: f64 = f64::INFINITY;

/// Σ f(x, y), differentiated at elementwise values of x and y.
struct Edge {
    what: &'static str,
    f: for<'g> fn(Var<'g>, Var<'g>) -> Var<'g>,
    x: &'static [f64],
    y: &'static [f64],
    by_x: &'static [f64],
    by_y: &'static [f64],
}

const EDGES: &[Edge] = &[
    Edge {
        what: "relu at 0 is 0",
        f: |x, _| x.relu(),
        x: &[-1.0, -0.0, 0.0, 1e-300],
        y: &[0.0; 4],
        by_x: &[0.0, 0.0, 0.0, 1.0],
        by_y: &[0.0; 4],
    },
    Edge {
        what: "relu stops an infinite derivative where it is off",
        f: |x, y| x.relu() / y,
        x: &[-1.0, 1.0],
        y: &[0.0, 0.5],
        by_x: &[0.0, 2.0],
        by_y: &[f64::NAN, -4.0],
    },
    Edge {
        what: "abs at 0 is 0",
        f: |x, _| x.abs(),
        x: &[-2.0, 0.0, 2.0],
        y: &[0.0; 3],
        by_x: &[-1.0, 0.0, 1.0],
        by_y: &[0.0; 3],
    },
    Edge {
        what: "sign is flat",
        f: |x, y| x.sign() * y,
        x: &[-2.0, 0.0, 2.0],
        y: &[3.0; 3],
        by_x: &[0.0; 3],
        by_y: &[-1.0, 0.0, 1.0],
    },
    Edge {
        what: "floor is flat",
        f: |x, y| x.floor() * y,
        x: &[1.0, -0.5],
        y: &[3.0; 2],
        by_x: &[0.0; 2],
        by_y: &[1.0, -1.0],
    },
    Edge {
        what: "maximum shares ties",
        f: |x, y| x.maximum(y),
        x: &[1.0, 2.0, 3.0],
        y: &[2.0; 3],
        by_x: &[0.0, 0.5, 1.0],
        by_y: &[1.0, 0.5, 0.0],
    },
    Edge {
        what: "minimum shares ties",
        f: |x, y| x.minimum(y),
        x: &[1.0, 2.0, 3.0],
        y: &[2.0; 3],
        by_x: &[1.0, 0.5, 0.0],
        by_y: &[0.0, 0.5, 1.0],
    },
    Edge {
        what: "max shares ties",
        f: |x, y| x.max_over(&[0]) * y.sum(),
        x: &[4.0, 1.0, 4.0, 4.0],
        y: &[0.25; 4],
        by_x: &[1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0],
        by_y: &[4.0; 4],
    },
    Edge {
        what: "comparisons are flat at ties",
        f: |x, y| x.less(y) + x.less_equal(y) + x.equal(y),
        x: &[1.0, 2.0],
        y: &[1.0, 3.0],
        by_x: &[0.0; 2],
        by_y: &[0.0; 2],
    },
    Edge {
        what: "a choice does not hide a NaN derivative behind it",
        f: |x, y| x.less(x.constant(1.0)).select(y, x.ln().sqrt()),
        x: &[-5.0, 0.0, std::f64::consts::E],
        y: &[1.0; 3],
        by_x: &[f64::NAN, f64::NAN, 0.5 / std::f64::consts::E],
        by_y: &[1.0, 1.0, 0.0],
    },
    Edge {
        what: "the logarithm behind a choice needs a safe argument",
        f: |x, y| {
            let safe = x.less(y).select(y, x);
            x.less(y).select(y, safe.ln())
        },
        x: &[-5.0, 0.0, 2.0],
        y: &[1.0; 3],
        by_x: &[0.0, 0.0, 0.5],
        by_y: &[1.0, 1.0, 0.0],
    },
    Edge {
        what: "pow at a base of 0",
        f: |x, y| x.pow(y),
        x: &[0.0; 4],
        y: &[0.0, 1.0, 2.0, 0.5],
        by_x: &[0.0, 1.0, 0.0, INF],
        by_y: &[0.0; 4],
    },
    Edge {
        what: "pow at an exponent of 0",
        f: |x, y| x.pow(y),
        x: &[2.0, 1.0],
        y: &[0.0; 2],
        by_x: &[0.0; 2],
        by_y: &[std::f64::consts::LN_2, 0.0],
    },
    Edge {
        what: "a whole power of a negative base",
        f: |x, _| x.powf(3.0),
        x: &[-2.0, 0.0],
        y: &[0.0; 2],
        by_x: &[12.0, 0.0],
        by_y: &[0.0; 2],
    },
    Edge {
        what: "sqrt at 0 is infinitely steep",
        f: |x, _| x.sqrt(),
        x: &[0.0, 4.0],
        y: &[0.0; 2],
        by_x: &[INF, 0.25],
        by_y: &[0.0; 2],
    },
    Edge {
        what: "sigmoid far out",
        f: |x, _| x.sigmoid(),
        x: &[-800.0, 0.0, 800.0, -INF, INF],
        y: &[0.0; 5],
        by_x: &[0.0, 0.25, 0.0, 0.0, 0.0],
        by_y: &[0.0; 5],
    },
    Edge {
        what: "softplus far out",
        f: |x, _| x.softplus(),
        x: &[-800.0, 0.0, 800.0, -INF, INF],
        y: &[0.0; 5],
        by_x: &[0.0, 0.5, 1.0, 0.0, 1.0],
        by_y: &[0.0; 5],
    },
    Edge {
        what: "tanh and erf far out",
        f: |x, _| x.tanh() + x.erf(),
        x: &[-800.0, 800.0],
        y: &[0.0; 2],
        by_x: &[0.0; 2],
        by_y: &[0.0; 2],
    },
    Edge {
        what: "stop_gradient is flat",
        f: |x, y| x.stop_gradient() * y + x,
        x: &[3.0],
        y: &[5.0],
        by_x: &[1.0],
        by_y: &[3.0],
    },
    Edge {
        what: "a product with itself",
        f: |x, y| x * x * y,
        x: &[3.0],
        y: &[5.0],
        by_x: &[30.0],
        by_y: &[9.0],
    },
];

#[test]
fn derivatives_at_kinks_and_ties_are_the_documented_ones() {
    for edge in EDGES {
        let graph = Graph::new();
        let (x, y) = (graph.input("x", [edge.x.len()]), graph.input("y", [edge.y.len()]));
        let slopes =
            gradients((edge.f)(x, y).sum(), &[x, y]).into_iter().map(|g| g.dense()).collect::<Vec<_>>();
        let tensor = |values: &[f64]| Tensor::f64([values.len()], values.to_vec()).unwrap();
        let feeds = Feeds::new().with("x", tensor(edge.x)).with("y", tensor(edge.y));
        let found = evaluate(&graph, &slopes, &feeds).unwrap();
        for (found, expected) in found.iter().zip([edge.by_x, edge.by_y]) {
            let agree =
                |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= 1e-15 * b.abs() || a.is_nan() && b.is_nan();
            assert!(
                found.to_f64().iter().zip(expected).all(agree),
                "{}: found {:?}, expected {expected:?}",
                edge.what,
                found.to_f64()
            );
        }
    }
}

#[test]
fn higher_derivatives_of_a_power_end_in_zero() {
    let graph = Graph::new();
    let x = graph.input("x", [3]);
    let mut derivative = x.powf(3.0);
    let mut all = Vec::new();
    for _ in 0..5 {
        derivative = gradients(derivative.sum(), &[x])[0].dense();
        all.push(derivative);
    }
    let feeds = Feeds::new().with("x", Tensor::f64([3], vec![0.0, -1.0, 2.0]).unwrap());
    let found: Vec<Vec<f64>> = evaluate(&graph, &all, &feeds).unwrap().iter().map(Tensor::to_f64).collect();
    assert_eq!(found, [[0.0, 3.0, 12.0], [0.0, -6.0, 12.0], [6.0; 3], [0.0; 3], [0.0; 3]]);
}
