//! Tables that are trained by rows: only the rows of the batch are touched, slots included.

mod descent;

use std::num::NonZeroUsize;

use descent::{Compiled, Descent, settings};
use steepest_graph::{
    Executor, Graph, Initial, NO_ROW, Plan, PlanOptions, Var, VariableKind, Variables, gradients,
};
use steepest_optim::{
    Adam, Applied, Chain, ClipGlobalNorm, OPTIMIZERS, Parameter, ScaleByRate, Transform, UpdateScope,
    Updates, minimize,
};
use steepest_spec::Value;
use steepest_tensor::{DType, Key, Pool, Tensor};

const ROWS: usize = 7;
const WIDTH: usize = 3;

/// Σ over the batch of (Σ table[i] · x − y)², where the batch names rows, some of them twice.
fn loss<'g>(graph: &'g Graph, indices: &[u32]) -> (Var<'g>, Var<'g>) {
    let key = Key::new(3);
    let initial = Initial::Normal { key: key.stream("table"), mean: 0.0, std: 1.0 };
    let table = graph.variable("table", VariableKind::Parameter, [ROWS, WIDTH], initial);
    let n = indices.len();
    let rows = graph.literal(Tensor::u32([n], indices.to_vec()).unwrap());
    let x = Tensor::f64([n, WIDTH], (0..n * WIDTH).map(|i| key.normal(i as u64)).collect()).unwrap();
    let error = (table.gather_or_zero(rows) * graph.literal(x)).sum_over(&[1]) - 0.5;
    (table, error.square().sum())
}

fn descend<'g>(graph: &'g Graph, indices: &[u32], by_rows: bool, transform: &dyn Transform) -> Applied<'g> {
    let (table, loss) = loss(graph, indices);
    let parameter = Parameter::new("table", table);
    minimize(loss, &[if by_rows { parameter.by_rows() } else { parameter }], transform)
}

fn chain(about: &'static steepest_optim::OptimizerSpec) -> Box<dyn Transform> {
    (about.build)(&settings(&about.about, &[("clip-norm", Value::Number(2.0))])).unwrap()
}

#[test]
fn a_batch_of_all_rows_makes_the_dense_update_for_every_optimizer() {
    // Every row, two of them more than once, and two places that name none.
    let all = [3, 0, 1, 3, NO_ROW, 2, 4, 3, 5, 6, 0, 9];
    for spec in OPTIMIZERS {
        let transform = chain(spec);
        let (graph, dense) = (Graph::new(), Graph::new());
        let mut rows = Descent::new(&graph, descend(&graph, &all, true, &*transform));
        let mut whole = Descent::new(&dense, descend(&dense, &all, false, &*transform));
        for step in 0..20 {
            let rate = 0.01 / (1.0 + f64::from(step));
            rows.step(rate);
            whole.step(rate);
        }
        for (name, values) in whole.values() {
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + a.abs());
            assert!(values.iter().zip(&rows.get(&name)).all(near), "{}: {name}", spec.about.name);
        }
    }
}

#[test]
fn rows_that_the_batch_does_not_name_stay_as_they_are_for_every_optimizer() {
    let some = [2, 5, 2];
    for spec in OPTIMIZERS {
        let graph = Graph::new();
        let applied = descend(&graph, &some, true, &*chain(spec));
        let before = Variables::new(&graph.variables(), DType::F64);
        for dtype in [DType::F64, DType::F32] {
            let mut compiled = Compiled::new(&graph, &applied, dtype);
            (0..3).for_each(|_| drop(compiled.step(0.01)));
            for variable in graph.variables() {
                let start = before.get(&variable.name).unwrap().cast(dtype).to_f64();
                let now = compiled.get(&variable.name);
                for row in 0..ROWS {
                    let range = row * WIDTH..(row + 1) * WIDTH;
                    let (same, named) = (start[range.clone()] == now[range], some.contains(&(row as u32)));
                    assert_eq!(same, !named, "{}: {} row {row}", spec.about.name, variable.name);
                }
            }
        }
    }
}

/// torch 2.15.0, `torch.optim.SparseAdam(lr=0.1, eps=1e-30)` on `Embedding(4, 2, sparse=True)` that begins with
/// (i − 3)/4, loss Σ w[rows]²; three steps with rows [0, 2, 0], [1], [2, 3]. There ε is added to √v before the
/// bias correction, here to √v̂ after it, as in torch's dense Adam; a tiny ε hides the difference.
#[test]
fn adam_by_rows_is_torchs_sparse_adam() {
    let batches: [&[u32]; 3] = [&[0, 2, 0], &[1], &[2, 3]];
    let mut values = Tensor::f64([4, 2], (0..8).map(|i| (f64::from(i) - 3.0) / 4.0).collect()).unwrap();
    let mut slots: Vec<(String, Tensor)> = Vec::new();
    for (step, rows) in batches.iter().enumerate() {
        let graph = Graph::new();
        let table = graph.variable("w", VariableKind::Parameter, [4, 2], Initial::Values(values.clone()));
        let rows = graph.literal(Tensor::u32([rows.len()], rows.to_vec()).unwrap());
        let adam = Chain::new().then(Adam { epsilon: 1e-30, ..Adam::default() }).then(ScaleByRate);
        let loss = table.gather(rows).square().sum();
        let mut descent =
            Descent::new(&graph, minimize(loss, &[Parameter::new("w", table).by_rows()], &adam));
        descent.done = step as u64;
        for (name, value) in &slots {
            descent.feeds = descent.feeds.with(name, value.clone());
        }
        descent.step(0.1);
        values = descent.feeds.get("w").unwrap().clone();
        let names = ["w/adam.m", "w/adam.v"];
        slots = names.map(|name| (name.to_owned(), descent.feeds.get(name).unwrap().clone())).to_vec();
    }
    for (got, want) in values.to_f64().iter().zip(TORCH) {
        assert!((got - want).abs() < 1e-12, "{got} for {want}");
    }
}

const TORCH: [f64; 8] = [
    -0.65,
    -0.4,
    -0.1755863176433018,
    0.0,
    0.06780305362735066,
    0.3151730996774694,
    0.6861186400601484,
    0.9361186400601484,
];

#[test]
fn the_cost_of_a_step_does_not_grow_with_the_table() {
    let cost = |rows: usize| {
        let graph = Graph::new();
        let table = graph.variable("w", VariableKind::Parameter, [rows, 8], Initial::Constant(1.0));
        let indices = graph.index_input("rows", [16]);
        let adam = Chain::new().then(ClipGlobalNorm { norm: 1.0 }).then(Adam::default()).then(ScaleByRate);
        minimize(table.gather(indices).square().sum(), &[Parameter::new("w", table).by_rows()], &adam);
        let cost = Plan::compile(&graph, &[], &PlanOptions::default()).unwrap().cost();
        (cost.arena_bytes, cost.flops, cost.bytes_moved)
    };
    assert_eq!(cost(100), cost(1_000_000));
}

#[test]
fn no_number_of_threads_changes_a_bit() {
    for spec in OPTIMIZERS {
        let graph = Graph::new();
        let (table, loss) = loss(&graph, &[3, 0, 1, 3, 6, NO_ROW, 6]);
        minimize(loss, &[Parameter::new("table", table).by_rows()], &*chain(spec));
        let run = |threads: usize, block: usize| {
            let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default()).unwrap();
            let plan = plan.cut_finely(block);
            let mut variables = Variables::new(plan.variables(), DType::F32);
            let mut executor = Executor::new(plan, &variables).unwrap();
            let pool = Pool::new(NonZeroUsize::new(threads).unwrap());
            for step in 1..=5 {
                for (name, value) in [("step", f64::from(step)), ("learning-rate", 0.1)] {
                    executor.scalar(name).into_iter().for_each(|id| executor.set_scalar(id, value));
                }
                executor.run(&mut variables, &pool).unwrap();
            }
            variables.flat().as_slice().to_le_bytes()
        };
        let one = run(1, 64);
        for (threads, block) in [(1, 2), (2, 1), (3, 2), (4, 3)] {
            assert_eq!(run(threads, block), one, "{} on {threads} threads", spec.about.name);
        }
    }
}

/// Divides by the norm of each column over all rows: no row alone knows it.
struct ByColumn;

impl Transform for ByColumn {
    fn name(&self) -> &str {
        "by-column"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| {
            let momentum = p.update_slot("v", |v| 0.5 * v + g);
            momentum / ((p.value() * g).square().sum_over(&[0]).sqrt() + 1.0)
        })
    }
}

#[test]
fn a_transform_that_needs_all_rows_gets_them() {
    let (graph, dense) = (Graph::new(), Graph::new());
    let chain = Chain::new().then(Adam::default()).then(ByColumn).then(ScaleByRate);
    let all = [3, 0, 1, 2, 4, 3, 5, 6];
    let mut rows = Descent::new(&graph, descend(&graph, &all, true, &chain));
    let mut whole = Descent::new(&dense, descend(&dense, &all, false, &chain));
    for _ in 0..5 {
        rows.step(0.1);
        whole.step(0.1);
    }
    for (name, values) in whole.values() {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + a.abs());
        assert!(values.iter().zip(&rows.get(&name)).all(near), "{name}");
    }
}

#[test]
fn a_dense_gradient_changes_a_table_as_any_other_parameter() {
    let graph = Graph::new();
    let table = graph.variable("w", VariableKind::Parameter, [4, 2], Initial::Constant(1.0));
    let rows = graph.literal(Tensor::u32([1], vec![2]).unwrap());
    let loss = table.gather(rows).sum() + table.sum();
    assert!(matches!(gradients(loss, &[table])[0], steepest_graph::Gradient::Dense(_)));
    let chain = Chain::new().then(ScaleByRate);
    let mut descent = Descent::new(&graph, minimize(loss, &[Parameter::new("w", table).by_rows()], &chain));
    descent.step(0.25);
    assert_eq!(descent.get("w"), [0.75, 0.75, 0.75, 0.75, 0.5, 0.5, 0.75, 0.75]);
}
