//! Random graphs: whatever is built of the operations, the plan follows the reference.

use steepest_graph::{Graph, Initial, Var, VariableKind, gradients};
use steepest_tensor::{Key, Shape, Tensor};

use crate::dice::Dice;
use crate::harness::follow;

const SIZES: [usize; 12] = [0, 1, 2, 3, 7, 13, 16, 17, 31, 64, 65, 100];
/// Elements that a value may have, for the sake of the reference's time.
const LARGEST: usize = 4_000;

/// A graph being built.
struct Builder<'g> {
    graph: &'g Graph,
    dice: Dice,
    /// Real values so far.
    values: Vec<Var<'g>>,
    variables: Vec<Var<'g>>,
    /// Inputs to feed: the name, the shape, and for indices their bound.
    inputs: Vec<(String, Shape, Option<usize>)>,
}

impl<'g> Builder<'g> {
    fn shape(&mut self) -> Shape {
        loop {
            let sizes: Vec<usize> = (0..self.dice.below(5)).map(|_| self.dice.one_of(&SIZES)).collect();
            let shape = Shape::new(&sizes).unwrap();
            if shape.elements() <= LARGEST {
                return shape;
            }
        }
    }

    /// A new input, variable or literal.
    fn leaf(&mut self, shape: Shape) -> Var<'g> {
        let name = format!("x{}", self.inputs.len() + self.variables.len());
        match self.dice.below(5) {
            0 | 1 => {
                let initial = Initial::Uniform { key: Key::new(1).stream(&name), low: -1.0, high: 1.0 };
                self.variables.push(self.graph.variable(&name, VariableKind::Parameter, shape, initial));
                self.variables[self.variables.len() - 1]
            }
            2 => {
                let values = self.dice.reals(shape, (-1.0, 1.0));
                self.graph.literal(values)
            }
            _ => {
                self.inputs.push((name.clone(), shape, None));
                self.graph.input(&name, shape)
            }
        }
    }

    fn indices(&mut self, shape: Shape, bound: usize) -> Var<'g> {
        let name = format!("i{}", self.inputs.len());
        self.inputs.push((name.clone(), shape, Some(bound.max(1))));
        self.graph.index_input(&name, shape)
    }

    fn pick(&mut self) -> Var<'g> {
        // Late values more often than early ones, so that chains grow long.
        let n = self.values.len();
        let from = if self.dice.once_in(3) { 0 } else { n - n.min(4) };
        self.values[from + self.dice.below(n - from)]
    }

    /// A value that broadcasts against `x`.
    fn partner(&mut self, x: Var<'g>) -> Var<'g> {
        let same: Vec<Var<'g>> = self.values.iter().copied().filter(|v| v.shape() == x.shape()).collect();
        match self.dice.below(6) {
            0 | 1 => same[self.dice.below(same.len())],
            2 => {
                let constant = self.dice.one_of(&[0.0, 1.0, -1.0, 0.3]);
                self.graph.constant(constant)
            }
            3 => {
                let rate = self.graph.host_scalar("rate");
                if self.dice.once_in(2) { rate } else { rate * rate + 0.5 }
            }
            4 if x.shape().rank() > 0 => {
                let axes = self.axes(x);
                let kept = (0..x.shape().rank()).map(|i| if axes.contains(&i) { 1 } else { x.shape()[i] });
                let kept = Shape::new(&kept.collect::<Vec<_>>()).unwrap();
                let count = x.shape().elements() / kept.elements().max(1);
                (x.sum_over(&axes) / count.max(1) as f64).reshape(kept).sin()
            }
            _ => {
                let sizes: Vec<usize> =
                    x.shape().iter().map(|&n| if self.dice.once_in(2) { 1 } else { n }).collect();
                let dropped =
                    if self.dice.once_in(3) { sizes.iter().take_while(|&&n| n == 1).count() } else { 0 };
                self.leaf(Shape::new(&sizes[dropped..]).unwrap())
            }
        }
    }

    fn axes(&mut self, x: Var<'g>) -> Vec<usize> {
        let rank = x.shape().rank();
        let axes: Vec<usize> = (0..rank).filter(|_| self.dice.once_in(2)).collect();
        if axes.is_empty() { vec![self.dice.below(rank)] } else { axes }
    }

    fn unary(&mut self, x: Var<'g>) -> Var<'g> {
        match self.dice.below(17) {
            0 => x.tanh(),
            1 => x.sigmoid(),
            2 => x.sin(),
            3 => x.cos(),
            4 => x.erf(),
            5 => x.relu(),
            6 => x.abs(),
            7 => -x,
            8 => x.tanh().softplus(),
            9 => x.tanh().exp(),
            10 => (x.abs() + 0.1).sqrt(),
            11 => (x * x + 0.5).ln(),
            12 => x.stop_gradient(),
            13 => x.sin().with_derivative(x, &[x.cos()], |grad, _, others| grad * others[0]),
            14 => x.sign() * x,
            15 => (x.abs() + 0.2).powf(1.5).tanh(),
            // Not 0, which is what rounding makes of differences.
            _ => (3.0 * x + 0.123).floor() * 0.1 + x,
        }
    }

    fn binary(&mut self, x: Var<'g>) -> Var<'g> {
        let y = self.partner(x);
        match self.dice.below(11) {
            0 => x + y,
            1 => x - y,
            2 => y - x,
            3 => x * y,
            4 => x / (y * y + 1.0),
            5 => x.maximum(y),
            6 => x.minimum(y),
            7 => x.less(y).select(x, y),
            8 => x * y + x,
            9 => x - y * 0.7,
            _ => (x.abs() + 0.5).pow(y.sin()),
        }
    }

    fn reduction(&mut self, x: Var<'g>) -> Var<'g> {
        if x.shape().rank() == 0 {
            return x.sin();
        }
        let axes = self.axes(x);
        let count = axes.iter().map(|&axis| x.shape()[axis]).product::<usize>().max(1) as f64;
        let empty = x.shape().contains(&0);
        match self.dice.below(6) {
            0 if !empty => x.max_over(&axes),
            1 if !empty => {
                let e = (x - x.max_last().stop_gradient()).exp();
                e / e.sum_last()
            }
            2 if !empty => x.softmax_last(),
            3 => x - x.sum_last() / x.dim(-1).max(1) as f64,
            _ => x.sum_over(&axes) / count,
        }
    }

    fn movement(&mut self, x: Var<'g>) -> Var<'g> {
        let (shape, rank) = (x.shape(), x.shape().rank());
        if rank == 0 {
            return x.broadcast_to([3]);
        }
        let axis = self.dice.below(rank);
        let n = shape[axis];
        match self.dice.below(8) {
            0 => {
                let mut order: Vec<usize> = (0..rank).collect();
                (1..rank).for_each(|i| order.swap(i, self.dice.below(i + 1)));
                x.permute(&order)
            }
            1 => x.reshape([shape.elements()]),
            2 => x.reshape([shape.columns(), shape.rows()]),
            3 => x.slice(axis, n / 3, n - n / 4),
            4 => {
                let (before, after) = (self.dice.below(3), self.dice.below(3));
                x.pad(axis, before, after)
            }
            5 => {
                let start = n / 2;
                x.concat(&[x.slice(axis, start, n), x.sin()], axis)
            }
            6 if rank < 5 => {
                let times = 1 + self.dice.below(3);
                x.broadcast_to(Shape::new(&[&[times], &shape[..]].concat()).unwrap())
            }
            _ => x.reshape(Shape::new(&[&shape[..], &[1]].concat()).unwrap_or(shape)),
        }
    }

    fn product(&mut self, x: Var<'g>) -> Var<'g> {
        let (shape, rank) = (x.shape(), x.shape().rank());
        let x = if rank < 2 { x.reshape([shape.rows(), shape.columns()]) } else { x };
        let (k, n) = (x.dim(-1), self.dice.one_of(&SIZES));
        if x.shape().rows() * k * n > 60_000 {
            return x;
        }
        let y = match self.dice.below(4) {
            0 => x.matmul(x.transpose()),
            1 => x.transpose().matmul(x),
            2 => {
                let w = self.leaf(Shape::from([n, k]));
                x.matmul(w.transpose())
            }
            _ => {
                let w = self.leaf(Shape::from([k, n]));
                x.matmul(w)
            }
        };
        y * (1.0 / k.max(1) as f64)
    }

    fn table(&mut self, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        let Some(&rows) = shape.first() else { return x.cos() };
        match self.dice.below(4) {
            0 => {
                let count = self.dice.one_of(&[0, 1, 5, 20]);
                let indices = self.indices([count].into(), rows);
                if rows == 0 { x } else { x.gather(indices) }
            }
            1 => {
                let indices = self.indices([rows].into(), 9);
                x.scatter_add(indices, 7).tanh()
            }
            2 if shape.columns() > 0 && shape.rank() < 6 => {
                let n = shape.columns();
                // Of values as they are fed: rounding decides between equal ones.
                self.leaf(shape).arg_max().one_hot(n) * x
            }
            _ => {
                let key = Key::new(3).at(self.dice.below(1000) as u64);
                self.graph.uniform(key, self.graph.host_scalar("step"), shape) * x
            }
        }
    }

    fn grow(&mut self) {
        let x = self.pick();
        let y = match self.dice.below(16) {
            0..=3 => self.unary(x),
            4..=8 => self.binary(x),
            9 | 10 => self.reduction(x),
            11 | 12 => self.movement(x),
            13 | 14 => self.product(x),
            _ => self.table(x),
        };
        if y.shape().elements() <= LARGEST {
            self.values.push(y);
        }
    }

    /// What each variable becomes: something of its shape.
    fn assign(&mut self, loss: Var<'g>) {
        let slopes = gradients(loss, &self.variables);
        for (i, &theta) in self.variables.clone().iter().enumerate() {
            let same = |v: &&Var<'g>| v.shape() == theta.shape();
            let values: Vec<Var<'g>> = self.values.iter().filter(same).copied().collect();
            let others: Vec<Var<'g>> = self.variables.iter().filter(same).copied().collect();
            let value = match self.dice.below(8) {
                0 => continue,
                1 if !values.is_empty() => values[self.dice.below(values.len())].tanh(),
                2 if !values.is_empty() => values[self.dice.below(values.len())],
                3 => others[self.dice.below(others.len())],
                4 => self.graph.host_scalar("rate").broadcast_to(theta.shape()),
                5 => (theta - 0.1 * slopes[i].dense()).tanh(),
                _ => theta - 0.01 * slopes[i].dense().tanh(),
            };
            self.graph.assign(theta, value);
            if self.dice.once_in(4) {
                self.values.push(value);
            }
        }
    }
}

fn check(seed: u64) {
    let graph = Graph::new();
    let (values, variables, inputs) = (Vec::new(), Vec::new(), Vec::new());
    let mut b = Builder { graph: &graph, dice: Dice::new(seed), values, variables, inputs };
    for _ in 0..2 + b.dice.below(3) {
        let shape = b.shape();
        let leaf = b.leaf(shape);
        b.values.push(leaf);
    }
    for _ in 0..5 + b.dice.below(21) {
        b.grow();
    }
    let count = b.values.len();
    let late: Vec<Var<'_>> = b.values[count - count.min(5)..].to_vec();
    let loss = late.iter().map(|v| v.tanh().sum()).reduce(|x, y| x + y).unwrap();
    b.assign(loss);
    let mut outputs = vec![loss];
    for _ in 0..b.dice.below(4) {
        outputs.push(b.pick());
    }
    let mut steps = Vec::new();
    for t in 1..=3 {
        let mut step = vec![
            ("rate".to_owned(), Tensor::scalar(0.25 * f64::from(t))),
            ("step".to_owned(), Tensor::scalar(f64::from(t))),
        ];
        for (name, shape, bound) in b.inputs.clone() {
            let value = match bound {
                Some(bound) => b.dice.indices(shape, bound),
                None => b.dice.reals(shape, (-1.0, 1.0)),
            };
            step.push((name, value));
        }
        steps.push(step);
    }
    follow(&graph, &outputs, &steps, &format!("seed {seed}"));
}

#[test]
fn plans_follow_the_reference() {
    (0..250).for_each(check);
}
