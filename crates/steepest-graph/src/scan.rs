//! Loops over time in the graph: how users write them, and how they are derived.

pub(crate) mod derivative;

use std::collections::BTreeMap;
use std::rc::Rc;

use steepest_tensor::Shape;

use crate::error::ProblemKind;
use crate::graph::{Graph, Node, NodeId};
use crate::op::{Op, Type};
use crate::ops;
use crate::ops::scan::{Body, Scan, lifted};
use crate::var::Var;

/// What one step of a [`Graph::scan`] sees.
#[derive(Clone, Debug)]
pub struct StepInputs<'b> {
    /// What the step before made of the carried values.
    pub carried: Vec<Var<'b>>,
    /// The elements of the stacked values at this time.
    pub stacked: Vec<Var<'b>>,
    /// The fixed values.
    pub fixed: Vec<Var<'b>>,
}

/// What one step of a [`Graph::scan`] makes.
#[derive(Clone, Debug, Default)]
pub struct StepOutputs<'b> {
    /// The carried values of the next step, with the same shapes.
    pub carried: Vec<Var<'b>>,
    /// What is stacked.
    pub stacked: Vec<Var<'b>>,
}

/// What all steps of a [`Graph::scan`] made.
#[derive(Clone, Debug)]
pub struct Scanned<'g> {
    /// The carried values after the last step.
    pub last: Vec<Var<'g>>,
    /// The carried values after each step, `[steps, …]`, in the order of time.
    pub states: Vec<Var<'g>>,
    /// The stacked outputs, `[steps, …]`, in the order of time.
    pub stacked: Vec<Var<'g>>,
}

/// The order in which a [`Graph::scan`] takes its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Reverse,
}

/// Values that a [`Graph::scan`] starts from and reads.
#[derive(Clone, Copy, Debug)]
pub struct ScanInputs<'a, 'g> {
    /// The carried values before the first step.
    pub carried: &'a [Var<'g>],
    /// Values with time as their first axis, all of the same length.
    pub stacked: &'a [Var<'g>],
    /// Values that every step sees.
    pub fixed: &'a [Var<'g>],
}

impl Graph {
    /// Repeats a step along the first axis of stacked values: recurrent networks, filters, any recursion.
    ///
    /// The step is recorded once, into a graph of its own; it sees only what it is given. What in it depends on
    /// nothing but fixed values, and products of stacked values with fixed ones, leave the loop.
    ///
    /// ```
    /// use steepest_graph::{Direction, Feeds, Graph, ScanInputs, StepOutputs, evaluate, gradients};
    /// use steepest_tensor::Tensor;
    /// // hₜ = w hₜ₋₁ + xₜ
    /// let graph = Graph::new();
    /// let (x, w) = (graph.input("x", [3]), graph.host_scalar("w"));
    /// let inputs = ScanInputs { carried: &[graph.constant(0.0)], stacked: &[x], fixed: &[w] };
    /// let scanned = graph.scan(Direction::Forward, inputs, |s| StepOutputs {
    ///     carried: vec![s.fixed[0] * s.carried[0] + s.stacked[0]],
    ///     stacked: vec![],
    /// });
    /// let h = scanned.last[0];
    /// let slope = gradients(h, &[w])[0].dense();
    /// let feeds = Feeds::new().with("x", Tensor::f64([3], vec![1.0, 10.0, 100.0])?).scalar("w", 2.0);
    /// let values = evaluate(&graph, &[h, slope], &feeds)?;
    /// assert_eq!((values[0].to_f64(), values[1].to_f64()), (vec![124.0], vec![14.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn scan<'g>(
        &'g self,
        direction: Direction,
        inputs: ScanInputs<'_, 'g>,
        step: impl for<'b> FnOnce(&StepInputs<'b>) -> StepOutputs<'b>,
    ) -> Scanned<'g> {
        let steps = inputs.stacked.first().map_or(0, |x| x.dim(0));
        let inner = Graph::new();
        let given = |values: &[Var<'g>], without: usize| -> Vec<Type> {
            let shape = |v: &Var<'g>| Shape::new(v.shape().get(without..).unwrap_or_default());
            values.iter().map(|v| Type { shape: shape(v).unwrap_or(Shape::SCALAR), ..v.ty() }).collect()
        };
        let types = (given(inputs.carried, 0), given(inputs.stacked, 1), given(inputs.fixed, 0));
        let problem = inputs.stacked.iter().find(|x| x.shape().rank() == 0 || x.dim(0) != steps);
        if problem.is_some() || steps == 0 {
            let what =
                "stacked values need time as their first axis, at least one step, and all as many".to_owned();
            let help = "give the scan at least one stacked value `[steps, …]`".to_owned();
            self.report("scan", ProblemKind::Layer { what, help }, inputs.stacked);
        }
        let declare = |prefix: &str, types: &[Type]| -> Vec<Var<'_>> {
            let one = |(k, &ty): (usize, &Type)| inner.declare_input(&format!("{prefix}{k}"), ty);
            types.iter().enumerate().map(one).collect()
        };
        let seen = StepInputs {
            carried: declare("carried", &types.0),
            stacked: declare("stacked", &types.1),
            fixed: declare("fixed", &types.2),
        };
        let layer = self.layer();
        let made = inner.scoped(&layer, || step(&seen));
        for found in inner.problems() {
            self.adopt(found);
        }
        let stray = |node: &Node| {
            matches!(&node.op, Op::HostScalar(_) | Op::Read(_) | Op::Uniform(_) | Op::Scan(_))
                || matches!(&node.op, Op::Input(input) if !seen.names(&inner).contains(&input.name))
        };
        let shapes = |vars: &[Var<'_>]| vars.iter().map(|v| v.ty()).collect::<Vec<_>>();
        if inner.nodes().iter().any(stray) || shapes(&made.carried) != types.0 {
            let what =
                "a step must make of each carried value one of the same shape, and see only what it is given";
            let help = "pass variables, inputs, other scans and random numbers as fixed or stacked values"
                .to_owned();
            self.problem("scan", ProblemKind::Layer { what: what.to_owned(), help });
        }
        if !self.problems().is_empty() {
            return self.stand_in_for_scan(steps, inputs.carried, &made.stacked);
        }
        let index = |vars: &[Var<'_>]| vars.iter().map(|v| v.id().index()).collect::<Vec<_>>();
        let recorded = Recorded {
            nodes: inner.nodes(),
            inputs: [index(&seen.carried), index(&seen.stacked), index(&seen.fixed)],
            next: index(&made.carried),
            outputs: index(&made.stacked),
        };
        let (scan, all) = recorded.hoist(self, steps, direction == Direction::Reverse, inputs);
        self.run_scan(scan, &all)
    }

    /// The scan's node, and its parts.
    #[track_caller]
    pub(crate) fn run_scan<'g>(&'g self, scan: Scan, inputs: &[Var<'g>]) -> Scanned<'g> {
        let (segments, carried) = (scan.segments(), scan.body.carried);
        let (steps, reverse) = (scan.steps, scan.reverse);
        let flat = self.push(scan, inputs);
        let part = |start: usize, count: usize, shape: Shape| {
            let n = shape.elements();
            let shape = lifted(shape, count).unwrap_or(shape);
            flat.slice(0, start, start + count * n).reshape(shape)
        };
        let histories = segments[..carried].iter();
        let after = usize::from(!reverse);
        let states = histories.clone().map(|s| part(s.start + after * s.stride(), steps, s.shape));
        let slot = if reverse { 0 } else { steps };
        let last = histories.map(|s| part(s.start + slot * s.stride(), 1, s.shape).reshape(s.shape));
        let stacked = segments[carried..].iter().map(|s| part(s.start, steps, s.shape));
        Scanned { last: last.collect(), states: states.collect(), stacked: stacked.collect() }
    }

    fn stand_in_for_scan<'g>(
        &'g self,
        steps: usize,
        carried: &[Var<'g>],
        stacked: &[Var<'_>],
    ) -> Scanned<'g> {
        let all = |ty: Type| Type { shape: lifted(ty.shape, steps).unwrap_or(ty.shape), ..ty };
        Scanned {
            last: carried.iter().map(|v| self.stand_in(v.ty())).collect(),
            states: carried.iter().map(|v| self.stand_in(all(v.ty()))).collect(),
            stacked: stacked.iter().map(|v| self.stand_in(all(v.ty()))).collect(),
        }
    }
}

impl StepInputs<'_> {
    fn names(&self, graph: &Graph) -> Vec<String> {
        let all = self.carried.iter().chain(&self.stacked).chain(&self.fixed);
        let name = |var: &Var<'_>| {
            graph.with_node(var.id(), |node| match &node.op {
                Op::Input(input) => input.name.clone(),
                _ => String::new(),
            })
        };
        all.map(name).collect()
    }
}

/// A step as it was recorded.
pub(crate) struct Recorded {
    pub nodes: Vec<Node>,
    /// The nodes of carried, stacked and fixed inputs.
    pub inputs: [Vec<usize>; 3],
    pub next: Vec<usize>,
    pub outputs: Vec<usize>,
}

/// Where a value of the step can be had.
#[derive(Clone, Copy)]
enum Home<'g> {
    /// In the outer graph, the same for every step.
    Fixed(Var<'g>),
    /// The same, but as well made in the loop: a constant, a repetition.
    Either(Var<'g>),
    /// In the outer graph, with time as its first axis.
    Stacked(Var<'g>),
    /// Only in the loop.
    Loop,
}

impl Recorded {
    /// Moves out of the loop what needs not be in it, and drops what nothing needs; the scan and its inputs.
    pub fn hoist<'g>(
        self,
        graph: &'g Graph,
        steps: usize,
        reverse: bool,
        inputs: ScanInputs<'_, 'g>,
    ) -> (Scan, Vec<Var<'g>>) {
        let mut homes: Vec<Home<'g>> = Vec::with_capacity(self.nodes.len());
        let given = |home: fn(Var<'g>) -> Home<'g>, nodes: &[usize], values: &[Var<'g>]| {
            nodes.iter().copied().zip(values.iter().map(|&v| home(v))).collect::<Vec<_>>()
        };
        let mut known: BTreeMap<usize, Home<'g>> = BTreeMap::new();
        known.extend(given(Home::Stacked, &self.inputs[1], inputs.stacked));
        known.extend(given(Home::Fixed, &self.inputs[2], inputs.fixed));
        for (index, node) in self.nodes.iter().enumerate() {
            let home = match known.get(&index) {
                Some(home) => *home,
                None => graph.on_behalf_of(node, || outside(graph, node, &homes)),
            };
            homes.push(home);
        }
        let needed = needed(&self, &homes);
        let mut body =
            Body { nodes: Vec::new(), inputs: Vec::new(), carried: 0, stacked: 0, next: Vec::new() };
        let mut new: Vec<usize> = vec![usize::MAX; self.nodes.len()];
        let (mut stacked, mut fixed) = (Vec::new(), Vec::new());
        let input = |body: &mut Body, node: &Node, name: String| {
            let op = ops::input::Input { name, ty: node.ty };
            body.nodes.push(Node { op: op.into(), inputs: Vec::new(), ..node.clone() });
            body.nodes.len() - 1
        };
        for (k, &index) in self.inputs[0].iter().enumerate() {
            new[index] = input(&mut body, &self.nodes[index], format!("carried{k}"));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            match homes[index] {
                _ if !needed[index] || new[index] != usize::MAX => {}
                Home::Stacked(var) => {
                    new[index] = input(&mut body, node, format!("stacked{}", stacked.len()));
                    stacked.push((new[index], var));
                }
                Home::Fixed(var) => {
                    new[index] = input(&mut body, node, format!("fixed{}", fixed.len()));
                    fixed.push((new[index], var));
                }
                Home::Loop | Home::Either(_) => {
                    let inputs = node.inputs.iter().map(|id| NodeId(new[id.index()] as u32)).collect();
                    body.nodes.push(Node { inputs, ..node.clone() });
                    new[index] = body.nodes.len() - 1;
                }
            }
        }
        (body.carried, body.stacked) = (inputs.carried.len(), stacked.len());
        body.inputs = self.inputs[0].iter().map(|&index| new[index]).collect();
        body.inputs.extend(stacked.iter().chain(&fixed).map(|(node, _)| *node));
        body.next = self.next.iter().map(|&index| new[index]).collect();
        let outputs = self.outputs.iter().map(|&index| new[index]).collect();
        let outer = stacked.iter().chain(&fixed).map(|(_, var)| *var);
        let all = inputs.carried.iter().copied().chain(outer).collect();
        (Scan { body: Rc::new(body), steps, reverse, outputs }, all)
    }
}

/// Where the value of a node can be had, given where its inputs are; makes it in the outer graph if it may.
#[track_caller]
fn outside<'g>(graph: &'g Graph, node: &Node, homes: &[Home<'g>]) -> Home<'g> {
    let inputs: Vec<Home<'g>> = node.inputs.iter().map(|id| homes[id.index()]).collect();
    let fixed: Option<Vec<Var<'g>>> = inputs
        .iter()
        .map(|home| match home {
            Home::Fixed(var) | Home::Either(var) => Some(*var),
            _ => None,
        })
        .collect();
    let constant = || inputs.iter().all(|home| matches!(home, Home::Either(_)));
    match (fixed, &node.op, inputs.as_slice()) {
        (_, Op::Input(_), _) => Home::Loop,
        (Some(_), op @ Op::Constant(_), _) => Home::Either(graph.push(op.clone(), &[])),
        (Some(_), op @ Op::Literal(_), _) => Home::Fixed(graph.push(op.clone(), &[])),
        (Some(fixed), _, []) if fixed.is_empty() => Home::Loop,
        (Some(fixed), op @ Op::Broadcast(_), _) => Home::Either(graph.push(op.clone(), &fixed)),
        (Some(fixed), op, _) if constant() => Home::Either(graph.push(op.clone(), &fixed)),
        (Some(fixed), op, _) => Home::Fixed(graph.push(op.clone(), &fixed)),
        // [steps, rows, k] · [k, n]: one product for all steps.
        (None, Op::MatMul(_), &[Home::Stacked(x), Home::Fixed(w)]) if x.shape().rank() == 3 => {
            Home::Stacked(x.matmul(w))
        }
        _ => Home::Loop,
    }
}

/// What the results are computed from within the loop; an input of it needs nothing.
fn needed(recorded: &Recorded, homes: &[Home<'_>]) -> Vec<bool> {
    let mut needed = vec![false; recorded.nodes.len()];
    recorded.next.iter().chain(&recorded.outputs).for_each(|&index| needed[index] = true);
    for (index, node) in recorded.nodes.iter().enumerate().rev() {
        if needed[index] && matches!(homes[index], Home::Loop | Home::Either(_)) {
            node.inputs.iter().for_each(|id| needed[id.index()] = true);
        }
    }
    needed
}
