//! The first pass: the same mathematics in fewer and plainer nodes.

use std::collections::HashMap;

use steepest_tensor::Shape;

use crate::graph::{Graph, VariableSpec};
use crate::op::{Op, Type};
use crate::ops;
use crate::var::Var;

/// A node of the graph between passes; its inputs have smaller numbers.
#[derive(Clone, Debug)]
pub(crate) struct FlowNode {
    pub op: Op,
    pub inputs: Vec<usize>,
    pub ty: Type,
    /// Whether it is a number computed on the host, in double precision, before the step.
    pub host: bool,
}

/// A graph between passes: only what the outputs and assignments need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub nodes: Vec<FlowNode>,
    pub outputs: Vec<(String, usize)>,
    /// Which node a variable becomes, by the variable's number.
    pub assigns: Vec<(usize, usize)>,
    pub variables: Vec<VariableSpec>,
    known: HashMap<(String, Vec<usize>), usize>,
}

/// Builds the flow of a graph.
pub(crate) fn simplify(graph: &Graph, outputs: &[(&str, Var<'_>)]) -> Flow {
    let nodes = graph.nodes();
    let assignments = graph.assignments();
    let mut needed = vec![false; nodes.len()];
    for id in outputs.iter().map(|(_, var)| var.id()).chain(assignments.iter().map(|(_, id)| *id)) {
        needed[id.index()] = true;
    }
    for (index, node) in nodes.iter().enumerate().rev() {
        if needed[index] {
            node.inputs.iter().for_each(|id| needed[id.index()] = true);
        }
    }
    let mut flow = Flow { variables: graph.variables(), ..Flow::default() };
    let mut new = vec![usize::MAX; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        // Feeds stay even if unused, so that the host may feed what it declared.
        if needed[index] || matches!(node.op, Op::Input(_) | Op::HostScalar(_)) {
            let inputs: Vec<usize> = node.inputs.iter().map(|id| new[id.index()]).collect();
            if let Op::Scan(scan) = &node.op {
                let alike = nodes
                    .iter()
                    .zip(&needed)
                    .filter(|(other, needed)| **needed && other.inputs == node.inputs);
                new[index] = flow.add_scan(scan, inputs, alike.map(|(other, _)| &other.op), node.ty);
                continue;
            }
            new[index] = flow.add(node.op.clone(), inputs, node.ty);
        }
    }
    for (name, var) in outputs {
        let value = flow.kept_value(new[var.id().index()]);
        flow.outputs.push(((*name).to_owned(), value));
    }
    for (variable, id) in &assignments {
        let value = flow.own_value(new[id.index()], variable.index());
        flow.assigns.push((variable.index(), value));
    }
    flow.sweep();
    flow
}

/// A value within zeros along an axis.
#[derive(Clone, Copy)]
struct Padded {
    value: usize,
    before: usize,
    size: usize,
    after: usize,
}

impl Flow {
    pub fn shape(&self, node: usize) -> Shape {
        self.nodes[node].ty.shape
    }

    fn is_constant(&self, node: usize, value: f64) -> bool {
        match &self.nodes[node].op {
            Op::Constant(constant) => constant.value == value,
            Op::Broadcast(_) | Op::Reshape(_) => self.is_constant(self.nodes[node].inputs[0], value),
            _ => false,
        }
    }

    /// The number of a node, or of what is repeated by it, if that is computed on the host.
    fn host_source(&self, node: usize) -> Option<usize> {
        let n = &self.nodes[node];
        match &n.op {
            _ if n.host => Some(node),
            Op::Broadcast(_) | Op::Reshape(_) => self.host_source(n.inputs[0]),
            _ => None,
        }
    }

    /// A node to assign to a variable: what the host or another variable holds is copied by a node of its
    /// own, so that it is read before anything is assigned.
    fn own_value(&mut self, node: usize, variable: usize) -> usize {
        let root = crate::passes::lower::root(self, node);
        let copied = match &self.nodes[root].op {
            Op::Read(read) => read.variable.index() != variable,
            Op::Input(_) | Op::Literal(_) | Op::Slice(_) => true,
            _ => false,
        };
        if copied { self.copied(node) } else { node }
    }

    /// A node to return as an output: what a variable holds is copied, because it may change in the step.
    fn kept_value(&mut self, node: usize) -> usize {
        let root = crate::passes::lower::root(self, node);
        if matches!(self.nodes[root].op, Op::Read(_) | Op::Slice(_)) { self.copied(node) } else { node }
    }

    pub(super) fn copied(&mut self, node: usize) -> usize {
        let op = Op::from(ops::stop_gradient::StopGradient);
        self.nodes.push(FlowNode { op, inputs: vec![node], ty: self.nodes[node].ty, host: false });
        self.nodes.len() - 1
    }

    pub(super) fn reshape(&mut self, node: usize, shape: Shape) -> usize {
        self.add(ops::reshape::Reshape { shape }.into(), vec![node], Type { shape, ..self.nodes[node].ty })
    }

    fn broadcast(&mut self, node: usize, shape: Shape) -> usize {
        self.add(
            ops::broadcast::Broadcast { shape }.into(),
            vec![node],
            Type { shape, ..self.nodes[node].ty },
        )
    }

    fn elementwise(&mut self, op: Op, inputs: Vec<usize>) -> usize {
        let ty = self.nodes[inputs[0]].ty;
        self.add(op, inputs, ty)
    }

    /// Adds a node, or finds what it is equal to.
    pub fn add(&mut self, op: Op, inputs: Vec<usize>, ty: Type) -> usize {
        if let Some(same) = self.rewrite(&op, &inputs, ty) {
            return same;
        }
        let key = (format!("{op:?}"), inputs);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let inputs = key.1.clone();
        let host = ty.is_real()
            && ty.shape.rank() == 0
            && match &op {
                Op::Constant(_) | Op::HostScalar(_) => true,
                op => op.rule().elementwise().is_some() && inputs.iter().all(|&i| self.nodes[i].host),
            };
        self.nodes.push(FlowNode { op, inputs, ty, host });
        self.known.insert(key, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Another way to compute a node, if there is a better one.
    fn rewrite(&mut self, op: &Op, inputs: &[usize], ty: Type) -> Option<usize> {
        match op {
            Op::StopGradient(_) | Op::CustomDerivative(_) => Some(inputs[0]),
            Op::Reshape(_) => self.rewrite_reshape(inputs[0], ty.shape),
            Op::Broadcast(_) => self.rewrite_broadcast(inputs[0], ty.shape),
            Op::Permute(permute) => self.rewrite_permute(inputs[0], &permute.order, ty),
            Op::Sum(sum) => self.rewrite_reduction(inputs[0], &sum.axes, ty.shape, true),
            Op::Max(max) => self.rewrite_reduction(inputs[0], &max.axes, ty.shape, false),
            Op::MatMul(_) => self.rewrite_outer_product(inputs, ty),
            Op::Conv2d(_) | Op::Conv2dInputGradient(_) => self.rewrite_convolution(op, inputs, ty),
            op if op.rule().elementwise().is_some() => self.rewrite_elementwise(op, inputs, ty),
            _ => None,
        }
    }

    fn rewrite_reshape(&mut self, x: usize, shape: Shape) -> Option<usize> {
        if self.shape(x) == shape {
            return Some(x);
        }
        match &self.nodes[x].op {
            Op::Reshape(_) => {
                let inner = self.nodes[x].inputs[0];
                Some(self.reshape(inner, shape))
            }
            // A repeated single number can be repeated to any shape.
            Op::Broadcast(_) if self.shape(self.nodes[x].inputs[0]).elements() == 1 => {
                let inner = self.nodes[x].inputs[0];
                let scalar = self.reshape(inner, Shape::SCALAR);
                Some(self.broadcast(scalar, shape))
            }
            _ => None,
        }
    }

    fn rewrite_broadcast(&mut self, x: usize, shape: Shape) -> Option<usize> {
        let from = self.shape(x);
        if from == shape {
            return Some(x);
        }
        if from.elements() == shape.elements() {
            return Some(self.reshape(x, shape));
        }
        if from.elements() == 1 && from.rank() > 0 {
            let scalar = self.reshape(x, Shape::SCALAR);
            return Some(self.broadcast(scalar, shape));
        }
        if matches!(self.nodes[x].op, Op::Broadcast(_)) {
            let inner = self.nodes[x].inputs[0];
            return Some(self.broadcast(inner, shape));
        }
        None
    }

    fn rewrite_permute(&mut self, x: usize, order: &[usize], ty: Type) -> Option<usize> {
        let from = self.shape(x);
        // Axes of size 1 may stand anywhere: what counts is the order of the others.
        let real: Vec<usize> = order.iter().copied().filter(|&axis| from[axis] != 1).collect();
        if real.is_sorted() {
            return Some(self.reshape(x, ty.shape));
        }
        if let Op::Permute(inner) = &self.nodes[x].op {
            let order = order.iter().map(|&axis| inner.order[axis]).collect();
            let source = self.nodes[x].inputs[0];
            return Some(self.add(ops::permute::Permute { order }.into(), vec![source], ty));
        }
        None
    }

    /// Reductions become reductions of each row, `[r, c] → [r]` over axis 1, or sums of each column,
    /// `[r, c] → [c]` over axis 0 and, part by part, `[p, r, c] → [p, c]` over axis 1.
    fn rewrite_reduction(&mut self, x: usize, axes: &[usize], result: Shape, sum: bool) -> Option<usize> {
        let from = self.shape(x);
        let reduced: usize = axes.iter().map(|&axis| from[axis]).product();
        if reduced == 1 {
            return Some(self.reshape(x, result));
        }
        let (rank, kept) = (from.rank(), from.elements().checked_div(reduced).unwrap_or(result.elements()));
        let rows = rank == 2 && axes == [1];
        let columns = rank == 2 && axes == [0];
        let parts = rank == 3 && axes == [1];
        if rows || (sum && (columns || parts)) {
            return None;
        }
        let reduce = |flow: &mut Flow, x: usize, axis: usize, shape: Shape| {
            let axes = vec![axis];
            let op = if sum { ops::sum::Sum { axes }.into() } else { Op::from(ops::max::Max { axes }) };
            flow.add(op, vec![x], Type::real(shape))
        };
        let trailing = axes.iter().enumerate().all(|(i, &axis)| axis == rank - axes.len() + i);
        let leading = axes.iter().enumerate().all(|(i, &axis)| axis == i);
        let total = if trailing && axes.len() == rank && rank >= 2 && result.rank() == 0 {
            // All of it: rows first, which fuses with what makes them, then the sums of the rows.
            let flat = self.reshape(x, Shape::from([from.rows(), from.columns()]));
            let per_row = reduce(self, flat, 1, Shape::from([from.rows()]));
            let line = self.reshape(per_row, Shape::from([1, from.rows()]));
            reduce(self, line, 1, Shape::from([1]))
        } else if trailing {
            let flat = self.reshape(x, Shape::from([kept, reduced]));
            reduce(self, flat, 1, Shape::from([kept]))
        } else if sum && middle(from, axes) {
            // Pixels of an image, steps of a sequence: a sum of each part, over rows of the last axis.
            let flat =
                self.reshape(x, Shape::from([from[..axes[0]].iter().product(), reduced, from[rank - 1]]));
            reduce(self, flat, 1, Shape::from([from[..axes[0]].iter().product(), from[rank - 1]]))
        } else if leading && sum && rank >= 3 && axes.len() == rank - 1 {
            // First within each part of axis 0, so that the parts are summed by different threads.
            let flat = self.reshape(x, Shape::from([from[0], reduced / from[0].max(1), from[rank - 1]]));
            let per_part = reduce(self, flat, 1, Shape::from([from[0], from[rank - 1]]));
            reduce(self, per_part, 0, Shape::from([from[rank - 1]]))
        } else if leading && sum {
            let flat = self.reshape(x, Shape::from([reduced, kept]));
            reduce(self, flat, 0, Shape::from([kept]))
        } else {
            let mut order: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
            order.extend_from_slice(axes);
            let sizes: Vec<usize> = order.iter().map(|&axis| from[axis]).collect();
            let shape = Shape::new(&sizes).ok()?;
            let moved = self.add(ops::permute::Permute { order }.into(), vec![x], Type::real(shape));
            let flat = self.reshape(moved, Shape::from([kept, reduced]));
            reduce(self, flat, 1, Shape::from([kept]))
        };
        Some(self.reshape(total, result))
    }

    /// A product over an inner dimension of 1 is elementwise: cᵢⱼ = aᵢ bⱼ.
    fn rewrite_outer_product(&mut self, inputs: &[usize], ty: Type) -> Option<usize> {
        if self.shape(inputs[0]).columns() != 1 {
            return None;
        }
        let left = self.broadcast(inputs[0], ty.shape);
        let right = self.broadcast(inputs[1], ty.shape);
        Some(self.elementwise(ops::mul::Mul.into(), vec![left, right]))
    }

    fn rewrite_elementwise(&mut self, op: &Op, inputs: &[usize], ty: Type) -> Option<usize> {
        let pointwise = op.rule().elementwise()?;
        // Numbers are computed on the host, constants now, and repeated afterwards.
        let sources: Option<Vec<usize>> = inputs.iter().map(|&i| self.host_source(i)).collect();
        if let Some(sources) = sources {
            let value = |i: usize| match sources.get(i).map(|&s| &self.nodes[s].op) {
                Some(Op::Constant(constant)) => Some(constant.value),
                None => Some(0.0),
                _ => None,
            };
            if let (Some(a), Some(b), Some(c)) = (value(0), value(1), value(2)) {
                let value = (pointwise.eval)([a, b, c]);
                let folded =
                    self.add(ops::constant::Constant { value }.into(), vec![], Type::real(Shape::SCALAR));
                return Some(self.broadcast(folded, ty.shape));
            }
            if ty.shape.rank() > 0 {
                let folded = self.add(op.clone(), sources, Type::real(Shape::SCALAR));
                return Some(self.broadcast(folded, ty.shape));
            }
        }
        let zero = |flow: &Flow, i: usize| flow.is_constant(inputs[i], 0.0);
        let one = |flow: &Flow, i: usize| flow.is_constant(inputs[i], 1.0);
        match op {
            Op::Add(_) if zero(self, 0) => Some(inputs[1]),
            Op::Add(_) | Op::Sub(_) if zero(self, 1) => Some(inputs[0]),
            Op::Mul(_) if one(self, 0) => Some(inputs[1]),
            Op::Mul(_) | Op::Div(_) if one(self, 1) => Some(inputs[0]),
            Op::Add(_) if self.side_by_side(inputs).is_some() => {
                let (axis, parts) = self.side_by_side(inputs)?;
                Some(self.beside(axis, parts))
            }
            Op::Add(_) => match (self.negated(inputs[0]), self.negated(inputs[1])) {
                (_, Some(b)) => Some(self.elementwise(ops::sub::Sub.into(), vec![inputs[0], b])),
                (Some(a), _) => Some(self.elementwise(ops::sub::Sub.into(), vec![inputs[1], a])),
                _ => None,
            },
            Op::Neg(_) => self.negated(inputs[0]),
            Op::Mul(_) if ty.shape.rank() > 0 => self.gather_factors(inputs, ty),
            Op::Div(_) if ty.shape.rank() > 0 => {
                // One division on the host instead of one for each element.
                let divisor = self.host_source(inputs[1])?;
                let scalar = Type::real(Shape::SCALAR);
                let one = self.add(ops::constant::Constant { value: 1.0 }.into(), vec![], scalar);
                let reciprocal = self.add(ops::div::Div.into(), vec![one, divisor], scalar);
                let factor = self.broadcast(reciprocal, ty.shape);
                Some(self.elementwise(ops::mul::Mul.into(), vec![inputs[0], factor]))
            }
            _ => None,
        }
    }

    /// a · (b · x) with numbers a and b is (a · b) · x, whose first product the host computes.
    fn gather_factors(&mut self, inputs: &[usize], ty: Type) -> Option<usize> {
        let split = |flow: &Flow, pair: &[usize]| match (flow.host_source(pair[0]), flow.host_source(pair[1]))
        {
            (Some(number), None) => Some((number, pair[1])),
            (None, Some(number)) => Some((number, pair[0])),
            _ => None,
        };
        let (a, inner) = split(self, inputs)?;
        if !matches!(self.nodes[inner].op, Op::Mul(_)) {
            return None;
        }
        let (b, x) = split(self, &self.nodes[inner].inputs)?;
        let product = self.add(ops::mul::Mul.into(), vec![a, b], Type::real(Shape::SCALAR));
        let factor = self.broadcast(product, ty.shape);
        Some(self.elementwise(ops::mul::Mul.into(), vec![x, factor]))
    }

    /// Two values in zeros, of which one begins where the other ends, in order; and the axis.
    fn side_by_side(&self, inputs: &[usize]) -> Option<(usize, [Padded; 2])> {
        let part = |node: usize| match &self.nodes[node].op {
            Op::Pad(pad) => {
                let value = self.nodes[node].inputs[0];
                let size = self.shape(value)[pad.axis];
                Some((pad.axis, Padded { value, before: pad.before, size, after: pad.after }))
            }
            _ => None,
        };
        let ((axis, a), (other, b)) = (part(inputs[0])?, part(inputs[1])?);
        match axis == other {
            true if a.before + a.size == b.before => Some((axis, [a, b])),
            true if b.before + b.size == a.before => Some((axis, [b, a])),
            _ => None,
        }
    }

    /// Both values one behind the other, within the zeros around them.
    fn beside(&mut self, axis: usize, [a, b]: [Padded; 2]) -> usize {
        let mut parts = Vec::new();
        for node in [a.value, b.value] {
            match &self.nodes[node].op {
                Op::Concat(inner) if inner.axis == axis => parts.extend_from_slice(&self.nodes[node].inputs),
                _ => parts.push(node),
            }
        }
        let (shape, before, after) = (self.shape(a.value), a.before, b.after);
        let sized = |size: usize| Type::real(ops::with_axis(shape, axis, size).unwrap_or(shape));
        let size = a.size + b.size;
        let joined = self.add(ops::concat::Concat { axis }.into(), parts, sized(size));
        if before + after == 0 {
            return joined;
        }
        self.add(ops::pad::Pad { axis, before, after }.into(), vec![joined], sized(before + size + after))
    }

    /// x, if a node is −x.
    fn negated(&self, node: usize) -> Option<usize> {
        matches!(self.nodes[node].op, Op::Neg(_)).then(|| self.nodes[node].inputs[0])
    }

    /// Removes what nothing needs any more and numbers the rest anew.
    pub(super) fn sweep(&mut self) {
        let mut needed = vec![false; self.nodes.len()];
        let roots = self.outputs.iter().map(|(_, n)| *n).chain(self.assigns.iter().map(|(_, n)| *n));
        roots.for_each(|n| needed[n] = true);
        for index in (0..self.nodes.len()).rev() {
            let node = &self.nodes[index];
            needed[index] |= matches!(node.op, Op::Input(_) | Op::HostScalar(_));
            if needed[index] {
                node.inputs.iter().for_each(|&i| needed[i] = true);
            }
        }
        let mut new = vec![usize::MAX; self.nodes.len()];
        let mut kept = Vec::new();
        for (index, mut node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            if needed[index] {
                node.inputs.iter_mut().for_each(|i| *i = new[*i]);
                new[index] = kept.len();
                kept.push(node);
            }
        }
        self.nodes = kept;
        self.outputs.iter_mut().for_each(|(_, n)| *n = new[*n]);
        self.assigns.iter_mut().for_each(|(_, n)| *n = new[*n]);
        self.known.clear();
    }

    /// One line for each node.
    pub fn listing(&self) -> String {
        let mut text = String::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let inputs: Vec<String> = node.inputs.iter().map(|i| format!("%{i}")).collect();
            let what = self.describe(&node.op);
            let host = if node.host { "  host" } else { "" };
            text += &format!("  %{index} {} = {what}({}){host}\n", node.ty.shape, inputs.join(", "));
        }
        for (name, node) in &self.outputs {
            text += &format!("  output {name} = %{node}\n");
        }
        for (variable, node) in &self.assigns {
            text += &format!("  {} ← %{node}\n", self.variables[*variable].name);
        }
        text
    }

    fn describe(&self, op: &Op) -> String {
        match op {
            Op::Input(input) => format!("input `{}`", input.name),
            Op::HostScalar(scalar) => format!("host `{}`", scalar.name),
            Op::Read(read) => format!("read `{}`", self.variables[read.variable.index()].name),
            Op::Constant(constant) => format!("constant {:?}", constant.value),
            Op::Sum(sum) => format!("sum {:?}", sum.axes),
            Op::Max(max) => format!("max {:?}", max.axes),
            Op::Permute(permute) => format!("permute {:?}", permute.order),
            op => op.name().to_owned(),
        }
    }
}

/// Whether axes are all those between some leading ones and the last.
fn middle(shape: Shape, axes: &[usize]) -> bool {
    let rank = shape.rank();
    let first = rank - 1 - axes.len().min(rank - 1);
    first > 0 && axes.iter().copied().eq(first..rank - 1)
}
