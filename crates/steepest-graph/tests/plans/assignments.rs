//! Variables that become each other, or functions of themselves: every read sees the old value.

use steepest_graph::{Executor, Graph, Initial, Plan, PlanOptions, Var, VariableKind, Variables, gradients};
use steepest_tensor::{DType, Key, SliceMut, Tensor};

use crate::dice::Dice;
use crate::harness::{follow, pool};

type Build = for<'g> fn(&'g Graph, &[Var<'g>; 3]) -> Vec<Var<'g>>;

/// What three square variables become, and what is put out.
const RULES: &[(&str, Build)] = &[
    ("swap", |g, &[a, b, c]| {
        g.assign(a, b);
        g.assign(b, a);
        vec![a, b, c]
    }),
    ("rotate", |g, &[a, b, c]| {
        g.assign(a, b);
        g.assign(b, c);
        g.assign(c, a);
        vec![a + b * c]
    }),
    ("rotate changed", |g, &[a, b, c]| {
        g.assign(a, b.tanh() - a);
        g.assign(b, 0.5 * c + a.sin());
        g.assign(c, a.exp().sin());
        vec![b]
    }),
    ("one value for two", |g, &[a, b, c]| {
        let value = (a * b - c).tanh();
        g.assign(a, value);
        g.assign(b, value);
        vec![value, value + 1.0, a]
    }),
    ("one variable for two", |g, &[a, b, c]| {
        g.assign(a, c);
        g.assign(b, c);
        g.assign(c, a);
        vec![a - b]
    }),
    ("read after", |g, &[a, b, c]| {
        let next = a - 0.1 * b;
        g.assign(a, next);
        g.assign(b, next.tanh() + a.sum_last());
        g.assign(c, (c + a.max_last() + c.sum()).tanh());
        vec![next.sum(), a.sum()]
    }),
    ("input, number and itself", |g, &[a, b, c]| {
        g.assign(a, g.input("x", a.shape()));
        g.assign(b, (g.host_scalar("t") * 2.0).broadcast_to(b.shape()));
        g.assign(c, c);
        vec![a + b, c]
    }),
    ("literal and constant", |g, &[a, b, c]| {
        let key = Key::new(2);
        let values = (0..a.shape().elements()).map(|i| key.uniform(i as u64)).collect();
        g.assign(a, g.literal(Tensor::f64(a.shape(), values).unwrap()));
        g.assign(b, b.zeros_like());
        g.assign(c, a - b);
        vec![a, b]
    }),
    ("products of itself", |g, &[a, b, c]| {
        g.assign(a, a.matmul(b));
        g.assign(b, c.matmul(b));
        g.assign(c, c.matmul(c));
        vec![a.sum(), b.sum(), c.sum()]
    }),
    ("transposed", |g, &[a, b, c]| {
        g.assign(a, a.transpose());
        g.assign(b, a.transpose().matmul(b));
        g.assign(c, c.transpose() + c);
        vec![a]
    }),
    ("rows and columns of itself", |g, &[a, b, c]| {
        g.assign(a, a / a.exp().sum_last());
        g.assign(b, b - b.sum_over(&[0]) * 0.1);
        g.assign(c, c - c.sum() * 0.01);
        vec![a.sum() + b.sum()]
    }),
    ("rows in another order", |g, &[a, b, c]| {
        let n = a.dim(0);
        let order = (0..n as u32).rev().collect();
        let order = g.literal(Tensor::u32([n], order).unwrap());
        g.assign(a, a.gather(order));
        g.assign(b, b.scatter_add(order, n));
        g.assign(c, c.slice(0, 1, n).concat(&[c.slice(0, 0, 1)], 0));
        vec![c]
    }),
    ("rows changed", |g, &[a, b, c]| {
        let n = a.dim(0) as u32;
        let (rows, k) = ([n / 2, 0, n, n / 2, n - 1, u32::MAX], 6);
        let rows = g.literal(Tensor::u32([k], rows.to_vec()).unwrap());
        let distinct = rows.distinct(rows.first_occurrence(a.dim(0)));
        g.assign(a, a.add_rows(rows, b.gather_or_zero(rows).tanh()));
        g.assign(b, b.set_rows(distinct, 0.9 * b.gather_or_zero(distinct) + 0.1));
        g.assign(c, b.add_rows(rows, c.gather_or_zero(rows)));
        vec![a.sum(), c]
    }),
    ("rows of itself by itself", |g, &[a, b, c]| {
        let rows = g.literal(Tensor::u32([a.dim(0)], (0..a.dim(0) as u32).rev().collect()).unwrap());
        g.assign(a, a.add_rows(rows, a));
        g.assign(b, b.set_rows(rows, b));
        let next = c.set_rows(rows, a);
        g.assign(c, next);
        vec![next, b.sum()]
    }),
    ("another shape", |g, &[a, b, c]| {
        let n = a.shape().elements();
        g.assign(a, b.reshape([n]).tanh().reshape(a.shape()));
        g.assign(b, a.reshape([n, 1]).reshape(b.shape()));
        g.assign(c, c.reshape([n]).reshape(c.shape()));
        vec![a.reshape([1, n]), b]
    }),
    ("repeated", |g, &[a, b, c]| {
        g.assign(a, a.slice(0, 0, 1).broadcast_to(a.shape()));
        g.assign(b, b.slice(1, 0, 1).broadcast_to(b.shape()));
        g.assign(c, (c.sum() * 0.1).broadcast_to(c.shape()));
        vec![]
    }),
];

#[test]
fn every_read_sees_the_old_value() {
    for (name, build) in RULES {
        for n in [1, 2, 7, 16, 33, 70] {
            let graph = Graph::new();
            let variable = |name: &str| {
                let initial = Initial::Normal { key: Key::new(5).stream(name), mean: 0.0, std: 0.3 };
                graph.variable(name, VariableKind::State, [n, n], initial)
            };
            let outputs = build(&graph, &["a", "b", "c"].map(variable));
            let mut dice = Dice::new(n as u64);
            let step = |t: usize| {
                let x = dice.reals([n, n].into(), (-1.0, 1.0));
                vec![("x".to_owned(), x), ("t".to_owned(), Tensor::scalar(t as f64))]
            };
            let steps: Vec<_> = (1..=3).map(step).collect();
            follow(&graph, &outputs, &steps, &format!("{name}, {n} × {n}"));
        }
    }
}

/// Parameters with an empty one among them, declared in one order or the other.
fn declared(graph: &Graph, reversed: bool) -> Vec<Var<'_>> {
    let sizes = [("w", 20), ("none", 0), ("b", 3), ("last", 0)];
    let order = if reversed { [3, 2, 1, 0] } else { [0, 1, 2, 3] };
    for i in order {
        let initial = Initial::Normal { key: Key::new(6).stream(sizes[i].0), mean: 0.0, std: 1.0 };
        graph.variable(sizes[i].0, VariableKind::Parameter, [sizes[i].1], initial);
    }
    sizes.map(|(name, n)| graph.variable(name, VariableKind::Parameter, [n], Initial::Constant(0.0))).to_vec()
}

#[test]
fn a_plan_runs_over_a_store_of_another_layout() {
    let graph = Graph::new();
    let v = declared(&graph, true);
    graph.assign(v[0], v[0] * 2.0);
    graph.assign(v[1], v[1] + 1.0);
    let plan = Plan::compile(&graph, &[("b", v[2]), ("sum", v[3].sum())], &PlanOptions::default()).unwrap();
    let other = Graph::new();
    declared(&other, false);
    other.variable("slot", VariableKind::Slot, [5], Initial::Constant(7.0));
    let mut store = Variables::new(&other.variables(), DType::F32);
    let values = |store: &Variables, name| store.get(name).unwrap().to_f64();
    let [w, b] = ["w", "b"].map(|name| values(&store, name));
    let mut executor = Executor::new(plan, &store).unwrap();
    executor.run(&mut store, &pool(1)).unwrap();
    assert_eq!(values(&store, "w"), w.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
    assert_eq!((values(&store, "b"), values(&store, "slot")), (b.clone(), vec![7.0; 5]));
    assert_eq!(executor.value(executor.output("b").unwrap()).to_f64(), b);
    assert_eq!(executor.number(executor.output("sum").unwrap()), 0.0);
}

#[test]
fn a_plan_changes_the_store_that_it_is_given() {
    let graph = Graph::new();
    let normal = |name: &str| Initial::Normal { key: Key::new(8).stream(name), mean: 0.0, std: 0.5 };
    let w = graph.variable("w", VariableKind::Parameter, [5, 70], normal("w"));
    let b = graph.variable("b", VariableKind::Parameter, [5, 1], normal("b"));
    // Products with one column, and a loop over few rows: what a step on one row is made of.
    let loss = (w.matmul(graph.input("x", [70, 1])) + b).square().sum();
    for (parameter, slope) in [w, b].into_iter().zip(gradients(loss, &[w, b])) {
        graph.assign(parameter, parameter - 0.01 * slope.dense());
    }
    let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default()).unwrap();
    let fresh = || Variables::new(&graph.variables(), DType::F32);
    let x: Vec<f32> = (0..70).map(|i| (i as f32).sin()).collect();
    let run = |executor: &mut Executor, store: &mut Variables| {
        let input = executor.input("x").unwrap();
        let SliceMut::F32(fed) = executor.feed(input) else { panic!("single precision") };
        fed.copy_from_slice(&x);
        executor.run(store, &pool(1)).unwrap();
        executor.number(executor.output("loss").unwrap()).to_bits()
    };
    let bytes = |store: &Variables| store.flat().as_slice().to_le_bytes();
    let mut alone = fresh();
    let mut executor = Executor::new(plan.clone(), &alone).unwrap();
    let expected: Vec<u64> = (0..3).map(|_| run(&mut executor, &mut alone)).collect();
    assert!(expected[0] != expected[1]);
    // The same executor, on two stores by turns, and on one that stands where another has stood.
    let mut stores = [fresh(), fresh()];
    let mut executor = Executor::new(plan, &stores[0]).unwrap();
    for loss in &expected {
        for store in &mut stores {
            assert_eq!(run(&mut executor, store), *loss);
        }
    }
    assert_eq!(stores.each_ref().map(bytes), [bytes(&alone), bytes(&alone)]);
    let [first, second] = stores;
    drop(first);
    let mut third = fresh();
    assert_eq!(run(&mut executor, &mut third), expected[0]);
    assert_eq!(bytes(&second), bytes(&alone));
}

#[test]
fn deep_graphs_compile() {
    let graph = Graph::new();
    let x = graph.variable("x", VariableKind::Parameter, [3], Initial::Constant(0.5));
    let y = (0..5_000).fold(x, |y, _| y.sin() + 0.001);
    graph.assign(x, x - gradients(y.sum(), &[x])[0].dense());
    let plan = Plan::compile(&graph, &[("y", y)], &PlanOptions::default()).unwrap();
    assert!(plan.cost().instructions > 10_000);
}
