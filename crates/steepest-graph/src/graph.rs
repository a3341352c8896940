//! The graph: nodes in the order in which they were built, variables, and what is assigned to them.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use steepest_tensor::{Key, Shape, Tensor};

use crate::error::{Problem, ProblemKind};
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
}

impl Graph {
    /// A graph with nothing in it.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// A real-valued tensor that the host feeds at every step.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.feed(name, Type::real(shape))
    }

    /// A tensor of indices that the host feeds at every step.
    #[track_caller]
    pub fn index_input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.feed(name, Type::index(shape))
    }

    #[track_caller]
    fn feed(&self, name: &str, ty: Type) -> Var<'_> {
        let known = self.nodes.borrow().iter().find_map(|node| match &node.op {
            Op::Input(input) if input.name == name => Some(input.ty),
            Op::HostScalar(scalar) if scalar.name == name => Some(node.ty),
            _ => None,
        });
        match known {
            Some(before) if before != ty => self.redeclared("input", name, before, ty),
            _ => self.once(ops::input::Input { name: name.to_owned(), ty }),
        }
    }

    /// The node that does exactly this already, or a new one.
    #[track_caller]
    fn once(&self, op: impl Into<Op>) -> Var<'_> {
        let op = op.into();
        let before = self.nodes.borrow().iter().position(|node| node.op == op);
        match before {
            Some(index) => Var::new(self, NodeId(index as u32)),
            None => self.push(op, &[]),
        }
    }

    #[track_caller]
    fn redeclared(&self, op: &'static str, name: &str, before: Type, now: Type) -> Var<'_> {
        self.problem(op, ProblemKind::Redeclared { name: name.to_owned(), before, now });
        self.stand_in(now)
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

    /// A number that the host feeds at every step, such as a learning rate or the step count.
    ///
    /// Arithmetic among host scalars and constants is done in `f64` once per step, and rounded to the
    /// plan's precision where it meets a tensor; `1 − β₂ᵗ` keeps its digits.
    #[track_caller]
    pub fn host_scalar(&self, name: &str) -> Var<'_> {
        let scalar = Type::real(Shape::SCALAR);
        let known = self.nodes.borrow().iter().find_map(|node| match &node.op {
            Op::Input(input) if input.name == name => Some(input.ty),
            _ => None,
        });
        match known.filter(|&before| before != scalar) {
            Some(before) => self.redeclared("host_scalar", name, before, scalar),
            None => self.once(ops::host_scalar::HostScalar { name: name.to_owned() }),
        }
    }

    /// One real number.
    #[track_caller]
    pub fn constant(&self, value: f64) -> Var<'_> {
        self.push(ops::constant::Constant { value }, &[])
    }

    /// A tensor known now.
    #[track_caller]
    pub fn literal(&self, tensor: Tensor) -> Var<'_> {
        self.push(ops::literal::Literal { tensor: tensor.into() }, &[])
    }

    /// Uniform random numbers in `[0, 1)` of 24 bits, equal in single and double precision; `step` is a
    /// host scalar.
    ///
    /// Element `i` is `(w >> 8) · 2⁻²⁴`, where `w` is word `i mod 4` of `key.at(step).words(i / 4)`.
    #[track_caller]
    pub fn uniform<'g>(&'g self, key: Key, step: Var<'g>, shape: impl Into<Shape>) -> Var<'g> {
        self.push(ops::uniform::Uniform { key, shape: shape.into() }, &[step])
    }

    /// A variable's value at the beginning of the step.
    ///
    /// Asking for a name again gives the same variable (tied weights); its shape must be the same.
    #[track_caller]
    pub fn variable(
        &self,
        name: &str,
        kind: VariableKind,
        shape: impl Into<Shape>,
        initial: Initial,
    ) -> Var<'_> {
        let shape = shape.into();
        let known = self.variables.borrow().iter().position(|v| v.name == name);
        let id = match known {
            Some(index) => {
                let before = self.variables.borrow()[index].shape;
                if before != shape {
                    return self.redeclared("variable", name, Type::real(before), Type::real(shape));
                }
                VariableId(index as u32)
            }
            None => {
                if let Initial::Values(values) = &initial
                    && values.shape() != shape
                {
                    let kind = ProblemKind::Shape { expected: shape, got: values.shape() };
                    self.problem("variable", kind);
                    return self.stand_in(Type::real(shape));
                }
                let mut variables = self.variables.borrow_mut();
                variables.push(VariableSpec { name: name.to_owned(), kind, shape, initial });
                VariableId(variables.len() as u32 - 1)
            }
        };
        self.once(ops::read::Read { variable: id, shape })
    }

    /// What a variable becomes at the end of the step. Every read within the step sees the old value.
    ///
    /// `variable` is the [`Var`] that [`Graph::variable`] returned. The last assignment counts.
    #[track_caller]
    pub fn assign<'g>(&'g self, variable: Var<'g>, value: Var<'g>) {
        let Op::Read(read) = variable.node().op else {
            let help = "pass the value returned by `Graph::variable`".to_owned();
            let what =
                format!("assigns to the result of `{}`, which is not a variable", variable.node().op.name());
            return self.report("assign", ProblemKind::Layer { what, help }, &[variable]);
        };
        if !self.owns(value) || !self.owns(variable) {
            return self.report("assign", ProblemKind::OtherGraph, &[variable, value]);
        }
        if variable.ty() != value.ty() {
            let kind = ProblemKind::Shape { expected: variable.shape(), got: value.shape() };
            return self.report("assign", kind, &[variable, value]);
        }
        let mut assignments = self.assignments.borrow_mut();
        assignments.retain(|(id, _)| *id != read.variable);
        assignments.push((read.variable, value.id()));
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
            self.problems.borrow_mut().push(Problem { kind, op, operands, layer, location });
        }
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

    pub(crate) fn len(&self) -> usize {
        self.nodes.borrow().len()
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
            Ok(ty) => self.add(op, inputs.iter().map(|v| v.id()).collect(), ty, sound),
            Err(kind) => {
                self.report(op.name(), kind, inputs);
                self.stand_in(ops::guess(&op, &types))
            }
        }
    }
}

impl Type {
    /// Whether the elements are real numbers.
    pub fn is_real(&self) -> bool {
        self.element == Element::Real
    }
}
