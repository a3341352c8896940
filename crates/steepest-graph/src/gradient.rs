//! Reverse-mode differentiation, graph to graph: the derivative of a graph is a graph.

use crate::error::ProblemKind;
use crate::graph::{Node, NodeId};
use crate::op::{Partial, Site};
use crate::var::Var;

/// The derivative of a scalar by one value.
#[derive(Clone, Copy, Debug)]
pub enum Gradient<'g> {
    /// A value of the same shape.
    Dense(Var<'g>),
    /// Nonzero in some rows only: row `indices[k]` receives `values[k]`, repeated indices add up.
    Rows {
        /// Rows of the table, of shape `[n]`.
        indices: Var<'g>,
        /// What each receives, of shape `[n, …]`.
        values: Var<'g>,
        /// The number of rows of the table.
        rows: usize,
    },
}

impl<'g> Gradient<'g> {
    /// The gradient as a value of the full shape.
    #[track_caller]
    pub fn dense(self) -> Var<'g> {
        match self {
            Gradient::Dense(var) => var,
            Gradient::Rows { indices, values, rows } => values.scatter_add(indices, rows),
        }
    }
}

/// The derivatives of the scalar `of` by each value of `wrt`, as new nodes of the same graph.
///
/// Since the result is a graph again, second derivatives and Hessian-vector products are further calls:
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate, gradients};
/// let graph = Graph::new();
/// let x = graph.host_scalar("x");
/// let first = gradients(x.powf(3.0), &[x])[0].dense();
/// let second = gradients(first, &[x])[0].dense();
/// let values = evaluate(&graph, &[first, second], &Feeds::new().scalar("x", 2.0))?;
/// assert_eq!((values[0].to_f64()[0], values[1].to_f64()[0]), (12.0, 12.0));
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
///
/// A path through an operation without a derivative, and an `of` that is not one number, are problems
/// of the graph that [`Plan::compile`](crate::Plan::compile) reports.
#[track_caller]
pub fn gradients<'g>(of: Var<'g>, wrt: &[Var<'g>]) -> Vec<Gradient<'g>> {
    let graph = of.graph();
    let zeros = || wrt.iter().map(|x| Gradient::Dense(x.zeros_like())).collect();
    if of.shape().elements() != 1 {
        graph.report("gradients", ProblemKind::NotScalar { shape: of.shape() }, &[of]);
        return zeros();
    }
    if let Some(&other) = wrt.iter().find(|&&x| !graph.owns(x)) {
        graph.report("gradients", ProblemKind::OtherGraph, &[other]);
        return zeros();
    }
    let last = of.id().index();
    let reaches = reaches(of, wrt);
    let mut received: Vec<Vec<Gradient<'g>>> = vec![Vec::new(); last + 1];
    received[last].push(Gradient::Dense(of.constant(1.0).broadcast_to(of.shape())));
    for index in (0..=last).rev() {
        if !reaches[index] || received[index].is_empty() {
            continue;
        }
        let output = Var::new(graph, NodeId(index as u32));
        let node = output.node();
        graph.on_behalf_of(&node, || {
            let total = add_up(&received[index]);
            received[index] = vec![total];
            for (input, part) in through(output, &node, total, &reaches) {
                received[input.index()].push(part);
            }
        });
    }
    let total = |x: &Var<'g>| received.get(x.id().index()).and_then(|parts| parts.first().copied());
    wrt.iter().map(|x| total(x).unwrap_or_else(|| Gradient::Dense(x.zeros_like()))).collect()
}

/// What the inputs of a node receive, given what its output receives.
fn through<'g>(
    output: Var<'g>,
    node: &Node,
    total: Gradient<'g>,
    reaches: &[bool],
) -> Vec<(NodeId, Gradient<'g>)> {
    let graph = output.graph();
    if !node.inputs.iter().any(|input| reaches[input.index()]) {
        return Vec::new();
    }
    let inputs: Vec<Var<'g>> = node.inputs.iter().map(|&id| Var::new(graph, id)).collect();
    let site = Site { inputs: &inputs, output, grad: total.dense() };
    let partials = inputs.iter().zip(node.op.rule().derivative(&site));
    let wanted = partials.filter(|(input, _)| reaches[input.id().index()]);
    let gradient = |(input, partial): (&Var<'g>, Partial<'g>)| match partial {
        Partial::Of(var) => Some((input.id(), Gradient::Dense(var))),
        Partial::Rows { indices, values } => {
            Some((input.id(), Gradient::Rows { indices, values, rows: input.dim(0) }))
        }
        Partial::Zero => None,
        Partial::Missing(reason) => {
            graph.report(node.op.name(), ProblemKind::NotDifferentiable { reason }, &[*input]);
            None
        }
    };
    wanted.filter_map(gradient).collect()
}

/// Which nodes up to `of` depend on any value of `wrt`.
fn reaches(of: Var<'_>, wrt: &[Var<'_>]) -> Vec<bool> {
    let last = of.id().index();
    let mut reaches = vec![false; last + 1];
    for x in wrt {
        if let Some(flag) = reaches.get_mut(x.id().index()) {
            *flag = true;
        }
    }
    for index in 0..=last {
        let inputs = of.graph().with_node(NodeId(index as u32), |node| node.inputs.clone());
        if inputs.iter().any(|input| reaches[input.index()]) {
            reaches[index] = true;
        }
    }
    reaches
}

/// The sum of what a value receives from its uses, in the order of the uses.
fn add_up<'g>(received: &[Gradient<'g>]) -> Gradient<'g> {
    let mut parts = received.iter().copied();
    // There is at least one part; the caller skips values that received nothing.
    let mut total = parts.next().unwrap_or(received[0]);
    for part in parts {
        total = match (total, part) {
            (
                Gradient::Rows { indices, values, rows },
                Gradient::Rows { indices: more, values: more_values, .. },
            ) => Gradient::Rows {
                indices: indices.concat(&[more], 0),
                values: values.concat(&[more_values], 0),
                rows,
            },
            (a, b) => Gradient::Dense(a.dense() + b.dense()),
        };
    }
    total
}
