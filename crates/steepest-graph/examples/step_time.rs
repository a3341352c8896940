//! Time of one training step.
use std::num::NonZeroUsize;
use std::time::Instant;

use steepest_graph::*;
use steepest_tensor::{DType, Key, Pool};

fn mlp<'g>(graph: &'g Graph, batch: usize, sizes: &[usize]) -> (Var<'g>, Vec<Var<'g>>) {
    let x = graph.input("x", [batch, sizes[0]]);
    let y = graph.index_input("y", [batch]);
    let (mut h, mut parameters) = (x, Vec::new());
    for (i, pair) in sizes.windows(2).enumerate() {
        let key = Key::new(3).stream("init").at(i as u64);
        let initial = Initial::Normal { key, mean: 0.0, std: (2.0 / pair[0] as f64).sqrt() };
        let w = graph.variable(&format!("{i}.w"), VariableKind::Parameter, [pair[0], pair[1]], initial);
        let b =
            graph.variable(&format!("{i}.b"), VariableKind::Parameter, [pair[1]], Initial::Constant(0.01));
        h = h.matmul(w) + b;
        if i + 2 < sizes.len() {
            h = h.relu();
        }
        parameters.extend([w, b]);
    }
    let shifted = h - h.max_last().stop_gradient();
    let picked = (shifted * y.one_hot(h.dim(-1))).sum_last();
    ((shifted.exp().sum_last().ln() - picked).mean(), parameters)
}

fn logistic(pool: &Pool, explain: bool) {
    let graph = Graph::new();
    let (x, y) = (graph.input("x", [1, 100]), graph.input("y", [1]));
    let w = graph.variable("w", VariableKind::Parameter, [100, 1], Initial::Constant(0.0));
    let b = graph.variable("b", VariableKind::Parameter, [1], Initial::Constant(0.0));
    let z = (x.matmul(w) + b).reshape([1]);
    let loss = (z.softplus() - y * z).mean();
    let rate = graph.host_scalar("rate");
    for (theta, g) in [w, b].iter().zip(gradients(loss, &[w, b])) {
        graph.assign(*theta, *theta - rate * g.dense());
    }
    let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default()).unwrap();
    if explain {
        println!("{}", plan.explain());
    }
    let mut variables = Variables::new(plan.variables(), DType::F32);
    let mut exec = Executor::new(plan, &variables).unwrap();
    let x = exec.input("x").unwrap();
    exec.feed(x).fill_with(|i| Key::new(1).normal(i as u64));
    let start = Instant::now();
    for _ in 0..1_000_000 {
        exec.run(&mut variables, pool).unwrap();
    }
    println!("logistic batch 1: {:.1} ns", start.elapsed().as_secs_f64() * 1e3);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let threads: usize = args.get(1).map_or(2, |a| a.parse().unwrap());
    let pool = Pool::new(NonZeroUsize::new(threads).unwrap());
    if args.get(3).is_none_or(|a| a == "9") {
        logistic(&pool, args.get(2).is_some_and(|a| a == "explain"));
    }
    let only = args.get(3).map_or(usize::MAX, |a| a.parse().unwrap());
    for (index, (batch, sizes, adam, n)) in [
        (128, vec![784, 512, 256, 10], true, 400),
        (32, vec![784, 512, 256, 10], true, 400),
        (512, vec![784, 512, 256, 10], true, 100),
        (32, vec![30, 64, 32, 2], false, 20000),
        (1, vec![100, 2], false, 20000),
    ]
    .into_iter()
    .enumerate()
    {
        if only != usize::MAX && only != index {
            continue;
        }
        let graph = Graph::new();
        let (loss, parameters) = mlp(&graph, batch, &sizes);
        let (t, rate) = (graph.host_scalar("step"), graph.host_scalar("rate"));
        for (i, (theta, g)) in parameters.iter().zip(gradients(loss, &parameters)).enumerate() {
            let g = g.dense();
            let slot = |name: &str| {
                graph.variable(
                    &format!("{i}/{name}"),
                    VariableKind::Slot,
                    theta.shape(),
                    Initial::Constant(0.0),
                )
            };
            let m = slot("m");
            if adam {
                let v = slot("v");
                let (m2, v2) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g * g));
                graph.assign(m, m2);
                graph.assign(v, v2);
                let (mh, vh) =
                    (m2 / (1.0 - graph.constant(0.9).pow(t)), v2 / (1.0 - graph.constant(0.999).pow(t)));
                graph.assign(*theta, *theta - rate * mh / (vh.sqrt() + 1e-8));
            } else {
                let m2 = 0.9 * m + g;
                graph.assign(m, m2);
                graph.assign(*theta, *theta - rate * m2);
            }
        }
        let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default()).unwrap();
        if args.get(2).is_some_and(|a| a == "explain") {
            println!("{}", plan.explain());
        }
        let mut variables = Variables::new(plan.variables(), DType::F32);
        let mut exec = Executor::new(plan, &variables).unwrap();
        let x = exec.input("x").unwrap();
        exec.feed(x).fill_with(|i| Key::new(1).normal(i as u64));
        let (t, rate) = (exec.scalar("step").unwrap(), exec.scalar("rate").unwrap());
        exec.set_scalar(rate, 1e-3);
        let mut times = Vec::new();
        for step in 1..=n {
            exec.set_scalar(t, step as f64);
            let start = Instant::now();
            exec.run(&mut variables, &pool).unwrap();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{sizes:?} batch {batch}: median {:.2} us, min {:.2} us",
            times[n / 2] * 1e6,
            times[0] * 1e6
        );
    }
}
