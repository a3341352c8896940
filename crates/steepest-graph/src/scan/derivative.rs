//! The derivative of a scan: a scan in the other direction.
//!
//! One step backwards is the derivative of one step: adjoints of the carried values come from the step after, those of
//! outputs from outside. Of what the step computes, results of products and of costly functions are saved by the
//! scan itself, as further outputs; cheap ones are made anew. Derivatives by fixed values leave the loop: for a product
//! x w the loop only gives ∂L/∂(x w), and one product over all steps makes ∂L/∂w.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::ProblemKind;
use crate::gradient::gradients;
use crate::graph::{Graph, Node};
use crate::op::{Op, Partial, Site};
use crate::ops::scan::{Scan, lifted};
use crate::scan::{Recorded, ScanInputs};
use crate::var::Var;

pub(crate) fn derivative<'g>(scan: &Scan, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
    Backward::new(scan, at).partials()
}

struct Backward<'a, 'g> {
    scan: &'a Scan,
    at: &'a Site<'a, 'g>,
    graph: &'g Graph,
    /// Which nodes of the body depend on nothing but fixed inputs, and on at least one.
    fixed: Vec<bool>,
    /// Which nodes depend on the step.
    variable: Vec<bool>,
}

/// A use of a fixed value by a node of the loop: the node, and which of its inputs.
#[derive(Clone, Copy)]
struct Use {
    node: usize,
    input: usize,
    value: usize,
}

/// How a use's part of the derivative by its fixed value is made from what the loop gives.
enum Share<'g> {
    /// Σ over all steps and rows of aᵀ g, with a known outside and g from the loop.
    Product(Var<'g>),
    /// Σ over all steps.
    Sum,
}

impl<'a, 'g> Backward<'a, 'g> {
    fn new(scan: &'a Scan, at: &'a Site<'a, 'g>) -> Backward<'a, 'g> {
        let body = &scan.body;
        let (carried, stacked, _) = scan.counts();
        let given: BTreeSet<usize> = body.inputs[carried + stacked..].iter().copied().collect();
        let (mut fixed, mut variable): (Vec<bool>, Vec<bool>) = (Vec::new(), Vec::new());
        for (index, node) in body.nodes.iter().enumerate() {
            let of = |flags: &[bool]| node.inputs.iter().any(|id| flags[id.index()]);
            let moves = of(&variable) || matches!(node.op, Op::Input(_)) && !given.contains(&index);
            fixed.push(!moves && (given.contains(&index) || of(&fixed)));
            variable.push(moves);
        }
        Backward { scan, at, graph: at.output.graph(), fixed, variable }
    }

    fn partials(&self) -> Vec<Partial<'g>> {
        let (scan, body) = (self.scan, &self.scan.body);
        let (carried, stacked, _) = scan.counts();
        let segments = scan.segments();
        let inner = Graph::new();
        let forward: Vec<Var<'_>> = body.nodes.iter().map(|node| inner.copy_of(node)).collect();

        // L = Σ adjoint · value, over everything that the step gives.
        let mut terms: Vec<(usize, Var<'_>)> = Vec::new();
        let mut adjoints = Vec::new();
        for (i, &node) in body.next.iter().enumerate() {
            let adjoint = inner.declare_input(&format!("adjoint{i}"), body.nodes[node].ty);
            adjoints.push(adjoint.id().index());
            terms.push((node, adjoint));
        }
        let mut from_outside: Vec<(usize, Var<'g>)> = Vec::new();
        let after = usize::from(!scan.reverse);
        let results = body.next.iter().chain(&scan.outputs).zip(&segments).enumerate();
        for (k, (&node, segment)) in results {
            let start = segment.start + if k < carried { after * segment.stride() } else { 0 };
            let end = start + scan.steps * segment.stride();
            if let Some(grad) = part(self.at.grad, start, end) {
                let adjoint = inner.declare_input(&format!("given{k}"), body.nodes[node].ty);
                let shape = lifted(segment.shape, scan.steps).unwrap_or(segment.shape);
                from_outside.push((adjoint.id().index(), grad.reshape(shape)));
                terms.push((node, adjoint));
            }
        }
        let terms = terms.into_iter().map(|(value, adjoint)| (forward[value] * adjoint).sum());
        let Some(total) = terms.reduce(|sum, term| sum + term) else {
            return self.at.inputs.iter().map(|_| Partial::Zero).collect();
        };

        let uses = self.uses();
        let users: Vec<usize> =
            uses.iter().map(|used| used.node).collect::<BTreeSet<_>>().into_iter().collect();
        let by: Vec<usize> = body.inputs[..carried + stacked].iter().chain(&users).copied().collect();
        let wrt: Vec<Var<'_>> = by.iter().map(|&node| forward[node]).collect();
        let slopes: Vec<Var<'_>> = gradients(total, &wrt).into_iter().map(|slope| slope.dense()).collect();
        let slope_of: BTreeMap<usize, Var<'_>> =
            users.iter().copied().zip(slopes[carried + stacked..].iter().copied()).collect();

        // What the loop gives for each use, and what is made of it outside.
        let mut given: Vec<Option<Var<'_>>> = Vec::new();
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        for used in &uses {
            let slope = slope_of[&used.node];
            let value = match self.is_product(used) {
                true => {
                    kept.insert(body.nodes[used.node].inputs[0].index());
                    Some(slope)
                }
                false => self.partial(&inner, &forward, used, slope),
            };
            given.push(value);
        }
        for found in inner.problems() {
            self.graph.adopt(found);
        }

        let index = |vars: &[Var<'_>]| vars.iter().map(|v| v.id().index()).collect::<Vec<_>>();
        let (next, by_stacked) = (index(&slopes[..carried]), index(&slopes[carried..carried + stacked]));
        let by_uses: Vec<usize> = given.iter().flatten().map(|v| v.id().index()).collect();
        // One value may be several derivatives.
        let mut outputs: Vec<usize> = Vec::new();
        for &node in by_stacked.iter().chain(&by_uses) {
            if !outputs.contains(&node) {
                outputs.push(node);
            }
        }
        let stacked_as = |node: usize| outputs.iter().position(|&output| output == node).unwrap_or(0);
        let by_stacked: Vec<usize> = by_stacked.into_iter().map(stacked_as).collect();
        let by_uses: Vec<usize> = by_uses.into_iter().map(stacked_as).collect();
        let mut recorded =
            Recorded { nodes: inner.nodes(), inputs: [adjoints, Vec::new(), Vec::new()], next, outputs };
        let wanted = self.wanted(&recorded);
        let outside = self.available(wanted.union(&kept).copied());
        let mut values = Vec::new();
        for &node in &wanted {
            if let Some(&var) = outside.get(&node) {
                recorded.nodes[node].op =
                    crate::ops::input::Input { name: format!("saved{node}"), ty: recorded.nodes[node].ty }
                        .into();
                recorded.nodes[node].inputs.clear();
                recorded.inputs[1].push(node);
                values.push(var);
            }
        }
        for (node, var) in from_outside {
            recorded.inputs[1].push(node);
            values.push(var);
        }
        recorded.inputs[2] = body.inputs[carried + stacked..].to_vec();
        let zeros: Vec<Var<'g>> = self.at.inputs[..carried].iter().map(|c| c.zeros_like()).collect();
        let fixed = &self.at.inputs[carried + stacked..];
        let inputs = ScanInputs { carried: &zeros, stacked: &values, fixed };
        let (back, all) = recorded.hoist(self.graph, scan.steps, !scan.reverse, inputs);
        let made = self.graph.run_scan(back, &all);

        let mut partials: Vec<Partial<'g>> = Vec::new();
        for (segment, &slope) in segments.iter().zip(&made.last) {
            let slot = if scan.reverse { scan.steps } else { 0 };
            let start = segment.start + slot * segment.stride();
            let direct = part(self.at.grad, start, start + segment.stride());
            partials.push(Partial::Of(match direct {
                Some(direct) => slope + direct.reshape(segment.shape),
                None => slope,
            }));
        }
        partials.extend(by_stacked.iter().map(|&k| Partial::Of(made.stacked[k])));
        let mut shares = by_uses.iter().map(|&k| made.stacked[k]);
        let mut totals: BTreeMap<usize, Var<'g>> = BTreeMap::new();
        for (used, _) in uses.iter().zip(&given).filter(|(_, value)| value.is_some()) {
            let Some(slope) = shares.next() else { continue };
            let how = match self.is_product(used) {
                true => outside
                    .get(&body.nodes[used.node].inputs[0].index())
                    .map_or(Share::Sum, |&a| Share::Product(a)),
                false => Share::Sum,
            };
            let share = match how {
                Share::Product(a) => {
                    let flat = |v: Var<'g>| v.reshape([v.shape().rows(), v.shape().columns()]);
                    flat(a).transpose().matmul(flat(slope))
                }
                Share::Sum => slope.sum_over(&[0]),
            };
            let sum = totals.get(&used.value).map_or(share, |&before| before + share);
            totals.insert(used.value, sum);
        }
        partials.extend(self.by_fixed(totals));
        partials
    }

    /// Where nodes of the loop use what depends only on fixed inputs.
    fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (node, of) in self.scan.body.nodes.iter().enumerate().filter(|(node, _)| !self.fixed[*node]) {
            for (input, id) in of.inputs.iter().enumerate().filter(|(_, id)| self.fixed[id.index()]) {
                uses.push(Use { node, input, value: id.index() });
            }
        }
        uses
    }

    /// Whether a use is x w with matrices x of the loop and w.
    fn is_product(&self, used: &Use) -> bool {
        let node = &self.scan.body.nodes[used.node];
        let left = node.inputs.first().map(|id| id.index());
        matches!(node.op, Op::MatMul(_))
            && used.input == 1
            && node.ty.shape.rank() == 2
            && left.is_some_and(|left| self.variable[left])
    }

    /// ∂L/∂value through one use, within a step.
    fn partial<'b>(
        &self,
        inner: &'b Graph,
        forward: &[Var<'b>],
        used: &Use,
        slope: Var<'b>,
    ) -> Option<Var<'b>> {
        let node = &self.scan.body.nodes[used.node];
        let inputs: Vec<Var<'b>> = node.inputs.iter().map(|id| forward[id.index()]).collect();
        let site = Site { inputs: &inputs, output: forward[used.node], grad: slope };
        let partials = inner.on_behalf_of(node, || node.op.rule().derivative(&site));
        self.dense(node, partials.into_iter().nth(used.input)?, inputs[used.input])
    }

    /// Nodes of the step forwards that the step backwards reads and does not make itself.
    fn wanted(&self, recorded: &Recorded) -> BTreeSet<usize> {
        let own = self.scan.body.nodes.len();
        let mut needed = vec![false; recorded.nodes.len()];
        let mut wanted = BTreeSet::new();
        recorded.next.iter().chain(&recorded.outputs).for_each(|&node| needed[node] = true);
        for index in (0..recorded.nodes.len()).rev().filter(|&index| index >= own || !self.fixed[index]) {
            if !needed[index] {
                continue;
            }
            let node = &recorded.nodes[index];
            let input = self.scan.body.inputs.contains(&index);
            if index < own && (input || !is_cheap(&node.op)) {
                wanted.insert(index);
            } else {
                node.inputs.iter().for_each(|id| needed[id.index()] = true);
            }
        }
        wanted
    }

    /// Values of nodes of the step for all steps: given, in a history, or saved by a longer form of the scan.
    fn available(&self, nodes: impl Iterator<Item = usize>) -> BTreeMap<usize, Var<'g>> {
        let (scan, body) = (self.scan, &self.scan.body);
        let (carried, stacked, _) = scan.counts();
        let nodes: Vec<usize> = nodes.collect();
        let mut longer = scan.clone();
        for &node in &nodes {
            let known =
                body.inputs.contains(&node) || body.next.contains(&node) || longer.outputs.contains(&node);
            if !known && body.nodes[node].ty.is_real() {
                longer.outputs.push(node);
            }
        }
        let flat = match longer.outputs.len() == scan.outputs.len() {
            true => self.at.output,
            false => self.graph.push(longer.clone(), self.at.inputs),
        };
        let segments = longer.segments();
        let (before, after) = (usize::from(scan.reverse), usize::from(!scan.reverse));
        let cut = |k: usize, first: usize| {
            let segment = segments[k];
            let start = segment.start + first * segment.stride();
            let shape = lifted(segment.shape, scan.steps).unwrap_or(segment.shape);
            flat.slice(0, start, start + scan.steps * segment.stride()).reshape(shape)
        };
        let find = |node: usize| {
            if let Some(k) = body.inputs.iter().position(|&input| input == node) {
                return match k {
                    k if k < carried => Some(cut(k, before)),
                    k if k < carried + stacked => Some(self.at.inputs[k]),
                    _ => None,
                };
            }
            if let Some(k) = body.next.iter().position(|&next| next == node) {
                return Some(cut(k, after));
            }
            longer.outputs.iter().position(|&output| output == node).map(|k| cut(carried + k, 0))
        };
        nodes.into_iter().filter_map(|node| Some((node, find(node)?))).collect()
    }

    /// From derivatives by what is made of fixed inputs to those by the inputs themselves.
    fn by_fixed(&self, mut totals: BTreeMap<usize, Var<'g>>) -> Vec<Partial<'g>> {
        let body = &self.scan.body;
        let (carried, stacked, _) = self.scan.counts();
        let first = carried + stacked;
        let given = body.inputs[first..].iter().copied().zip(self.at.inputs[first..].iter().copied());
        let mut outer: BTreeMap<usize, Var<'g>> = given.collect();
        for (index, node) in body.nodes.iter().enumerate().filter(|(index, _)| !self.variable[*index]) {
            if !outer.contains_key(&index) {
                let inputs: Vec<Var<'g>> = node.inputs.iter().map(|id| outer[&id.index()]).collect();
                let value = self.graph.on_behalf_of(node, || self.graph.push(node.op.clone(), &inputs));
                outer.insert(index, value);
            }
        }
        for (index, node) in body.nodes.iter().enumerate().rev() {
            let Some(&grad) = totals.get(&index).filter(|_| !node.inputs.is_empty()) else { continue };
            let inputs: Vec<Var<'g>> = node.inputs.iter().map(|id| outer[&id.index()]).collect();
            let site = Site { inputs: &inputs, output: outer[&index], grad };
            let partials = self.graph.on_behalf_of(node, || node.op.rule().derivative(&site));
            for (id, partial) in node.inputs.iter().zip(partials) {
                let Some(share) = self.dense(node, partial, outer[&id.index()]) else { continue };
                if self.fixed[id.index()] {
                    let sum = totals.get(&id.index()).map_or(share, |&before| before + share);
                    totals.insert(id.index(), sum);
                }
            }
        }
        let total = |node: &usize| totals.get(node).map_or(Partial::Zero, |&total| Partial::Of(total));
        body.inputs[first..].iter().map(total).collect()
    }

    /// A derivative by one input as a value of its shape; `None` if it is 0.
    fn dense<'b>(&self, node: &Node, partial: Partial<'b>, input: Var<'b>) -> Option<Var<'b>> {
        match partial {
            Partial::Of(var) => Some(var),
            Partial::Rows { indices, values } => Some(values.scatter_add(indices, input.dim(0))),
            Partial::Zero => None,
            Partial::Missing(reason) => {
                let kind = ProblemKind::NotDifferentiable { reason };
                input.graph().report(node.op.name(), kind, &[input]);
                None
            }
        }
    }
}

/// Whether it costs less to compute a value anew than to save it.
fn is_cheap(op: &Op) -> bool {
    matches!(
        op,
        Op::Constant(_)
            | Op::Literal(_)
            | Op::Neg(_)
            | Op::Abs(_)
            | Op::Sign(_)
            | Op::Relu(_)
            | Op::Floor(_)
            | Op::Add(_)
            | Op::Sub(_)
            | Op::Mul(_)
            | Op::Maximum(_)
            | Op::Minimum(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::Equal(_)
            | Op::Select(_)
            | Op::Reshape(_)
            | Op::Broadcast(_)
            | Op::StopGradient(_)
    )
}

/// Elements `start..end` of a flat gradient; `None` if they are 0. What stands beside them is not computed.
fn part<'g>(grad: Var<'g>, start: usize, end: usize) -> Option<Var<'g>> {
    let node = grad.node();
    let input = |k: usize| Var::new(grad.graph(), node.inputs[k]);
    match &node.op {
        Op::Add(_) => match (part(input(0), start, end), part(input(1), start, end)) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        },
        Op::Pad(pad) if pad.axis == 0 => {
            let inner = input(0);
            let (first, last) = (start.max(pad.before), end.min(pad.before + inner.dim(0)));
            if first >= last {
                return None;
            }
            let cut = inner.slice(0, first - pad.before, last - pad.before);
            let (before, after) = (first - start, end - last);
            Some(if before + after == 0 { cut } else { cut.pad(0, before, after) })
        }
        Op::Broadcast(_) if matches!(&input(0).node().op, Op::Constant(c) if c.value == 0.0) => None,
        _ => Some(grad.slice(0, start, end)),
    }
}
