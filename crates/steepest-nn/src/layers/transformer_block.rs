//! A block of a transformer.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{LayerSpec, wrong_input};
use crate::registry::{check_text, configure};
use crate::{
    Activation, ActivationSpec, Dense, Dropout, Init, InitializerSpec, Layer, LayerNorm, MultiHeadAttention,
    Scope,
};

/// A pre-norm block of a transformer: attention and a perceptron with one hidden layer, each behind a
/// normalization and beside a residual.
///
/// a = x + dropout(attention(norm₁(x))); y = a + dropout(f(norm₂(a) W₁ + b₁) W₂ + b₂), with x and y of shape
/// `[batch, T, width]` and `expansion · width` hidden units.
///
/// The normalization stands before each part, not behind it as in the original; deep stacks then train without
/// warming up. Names and mathematics are those of PyTorch's `TransformerEncoderLayer(norm_first=True)`: `norm1`,
/// `self_attn`, `norm2`, `linear1`, `linear2`.
///
/// References: Vaswani et al., 2017, *Attention is all you need*, section 3.1; Xiong et al., 2020, *On layer
/// normalization in the transformer architecture*.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Phase, Trace, TransformerBlock};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("block", &TransformerBlock::new(4), graph.input("x", [2, 16, 128]));
/// assert_eq!(*y.shape(), [2, 16, 128]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 12 * 128 * 128 + 13 * 128);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TransformerBlock {
    /// The number of heads of the attention.
    pub heads: usize,
    /// Hidden units of the perceptron for each unit of the width.
    pub expansion: usize,
    /// f, the activation of the perceptron.
    pub activation: Activation,
    /// Whether a position sees only those before it, and itself.
    pub causal: bool,
    /// Whether queries and keys are turned by their positions.
    pub rotary: bool,
    /// The share of units dropped in training: of attention weights, and of what each part adds.
    pub dropout: f64,
    /// Initial weights of all products.
    pub weight_init: Init,
    /// Initial weights of the two products whose results are added to the residual; unset: the same.
    #[serde(default)]
    pub residual_init: Option<Init>,
}

impl TransformerBlock {
    /// A block in which every position sees every other, with Gaussian error linear units.
    pub fn new(heads: usize) -> TransformerBlock {
        TransformerBlock {
            heads,
            expansion: 4,
            activation: Activation::gelu(),
            causal: false,
            rotary: false,
            dropout: 0.0,
            weight_init: Init::normal(),
            residual_init: None,
        }
    }

    /// The block's function where examples end before the sequence does; see [`MultiHeadAttention::masked`].
    #[track_caller]
    pub fn masked<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>, lengths: Option<Var<'g>>) -> Var<'g> {
        if x.shape().rank() != 3 || !x.ty().is_real() {
            let help = "embed tokens first, or give features an axis of time";
            wrong_input("transformer-block", x, "real values of shape [batch, length, width]", help);
            return x;
        }
        let width = x.dim(2);
        let attention = MultiHeadAttention {
            heads: self.heads,
            causal: self.causal,
            rotary: self.rotary,
            dropout: self.dropout,
            use_bias: true,
            weight_init: self.weight_init.clone(),
        };
        let residual = self.residual_init.as_ref().unwrap_or(&self.weight_init);
        let dense = |outputs: usize, init: &Init| Dense::new(outputs).weight_init(init.clone());
        let norm = cx.apply("norm1", &LayerNorm::default(), x);
        let mixed = cx.layer("self_attn", |cx| attention.masked_with(cx, norm, lengths, residual));
        let x = x + cx.apply("dropout1", &Dropout { rate: self.dropout }, mixed);
        let norm = cx.apply("norm2", &LayerNorm::default(), x);
        let hidden = cx.apply("linear1", &dense(self.expansion * width, &self.weight_init), norm);
        let added = cx.apply("linear2", &dense(width, residual), self.activation.apply(hidden));
        x + cx.apply("dropout2", &Dropout { rate: self.dropout }, added)
    }
}

impl Layer for TransformerBlock {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let lengths = cx.lengths_of(x);
        self.masked(cx, x, lengths)
    }
}

/// A block of a transformer.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "transformer-block",
        summary: "A pre-norm block of attention and a perceptron, each beside a residual.",
        formula: "a = x + attention(norm(x)), y = a + f(norm(a) W₁ + b₁) W₂ + b₂",
        reference: "Vaswani et al., 2017, sec. 3.1; Xiong et al., 2020, On layer normalization",
        hyperparameters: &[
            Hyperparameter {
                name: "heads",
                symbol: "h",
                summary: "The number of heads; it divides the width.",
                accepts: Accepts::SIZE,
                default: Default::Integer(1),
                source: "ours; Vaswani et al., 2017, have 8",
            },
            Hyperparameter {
                name: "expansion",
                symbol: "",
                summary: "Hidden units of the perceptron for each unit of the width.",
                accepts: Accepts::SIZE,
                default: Default::Integer(4),
                source: "Vaswani et al., 2017",
            },
            Hyperparameter {
                name: "activation",
                symbol: "f",
                summary: "The activation of the perceptron.",
                accepts: Accepts::Text,
                default: Default::Text("gelu"),
                source: "GPT and BERT; Hendrycks and Gimpel, 2016",
            },
            Hyperparameter {
                name: "causal",
                symbol: "",
                summary: "Whether a position sees only those before it, and itself.",
                accepts: Accepts::Bool,
                default: Default::Bool(false),
                source: "PyTorch TransformerEncoderLayer",
            },
            Hyperparameter {
                name: "rotary",
                symbol: "",
                summary: "Whether queries and keys are turned by their positions.",
                accepts: Accepts::Bool,
                default: Default::Bool(false),
                source: "Su et al., 2021, RoFormer",
            },
            Hyperparameter {
                name: "dropout",
                symbol: "p",
                summary: "The share of units dropped in training.",
                accepts: Accepts::FRACTION,
                default: Default::Number(0.0),
                source: "ours; Vaswani et al., 2017, have 0.1",
            },
            Hyperparameter {
                name: "weight-init",
                symbol: "W",
                summary: "Initial weights: an initializer, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("normal"),
                source: "GPT-2 (Radford et al., 2019): N(0, 0.02²)",
            },
            Hyperparameter {
                name: "residual-init",
                symbol: "",
                summary: "Initial weights of the products added to the residual; unset: the same.",
                accepts: Accepts::Text,
                default: Default::Unset,
                source: "GPT-2 divides by √(2 · layers)",
            },
        ],
    },
    build: |settings| {
        check_text::<ActivationSpec>(&SPEC.about, settings, "activation")?;
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        check_text::<InitializerSpec>(&SPEC.about, settings, "residual-init")?;
        Ok(Box::new(configure::<TransformerBlock>(&SPEC.about, settings, &[])?))
    },
};
