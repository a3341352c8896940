//! Training steps: they follow the reference, in the same bits on any number of threads.

use steepest_graph::{
    Executor, Feeds, Graph, Initial, Plan, PlanOptions, Var, VariableKind, Variables, advance, gradients,
};
use steepest_tensor::{DType, Key, Tensor};

use crate::harness::pool;

fn random(key: Key, shape: &[usize]) -> Tensor {
    let shape = steepest_tensor::Shape::new(shape).unwrap();
    Tensor::f64(shape, (0..shape.elements()).map(|i| key.normal(i as u64)).collect()).unwrap()
}

fn layer<'g>(
    graph: &'g Graph,
    x: Var<'g>,
    index: usize,
    sizes: [usize; 2],
    relu: bool,
) -> (Var<'g>, [Var<'g>; 2]) {
    let key = Key::new(3).stream("init").at(index as u64);
    let initial = Initial::Normal { key, mean: 0.0, std: (2.0 / sizes[0] as f64).sqrt() };
    let w = graph.variable(&format!("{index}.weight"), VariableKind::Parameter, sizes, initial);
    let b = graph.variable(
        &format!("{index}.bias"),
        VariableKind::Parameter,
        [sizes[1]],
        Initial::Constant(0.01),
    );
    let z = x.matmul(w) + b;
    (if relu { z.relu() } else { z }, [w, b])
}

fn adam<'g>(graph: &'g Graph, loss: Var<'g>, parameters: &[Var<'g>]) {
    let (t, rate) = (graph.host_scalar("step"), graph.host_scalar("rate"));
    for (i, (theta, g)) in parameters.iter().zip(gradients(loss, parameters)).enumerate() {
        let g = g.dense();
        let slot = |name: &str| {
            graph.variable(&format!("{i}/{name}"), VariableKind::Slot, theta.shape(), Initial::Constant(0.0))
        };
        let (m, v) = (slot("m"), slot("v"));
        let (m2, v2) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g * g));
        let m_hat = m2 / (1.0 - graph.constant(0.9).pow(t));
        let v_hat = v2 / (1.0 - graph.constant(0.999).pow(t));
        graph.assign(m, m2);
        graph.assign(v, v2);
        graph.assign(*theta, *theta - rate * m_hat / (v_hat.sqrt() + 1e-8));
    }
}

/// A classifier's training step: products, rectifiers, softmax, cross-entropy, Adam.
fn classifier(graph: &Graph, batch: usize, sizes: &[usize]) -> Plan {
    classifier_in(graph, batch, sizes, DType::F32)
}

fn classifier_in(graph: &Graph, batch: usize, sizes: &[usize], dtype: DType) -> Plan {
    let loss = classifier_loss(graph, batch, sizes);
    Plan::compile(graph, &[("loss", loss)], &PlanOptions { dtype }).unwrap()
}

fn classifier_loss<'g>(graph: &'g Graph, batch: usize, sizes: &[usize]) -> Var<'g> {
    let x = graph.input("x", [batch, sizes[0]]);
    let y = graph.index_input("y", [batch]);
    let (mut h, mut parameters) = (x, Vec::new());
    for (i, pair) in sizes.windows(2).enumerate() {
        let (out, own) = layer(graph, h, i, [pair[0], pair[1]], i + 2 < sizes.len());
        h = out;
        parameters.extend(own);
    }
    let shifted = h - h.max_last().stop_gradient();
    let log_sum = shifted.exp().sum_last().ln();
    let picked = (shifted * y.one_hot(h.dim(-1))).sum_last();
    let loss = (log_sum - picked).mean();
    adam(graph, loss, &parameters);
    loss
}

fn feed(executor: &mut Executor, step: u64, classes: usize) {
    let key = Key::new(11).at(step);
    let (x, y) = (executor.input("x").unwrap(), executor.input("y").unwrap());
    executor.feed(x).fill_with(|i| key.stream("x").normal(i as u64));
    let labels = executor.feed_index(y);
    labels
        .iter_mut()
        .enumerate()
        .for_each(|(i, y)| *y = key.stream("y").below(i as u64, classes as u64) as u32);
    let (t, rate) = (executor.scalar("step").unwrap(), executor.scalar("rate").unwrap());
    executor.set_scalar(t, step as f64);
    executor.set_scalar(rate, 1e-3);
}

#[test]
fn a_training_run_follows_the_reference() {
    for (batch, sizes) in [
        (7, vec![5, 9, 4]),
        (32, vec![30, 64, 32, 2]),
        (1, vec![100, 3]),
        (65, vec![33, 70, 17]),
        (6, vec![300, 240, 3]),
    ] {
        let classes = *sizes.last().unwrap();
        for dtype in [DType::F64, DType::F32] {
            let graph = Graph::new();
            let loss = classifier_loss(&graph, batch, &sizes);
            let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions { dtype }).unwrap();
            let mut variables = Variables::new(plan.variables(), dtype);
            let mut executor = Executor::new(plan, &variables).unwrap();
            let output = executor.output("loss").unwrap();
            let mut feeds = Feeds::new();
            for step in 1..=5 {
                feed(&mut executor, step, classes);
                let key = Key::new(11).at(step);
                let label = |i| key.stream("y").below(i as u64, classes as u64) as u32;
                feeds = feeds
                    .with("x", random(key.stream("x"), &[batch, sizes[0]]))
                    .with("y", Tensor::u32([batch], (0..batch).map(label).collect()).unwrap())
                    .scalar("step", step as f64)
                    .scalar("rate", 1e-3);
                let expected = advance(&graph, &[loss], &mut feeds).unwrap()[0].to_f64()[0];
                executor.run(&mut variables, &pool(2)).unwrap();
                let (got, tolerance) =
                    (executor.number(output), if dtype == DType::F64 { 1e-10 } else { 2e-4 });
                let error = (got - expected).abs() / expected.abs();
                assert!(error < tolerance, "{sizes:?} {dtype:?} step {step}: {got} for {expected}");
            }
        }
    }
}

/// Losses of a classifier's steps and the bits of its variables after them.
fn bits(batch: usize, sizes: &[usize], threads: usize, steps: u64) -> (Vec<u64>, Vec<u8>) {
    let graph = Graph::new();
    let plan = classifier(&graph, batch, sizes);
    assert!(plan.cost().flops > 2_000_000);
    let mut variables = Variables::new(plan.variables(), DType::F32);
    let mut executor = Executor::new(plan, &variables).unwrap();
    let (pool, loss) = (pool(threads), executor.output("loss").unwrap());
    let mut losses = Vec::new();
    for step in 1..=steps {
        feed(&mut executor, step % 10, sizes[sizes.len() - 1]);
        let t = executor.scalar("step").unwrap();
        executor.set_scalar(t, step as f64);
        executor.run(&mut variables, &pool).unwrap();
        losses.push(executor.number(loss).to_bits());
    }
    (losses, variables.flat().as_slice().to_le_bytes())
}

#[test]
fn bits_do_not_depend_on_threads() {
    for (batch, sizes, steps) in [(96, vec![50, 120, 70, 10], 200), (6, vec![300, 240, 4], 40)] {
        let one = bits(batch, &sizes, 1, steps);
        assert!(f64::from_bits(one.0[one.0.len() - 1]) < f64::from_bits(one.0[0]));
        for threads in 2..=4 {
            assert!(bits(batch, &sizes, threads, steps) == one, "{sizes:?} on {threads} threads");
        }
    }
}

#[test]
fn a_small_batch_cuts_large_weights_by_columns() {
    let text = |batch| classifier(&Graph::new(), batch, &[300, 240, 3]).explain();
    let (small, large) = (text(6), text(64));
    assert!(small.contains("matmul 2 × [6, 300] · [300, 120]"), "{small}");
    assert!(small.contains("matmul 2 × [300, 6] · [6, 120]"), "{small}");
    assert!(!large.contains("matmul 2 ×"), "{large}");
}

#[test]
fn the_optimizer_is_fused_and_barriers_are_few() {
    let graph = Graph::new();
    let plan = classifier(&graph, 128, &[784, 512, 256, 10]);
    let text = plan.explain();
    assert!(plan.cost().barriers <= 3, "{text}");
    assert!(text.contains("Div Sub→variable"), "{text}");
    // Each thread reads all of a weight, whose rows then become its own while their gradient is computed; m and v are.
    assert!(text.contains("[784, 128] · [128, 512] (left factor transposed), claims"), "{text}");
    assert_eq!(text.matches("claims what is written next").count(), 2, "{text}");
}
