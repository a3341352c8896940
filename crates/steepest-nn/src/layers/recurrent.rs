//! Recurrent layers: a plain network, long short-term memory, gated recurrent units.

use serde::{Deserialize, Serialize};
use steepest_graph::{Direction, Initial, ScanInputs, StepInputs, StepOutputs, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::Shape;

use super::positions::table;
use super::{LayerSpec, not_ahead, wrong_input};
use crate::registry::configure;
use crate::{Dropout, Layer, Phase, Scope};

/// What a recurrent layer does in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// h' = tanh(W x + b + U h + c).
    Rnn,
    /// i, f, o = σ(…), g = tanh(…); c' = f c + i g; h' = o tanh(c').
    Lstm,
    /// r, z = σ(…); n = tanh(W x + b + r (U h + c)); h' = (1 − z) n + z h.
    Gru,
}

impl Cell {
    /// Blocks of weights, in PyTorch's order: `i f g o`, `r z n`.
    fn gates(self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// Values carried from step to step: h, and c of the long short-term memory.
    pub(crate) fn carried(self) -> usize {
        if self == Cell::Lstm { 2 } else { 1 }
    }

    /// One step. Stacked are the gates' W x + b (without the biases c, but for those that r multiplies), fixed
    /// their U, and for gated units the c of n.
    fn step<'b>(self, s: &StepInputs<'b>) -> Vec<Var<'b>> {
        let h = s.carried[0];
        let gate = |k: usize| s.stacked[k] + h.matmul(s.fixed[k]);
        match self {
            Cell::Rnn => vec![gate(0).tanh()],
            Cell::Lstm => {
                let (i, f, g, o) = (gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid());
                let c = f * s.carried[1] + i * g;
                vec![o * c.tanh(), c]
            }
            Cell::Gru => {
                let (r, z) = (gate(0).sigmoid(), gate(1).sigmoid());
                let n = (s.stacked[2] + r * (h.matmul(s.fixed[2]) + s.fixed[3])).tanh();
                vec![n + z * (h - n)]
            }
        }
    }
}

/// A recurrent network over sequences, with one or several layers.
///
/// x of shape `[batch, T, inputs]` gives h of shape `[batch, T, hidden]`, with both directions `[batch, T, 2 · hidden]`.
/// Gates have the order and both biases of PyTorch; all weights start from U(−1/√hidden, 1/√hidden), as there.
/// Parameters of layer l are `weight_ih_l`, `weight_hh_l`, `bias_ih_l`, `bias_hh_l` (backwards `…_reverse`), of shapes
/// `[gates, inputs, hidden]`, `[gates, hidden, hidden]` and `[gates, hidden]`: PyTorch's blocks, each transposed.
///
/// The products W x of all steps are one product; the loop holds only U h and the gates. With lengths, steps behind
/// an example's end change nothing, so the last state is that of its last step.
///
/// References: Elman, 1990, *Finding structure in time*; Hochreiter and Schmidhuber, 1997, *Long short-term memory*,
/// with the forget gate of Gers, Schmidhuber and Cummins, 2000; Cho et al., 2014, *Learning phrase representations using
/// RNN encoder-decoder*; bidirectional: Schuster and Paliwal, 1997.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Cell, Phase, Recurrent, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("lstm", &Recurrent::new(Cell::Lstm, 64), graph.input("x", [8, 20, 5]));
/// assert_eq!(*y.shape(), [8, 20, 64]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 4 * (64 * 5 + 64 * 64 + 64 + 64));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recurrent {
    /// What a step does.
    pub cell: Cell,
    /// Units of each layer and direction.
    pub hidden: usize,
    /// Layers, each over the states of the one before.
    pub layers: usize,
    /// Whether a second network reads from the end.
    pub bidirectional: bool,
    /// The share of units dropped in training between layers.
    pub dropout: f64,
    /// Whether the layer gives only the state behind each example's last step, `[batch, hidden]`, and not all of them.
    pub last: bool,
}

/// What a recurrent network makes of sequences.
#[derive(Clone, Debug)]
pub struct States<'g> {
    /// h of the last layer at each step, `[batch, T, hidden]`.
    pub all: Var<'g>,
    /// h of the last layer behind each example's last step; of both directions, one beside the other.
    pub last: Var<'g>,
    /// The carried values of each layer and direction behind the last step: h, and c of the long short-term memory.
    pub carried: Vec<Vec<Var<'g>>>,
}

impl Recurrent {
    /// One layer that reads forwards.
    pub fn new(cell: Cell, hidden: usize) -> Recurrent {
        Recurrent { cell, hidden, layers: 1, bidirectional: false, dropout: 0.0, last: false }
    }

    /// Runs over sequences of which only the first `lengths` steps count (reals of shape `[batch]`).
    #[track_caller]
    pub fn run<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>, lengths: Option<Var<'g>>) -> States<'g> {
        let (batch, steps) = (x.dim(0), x.dim(1));
        if !x.ty().is_real() || x.shape().rank() != 3 || steps == 0 || self.hidden == 0 || self.layers == 0 {
            let needs =
                "real values of shape [batch, length, features] with at least one step, layer and unit";
            wrong_input("recurrent", x, needs, "embed tokens first, or give features an axis of time");
            let zero = x.graph().constant(0.0);
            let (all, last) = ([batch, steps, self.hidden], [batch, self.hidden]);
            return States {
                all: zero.broadcast_to(all),
                last: zero.broadcast_to(last),
                carried: Vec::new(),
            };
        }
        cx.trace.sequences = true;
        // Time first: a step's values then follow one another in memory.
        let states = self.over_time(cx, x.permute(&[1, 0, 2]), lengths, false);
        States { all: states.all.permute(&[1, 0, 2]), ..states }
    }

    /// The same over `[T, batch, inputs]`, with states `[T, batch, hidden]`. With `carry`, a training step begins with
    /// the states that the step before ended with, of which nothing is known to the derivative.
    #[track_caller]
    pub(crate) fn over_time<'g>(
        &self,
        cx: &mut Scope<'_, 'g>,
        x: Var<'g>,
        lengths: Option<Var<'g>>,
        carry: bool,
    ) -> States<'g> {
        let (steps, batch, mut h) = (x.dim(0), x.dim(1), x);
        let counts = lengths.map(|lengths| {
            let lengths = lengths.reshape([1, batch]).maximum(x.constant(1.0));
            let times = table(x, steps, 1, |t, _| t as f64);
            times.less(lengths).reshape([steps, batch, 1])
        });
        let (mut carried, mut last) = (Vec::new(), Vec::new());
        for layer in 0..self.layers {
            if layer > 0 {
                h = cx.apply(&format!("dropout{layer}"), &Dropout { rate: self.dropout }, h);
            }
            let backwards = [Direction::Forward, Direction::Reverse];
            let directions = &backwards[..1 + usize::from(self.bidirectional)];
            let runs: Vec<(Var<'g>, Vec<Var<'g>>)> = directions
                .iter()
                .map(|&direction| self.layer(cx, (layer, direction), h, counts, carry))
                .collect();
            let axis = 2;
            let rest: Vec<Var<'g>> = runs[1..].iter().map(|(states, _)| *states).collect();
            h = if rest.is_empty() { runs[0].0 } else { runs[0].0.concat(&rest, axis) };
            last = runs.iter().map(|(_, last)| last[0]).collect();
            carried.extend(runs.into_iter().map(|(_, last)| last));
        }
        let both = if last.len() > 1 { last[0].concat(&last[1..], 1) } else { last[0] };
        States { all: h, last: both, carried }
    }

    /// One layer in one direction over `[T, batch, inputs]`: all its states, and what is carried behind the last step.
    #[track_caller]
    fn layer<'g>(
        &self,
        cx: &mut Scope<'_, 'g>,
        (layer, direction): (usize, Direction),
        x: Var<'g>,
        counts: Option<Var<'g>>,
        carry: bool,
    ) -> (Var<'g>, Vec<Var<'g>>) {
        let (cell, hidden, gates) = (self.cell, self.hidden, self.cell.gates());
        cx.channels_first(false);
        let (batch, inputs) = (x.dim(1), x.dim(2));
        let suffix = if direction == Direction::Reverse { "_reverse" } else { "" };
        let bound = 1.0 / (hidden as f64).sqrt();
        let mut param = |kind: &str, shape: Shape| {
            let name = format!("{kind}_l{layer}{suffix}");
            let key = cx.initial_key(&name);
            let initial = Initial::Uniform { key, low: -bound, high: bound };
            let value = cx.param_from(&name, shape, initial);
            // PyTorch has the gates below one another, and each weight transposed.
            match shape[..] {
                [g, i, o] => {
                    cx.stored_in_pytorch(&name, &name, &shape, &[0, 2, 1], &[g.saturating_mul(o), i])
                }
                _ => cx.stored_in_pytorch(&name, &name, &shape, &[0, 1], &[shape.elements()]),
            }
            value
        };
        let weight = param("weight_ih", [gates, inputs, hidden].into());
        let recurrent = param("weight_hh", [gates, hidden, hidden].into());
        let (bias, bias_h) =
            (param("bias_ih", [gates, hidden].into()), param("bias_hh", [gates, hidden].into()));
        let block = |value: Var<'g>, k: usize| {
            let shape = Shape::new(&value.shape()[1..]).unwrap_or(Shape::SCALAR);
            value.slice(0, k, k + 1).reshape(shape)
        };
        let joint = bias + bias_h;
        let mut stacked: Vec<Var<'g>> = (0..gates)
            .map(|k| {
                // r multiplies the other bias of n.
                let bias = if cell == Cell::Gru && k == 2 { bias } else { joint };
                x.matmul(block(weight, k)) + block(bias, k)
            })
            .collect();
        let mut fixed: Vec<Var<'g>> = (0..gates).map(|k| block(recurrent, k)).collect();
        if cell == Cell::Gru {
            fixed.push(block(bias_h, 2));
        }
        stacked.extend(counts);
        let before: Vec<(Var<'g>, Var<'g>)> = match carry && cx.phase() == Phase::Train {
            true => {
                let names = ["h", "c"].iter().take(cell.carried());
                names.map(|name| cx.carried(&format!("carried_{name}_l{layer}"), [batch, hidden])).collect()
            }
            false => Vec::new(),
        };
        let zero = x.graph().constant(0.0).broadcast_to([batch, hidden]);
        let carried: Vec<Var<'g>> = match before.is_empty() {
            true => vec![zero; cell.carried()],
            false => before.iter().map(|(_, value)| *value).collect(),
        };
        let inputs = ScanInputs { carried: &carried, stacked: &stacked, fixed: &fixed };
        let scanned = x.graph().scan(direction, inputs, |s| {
            let mut next = cell.step(s);
            if let Some(&counts) = s.stacked.get(gates) {
                for (next, &before) in next.iter_mut().zip(&s.carried) {
                    *next = counts.broadcast_to(next.shape()).select(*next, before);
                }
            }
            StepOutputs { carried: next, stacked: Vec::new() }
        });
        for ((variable, _), &last) in before.iter().zip(&scanned.last) {
            cx.set_state(*variable, last);
        }
        // Behind the end there is no state.
        let states = counts.map_or(scanned.states[0], |counts| scanned.states[0] * counts);
        (states, scanned.last)
    }
}

impl Layer for Recurrent {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        not_ahead(cx, "recurrent", x, self.bidirectional, "set `bidirectional = false`");
        let lengths = cx.lengths_of(x);
        let states = self.run(cx, x, lengths);
        if self.last { states.last } else { states.all }
    }
}

pub(crate) const HIDDEN: Hyperparameter = Hyperparameter {
    name: "hidden",
    symbol: "",
    summary: "Units of each layer and direction.",
    accepts: Accepts::SIZE,
    default: Default::Integer(128),
    source: "ours",
};
pub(crate) const LAYERS: Hyperparameter = Hyperparameter {
    name: "layers",
    symbol: "",
    summary: "Layers, each over the states of the one before.",
    accepts: Accepts::SIZE,
    default: Default::Integer(1),
    source: "PyTorch LSTM",
};
pub(crate) const BIDIRECTIONAL: Hyperparameter = Hyperparameter {
    name: "bidirectional",
    symbol: "",
    summary: "Whether a second network reads from the end.",
    accepts: Accepts::Bool,
    default: Default::Bool(false),
    source: "PyTorch LSTM",
};
pub(crate) const DROPOUT: Hyperparameter = Hyperparameter {
    name: "dropout",
    symbol: "p",
    summary: "The share of units dropped in training between layers.",
    accepts: Accepts::FRACTION,
    default: Default::Number(0.0),
    source: "PyTorch LSTM",
};

/// A recurrent network over sequences.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "recurrent",
        summary: "A recurrent network over sequences: plain, long short-term memory, or gated units.",
        formula: "hₜ = cell(hₜ₋₁, xₜ)",
        reference: "Elman, 1990; Hochreiter and Schmidhuber, 1997; Cho et al., 2014; PyTorch RNN, LSTM, GRU",
        hyperparameters: &[
            Hyperparameter {
                name: "cell",
                symbol: "",
                summary: "What a step does.",
                accepts: Accepts::Choice(&["rnn", "lstm", "gru"]),
                default: Default::Text("lstm"),
                source: "Hochreiter and Schmidhuber, 1997",
            },
            HIDDEN,
            LAYERS,
            BIDIRECTIONAL,
            DROPOUT,
            Hyperparameter {
                name: "last",
                symbol: "",
                summary: "Whether only the state behind each example's last step is given, and not all of them.",
                accepts: Accepts::Bool,
                default: Default::Bool(false),
                source: "PyTorch LSTM; Keras has return_sequences = false",
            },
        ],
    },
    build: |settings| Ok(Box::new(configure::<Recurrent>(&SPEC.about, settings, &[])?)),
};
