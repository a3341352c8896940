//! One graph run both ways: compiled, and by the reference interpreter.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use steepest_graph::{
    Element, Executor, Feeds, Graph, Op, OutputId, Plan, PlanOptions, Var, Variables, advance,
};
use steepest_tensor::{Buffer, DType, Pool, Tensor};

/// A pool of some threads.
pub fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads).unwrap())
}

/// A plan bound to its variables.
pub struct Compiled {
    executor: Executor,
    pub variables: Variables,
    outputs: Vec<(OutputId, Element)>,
    pub text: String,
}

impl Compiled {
    /// Compiles a graph; with `block`, cut into blocks of so many units that all threads share.
    pub fn new(graph: &Graph, outputs: &[Var<'_>], dtype: DType, block: Option<usize>) -> Compiled {
        let names: Vec<String> = (0..outputs.len()).map(|k| format!("o{k}")).collect();
        let named: Vec<(&str, Var<'_>)> =
            names.iter().map(String::as_str).zip(outputs.iter().copied()).collect();
        let plan = Plan::compile(graph, &named, &PlanOptions { dtype }).unwrap();
        let plan = block.into_iter().fold(plan, Plan::cut_finely);
        let text = plan.explain();
        let variables = Variables::new(plan.variables(), dtype);
        let executor = Executor::new(plan, &variables).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let outputs = named.iter().map(|(name, var)| (executor.output(name).unwrap(), var.ty().element));
        Compiled { outputs: outputs.collect(), executor, variables, text }
    }

    /// Sets the variables that are fed by name.
    pub fn start_from(&mut self, feeds: &Feeds) {
        let names: Vec<String> = self.variables.specs().iter().map(|spec| spec.name.clone()).collect();
        for name in names {
            if let Some(value) = feeds.get(&name) {
                self.variables.set(&name, value).unwrap();
            }
        }
    }

    /// Feeds everything the graph declares, runs one step and returns the outputs.
    pub fn run(&mut self, graph: &Graph, feeds: &Feeds, pool: &Pool) -> Vec<Vec<f64>> {
        for node in graph.nodes() {
            match &node.op {
                Op::Input(input) => {
                    let (id, value) =
                        (self.executor.input(&input.name).unwrap(), feeds.get(&input.name).unwrap());
                    match value.buffer() {
                        Buffer::U32(values) => self.executor.feed_index(id).copy_from_slice(values),
                        _ => {
                            let values = value.to_f64();
                            self.executor.feed(id).fill_with(|i| values[i]);
                        }
                    }
                }
                Op::HostScalar(scalar) => {
                    let (id, value) = (self.executor.scalar(&scalar.name), feeds.get(&scalar.name).unwrap());
                    self.executor.set_scalar(id.unwrap(), value.to_f64()[0]);
                }
                _ => {}
            }
        }
        self.executor.run(&mut self.variables, pool).unwrap();
        let value = |&(id, element): &(OutputId, Element)| match element {
            Element::Real => self.executor.value(id).to_f64(),
            Element::Index => self.executor.index_value(id).iter().map(|&i| f64::from(i)).collect(),
        };
        self.outputs.iter().map(value).collect()
    }
}

/// Asserts that plans in double precision follow the reference for some steps, and that in neither precision
/// the number of threads, or where the work is cut, changes a bit.
#[track_caller]
pub fn follow(graph: &Graph, outputs: &[Var<'_>], steps: &[Vec<(String, Tensor)>], label: &str) {
    for dtype in [DType::F64, DType::F32] {
        follow_in(dtype, graph, outputs, steps, &format!("{label}, {dtype:?}"));
    }
}

#[track_caller]
fn follow_in(dtype: DType, graph: &Graph, outputs: &[Var<'_>], steps: &[Vec<(String, Tensor)>], label: &str) {
    let mut plans: Vec<Compiled> =
        CUTS.iter().map(|&(_, block)| Compiled::new(graph, outputs, dtype, block)).collect();
    let mut feeds = Feeds::new();
    for (step, values) in steps.iter().enumerate() {
        for (name, value) in values {
            feeds = feeds.with(name, value.clone());
        }
        let given = feeds.clone();
        let expected = advance(graph, outputs, &mut feeds).unwrap();
        let mut first: Option<(Vec<Vec<u64>>, Vec<u8>)> = None;
        for (plan, (threads, block)) in plans.iter_mut().zip(CUTS) {
            let got = plan.run(graph, &given, &POOLS[threads - 1]);
            let label = |what: &str| {
                let text = &plan.text;
                format!("{label}, step {step}, {threads} threads, blocks of {block:?}, {what}\n{text}")
            };
            // Rounding grows along a chain of operations: in single precision only the bits are compared.
            if dtype == DType::F64 {
                for (k, (got, want)) in got.iter().zip(&expected).enumerate() {
                    agree(got, &want.to_f64(), 1e-10, || label(&format!("output {k}")));
                }
                for spec in graph.variables() {
                    let (got, want) = (plan.variables.get(&spec.name).unwrap(), feeds.get(&spec.name));
                    let Some(want) = want else { continue };
                    agree(&got.to_f64(), &want.to_f64(), 1e-10, || label(&spec.name));
                }
            }
            let bits = got.iter().map(|values| values.iter().map(|x| x.to_bits()).collect()).collect();
            let all = (bits, plan.variables.flat().as_slice().to_le_bytes());
            let same = *first.get_or_insert_with(|| all.clone()) == all;
            assert!(same, "{}", label("other bits"));
        }
    }
}

/// Threads and blocks of the plans that must agree.
const CUTS: [(usize, Option<usize>); 5] =
    [(1, None), (1, Some(5)), (2, Some(1)), (3, Some(3)), (4, Some(64))];

static POOLS: LazyLock<Vec<Pool>> = LazyLock::new(|| (1..=4).map(pool).collect());

/// Asserts that values agree: |got − want| ≤ tolerance · max(1, the largest |want|). NaN agrees with NaN.
#[track_caller]
pub fn agree(got: &[f64], want: &[f64], tolerance: f64, label: impl Fn() -> String) {
    assert_eq!(got.len(), want.len(), "{}: elements", label());
    let largest = want.iter().filter(|x| x.is_finite()).fold(1.0, |a: f64, x| a.max(x.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let same = tolerance == f64::INFINITY
            || got == want
            || got.is_nan() && want.is_nan()
            || (got - want).abs() <= tolerance * largest;
        assert!(same, "{}: element {i}: {got} for {want}", label());
    }
}
