//! Recurrent networks as classifiers, for regression, and as language models.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Inputs, LENGTHS, Model, ModelSpec};
use crate::layers::recurrent::{BIDIRECTIONAL, DROPOUT, HIDDEN, LAYERS};
use crate::layers::wrong_input;
use crate::registry::configure;
use crate::{Cell, Dense, Embedding, Init, Recurrent, Scope};

/// A recurrent network with a linear head.
///
/// Over features x of shape `[batch, T, features]` (a matrix such as an image is read row by row): ŷ = h_T W + b, of
/// shape `[batch, outputs]`; with an input [`LENGTHS`] of shape `[batch]`, h behind each example's own last step. Over
/// tokens of shape `[batch, T]`: zₜ = hₜ W + b, of shape `[batch, T, outputs]`, with each token's vector as x.
///
/// Parameters are `lstm.tokens.weight` (over tokens), `lstm.recurrent.weight_ih_l0`, …, `lstm.head.weight`,
/// `lstm.head.bias`, or the same behind `rnn` and `gru`. See [`Recurrent`].
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Cell, Inputs, Model, Phase, RecurrentModel, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let model = RecurrentModel::new(Cell::Gru, 32, 9);
/// let y = model.output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [8, 29, 12])));
/// assert_eq!(*y.shape(), [8, 9]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecurrentModel {
    /// What a step does.
    pub cell: Cell,
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// Units of each layer and direction.
    pub hidden: usize,
    /// Layers, each over the states of the one before.
    pub layers: usize,
    /// Whether a second network reads from the end; not over tokens, of which it would see the next.
    pub bidirectional: bool,
    /// The share of units dropped in training between layers.
    pub dropout: f64,
    /// The size of each token's vector; unset: `hidden`.
    #[serde(default)]
    pub embedding: Option<usize>,
    /// Whether states are carried from each window of a text to the next in training: truncated backpropagation
    /// through time. Windows must follow one another (`stride` = `window`); they come in as many streams as a batch
    /// has rows. In evaluation each window begins from zero.
    #[serde(default)]
    pub carry: bool,
}

impl RecurrentModel {
    /// One layer that reads forwards.
    pub fn new(cell: Cell, hidden: usize, outputs: usize) -> RecurrentModel {
        RecurrentModel {
            cell,
            outputs,
            hidden,
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            embedding: None,
            carry: false,
        }
    }

    fn name(&self) -> &'static str {
        match self.cell {
            Cell::Rnn => "rnn",
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }
}

impl Model for RecurrentModel {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let x = inputs.first();
        let &RecurrentModel { cell, outputs, hidden, layers, dropout, .. } = self;
        let tokens = !x.ty().is_real();
        if x.shape().rank() < 2 || tokens && (x.shape().rank() != 2 || self.bidirectional) {
            let needs = "[batch, length, features], or tokens [batch, length] read in one direction";
            wrong_input(self.name(), x, needs, "give features an axis of time; set `bidirectional = false`");
            return x.graph().constant(0.0).broadcast_to([x.dim(0), outputs]);
        }
        if self.carry && !tokens {
            wrong_input(
                self.name(),
                x,
                "tokens to carry states from window to window",
                "set `carry = false`",
            );
        }
        let recurrent =
            Recurrent { layers, bidirectional: self.bidirectional, dropout, ..Recurrent::new(cell, hidden) };
        cx.layer(self.name(), |cx| {
            cx.called_in_pytorch("");
            let (batch, length) = (x.dim(0), x.dim(1));
            let (lengths, head) =
                (inputs.get(LENGTHS), Dense::new(outputs).weight_init(Init::xavier_uniform()));
            if !tokens {
                let x = x.reshape([batch, length, x.shape()[2..].iter().product()]);
                let states = cx.layer("recurrent", |cx| {
                    cx.called_in_pytorch(self.name());
                    recurrent.run(cx, x, lengths)
                });
                return cx.apply("head", &head, states.last);
            }
            // Tokens and logits are small: they are turned around, not what is between.
            let embedding = Embedding::new(outputs, self.embedding.unwrap_or(hidden));
            let embedded = cx.apply("tokens", &embedding, x.transpose());
            let states = cx.layer("recurrent", |cx| {
                cx.called_in_pytorch(self.name());
                recurrent.over_time(cx, embedded, lengths, self.carry)
            });
            cx.apply("head", &head, states.all).permute(&[1, 0, 2])
        })
    }

    fn carries(&self) -> bool {
        self.carry
    }
}

macro_rules! model {
    ($spec:ident, $cell:ident, $name:literal, $summary:literal, $formula:literal, $reference:literal) => {
        ModelSpec {
            about: Description {
                name: $name,
                summary: $summary,
                formula: $formula,
                reference: $reference,
                hyperparameters: &[
                    HIDDEN,
                    LAYERS,
                    BIDIRECTIONAL,
                    DROPOUT,
                    Hyperparameter {
                        name: "embedding",
                        symbol: "d",
                        summary: "The size of each token's vector; unset: as many as hidden units.",
                        accepts: Accepts::SIZE,
                        default: Default::Unset,
                        source: "ours",
                    },
                    Hyperparameter {
                        name: "carry",
                        symbol: "",
                        summary: "Whether states are carried from each window of a text to the next in training: truncated backpropagation through time.",
                        accepts: Accepts::Bool,
                        default: Default::Bool(false),
                        source: "ours: windows are then shuffled; Williams and Peng, 1990, and PyTorch's language model carry",
                    },
                ],
            },
            suits: |task| !matches!(task, crate::Task::Context { .. } | crate::Task::Ranking { .. }),
            configure: |settings, task| {
                let added = [("outputs", task.outputs())];
                let model: Settled = configure(&$spec.about, settings, &added)?;
                Ok(Box::new(model.with(Cell::$cell)))
            },
        }
    };
}

/// A plain recurrent network with a linear head.
pub static RNN: ModelSpec = model!(
    RNN,
    Rnn,
    "rnn",
    "A plain recurrent network with a linear head.",
    "hₜ = tanh(W xₜ + b + U hₜ₋₁ + c)",
    "Elman, 1990, Finding structure in time"
);

/// Long short-term memory with a linear head.
pub static LSTM: ModelSpec = model!(
    LSTM,
    Lstm,
    "lstm",
    "Long short-term memory with a linear head.",
    "cₜ = f cₜ₋₁ + i g, hₜ = o tanh(cₜ); i, f, o = σ(…), g = tanh(…)",
    "Hochreiter and Schmidhuber, 1997; Gers, Schmidhuber and Cummins, 2000"
);

/// Gated recurrent units with a linear head.
pub static GRU: ModelSpec = model!(
    GRU,
    Gru,
    "gru",
    "Gated recurrent units with a linear head.",
    "hₜ = (1 − z) n + z hₜ₋₁; r, z = σ(…), n = tanh(W xₜ + b + r (U hₜ₋₁ + c))",
    "Cho et al., 2014, Learning phrase representations using RNN encoder-decoder"
);

/// A model's settings in a spec, where the kind says which cell it has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settled {
    outputs: usize,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    dropout: f64,
    #[serde(default)]
    embedding: Option<usize>,
    carry: bool,
}

impl Settled {
    fn with(self, cell: Cell) -> RecurrentModel {
        let Settled { outputs, hidden, layers, bidirectional, dropout, embedding, carry } = self;
        RecurrentModel { cell, outputs, hidden, layers, bidirectional, dropout, embedding, carry }
    }
}
