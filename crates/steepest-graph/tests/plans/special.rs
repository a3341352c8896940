//! What is special about numbers: not a number, infinities, signed zeros; random numbers; index outputs.

use steepest_graph::{Feeds, Graph, Plan, PlanOptions, ProblemKind, Var, evaluate};
use steepest_tensor::{DType, Key, Shape, Tensor};

use crate::harness::{Compiled, agree, pool};

const VALUES: [f64; 18] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.0,
    20.0,
    -20.0,
    100.0,
    -100.0,
    1e-20,
    -1e-20,
    1e30,
    -1e30,
];

type Unary = (&'static str, for<'g> fn(Var<'g>) -> Var<'g>);
type Binary = (&'static str, for<'g> fn(Var<'g>, Var<'g>) -> Var<'g>);

const UNARY: &[Unary] = &[
    ("neg", |x| -x),
    ("abs", |x| x.abs()),
    ("sign", |x| x.sign()),
    ("exp", |x| x.exp()),
    ("ln", |x| x.ln()),
    ("sqrt", |x| x.sqrt()),
    ("tanh", |x| x.tanh()),
    ("sigmoid", |x| x.sigmoid()),
    ("softplus", |x| x.softplus()),
    ("relu", |x| x.relu()),
    ("erf", |x| x.erf()),
    ("sin", |x| x.sin()),
    ("cos", |x| x.cos()),
    ("floor", |x| x.floor()),
    ("sum", |x| x.sum()),
    ("max", |x| x.max_last()),
    ("+ 0", |x| x + 0.0),
    ("· 1", |x| x * 1.0),
    ("· 0", |x| x * 0.0),
    ("/ 4", |x| x / 4.0),
    ("2 · 3 · x", |x| 2.0 * (3.0 * x)),
    ("−(−x)", |x| -(-x)),
];

const BINARY: &[Binary] = &[
    ("add", |x, y| x + y),
    ("sub", |x, y| x - y),
    ("add neg", |x, y| x + -y),
    ("mul", |x, y| x * y),
    ("div", |x, y| x / y),
    ("pow", |x, y| x.pow(y)),
    ("maximum", |x, y| x.maximum(y)),
    ("minimum", |x, y| x.minimum(y)),
    ("less", |x, y| x.less(y)),
    ("less_equal", |x, y| x.less_equal(y)),
    ("equal", |x, y| x.equal(y)),
    ("select", |x, y| x.select(y, x)),
    ("mul add", |x, y| x * 0.5 + y),
    ("mul sub", |x, y| x * 0.5 - y),
    ("sub mul", |x, y| x - 0.5 * y),
];

fn check(name: &str, graph: &Graph, y: Var<'_>, feeds: &Feeds) {
    let expected = evaluate(graph, &[y], feeds).unwrap()[0].to_f64();
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 2e-6)] {
        let got = &Compiled::new(graph, &[y], dtype, None).run(graph, feeds, &pool(1))[0];
        for (i, (got, &want)) in got.iter().zip(&expected).enumerate() {
            let want = if dtype == DType::F32 { f64::from(want as f32) } else { want };
            agree(&[*got], &[want], tolerance, || format!("{name} {dtype:?}, element {i}"));
        }
    }
}

fn fed(x: &[f64]) -> Tensor {
    Tensor::f64([x.len()], x.iter().map(|&x| f64::from(x as f32)).collect()).unwrap()
}

#[test]
fn functions_of_special_numbers() {
    for (name, f) in UNARY {
        let graph = Graph::new();
        let y = f(graph.input("x", [VALUES.len()]));
        check(name, &graph, y, &Feeds::new().with("x", fed(&VALUES)));
        // Without what would hide the rest of a sum.
        let graph = Graph::new();
        let y = f(graph.input("x", [VALUES.len() - 3]));
        check(name, &graph, y, &Feeds::new().with("x", fed(&VALUES[3..])));
    }
    for (name, f) in BINARY {
        let graph = Graph::new();
        let n = VALUES.len();
        let y = f(graph.input("x", [n]).reshape([n, 1]), graph.input("y", [n]).reshape([1, n]));
        check(name, &graph, y, &Feeds::new().with("x", fed(&VALUES)).with("y", fed(&VALUES)));
        // The same on the host.
        for (a, b) in VALUES.iter().flat_map(|a| VALUES.iter().map(move |b| (*a, *b))) {
            let graph = Graph::new();
            let y = f(graph.host_scalar("x"), graph.constant(f64::from(b as f32)));
            check(name, &graph, y, &Feeds::new().scalar("x", f64::from(a as f32)));
        }
    }
}

#[test]
fn random_numbers_are_the_same_bits_everywhere() {
    let shapes: [&[usize]; 8] = [&[], &[1], &[0], &[7], &[5, 1], &[3, 17], &[40, 33], &[2, 3, 5]];
    for shape in shapes {
        let graph = Graph::new();
        let (step, shape) = (graph.host_scalar("step"), Shape::new(shape).unwrap());
        let u = graph.uniform(Key::new(8).stream("dropout"), step, shape);
        // Alone, and fused with a wider value.
        let wide = graph.input("wide", Shape::new(&[&shape[..], &[6]].concat()).unwrap());
        let column = u.reshape(Shape::new(&[&shape[..], &[1]].concat()).unwrap());
        let outputs = [u, wide * column, wide.sum_last() + column, wide.sum_last().exp()];
        for t in [0.0, 1.0, 77.0] {
            let ones = Tensor::f64(wide.shape(), vec![1.0; wide.shape().elements()]).unwrap();
            let feeds = Feeds::new().scalar("step", t).with("wide", ones);
            let expected = evaluate(&graph, &outputs, &feeds).unwrap();
            for (dtype, block) in [(DType::F64, None), (DType::F32, None), (DType::F64, Some(3))] {
                let got = Compiled::new(&graph, &outputs, dtype, block).run(&graph, &feeds, &pool(3));
                for k in 0..2 {
                    agree(&got[k], &expected[k].to_f64(), 0.0, || format!("{shape} {dtype:?} output {k}"));
                }
                agree(&got[2], &expected[2].to_f64(), 1e-6, || format!("{shape} {dtype:?} sum"));
            }
        }
    }
}

#[test]
fn indices_are_outputs_too() {
    let graph = Graph::new();
    let (x, fed) = (graph.input("x", [3, 5]), graph.index_input("i", [4]));
    let at = x.arg_max();
    let outputs = [at, fed, at.concat(&[fed.slice(0, 1, 3)], 0), x, graph.constant(2.5), at.reshape([3, 1])];
    let values = (0..15).map(|i| f64::from(i * 7 % 11)).collect();
    let feeds = Feeds::new()
        .with("x", Tensor::f64([3, 5], values).unwrap())
        .with("i", Tensor::u32([4], vec![9, 0, 4_000_000_000, 2]).unwrap());
    let expected = evaluate(&graph, &outputs, &feeds).unwrap();
    let got = Compiled::new(&graph, &outputs, DType::F32, None).run(&graph, &feeds, &pool(1));
    for (k, (got, want)) in got.iter().zip(&expected).enumerate() {
        agree(got, &want.to_f64(), 0.0, || format!("output {k}"));
    }
}

#[test]
fn values_of_another_graph_are_refused() {
    let (graph, other) = (Graph::new(), Graph::new());
    let (x, stranger) = (graph.input("x", [2]), other.constant(1.0) + 1.0);
    let options = PlanOptions { dtype: DType::F32 };
    let errors = Plan::compile(&graph, &[("x", x), ("y", stranger)], &options).unwrap_err();
    assert_eq!((errors.0.len(), &errors.0[0].kind), (1, &ProblemKind::OtherGraph));
    assert!(errors.0[0].location.file().ends_with("special.rs"));
}
