//! The reference interpreter: one readable kernel per node, in `f64`, in the order of the graph.
//!
//! It is the oracle that the compiled plans are tested against, and what a reader should read first.

use std::collections::HashMap;

use steepest_tensor::Tensor;

use crate::error::PlanErrors;
use crate::graph::Graph;
use crate::op::{Op, Type};
use crate::ops;
use crate::var::Var;

/// What the host gives a step: inputs, scalars and the values of variables, by name.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    values: HashMap<String, Tensor>,
}

impl Feeds {
    /// Nothing.
    pub fn new() -> Feeds {
        Feeds::default()
    }

    /// Adds an input's or a variable's value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Tensor) -> Feeds {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Adds a host scalar.
    #[must_use]
    pub fn scalar(self, name: &str, value: f64) -> Feeds {
        self.with(name, Tensor::scalar(value))
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.values.get(name)
    }
}

/// The values of `outputs`, computed in double precision by the readable kernels.
///
/// Variables that `feeds` does not name have their initial values; inputs that it does not name are
/// NaN (index inputs 0).
///
/// # Errors
/// All problems of the graph.
pub fn evaluate(graph: &Graph, outputs: &[Var<'_>], feeds: &Feeds) -> Result<Vec<Tensor>, PlanErrors> {
    let problems = graph.problems();
    if !problems.is_empty() {
        return Err(PlanErrors(problems));
    }
    let variables = graph.variables();
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.len());
    for node in graph.nodes() {
        let value = match &node.op {
            Op::Input(input) => fed(feeds, &input.name, node.ty),
            Op::HostScalar(scalar) => fed(feeds, &scalar.name, node.ty),
            Op::Read(read) => {
                let variable = &variables[read.variable.index()];
                feeds.get(&variable.name).cloned().unwrap_or_else(|| {
                    let n = variable.shape.elements();
                    ops::tensor(variable.shape, (0..n).map(|i| variable.initial.value(i)).collect())
                })
            }
            op => {
                let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| &values[id.index()]).collect();
                op.rule().reference(&inputs, node.ty)
            }
        };
        debug_assert_eq!(value.shape(), node.ty.shape, "{}", node.op.name());
        values.push(value);
    }
    Ok(outputs.iter().map(|var| values[var.id().index()].clone()).collect())
}

fn fed(feeds: &Feeds, name: &str, ty: Type) -> Tensor {
    let fits = feeds.get(name).filter(|tensor| tensor.shape() == ty.shape);
    fits.map_or_else(|| ops::unfed(ty), |tensor| ops::as_reference(tensor, ty))
}
