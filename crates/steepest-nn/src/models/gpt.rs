//! The GPT-like language model.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::layers::wrong_input;
use crate::registry::configure;
use crate::{
    Dense, Dropout, Embedding, Init, Layer, LayerNorm, PositionKind, Positions, Scope, Task, TransformerBlock,
};

/// A language model of causal transformer blocks.
///
/// h₀ = E[x] + P, hₗ = blockₗ(hₗ₋₁), z = norm(h_L) W, with tokens x of shape `[batch, T]` and logits z of shape
/// `[batch, T, vocabulary]`: position t predicts token t + 1. W = Eᵀ if the head is tied, else trained on its own.
/// Parameters are `gpt.tokens.weight`, `gpt.positions.weight`, `gpt.layers.0.norm1.weight`, …, `gpt.norm.weight`,
/// `gpt.head.weight`; blocks have the names of [`TransformerBlock`].
///
/// As in GPT-2, weights start from N(0, 0.02²), those added to the residual from N(0, 0.02² / (2 · layers)), and the
/// perceptron has Gaussian error linear units, here exact ones. The window T is that of the data; a longer one needs
/// more learned positions, so a model is used with the window it was trained with.
///
/// Reference: Radford, Wu, Child, Luan, Amodei and Sutskever, 2019, *Language models are unsupervised multitask
/// learners*, section 2.3.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Gpt, Layer, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = Gpt::new(65).forward(&mut trace.scope(), graph.index_input("x", [16, 64]));
/// assert_eq!(*logits.shape(), [16, 64, 65]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 65 * 128 + 64 * 128 + 4 * (12 * 128 * 128 + 13 * 128) + 2 * 128);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gpt {
    /// The number of tokens.
    pub vocabulary: usize,
    /// The number of blocks.
    pub layers: usize,
    /// The size of the vector of each position.
    pub width: usize,
    /// The number of heads of each block; it divides the width.
    pub heads: usize,
    /// How the model is told where a token stands.
    pub positions: PositionKind,
    /// The share of units dropped in training.
    pub dropout: f64,
    /// Whether the head is the transposed table of tokens.
    pub tied: bool,
}

impl Gpt {
    /// Four blocks of width 128 with four heads each, learned positions and a tied head.
    pub fn new(vocabulary: usize) -> Gpt {
        let positions = PositionKind::Learned;
        Gpt { vocabulary, layers: 4, width: 128, heads: 4, positions, dropout: 0.0, tied: true }
    }
}

/// N(0, 0.02² / (2 · layers)), for weights whose products are added to the residual.
pub(super) fn residual_init(layers: usize) -> Option<Init> {
    Init::normal().with("std", 0.02 / (2.0 * layers.max(1) as f64).sqrt()).ok()
}

impl Layer for Gpt {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        if x.ty().is_real() || x.shape().rank() != 2 {
            let help = "train it on a text: set `data.tokens = \"characters\"`";
            wrong_input("gpt", x, "token indices of shape [batch, length]", help);
            return x.graph().constant(0.0).broadcast_to([x.dim(0), x.dim(1), self.vocabulary]);
        }
        cx.layer("gpt", |cx| {
            cx.called_in_pytorch("");
            let (batch, length) = (x.dim(0), x.dim(1));
            let tokens = Embedding::new(self.vocabulary, self.width);
            let table = cx.layer("tokens", |cx| tokens.table(cx));
            let mut h = cx.apply("positions", &Positions { encoding: self.positions }, table.gather(x));
            h = cx.apply("dropout", &Dropout { rate: self.dropout }, h);
            let block = TransformerBlock {
                causal: true,
                rotary: self.positions == PositionKind::Rotary,
                dropout: self.dropout,
                residual_init: residual_init(self.layers),
                ..TransformerBlock::new(self.heads)
            };
            h = cx.layer("layers", |cx| {
                (0..self.layers).fold(h, |h, index| cx.apply(&index.to_string(), &block, h))
            });
            h = cx.apply("norm", &LayerNorm::default(), h);
            if self.tied {
                let flat = h.reshape([batch * length, self.width]).matmul(table.transpose());
                return flat.reshape([batch, length, self.vocabulary]);
            }
            let head = Dense { use_bias: false, ..Dense::new(self.vocabulary).weight_init(Init::normal()) };
            cx.apply("head", &head, h)
        })
    }
}

pub(super) const LAYERS: Hyperparameter = Hyperparameter {
    name: "layers",
    symbol: "L",
    summary: "The number of blocks.",
    accepts: Accepts::SIZE,
    default: Default::Integer(4),
    source: "ours, for small corpora; GPT-2 has 12 and more",
};
pub(super) const WIDTH: Hyperparameter = Hyperparameter {
    name: "width",
    symbol: "d",
    summary: "The size of the vector of each position.",
    accepts: Accepts::SIZE,
    default: Default::Integer(128),
    source: "ours, for small corpora; GPT-2 has 768 and more",
};
pub(super) const HEADS: Hyperparameter = Hyperparameter {
    name: "heads",
    symbol: "h",
    summary: "The number of heads of each block; it divides the width.",
    accepts: Accepts::SIZE,
    default: Default::Integer(4),
    source: "32 units a head; Vaswani et al., 2017, have 64",
};
pub(super) const POSITIONS: Hyperparameter = Hyperparameter {
    name: "positions",
    symbol: "P",
    summary: "How the model is told where something stands.",
    accepts: Accepts::Choice(PositionKind::NAMES),
    default: Default::Text("learned"),
    source: "GPT-2 and BERT",
};
pub(super) const DROPOUT: Hyperparameter = Hyperparameter {
    name: "dropout",
    symbol: "p",
    summary: "The share of units dropped in training.",
    accepts: Accepts::FRACTION,
    default: Default::Number(0.0),
    source: "ours; GPT-2 has 0.1",
};

/// A language model of causal transformer blocks.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "gpt",
        summary: "A language model of causal transformer blocks.",
        formula: "h₀ = E[x] + P, hₗ = block(hₗ₋₁), z = norm(h_L) W",
        reference: "Radford et al., 2019, Language models are unsupervised multitask learners, sec. 2.3",
        hyperparameters: &[
            LAYERS,
            WIDTH,
            HEADS,
            POSITIONS,
            DROPOUT,
            Hyperparameter {
                name: "tied",
                symbol: "",
                summary: "Whether the head is the transposed table of tokens.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "GPT-2; Press and Wolf, 2017, Using the output embedding",
            },
        ],
    },
    suits: |task| matches!(task, Task::NextToken { .. }),
    configure: |settings, task| {
        Ok(Box::new(configure::<Gpt>(&SPEC.about, settings, &[("vocabulary", task.outputs())])?))
    },
};
