//! Variables that become each other, or functions of themselves: every read sees the old value.

use steepest_graph::{Graph, Initial, Var, VariableKind};
use steepest_tensor::{Key, Tensor};

use crate::dice::Dice;
use crate::harness::follow;

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
