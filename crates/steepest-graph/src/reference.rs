//! The reference interpreter: one readable kernel per node, in `f64`, in the order of the graph.
//!
//! It is the oracle that the compiled plans are tested against, and what a reader should read first.

use std::collections::HashMap;

use steepest_tensor::Tensor;

use crate::error::{PlanErrors, Problem, ProblemKind};
use crate::graph::{Graph, Node, NodeId, VariableSpec};
use crate::op::Op;
use crate::ops;
use crate::ops::host_scalar::HostScalar;
use crate::ops::input::Input;
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
/// All problems of the graph, or all values fed in the wrong shape.
#[track_caller]
pub fn evaluate(graph: &Graph, outputs: &[Var<'_>], feeds: &Feeds) -> Result<Vec<Tensor>, PlanErrors> {
    let (values, _) = interpret(graph, outputs, feeds)?;
    Ok(outputs.iter().map(|var| values[var.id().index()].clone()).collect())
}

/// One step: like [`evaluate`], and then every assigned variable has its new value in `feeds`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance};
/// let graph = Graph::new();
/// let x = graph.variable("x", VariableKind::Parameter, [], Initial::Constant(8.0));
/// graph.assign(x, 0.5 * x);
/// let mut feeds = Feeds::new();
/// assert_eq!(advance(&graph, &[x], &mut feeds)?[0].to_f64(), [8.0]);
/// assert_eq!(advance(&graph, &[x], &mut feeds)?[0].to_f64(), [4.0]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
///
/// # Errors
/// Those of [`evaluate`].
#[track_caller]
pub fn advance(graph: &Graph, outputs: &[Var<'_>], feeds: &mut Feeds) -> Result<Vec<Tensor>, PlanErrors> {
    let (values, _) = interpret(graph, outputs, feeds)?;
    for (variable, value) in graph.assignments() {
        let name = graph.with_variable(variable, |spec| spec.name.clone());
        feeds.values.insert(name, values[value.index()].clone());
    }
    Ok(outputs.iter().map(|var| values[var.id().index()].clone()).collect())
}

/// The value of every node that the outputs and assignments need, and which these are; of others, nothing.
#[track_caller]
pub(crate) fn interpret(
    graph: &Graph,
    outputs: &[Var<'_>],
    feeds: &Feeds,
) -> Result<(Vec<Tensor>, Vec<bool>), PlanErrors> {
    graph.check("evaluate", outputs.iter().copied())?;
    let mut problems = Vec::new();
    let nodes = graph.nodes();
    let needed = needed(
        &nodes,
        outputs.iter().map(|var| var.id()).chain(graph.assignments().into_iter().map(|(_, value)| value)),
    );
    let mut values: Vec<Tensor> = Vec::with_capacity(nodes.len());
    for (node, &needed) in nodes.iter().zip(&needed) {
        let value = if needed { compute(graph, node, &values, feeds) } else { Ok(Tensor::scalar(f64::NAN)) };
        values.push(value.unwrap_or_else(|problem| {
            problems.push(problem);
            ops::unfed(node.ty)
        }));
    }
    if problems.is_empty() { Ok((values, needed)) } else { Err(PlanErrors(problems)) }
}

/// Which nodes the given ones are computed from, themselves included.
fn needed(nodes: &[Node], roots: impl Iterator<Item = NodeId>) -> Vec<bool> {
    let mut needed = vec![false; nodes.len()];
    roots.for_each(|root| needed[root.index()] = true);
    for (index, node) in nodes.iter().enumerate().rev() {
        if needed[index] {
            node.inputs.iter().for_each(|input| needed[input.index()] = true);
        }
    }
    needed
}

fn compute(graph: &Graph, node: &Node, values: &[Tensor], feeds: &Feeds) -> Result<Tensor, Problem> {
    match &node.op {
        Op::Input(Input { name, .. }) | Op::HostScalar(HostScalar { name }) => {
            Ok(fed(feeds, name, node)?.unwrap_or_else(|| ops::unfed(node.ty)))
        }
        Op::Read(read) => graph.with_variable(read.variable, |variable| {
            Ok(fed(feeds, &variable.name, node)?.unwrap_or_else(|| initial(variable)))
        }),
        op => {
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| &values[id.index()]).collect();
            Ok(op.rule().reference(&inputs, node.ty))
        }
    }
}

/// What is fed under a name, if anything is.
fn fed(feeds: &Feeds, name: &str, node: &Node) -> Result<Option<Tensor>, Problem> {
    match feeds.get(name) {
        Some(value) if value.shape() != node.ty.shape => Err(Problem {
            kind: ProblemKind::Fed { name: name.to_owned(), expected: node.ty.shape, got: value.shape() },
            op: node.op.name(),
            operands: Vec::new(),
            layer: node.layer.to_string(),
            location: node.location,
            applied: None,
        }),
        value => Ok(value.map(|value| ops::as_reference(value, node.ty))),
    }
}

fn initial(variable: &VariableSpec) -> Tensor {
    let indices = 0..variable.shape.elements();
    ops::tensor(variable.shape, indices.map(|i| variable.initial.value(i)).collect())
}
