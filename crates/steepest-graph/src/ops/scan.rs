//! A loop over time: one step's graph, repeated.

use std::fmt;
use std::rc::Rc;

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::graph::Node;
use crate::op::{Element, Op, Partial, Rule, Site, Type};
use crate::ops;
use crate::scan::derivative;

/// The graph of one step.
///
/// Its inputs are carried values, elements of stacked values, and fixed values, in this order. What it makes of the
/// carried values has their types.
#[derive(Debug)]
pub struct Body {
    pub(crate) nodes: Vec<Node>,
    /// The nodes of the inputs.
    pub(crate) inputs: Vec<usize>,
    pub(crate) carried: usize,
    pub(crate) stacked: usize,
    /// What each carried value becomes.
    pub(crate) next: Vec<usize>,
}

/// hₜ, yₜ = step(hₜ₋₁, xₜ, w) for all t: carried values h, stacked x and y, fixed w.
///
/// Inputs are the initial carried values, the stacked values with time as their first axis, and the fixed values.
/// There is one result, flat: for each carried value its history `[steps + 1, …]`, then for each output `[steps, …]`,
/// all in the order of time. In reverse the last step is the first one made, and initial values stand at the end of
/// the histories.
///
/// The derivative is another scan, in the other direction. It reads values that this one saves; derivatives by fixed
/// values are sums over all steps, made after it. See [`Graph::scan`](crate::Graph::scan).
#[derive(Clone)]
pub struct Scan {
    pub(crate) body: Rc<Body>,
    pub(crate) steps: usize,
    pub(crate) reverse: bool,
    /// The nodes of the body whose values are stacked.
    pub(crate) outputs: Vec<usize>,
}

/// A part of a scan's flat result: where it starts, its steps, and the shape of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    pub start: usize,
    pub steps: usize,
    pub shape: Shape,
}

impl Segment {
    /// Elements of a step.
    pub fn stride(&self) -> usize {
        self.shape.elements()
    }

    /// Where it ends.
    pub fn end(&self) -> usize {
        self.start + self.steps * self.stride()
    }
}

impl Scan {
    /// The histories of the carried values, then the stacked outputs.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let histories = self.body.next.iter().map(|&node| (node, self.steps + 1));
        let mut start = 0;
        let all = histories.chain(self.outputs.iter().map(|&node| (node, self.steps)));
        all.map(|(node, steps)| {
            let segment = Segment { start, steps, shape: self.body.nodes[node].ty.shape };
            start = segment.end();
            segment
        })
        .collect()
    }

    /// How many inputs are carried, stacked and fixed.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let (carried, stacked) = (self.body.carried, self.body.stacked);
        (carried, stacked, self.body.inputs.len() - carried - stacked)
    }

    /// Whether another scan makes the first outputs of this one, and nothing else.
    pub(crate) fn extends(&self, other: &Scan) -> bool {
        Rc::ptr_eq(&self.body, &other.body)
            && (self.steps, self.reverse) == (other.steps, other.reverse)
            && self.outputs.starts_with(&other.outputs)
    }
}

impl PartialEq for Scan {
    fn eq(&self, other: &Scan) -> bool {
        self.extends(other) && self.outputs.len() == other.outputs.len()
    }
}

/// Two scans are written alike if, and only if, they are equal.
impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (body, steps, reverse) = (Rc::as_ptr(&self.body), self.steps, self.reverse);
        write!(f, "Scan({body:?}, {steps}, {reverse}, {:?})", self.outputs)
    }
}

impl Rule for Scan {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let (carried, stacked, _) = self.counts();
        for (k, (input, &node)) in inputs.iter().zip(&self.body.inputs).enumerate() {
            ops::needs(*input, Element::Real)?;
            let step = self.body.nodes[node].ty.shape;
            let expected = match (carried..carried + stacked).contains(&k) {
                true => lifted(step, self.steps)?,
                false => step,
            };
            if input.shape != expected {
                return Err(ProblemKind::Shape { expected, got: input.shape });
            }
        }
        Ok(Type::real([self.segments().last().map_or(0, Segment::end)]))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        derivative::derivative(self, at)
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (carried, stacked, _) = self.counts();
        let segments = self.segments();
        let mut result = vec![0.0; output.shape.elements()];
        let inputs: Vec<Vec<f64>> = inputs.iter().map(|input| input.to_f64()).collect();
        let mut state = inputs[..carried].to_vec();
        for (segment, values) in segments.iter().zip(&state) {
            let slot = if self.reverse { self.steps } else { 0 };
            write(&mut result, segment, slot, values);
        }
        for step in 0..self.steps {
            let t = if self.reverse { self.steps - 1 - step } else { step };
            let of_step = inputs.iter().enumerate().map(|(k, values)| match k {
                k if k < carried => state[k].clone(),
                k if k < carried + stacked => {
                    let n = values.len() / self.steps;
                    values[t * n..(t + 1) * n].to_vec()
                }
                _ => values.clone(),
            });
            let values = self.body.evaluate(of_step.collect());
            state = self.body.next.iter().map(|&node| values[node].to_f64()).collect();
            let after = if self.reverse { t } else { t + 1 };
            for (segment, values) in segments.iter().zip(&state) {
                write(&mut result, segment, after, values);
            }
            for (segment, &node) in segments[carried..].iter().zip(&self.outputs) {
                write(&mut result, segment, t, &values[node].to_f64());
            }
        }
        ops::tensor(output.shape, result)
    }
}

fn write(result: &mut [f64], segment: &Segment, slot: usize, values: &[f64]) {
    let start = segment.start + slot * segment.stride();
    result[start..start + values.len()].copy_from_slice(values);
}

/// The shape of all steps.
pub(crate) fn lifted(step: Shape, steps: usize) -> Result<Shape, ProblemKind> {
    let sizes: Vec<usize> = std::iter::once(steps).chain(step.iter().copied()).collect();
    Ok(Shape::new(&sizes)?)
}

impl Body {
    /// The values of all nodes, by the readable kernels.
    fn evaluate(&self, inputs: Vec<Vec<f64>>) -> Vec<Tensor> {
        let mut values: Vec<Tensor> = Vec::with_capacity(self.nodes.len());
        let mut given: std::collections::BTreeMap<usize, Vec<f64>> =
            self.inputs.iter().copied().zip(inputs).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            let value = match (given.remove(&index), &node.op) {
                (Some(values), _) => ops::tensor(node.ty.shape, values),
                (None, Op::Input(_)) => ops::unfed(node.ty),
                (None, op) => {
                    let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| &values[id.index()]).collect();
                    op.rule().reference(&inputs, node.ty)
                }
            };
            values.push(value);
        }
        values
    }
}
