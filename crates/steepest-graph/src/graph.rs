//! The graph: nodes in the order in which they were built, variables, and what is assigned to them.

mod declare;

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use steepest_tensor::{Key, Shape, Tensor};

use crate::error::{PlanErrors, Problem, ProblemKind};
use crate::op::{Element, Op, Type};
use crate::ops;
use crate::var::Var;

/// The number of a node. A node's inputs have smaller numbers than the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation in a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// What it computes from.
    pub inputs: Vec<NodeId>,
    /// The type of its value.
    pub ty: Type,
    /// The scope path of the layer that built it.
    pub layer: Rc<str>,
    /// The source line that built it.
    pub location: &'static Location<'static>,
    /// False after a problem: the type is a guess, and nothing is reported of what follows from it.
    pub(crate) sound: bool,
}

/// What a variable is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableKind {
    /// Trained: the optimizer changes it along its gradient.
    Parameter,
    /// The optimizer's own memory of a parameter (momentum, second moment).
    Slot,
    /// Changed by the forward pass (running statistics) or carried between steps.
    State,
}

/// The values a variable has before the first step.
#[derive(Clone, Debug, PartialEq)]
pub enum Initial {
    /// The same number everywhere.
    Constant(f64),
    /// Uniform in `[low, high)`.
    Uniform {
        /// Where the numbers come from.
        key: Key,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normally distributed.
    Normal {
        /// Where the numbers come from.
        key: Key,
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Given values.
    Values(Tensor),
}

impl Initial {
    /// The value at a row-major position.
    pub fn value(&self, index: usize) -> f64 {
        match self {
            Initial::Constant(value) => *value,
            Initial::Uniform { key, low, high } => low + (high - low) * key.uniform(index as u64),
            Initial::Normal { key, mean, std } => mean + std * key.normal(index as u64),
            Initial::Values(tensor) => match tensor.buffer() {
                steepest_tensor::Buffer::F32(v) => f64::from(v[index]),
                steepest_tensor::Buffer::F64(v) => v[index],
                steepest_tensor::Buffer::U32(v) => f64::from(v[index]),
            },
        }
    }
}

/// The number of a variable of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub(crate) u32);

impl VariableId {
    /// The position in [`Graph::variables`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A named value that outlives the step.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableSpec {
    /// The name: the scope path and the parameter's own name, as in `mlp.0.weight`.
    pub name: String,
    /// What it is for.
    pub kind: VariableKind,
    /// Sizes of the axes.
    pub shape: Shape,
    /// The values before the first step.
    pub initial: Initial,
}

/// Mathematics on named inputs and variables, as data.
///
/// Building a graph computes nothing. Shapes are inferred as nodes are added; what does not fit is
/// remembered with the source line that wrote it and reported, all at once, by
/// [`Plan::compile`](crate::Plan::compile).
///
/// ```
/// use steepest_graph::{Graph, gradients};
/// let graph = Graph::new();
/// let x = graph.host_scalar("x");
/// let y = x * x + 3.0 * x;
/// let slope = gradients(y, &[x])[0].dense();
/// let value = steepest_graph::evaluate(&graph, &[y, slope], &steepest_graph::Feeds::new().scalar("x", 2.0))?;
/// assert_eq!((value[0].to_f64(), value[1].to_f64()), (vec![10.0], vec![7.0]));
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Debug, Default)]
pub struct Graph {
    nodes: RefCell<Vec<Node>>,
    variables: RefCell<Vec<VariableSpec>>,
    assignments: RefCell<Vec<(VariableId, NodeId)>>,
    problems: RefCell<Vec<Problem>>,
    layer: RefCell<Option<Rc<str>>>,
    /// The source line that new nodes are written down to, if not the caller's.
    origin: Cell<Option<&'static Location<'static>>>,
    /// The source line that applied the layer being built.
    applied: Cell<Option<&'static Location<'static>>>,
}

impl Graph {
    /// A graph with nothing in it.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Runs `build` with `name` appended to the scope path that nodes and problems carry.
    pub fn scoped<R>(&self, name: &str, build: impl FnOnce() -> R) -> R {
        let path = match &*self.layer() {
            "" => name.to_owned(),
            outer => format!("{outer}.{name}"),
        };
        let outer = self.layer.replace(Some(path.into()));
        let result = build();
        self.layer.replace(outer);
        result
    }

    /// Runs `build` so that its problems also say which line applied the layer: an operation itself often
    /// stands in the source of a layer that the user did not write.
    pub fn applied_at<R>(&self, location: &'static Location<'static>, build: impl FnOnce() -> R) -> R {
        let outer = self.applied.replace(Some(location));
        let result = build();
        self.applied.set(outer);
        result
    }

    /// Runs `build` so that what it adds carries the layer and the source line of `node`.
    pub(crate) fn on_behalf_of<R>(&self, node: &Node, build: impl FnOnce() -> R) -> R {
        let layer = self.layer.replace(Some(node.layer.clone()));
        let origin = self.origin.replace(Some(node.location));
        let result = build();
        self.layer.replace(layer);
        self.origin.set(origin);
        result
    }

    #[track_caller]
    fn here(&self) -> &'static Location<'static> {
        self.origin.get().unwrap_or(Location::caller())
    }

    /// The scope path at this moment.
    pub fn layer(&self) -> Rc<str> {
        self.layer.borrow().clone().unwrap_or_else(|| "".into())
    }

    /// The variables, in the order of their declaration.
    pub fn variables(&self) -> Vec<VariableSpec> {
        self.variables.borrow().clone()
    }

    pub(crate) fn with_variable<R>(&self, id: VariableId, read: impl FnOnce(&VariableSpec) -> R) -> R {
        read(&self.variables.borrow()[id.index()])
    }

    /// What is assigned at the end of the step.
    pub fn assignments(&self) -> Vec<(VariableId, NodeId)> {
        self.assignments.borrow().clone()
    }

    /// A copy of the nodes, in the order in which they were built.
    pub fn nodes(&self) -> Vec<Node> {
        self.nodes.borrow().clone()
    }

    /// What has gone wrong so far.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.borrow().clone()
    }

    /// Records a problem of the layer being built; [`Plan::compile`](crate::Plan::compile) reports it
    /// with all others.
    #[track_caller]
    pub fn problem(&self, op: &'static str, kind: ProblemKind) {
        self.report(op, kind, &[]);
    }

    /// Records a problem of an operation, unless it only follows from an earlier one.
    #[track_caller]
    pub(crate) fn report(&self, op: &'static str, kind: ProblemKind, operands: &[Var<'_>]) {
        if operands.iter().all(|var| var.is_sound()) {
            let operands = operands.iter().map(|var| var.describe()).collect();
            let (layer, location) = (self.layer().to_string(), self.here());
            let applied = self.applied.get();
            self.problems.borrow_mut().push(Problem { kind, op, operands, layer, location, applied });
        }
    }

    /// Takes over a problem of another graph that belongs to this one: a step of a scan.
    pub(crate) fn adopt(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The same node, whose inputs have the same numbers here.
    pub(crate) fn copy_of(&self, node: &Node) -> Var<'_> {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(node.clone());
        Var::new(self, NodeId(nodes.len() as u32 - 1))
    }

    /// Nothing, or all that is wrong with the graph or with asking it for `outputs`.
    #[track_caller]
    pub(crate) fn check<'a>(
        &self,
        op: &'static str,
        mut outputs: impl Iterator<Item = Var<'a>>,
    ) -> Result<(), PlanErrors> {
        let mut problems = self.problems();
        if let Some(other) = outputs.find(|&var| !self.owns(var)) {
            let (kind, location) = (ProblemKind::OtherGraph, Location::caller());
            let operands = vec![other.describe()];
            problems.push(Problem { kind, op, operands, layer: String::new(), location, applied: None });
        }
        if problems.is_empty() { Ok(()) } else { Err(PlanErrors(problems)) }
    }

    pub(crate) fn owns(&self, var: Var<'_>) -> bool {
        std::ptr::eq(self, var.graph())
    }

    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes.borrow()[id.index()].clone()
    }

    pub(crate) fn with_node<R>(&self, id: NodeId, read: impl FnOnce(&Node) -> R) -> R {
        read(&self.nodes.borrow()[id.index()])
    }

    /// Adds a node. If its types do not fit, reports that (unless an input is already unsound) and
    /// goes on with a guess, so that one build finds all problems.
    #[track_caller]
    pub(crate) fn push(&self, op: impl Into<Op>, inputs: &[Var<'_>]) -> Var<'_> {
        let op = op.into();
        let types: Vec<Type> = inputs.iter().map(|v| v.ty()).collect();
        let inferred = match inputs.iter().all(|&v| self.owns(v)) {
            true => op.rule().infer(&types),
            false => Err(ProblemKind::OtherGraph),
        };
        let sound = inputs.iter().all(|v| v.is_sound());
        match inferred {
            Ok(ty) if sound && !fits(&ty.shape) => {
                self.problem(op.name(), ProblemKind::TooLarge { shape: ty.shape });
                self.stand_in(ty)
            }
            Ok(ty) => self.add(op, inputs.iter().map(|v| v.id()).collect(), ty, sound),
            Err(kind) => {
                self.report(op.name(), kind, inputs);
                self.stand_in(ops::guess(&op, &types))
            }
        }
    }

    /// A value of some type in place of one that cannot be: nothing is reported of what follows from it.
    #[track_caller]
    pub(crate) fn stand_in(&self, ty: Type) -> Var<'_> {
        self.add(ops::input::Input { name: String::new(), ty }.into(), Vec::new(), ty, false)
    }

    #[track_caller]
    fn add(&self, op: Op, inputs: Vec<NodeId>, ty: Type, sound: bool) -> Var<'_> {
        let (layer, location) = (self.layer(), self.here());
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { op, inputs, ty, layer, location, sound });
        Var::new(self, NodeId(nodes.len() as u32 - 1))
    }
}

/// Elements above which no value is meant: a terabyte in single precision.
const MOST_ELEMENTS: usize = 1 << 38;

fn fits(shape: &[usize]) -> bool {
    let elements = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
    elements.is_some_and(|elements| elements <= MOST_ELEMENTS)
}

impl Type {
    /// Whether the elements are real numbers.
    pub fn is_real(&self) -> bool {
        self.element == Element::Real
    }
}
