//! Runs a training step on the reference interpreter, feeding back what it assigns.

use steepest_graph::{Feeds, Graph, Var, evaluate};
use steepest_optim::{Applied, LEARNING_RATE, STEP};
use steepest_spec::{Description, Settings, Value};
use steepest_tensor::Tensor;

/// The values of parameters and slots between steps.
pub struct Descent<'g> {
    graph: &'g Graph,
    applied: Applied<'g>,
    /// Updates made so far.
    pub done: u64,
    /// What has been assigned, by name.
    pub values: Vec<(String, Tensor)>,
}

#[allow(dead_code)] // Each test file uses its part.
impl<'g> Descent<'g> {
    pub fn new(graph: &'g Graph, applied: Applied<'g>) -> Descent<'g> {
        Descent { graph, applied, done: 0, values: Vec::new() }
    }

    /// One step at a learning rate; returns what was reported.
    pub fn step(&mut self, rate: f64) -> Vec<f64> {
        self.done += 1;
        let mut feeds = Feeds::new().scalar(STEP, self.done as f64).scalar(LEARNING_RATE, rate);
        for (name, value) in &self.values {
            feeds = feeds.with(name, value.clone());
        }
        let (names, vars): (Vec<_>, Vec<Var<'g>>) = self.applied.assigned.iter().cloned().unzip();
        let reports: Vec<Var<'g>> = self.applied.reports.iter().map(|(_, var)| *var).collect();
        let mut tensors = evaluate(self.graph, &[vars, reports].concat(), &feeds).unwrap();
        let reports = tensors.split_off(names.len());
        self.values = names.into_iter().zip(tensors).collect();
        reports.iter().map(|report| report.to_f64()[0]).collect()
    }

    /// The elements of a parameter or slot after the last step.
    pub fn get(&self, name: &str) -> Vec<f64> {
        let found = self.values.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no value `{name}`")).1.to_f64()
    }
}

/// Settings as a user writes them, with a value for what has no default.
#[allow(dead_code)]
pub fn settings(about: &Description, written: &[(&str, Value)]) -> Settings {
    Settings::new(about, written.iter().map(|(key, value)| (key.to_string(), value.clone()))).unwrap()
}
