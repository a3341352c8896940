//! Graph variables: the handles users write mathematics with.
//!
//! Operators and methods add nodes to the graph; they compute nothing. Shapes broadcast as in NumPy:
//! aligned from the right, sizes equal or 1.

mod elementwise;
mod images;

use steepest_tensor::Shape;

use crate::error::{Operand, ProblemKind};
use crate::graph::{Graph, Node, NodeId};
use crate::op::{Op, Type};
use crate::ops;
use crate::ops::broadcast::broadcast_shape;
use crate::ops::custom_derivative::DerivativeRule;

/// A value in a [`Graph`]: a node's number and the graph it belongs to.
#[derive(Clone, Copy)]
pub struct Var<'g> {
    id: NodeId,
    graph: &'g Graph,
}

impl std::fmt::Debug for Var<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "%{} {} {}", self.id.0, self.node().op.name(), self.shape())
    }
}

impl<'g> Var<'g> {
    pub(crate) fn new(graph: &'g Graph, id: NodeId) -> Var<'g> {
        Var { id, graph }
    }

    /// The node's number.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The graph this value belongs to.
    pub fn graph(self) -> &'g Graph {
        self.graph
    }

    /// The sizes of the axes.
    pub fn shape(self) -> Shape {
        self.ty().shape
    }

    /// Shape and element.
    pub fn ty(self) -> Type {
        self.graph.with_node(self.id, |node| node.ty)
    }

    /// The size of an axis; negative axes count from the last. 1 if there is no such axis.
    pub fn dim(self, axis: isize) -> usize {
        let shape = self.shape();
        let axis = if axis < 0 { axis + shape.rank() as isize } else { axis };
        usize::try_from(axis).ok().and_then(|axis| shape.get(axis).copied()).unwrap_or(1)
    }

    pub(crate) fn node(self) -> Node {
        self.graph.node(self.id)
    }

    /// Whether its type is known, rather than guessed after a problem.
    pub(crate) fn is_sound(self) -> bool {
        self.graph.with_node(self.id, |node| node.sound)
    }

    /// What it is called in a problem.
    pub(crate) fn describe(self) -> Operand {
        let name = match self.node().op {
            Op::Input(input) => input.name,
            Op::HostScalar(scalar) => scalar.name,
            Op::Read(read) => self.graph.with_variable(read.variable, |variable| variable.name.clone()),
            op => op.name().to_owned(),
        };
        Operand { name, shape: self.shape() }
    }

    /// Records that `op` cannot take this value, and stands in for its result.
    ///
    /// Nothing is reported if this value itself follows from an earlier problem, nor of what follows
    /// from the result: a layer can check what it is given and simply go on.
    ///
    /// ```
    /// use steepest_graph::{Graph, ProblemKind};
    /// let graph = Graph::new();
    /// let image = graph.input("image", [28, 28]);
    /// let kind = ProblemKind::Rank { expected: "four axes", got: image.shape() };
    /// let y = image.invalid("convolution", kind).slice(7, 0, 1);
    /// assert_eq!(graph.problems().len(), 1);
    /// ```
    #[track_caller]
    pub fn invalid(self, op: &'static str, kind: ProblemKind) -> Var<'g> {
        self.graph.report(op, kind, &[self]);
        self.graph.stand_in(self.ty())
    }

    #[track_caller]
    pub(crate) fn unary(self, op: impl Into<Op>) -> Var<'g> {
        self.graph.push(op, &[self])
    }

    /// Broadcasts both to their common shape and applies an elementwise operation.
    #[track_caller]
    pub(crate) fn binary(self, op: impl Into<Op>, other: Var<'g>) -> Var<'g> {
        match broadcast_shape(self.shape(), other.shape()) {
            Some(shape) => self.graph.push(op, &[self.broadcast_to(shape), other.broadcast_to(shape)]),
            // The elementwise rule reports the mismatch under the operation's own name.
            None => self.graph.push(op, &[self, other]),
        }
    }

    /// A constant of the same graph.
    #[track_caller]
    pub fn constant(self, value: f64) -> Var<'g> {
        self.graph.constant(value)
    }

    /// Zeros of this value's shape.
    #[track_caller]
    pub fn zeros_like(self) -> Var<'g> {
        self.constant(0.0).broadcast_to(self.shape())
    }

    /// Repeats the value to a shape: axes are aligned from the right, and sizes of 1 repeat.
    #[track_caller]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'g> {
        let shape = shape.into();
        if shape == self.shape() { self } else { self.unary(ops::broadcast::Broadcast { shape }) }
    }

    /// The same elements, in row-major order, under another shape.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<'g> {
        let shape = shape.into();
        if shape == self.shape() { self } else { self.unary(ops::reshape::Reshape { shape }) }
    }

    /// The axes in another order: axis `k` of the result is axis `order[k]` of this value.
    #[track_caller]
    pub fn permute(self, order: &[usize]) -> Var<'g> {
        self.unary(ops::permute::Permute { order: order.to_vec() })
    }

    /// The last two axes exchanged.
    #[track_caller]
    pub fn transpose(self) -> Var<'g> {
        let mut order: Vec<usize> = (0..self.shape().rank()).collect();
        let last = order.len();
        if last < 2 {
            let kind = ProblemKind::Rank { expected: "at least two axes", got: self.shape() };
            return self.invalid("transpose", kind);
        }
        order.swap(last - 2, last - 1);
        self.permute(&order)
    }

    /// Positions `start..end` of an axis.
    #[track_caller]
    pub fn slice(self, axis: usize, start: usize, end: usize) -> Var<'g> {
        self.unary(ops::slice::Slice { axis, start, end })
    }

    /// `before` zeros in front of an axis and `after` behind it.
    #[track_caller]
    pub fn pad(self, axis: usize, before: usize, after: usize) -> Var<'g> {
        self.unary(ops::pad::Pad { axis, before, after })
    }

    /// This value and others, one after the other along an axis.
    #[track_caller]
    pub fn concat(self, others: &[Var<'g>], axis: usize) -> Var<'g> {
        let mut all = vec![self];
        all.extend_from_slice(others);
        self.graph.push(ops::concat::Concat { axis }, &all)
    }

    /// The sum over all elements, a scalar.
    #[track_caller]
    pub fn sum(self) -> Var<'g> {
        let axes: Vec<usize> = (0..self.shape().rank()).collect();
        self.sum_over(&axes)
    }

    /// The sum over some axes, which disappear.
    #[track_caller]
    pub fn sum_over(self, axes: &[usize]) -> Var<'g> {
        if axes.is_empty() { self } else { self.unary(ops::sum::Sum { axes: distinct(axes) }) }
    }

    /// The mean of all elements, a scalar.
    #[track_caller]
    pub fn mean(self) -> Var<'g> {
        self.sum() * (1.0 / self.shape().elements() as f64)
    }

    /// The sum over the last axis, which stays with size 1.
    #[track_caller]
    pub fn sum_last(self) -> Var<'g> {
        let (last, kept) = self.last_axis();
        self.sum_over(&[last]).reshape(kept)
    }

    /// The maximum over the last axis, which stays with size 1.
    #[track_caller]
    pub fn max_last(self) -> Var<'g> {
        let (last, kept) = self.last_axis();
        self.max_over(&[last]).reshape(kept)
    }

    /// Powers of e as shares of their sum over the last axis: yₖ = eˣᵏ / Σⱼ eˣʲ. No x is too large.
    ///
    /// ```
    /// use steepest_graph::{Feeds, Graph, evaluate};
    /// let graph = Graph::new();
    /// let x = graph.literal(steepest_tensor::Tensor::f64([1, 2], vec![1000.0, 1000.0])?);
    /// assert_eq!(evaluate(&graph, &[x.softmax_last()], &Feeds::new())?[0].to_f64(), [0.5, 0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn softmax_last(self) -> Var<'g> {
        let powers = (self - self.max_last()).exp();
        let shares = powers * (1.0 / powers.sum_last());
        // ∂L/∂xₖ = yₖ (gₖ − Σⱼ gⱼ yⱼ): of the shares alone, so that the powers need not be kept.
        shares.with_derivative(self, &[], |grad, y, _| y * (grad - (grad * y).sum_last()))
    }

    fn last_axis(self) -> (usize, Shape) {
        let mut sizes = self.shape().to_vec();
        if let Some(size) = sizes.last_mut() {
            *size = 1;
        }
        (sizes.len().saturating_sub(1), Shape::new(&sizes).unwrap_or(Shape::SCALAR))
    }

    /// The maximum over some axes, which disappear. Ties share the derivative equally.
    #[track_caller]
    pub fn max_over(self, axes: &[usize]) -> Var<'g> {
        if axes.is_empty() { self } else { self.unary(ops::max::Max { axes: distinct(axes) }) }
    }

    /// The position of the maximum along the last axis; the first one, if there are several.
    #[track_caller]
    pub fn arg_max(self) -> Var<'g> {
        self.unary(ops::arg_max::ArgMax)
    }

    /// Rows (axis 0) of this table, at `indices`: shape `indices.shape ++ self.shape[1..]`.
    ///
    /// An index outside the table gives a row of NaN, which the trainer reports by name.
    #[track_caller]
    pub fn gather(self, indices: Var<'g>) -> Var<'g> {
        self.graph.push(ops::gather::Gather { or_zero: false }, &[self, indices])
    }

    /// As [`gather`](Self::gather), but an index outside the table, such as [`NO_ROW`](crate::NO_ROW), gives
    /// zeros: a padded position, or a user that the table does not know.
    #[track_caller]
    pub fn gather_or_zero(self, indices: Var<'g>) -> Var<'g> {
        self.graph.push(ops::gather::Gather { or_zero: true }, &[self, indices])
    }

    /// This table with `values[k]` added to row `indices[k]`, in order of k.
    ///
    /// An index outside the table adds nothing. `graph.assign(w, w.add_rows(…))` touches only those rows.
    #[track_caller]
    pub fn add_rows(self, indices: Var<'g>, values: Var<'g>) -> Var<'g> {
        self.graph.push(ops::add_rows::AddRows, &[self, indices, values])
    }

    /// This table with row `indices[k]` replaced by `values[k]`, in order of k.
    ///
    /// An index outside the table sets nothing. `graph.assign(w, w.set_rows(…))` touches only those rows.
    #[track_caller]
    pub fn set_rows(self, indices: Var<'g>, values: Var<'g>) -> Var<'g> {
        self.graph.push(ops::set_rows::SetRows, &[self, indices, values])
    }

    /// For indices `[n]`: the position at which each stands first, or no row if it is not below `rows`.
    #[track_caller]
    pub fn first_occurrence(self, rows: usize) -> Var<'g> {
        self.unary(ops::first_occurrence::FirstOccurrence { rows })
    }

    /// These indices at their first occurrence, and no row where they are repeated; `first` is what
    /// [`first_occurrence`](Self::first_occurrence) gave.
    #[track_caller]
    pub fn distinct(self, first: Var<'g>) -> Var<'g> {
        self.graph.push(ops::distinct::Distinct, &[self, first])
    }

    /// A table of `rows` zero rows to which row `k` of this value is added at `indices[k]`.
    ///
    /// An index outside the table adds nothing.
    #[track_caller]
    pub fn scatter_add(self, indices: Var<'g>, rows: usize) -> Var<'g> {
        self.graph.push(ops::scatter_add::ScatterAdd { rows }, &[self, indices])
    }

    /// For indices of shape `s`: reals of shape `s ++ [classes]`, 1 at the index and 0 elsewhere.
    ///
    /// An index outside the classes gives a row of NaN.
    #[track_caller]
    pub fn one_hot(self, classes: usize) -> Var<'g> {
        self.unary(ops::one_hot::OneHot { classes })
    }

    /// The same value, whose derivative is defined to be zero.
    #[track_caller]
    pub fn stop_gradient(self) -> Var<'g> {
        self.unary(ops::stop_gradient::StopGradient)
    }

    /// The same value y, whose derivative by x is given: ∂L/∂x = `rule(∂L/∂y, y, others)`, of the shape of x. Through
    /// what y and the others are made of, no other gradient flows.
    ///
    /// For a formula that is better than what the chain rule finds: exact where that one is not, or made of fewer values
    /// that have to be kept. Second derivatives are those of the rule.
    ///
    /// ```
    /// use steepest_graph::{Feeds, Graph, evaluate, gradients};
    /// let graph = Graph::new();
    /// let x = graph.input("x", [2]);
    /// // ln(1 + eˣ), whose derivative as written is ∞/∞ for large x.
    /// let y = (x.exp() + 1.0).ln().with_derivative(x, &[x.sigmoid()], |grad, _, others| grad * others[0]);
    /// let slope = gradients(y.sum(), &[x])[0].dense();
    /// let feeds = Feeds::new().with("x", steepest_tensor::Tensor::f64([2], vec![0.0, 800.0])?);
    /// assert_eq!(evaluate(&graph, &[slope], &feeds)?[0].to_f64(), [0.5, 1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn with_derivative(self, x: Var<'g>, others: &[Var<'g>], rule: DerivativeRule) -> Var<'g> {
        let inputs = [&[self, x], others].concat();
        self.graph.push(ops::custom_derivative::CustomDerivative { rule }, &inputs)
    }

    /// The matrix product over the last two axes, `[…, m, k] · […, k, n] → […, m, n]`.
    ///
    /// If `other` has two axes, it multiplies every row of this value, whatever its leading axes;
    /// otherwise the leading axes must be equal.
    #[track_caller]
    pub fn matmul(self, other: Var<'g>) -> Var<'g> {
        let (left, right) = (self.shape(), other.shape());
        if left.rank() > 2 && right.rank() == 2 && left.columns() == right[0] {
            let mut sizes = left.to_vec();
            sizes[left.rank() - 1] = right[1];
            let flat = self.reshape([left.rows(), left.columns()]);
            let product = self.graph.push(ops::matmul::MatMul, &[flat, other]);
            return product.reshape(Shape::new(&sizes).unwrap_or(left));
        }
        self.graph.push(ops::matmul::MatMul, &[self, other])
    }
}

/// The axes in order, each once.
fn distinct(axes: &[usize]) -> Vec<usize> {
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    axes.dedup();
    axes
}
