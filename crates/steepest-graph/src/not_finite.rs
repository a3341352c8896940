//! Where the first number that is not finite comes from.

use std::panic::Location;

use steepest_tensor::Tensor;

use crate::error::PlanErrors;
use crate::graph::Graph;
use crate::op::Op;
use crate::reference::{Feeds, interpret};
use crate::var::Var;

/// An operation that makes a number that is not finite out of finite ones.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    /// The operation.
    pub op: &'static str,
    /// The scope path of the layer that built it; empty outside layers.
    pub layer: String,
    /// The source line that built it.
    pub location: &'static Location<'static>,
    /// The number.
    pub value: f64,
}

/// The first operation, in the order of the graph, that makes NaN, an infinity or a number beyond `largest`
/// (what the plan's precision can hold) out of numbers that are neither.
///
/// It looks at the outputs, at what is assigned, and at all that these are computed from, with the readable
/// kernels: slow, for the one step that went wrong.
///
/// ```
/// use steepest_graph::{Feeds, Graph, first_not_finite};
/// let graph = Graph::new();
/// let x = graph.input("x", [2]);
/// let y = graph.scoped("inner", || x.sqrt()).square().sum();
/// let feeds = |x: Vec<f64>| Feeds::new().with("x", steepest_tensor::Tensor::f64([2], x).unwrap());
/// assert_eq!(first_not_finite(&graph, &[y], &feeds(vec![1.0, 2.0]), f64::MAX)?, None);
/// let found = first_not_finite(&graph, &[y], &feeds(vec![1.0, -2.0]), f64::MAX)?.unwrap();
/// assert_eq!((found.op, found.layer.as_str(), found.value.is_nan()), ("sqrt", "inner", true));
/// assert!(found.location.file().ends_with(".rs"));
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
///
/// # Errors
/// Those of [`evaluate`](crate::evaluate).
#[track_caller]
pub fn first_not_finite(
    graph: &Graph,
    outputs: &[Var<'_>],
    feeds: &Feeds,
    largest: f64,
) -> Result<Option<NotFinite>, PlanErrors> {
    let (values, needed) = interpret(graph, outputs, feeds)?;
    let bad = |value: &Tensor| value.to_f64().into_iter().find(|x| !(x.abs() <= largest && x.is_finite()));
    let nodes = graph.nodes();
    let guilty = nodes.iter().enumerate().filter(|(place, _)| needed[*place]).find_map(|(place, node)| {
        // A constant is what somebody wrote: masks are minus infinity on purpose.
        let value = bad(&values[place]).filter(|_| !matches!(node.op, Op::Constant(_)))?;
        let innocent = node.inputs.iter().all(|input| bad(&values[input.index()]).is_none());
        innocent.then_some((node, value))
    });
    Ok(guilty.map(|(node, value)| NotFinite {
        op: node.op.name(),
        layer: node.layer.to_string(),
        location: node.location,
        value,
    }))
}
