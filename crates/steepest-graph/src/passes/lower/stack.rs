//! Values put together of others: concatenations, padding, and sums of padded products.

use super::{Item, Kernel, Lowering, root};
use crate::op::Op;
use crate::passes::simplify::FlowNode;

/// A value put together of others along an axis: each with the position it begins at, over zeros.
struct Stack {
    axis: usize,
    layers: Vec<(usize, usize)>,
}

/// The same of values with memory, of shape `[outer, total, inner]`: layers over zeros, added up where they lie over
/// one another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layers {
    pub outer: usize,
    pub total: usize,
    pub inner: usize,
    /// Whether the unit of work is all of the axis; otherwise it is one position on it.
    pub whole: bool,
    pub layers: Vec<Layer>,
}

/// A value of shape `[outer, total, inner]`, from position `at` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layer {
    pub from: usize,
    pub at: usize,
    pub total: usize,
}

impl Lowering<'_> {
    /// The item of a value that is put together of others.
    pub(super) fn stacked(&mut self, node: usize) -> Option<Item> {
        let stack = self.stack(node)?;
        for &(value, _) in &stack.layers {
            self.demand(value);
        }
        Some(self.join(node, &stack))
    }

    /// Whether a node is used once, and needs no value of its own for something else.
    pub(super) fn alone(&self, node: usize) -> bool {
        self.uses[node] == 1 && !self.wanted.contains(&node)
    }

    /// What a concatenated or padded value, or a sum of padded products, is put together of.
    fn stack(&self, node: usize) -> Option<Stack> {
        let flow = self.flow;
        let FlowNode { op, inputs, .. } = &flow.nodes[node];
        match op {
            Op::Pad(pad) => Some(Stack { axis: pad.axis, layers: vec![(inputs[0], pad.before)] }),
            Op::Concat(concat) => {
                let axis = concat.axis;
                let ends = inputs.iter().scan(0, |at, &input| {
                    *at += flow.shape(input)[axis];
                    Some((input, *at - flow.shape(input)[axis]))
                });
                Some(Stack { axis, layers: ends.collect() })
            }
            Op::Add(_) => self.sum_of_padded(inputs),
            _ => None,
        }
    }

    /// The terms of a sum, if they are products, and the same axis of some is padded.
    fn sum_of_padded(&self, terms: &[usize]) -> Option<Stack> {
        // Most sums are of something else, and some as deep as the graph: those end at once.
        let fits = |terms: &[usize]| {
            let sum = |term: usize| matches!(self.flow.nodes[term].op, Op::Add(_) | Op::Pad(_));
            terms.iter().all(|&term| sum(term) || self.ordered_product(term).is_some())
        };
        if !fits(terms) {
            return None;
        }
        let (mut axis, mut layers) = (None, Vec::new());
        let mut open: Vec<usize> = terms.iter().rev().copied().collect();
        while let Some(term) = open.pop() {
            let FlowNode { op, inputs, .. } = &self.flow.nodes[term];
            match op {
                Op::Add(_) if self.alone(term) && fits(inputs) => open.extend(inputs.iter().rev()),
                Op::Pad(pad) if self.alone(term) && axis.is_none_or(|axis| axis == pad.axis) => {
                    axis = Some(pad.axis);
                    layers.push((inputs[0], pad.before));
                }
                _ => layers.push((term, 0)),
            }
        }
        let products = layers.iter().all(|&(term, _)| self.ordered_product(term).is_some());
        Some(Stack { axis: axis.filter(|_| products)?, layers })
    }

    /// A product that a node is, or is with its axes in another order: which, and the order.
    fn ordered_product(&self, node: usize) -> Option<(usize, Vec<usize>)> {
        let FlowNode { op, inputs, ty, .. } = &self.flow.nodes[node];
        match op {
            Op::MatMul(_) => Some((node, (0..ty.shape.rank()).collect())),
            Op::Permute(permute) if matches!(self.flow.nodes[inputs[0]].op, Op::MatMul(_)) => {
                Some((inputs[0], permute.order.clone()))
            }
            _ => None,
        }
    }

    /// Values put together, which are there. The unit of work is a row of what lies behind the axis, or all of the last axis.
    fn join(&self, node: usize, stack: &Stack) -> Item {
        let (shape, axis) = (self.flow.shape(node), stack.axis);
        let outer = shape[..axis].iter().product();
        let (total, inner) = (shape[axis], shape[axis + 1..].iter().product());
        let whole = inner == 1 && outer > 1;
        let elements = outer * inner;
        let layer = |&(value, at): &(usize, usize)| {
            let total = self.flow.shape(value).elements().checked_div(elements).unwrap_or(0);
            Layer { from: root(self.flow, value), at, total }
        };
        let layers = stack.layers.iter().map(layer).collect();
        let extent = if whole { outer } else { outer * total };
        Item { node, extent, kernel: Kernel::Join(Layers { outer, total, inner, whole, layers }) }
    }

    /// Another order of the axes of products that are put together: each product has it already.
    pub(super) fn permuted_stack(&mut self, node: usize, order: &[usize]) -> Option<Item> {
        let whole = self.flow.nodes[node].inputs[0];
        let Stack { axis, layers } = self.stack(whole).filter(|_| self.alone(whole))?;
        let mut products = Vec::new();
        for &(layer, _) in &layers {
            let (product, inner) = self.ordered_product(layer).filter(|_| self.alone(layer))?;
            let order: Vec<usize> = order.iter().map(|&axis| inner[axis]).collect();
            let alone = product == layer || self.alone(product);
            let item = alone.then(|| self.permuted_product(layer, product, &order))??;
            products.push((layer, item));
        }
        self.items.extend(products);
        let axis = order.iter().position(|&from| from == axis)?;
        Some(self.join(node, &Stack { axis, layers }))
    }
}
