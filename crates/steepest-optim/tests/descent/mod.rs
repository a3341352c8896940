//! Runs a training step, on the reference interpreter or compiled.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use steepest_graph::{Executor, Feeds, Graph, Plan, PlanOptions, Var, Variables, advance};
use steepest_optim::{Applied, LEARNING_RATE, STEP};
use steepest_spec::{Accepts, Default, Description, Settings, Value};
use steepest_tensor::{DType, Pool};

#[allow(dead_code)]
/// Steps of one graph, each from the values the last one left.
pub struct Descent<'g> {
    graph: &'g Graph,
    applied: Applied<'g>,
    /// Updates made so far.
    pub done: u64,
    /// The values of parameters and slots.
    pub feeds: Feeds,
}

#[allow(dead_code)] // Each test file uses its part.
impl<'g> Descent<'g> {
    pub fn new(graph: &'g Graph, applied: Applied<'g>) -> Descent<'g> {
        Descent { graph, applied, done: 0, feeds: Feeds::new() }
    }

    /// One step at a learning rate; returns what was reported.
    pub fn step(&mut self, rate: f64) -> Vec<f64> {
        self.done += 1;
        self.feeds =
            std::mem::take(&mut self.feeds).scalar(STEP, self.done as f64).scalar(LEARNING_RATE, rate);
        let reports: Vec<Var<'g>> = self.applied.reports.iter().map(|(_, var)| *var).collect();
        let values = advance(self.graph, &reports, &mut self.feeds).unwrap();
        values.iter().map(|value| value.to_f64()[0]).collect()
    }

    /// The elements of a parameter or slot after the last step.
    pub fn get(&self, name: &str) -> Vec<f64> {
        self.feeds.get(name).unwrap_or_else(|| panic!("no value `{name}`")).to_f64()
    }

    /// The elements of all parameters and slots that have been assigned.
    pub fn values(&self) -> BTreeMap<String, Vec<f64>> {
        let names = self.graph.variables().into_iter().map(|variable| variable.name);
        names.filter_map(|name| Some((name.clone(), self.feeds.get(&name)?.to_f64()))).collect()
    }
}

/// The same with a compiled plan, on one thread.
pub struct Compiled {
    executor: Executor,
    variables: Variables,
    pool: Pool,
    reports: Vec<String>,
    done: u64,
}

#[allow(dead_code)]
impl Compiled {
    pub fn new(graph: &Graph, applied: &Applied<'_>, dtype: DType) -> Compiled {
        let outputs: Vec<(&str, Var<'_>)> =
            applied.reports.iter().map(|(name, var)| (&**name, *var)).collect();
        let plan = Plan::compile(graph, &outputs, &PlanOptions { dtype }).unwrap();
        let variables = Variables::new(plan.variables(), dtype);
        let executor = Executor::new(plan, &variables).unwrap();
        let reports = applied.reports.iter().map(|(name, _)| name.clone()).collect();
        Compiled { executor, variables, pool: Pool::new(NonZeroUsize::MIN), reports, done: 0 }
    }

    /// One step at a learning rate; returns what was reported.
    pub fn step(&mut self, rate: f64) -> Vec<f64> {
        self.done += 1;
        for (name, value) in [(STEP, self.done as f64), (LEARNING_RATE, rate)] {
            if let Some(scalar) = self.executor.scalar(name) {
                self.executor.set_scalar(scalar, value);
            }
        }
        self.executor.run(&mut self.variables, &self.pool).unwrap();
        let output = |name: &String| self.executor.number(self.executor.output(name).unwrap());
        self.reports.iter().map(output).collect()
    }

    /// The elements of a parameter or slot after the last step.
    pub fn get(&self, name: &str) -> Vec<f64> {
        self.variables.get(name).unwrap_or_else(|| panic!("no value `{name}`")).to_f64()
    }
}

/// A value for each setting that has no default.
#[allow(dead_code)]
pub fn required(about: &Description) -> Vec<(String, Value)> {
    let needed = about.hyperparameters.iter().filter(|h| h.default == Default::Required);
    let list = |a, b| Value::List(vec![a, b]);
    let value = |accepts| match accepts {
        Accepts::Number { .. } => Value::Number(0.5),
        Accepts::Span => Value::Text("10 steps".to_owned()),
        Accepts::Integers => list(Value::Integer(5), Value::Integer(10)),
        Accepts::Numbers => list(Value::Number(0.5), Value::Number(0.25)),
        accepts => panic!("no value to try for {accepts}"),
    };
    needed.map(|h| (h.name.to_owned(), value(h.accepts))).collect()
}

/// Checked settings: what is written, and a value for what has no default.
#[allow(dead_code)]
pub fn settings(about: &Description, written: &[(&str, Value)]) -> Settings {
    let mut all: BTreeMap<String, Value> = required(about).into_iter().collect();
    all.extend(written.iter().map(|(key, value)| (key.to_string(), value.clone())));
    Settings::new(about, all).unwrap()
}
