//! The transformer encoder that classifies sequences.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::Description;

use super::gpt::{DROPOUT, HEADS, LAYERS, POSITIONS, WIDTH, residual_init};
use super::{Inputs, LENGTHS, Model, ModelSpec};
use crate::layers::pool::mean_over_time;
use crate::layers::wrong_input;
use crate::registry::configure;
use crate::{Dense, Dropout, Init, LayerNorm, PositionKind, Positions, Scope, Task, TransformerBlock};

/// A model that reads a sequence whole and predicts from the mean over its positions.
///
/// h₀ = x W + b + P, hₗ = blockₗ(hₗ₋₁), ŷ = mean over t of norm(h_L) W' + b', with features x of shape
/// `[batch, T, features]` (a matrix such as an image is read row by row; further axes are flattened; a table's
/// rows count as sequences of single numbers). With an input [`LENGTHS`] of shape `[batch]`, what stands behind
/// an example's end is neither seen nor averaged.
///
/// Reference: Vaswani et al., 2017, *Attention is all you need*, section 3.1, without its decoder.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Encoder, Inputs, Model, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = Encoder::new(9).output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [8, 29, 12])));
/// assert_eq!(*y.shape(), [8, 9]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Encoder {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// The number of blocks.
    pub layers: usize,
    /// The size of the vector of each position.
    pub width: usize,
    /// The number of heads of each block; it divides the width.
    pub heads: usize,
    /// How the model is told where something stands.
    pub positions: PositionKind,
    /// The share of units dropped in training.
    pub dropout: f64,
}

impl Encoder {
    /// Four blocks of width 128 with four heads each and learned positions.
    pub fn new(outputs: usize) -> Encoder {
        Encoder { outputs, layers: 4, width: 128, heads: 4, positions: PositionKind::Learned, dropout: 0.0 }
    }

    /// Predictions from sequences of which only the first `lengths` positions count.
    #[track_caller]
    pub fn masked<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>, lengths: Option<Var<'g>>) -> Var<'g> {
        if !x.ty().is_real() || x.shape().rank() < 2 {
            wrong_input(
                "encoder",
                x,
                "real values of shape [batch, length, features]",
                "one-hot indices first",
            );
            return x.graph().constant(0.0).broadcast_to([x.dim(0), self.outputs]);
        }
        let (batch, length) = (x.dim(0), x.dim(1));
        let features = x.shape()[2..].iter().product();
        cx.layer("encoder", |cx| {
            cx.called_in_pytorch("");
            let dense = |outputs: usize, init: Init| Dense::new(outputs).weight_init(init);
            let x = x.reshape([batch, length, features]);
            let mut h = cx.apply("embed", &dense(self.width, Init::xavier_uniform()), x);
            h = cx.apply("positions", &Positions { encoding: self.positions }, h);
            h = cx.apply("dropout", &Dropout { rate: self.dropout }, h);
            let block = TransformerBlock {
                rotary: self.positions == PositionKind::Rotary,
                dropout: self.dropout,
                residual_init: residual_init(self.layers),
                ..TransformerBlock::new(self.heads)
            };
            h = cx.layer("layers", |cx| {
                (0..self.layers)
                    .fold(h, |h, index| cx.layer(&index.to_string(), |cx| block.masked(cx, h, lengths)))
            });
            let pooled = mean_over_time(cx.apply("norm", &LayerNorm::default(), h), lengths);
            cx.apply("head", &dense(self.outputs, Init::xavier_uniform()), pooled)
        })
    }
}

impl Model for Encoder {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        self.masked(cx, inputs.first(), inputs.get(LENGTHS))
    }
}

/// A transformer that reads a sequence whole.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "encoder",
        summary: "A transformer that reads a sequence whole and predicts from the mean over its positions.",
        formula: "h₀ = x W + b + P, hₗ = block(hₗ₋₁), ŷ = mean(norm(h_L)) W' + b'",
        reference: "Vaswani et al., 2017, Attention is all you need, sec. 3.1",
        hyperparameters: &[LAYERS, WIDTH, HEADS, POSITIONS, DROPOUT],
    },
    suits: |task| !matches!(task, Task::NextToken { .. } | Task::Context { .. } | Task::Ranking { .. }),
    configure: |settings, task| {
        Ok(Box::new(configure::<Encoder>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
