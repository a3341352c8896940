//! Loops over time, from the operation to instructions: the step goes through the passes once, and the instructions
//! it becomes are repeated over places that move with time.

use std::collections::{BTreeMap, BTreeSet};

use steepest_tensor::Shape;
use steepest_tensor::program::{Copy, Instr, Loop, Place, Space};

use crate::op::{Op, Type};
use crate::ops;
use crate::ops::scan::{Scan, Segment};
use crate::passes::lower::{Lowered, lower, root};
use crate::passes::place::{Placement, place_others};
use crate::passes::schedule::{Schedule, Unit, schedule};
use crate::passes::simplify::Flow;

/// A scan whose step has gone through the passes.
#[derive(Debug)]
pub(crate) struct ScanPlan {
    pub steps: usize,
    pub reverse: bool,
    /// The step.
    pub flow: Flow,
    pub lowered: Lowered,
    pub schedule: Schedule,
    /// Where the step's own values are; those of inputs and outputs have no place here.
    pub placement: Placement,
    /// Rows that never meet, so that each thread takes its own through all steps; none: one thread does everything.
    pub rows: Option<usize>,
    /// Where the initial values of the carried ones come from, and their histories in the result.
    pub carried: Vec<(usize, Segment)>,
    /// The step's inputs, and where they come from.
    pub inputs: Vec<(usize, Origin)>,
    /// The step's results, and where they go in the result.
    pub outputs: Vec<(usize, Segment, bool)>,
    /// Elements of the flat result.
    pub len: usize,
}

/// Where an input of a step comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A carried value's history.
    Carried(usize),
    /// A value with time as its first axis: the node outside, and elements of a step.
    Stacked(usize, usize),
    /// A value that is the same for every step.
    Fixed(usize),
}

impl PartialEq for ScanPlan {
    fn eq(&self, other: &ScanPlan) -> bool {
        std::ptr::eq(self, other)
    }
}

impl ScanPlan {
    /// Takes the step through the passes. `outer` are the nodes of the inputs, `used` says which elements of the flat
    /// result anything reads.
    pub fn new(scan: &Scan, outer: &[usize], used: impl Fn(&Segment) -> bool) -> ScanPlan {
        let (body, segments) = (&scan.body, scan.segments());
        let (carried, stacked, _) = scan.counts();
        let mut flow = Flow::default();
        let mut new: Vec<usize> = Vec::with_capacity(body.nodes.len());
        for node in &body.nodes {
            let inputs = node.inputs.iter().map(|id| new[id.index()]).collect();
            new.push(flow.add(node.op.clone(), inputs, node.ty));
        }
        let all = body.next.iter().chain(&scan.outputs).zip(&segments).enumerate();
        let results: Vec<(usize, usize, Segment)> = all
            .filter(|(k, (_, segment))| *k < carried || used(segment))
            .map(|(k, (&node, segment))| (k, new[node], *segment))
            .collect();
        let mut taken = BTreeSet::new();
        for (k, node, _) in &results {
            let value = flow.own_result(*node, &mut taken);
            flow.outputs.push((k.to_string(), value));
        }
        flow.sweep();
        let lowered = lower(&flow);
        let schedule = schedule(&flow, &lowered);
        let by_name: BTreeMap<String, usize> = flow
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| match &node.op {
                Op::Input(input) => Some((input.name.clone(), index)),
                _ => None,
            })
            .collect();
        let mut inputs = Vec::new();
        for (k, (&node, &outside)) in body.inputs.iter().zip(outer).enumerate() {
            let Op::Input(input) = &body.nodes[node].op else { continue };
            let elements = body.nodes[node].ty.shape.elements();
            let origin = match k {
                k if k < carried => Origin::Carried(k),
                k if k < carried + stacked => Origin::Stacked(outside, elements),
                _ => Origin::Fixed(outside),
            };
            inputs.extend(by_name.get(&input.name).map(|&own| (own, origin)));
        }
        let outputs: Vec<(usize, Segment, bool)> = flow
            .outputs
            .iter()
            .zip(&results)
            .map(|((_, node), (k, _, segment))| (root(&flow, *node), *segment, *k < carried))
            .collect();
        let elsewhere = inputs.iter().map(|(node, _)| *node).chain(outputs.iter().map(|(node, ..)| *node));
        let placement = place_others(&flow, &lowered, &schedule, &elsewhere.collect());
        let histories = outer.iter().copied().zip(segments.iter().copied()).take(carried).collect();
        let len = segments.last().map_or(0, Segment::end);
        let (steps, reverse) = (scan.steps, scan.reverse);
        let mut plan = ScanPlan {
            steps,
            reverse,
            flow,
            lowered,
            schedule,
            placement,
            rows: None,
            carried: histories,
            inputs,
            outputs,
            len,
        };
        plan.rows = plan.rows();
        plan
    }

    /// Elements that the scan's place needs: the result, and room for the step.
    pub fn room(&self) -> usize {
        self.len.next_multiple_of(LINE) + self.placement.arena_len
    }

    /// The rows of a step, if each depends only on the same row of carried values.
    fn rows(&self) -> Option<usize> {
        let [groups] = self.schedule.regions.as_slice() else { return None };
        let rows = groups.first()?.extent;
        let alike = groups.iter().all(|group| group.extent == rows && group.unit == Unit::Row);
        let moving: BTreeMap<usize, usize> = self
            .inputs
            .iter()
            .filter(|(_, origin)| matches!(origin, Origin::Carried(_)))
            .map(|&(node, _)| (node, self.flow.shape(node).elements()))
            .collect();
        let apart = |(value, stride): (usize, Option<usize>)| match moving.get(&value) {
            Some(&elements) => stride.is_some_and(|stride| stride * rows == elements),
            None => true,
        };
        let by_rows = self.lowered.items.values().flat_map(|item| self.lowered.reads(item)).all(apart);
        let written = |(node, segment, _): &(usize, Segment, bool)| {
            let made = self.lowered.items.get(node).and_then(|item| item.writes());
            made.is_some_and(|stride| stride * rows == segment.stride())
        };
        let divides = self.carried.iter().all(|(_, segment)| segment.stride().is_multiple_of(rows.max(1)));
        (rows > 0 && alike && by_rows && divides && self.outputs.iter().all(written)).then_some(rows)
    }

    /// The values outside that the scan reads.
    pub fn sources(&self) -> Vec<usize> {
        let initial = self.carried.iter().map(|(value, _)| *value);
        let others = self.inputs.iter().filter_map(|(_, origin)| match origin {
            Origin::Carried(_) => None,
            Origin::Stacked(value, _) | Origin::Fixed(value) => Some(*value),
        });
        initial.chain(others).collect()
    }

    /// Floating-point operations and bytes of all steps.
    pub fn cost(&self, size: usize) -> (u64, u64) {
        let step = self.lowered.items.values().map(|item| item.cost(size));
        let (flops, bytes) = step.fold((0, 0), |total, cost| (total.0 + cost.0, total.1 + cost.1));
        (flops * self.steps as u64, bytes * self.steps as u64)
    }

    /// Places of the step's values, moving with time where they do, and the strides in which they move.
    pub fn places(&self, to: Place, outside: impl Fn(usize) -> Place) -> (Placement, Vec<usize>) {
        let mut placement = self.placement.clone();
        let local = to.offset.wrapping_add(self.len.next_multiple_of(LINE));
        for place in placement.places.values_mut() {
            place.offset = place.offset.wrapping_add(local);
        }
        let mut strides = Strides(Vec::new());
        let slot = |segment: &Segment, first: usize| Place {
            space: Space::Arena,
            offset: to.offset.wrapping_add(segment.start + first * segment.stride()),
            len: segment.stride(),
        };
        let (before, after) = (usize::from(self.reverse), usize::from(!self.reverse));
        for &(node, origin) in &self.inputs {
            let place = match origin {
                Origin::Carried(k) => {
                    let segment = &self.carried[k].1;
                    strides.moving(slot(segment, before), segment.stride())
                }
                Origin::Stacked(value, stride) => {
                    strides.moving(Place { len: stride, ..outside(value) }, stride)
                }
                Origin::Fixed(value) => outside(value),
            };
            placement.places.insert(node, place);
        }
        for (node, segment, carried) in &self.outputs {
            let first = if *carried { after } else { 0 };
            placement.places.insert(*node, strides.moving(slot(segment, first), segment.stride()));
        }
        placement.find_aliases(&self.flow, &self.lowered);
        (placement, strides.0)
    }

    /// Copies of the initial values to where the first step reads them, and the loop.
    pub fn instrs(
        &self,
        to: Place,
        outside: impl Fn(usize) -> Place,
        strides: Vec<usize>,
        body: Vec<(usize, Instr)>,
    ) -> Vec<Instr> {
        let first = if self.reverse { self.steps } else { 0 };
        let mut instrs: Vec<Instr> = self
            .carried
            .iter()
            .map(|(value, segment)| {
                let n = segment.stride();
                let offset = to.offset.wrapping_add(segment.start + first * n);
                let to = Place { space: Space::Arena, offset, len: n };
                let rows = self.rows.unwrap_or(1);
                let width = n / rows.max(1);
                let from = outside(*value);
                let layout = vec![width, 1];
                let shape = Shape::from([rows, width]);
                Instr::Copy(Copy { shape, from, from_strides: layout.clone(), to, to_strides: layout })
            })
            .collect();
        let (steps, reverse, by_rows) = (self.steps, self.reverse, self.rows.is_some());
        instrs.push(Instr::Loop(Loop { steps, reverse, strides, body, by_rows }));
        instrs
    }
}

/// Elements that places are multiples of.
const LINE: usize = 16;

/// The different strides of a loop.
struct Strides(Vec<usize>);

impl Strides {
    /// The place of the first step, as one that moves.
    fn moving(&mut self, place: Place, stride: usize) -> Place {
        let known = self.0.iter().position(|&s| s == stride);
        let number = known.unwrap_or_else(|| {
            self.0.push(stride);
            self.0.len() - 1
        });
        Place { space: Space::Moving(number as u8), ..place }
    }
}

impl Flow {
    /// A node whose value is made by an item of its own, for a result that goes to a place of its own.
    fn own_result(&mut self, node: usize, taken: &mut BTreeSet<usize>) -> usize {
        let made = root(self, node);
        let leaf = matches!(self.nodes[made].op, Op::Input(_) | Op::Literal(_) | Op::Slice(_))
            || self.nodes[made].host;
        let own = if leaf || !taken.insert(made) { self.copied(node) } else { node };
        taken.insert(own);
        own
    }

    /// A scan; if another makes the same and more, the first part of that one's result.
    pub(super) fn add_scan<'a>(
        &mut self,
        scan: &Scan,
        mut inputs: Vec<usize>,
        alike: impl Iterator<Item = &'a Op>,
        ty: Type,
    ) -> usize {
        let (carried, stacked, _) = scan.counts();
        for input in &mut inputs[carried..carried + stacked] {
            // What moves with time is in the arena.
            let variable = matches!(self.nodes[self.memory(*input)].op, Op::Read(_));
            if variable {
                *input = self.once_copied(*input);
            }
        }
        let scans = alike.filter_map(|op| match op {
            Op::Scan(other) if other.extends(scan) && other.outputs.len() > scan.outputs.len() => Some(other),
            _ => None,
        });
        let Some(longest) = scans.max_by_key(|other| other.outputs.len()) else {
            return self.add(scan.clone().into(), inputs, ty);
        };
        let len = longest.segments().last().map_or(0, Segment::end);
        let whole = self.add(longest.clone().into(), inputs, Type::real([len]));
        let first = ops::slice::Slice { axis: 0, start: 0, end: ty.shape.elements() };
        self.add(first.into(), vec![whole], ty)
    }

    /// The node in whose memory a node's value begins.
    fn memory(&self, node: usize) -> usize {
        match self.nodes[node].op {
            Op::Reshape(_) | Op::Slice(_) => self.memory(self.nodes[node].inputs[0]),
            _ => node,
        }
    }

    /// The copy of a node, the same one each time.
    fn once_copied(&mut self, node: usize) -> usize {
        let copies = |flow: &Flow, n: usize| {
            matches!(flow.nodes[n].op, Op::StopGradient(_)) && flow.nodes[n].inputs == [node]
        };
        let known = (0..self.nodes.len()).find(|&n| copies(self, n));
        known.unwrap_or_else(|| self.copied(node))
    }
}
