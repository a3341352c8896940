//! A plain convolutional network.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::layers::window::images;
use crate::registry::configure;
use crate::{Conv2d, Dense, Dropout, Flatten, Init, Layer, MaxPool, Scope};

/// A plain convolutional network: convolutions with rectifiers, one pooling, a hidden layer.
///
/// For images `[batch, height, width, channels]` (or `[batch, height, width]`): for each entry of `channels` a
/// k×k convolution without padding and a rectifier; 2×2 maximum pooling; dropout; a dense layer of `hidden`
/// units with a rectifier; dropout; a dense layer to the outputs. The defaults, 3×3×32, 3×3×64, 128 units, are
/// the usual first network for MNIST. Parameters are `cnn.conv1.weight`, …, `cnn.fc1.weight`, `cnn.fc2.weight`.
///
/// Reference: LeCun, Bottou, Bengio and Haffner, 1998, *Gradient-based learning applied to document
/// recognition*; the sizes are those of PyTorch's MNIST example.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Cnn, Layer, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = Cnn::new(10).forward(&mut trace.scope(), graph.input("x", [64, 28, 28]));
/// assert_eq!(*logits.shape(), [64, 10]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 320 + 18_496 + (12 * 12 * 64 + 1) * 128 + 1290);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cnn {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// The channels of each convolution.
    pub channels: Vec<usize>,
    /// k, the size of the convolutions' windows.
    pub kernel: usize,
    /// The units of the hidden layer.
    pub hidden: usize,
    /// The share of units dropped in training, after pooling and in the hidden layer.
    pub dropout: f64,
}

impl Cnn {
    /// 3×3×32, 3×3×64, pooling, 128 hidden units, without dropout.
    pub fn new(outputs: usize) -> Cnn {
        Cnn { outputs, channels: vec![32, 64], kernel: 3, hidden: 128, dropout: 0.0 }
    }
}

impl Layer for Cnn {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(mut h) = images(cx, "cnn", x) else { return x };
        cx.layer("cnn", |cx| {
            cx.called_in_pytorch("");
            for (index, &channels) in self.channels.iter().enumerate() {
                let name = format!("conv{}", index + 1);
                h = cx.apply(&name, &Conv2d::new(channels, self.kernel), h).relu();
            }
            let h = MaxPool::new(2).forward(cx, h);
            let h = cx.apply("dropout1", &Dropout { rate: self.dropout }, h);
            let h = Flatten {}.forward(cx, h);
            let hidden = Dense::new(self.hidden).weight_init(Init::he_normal());
            let h = cx.apply("fc1", &hidden, h).relu();
            let h = cx.apply("dropout2", &Dropout { rate: self.dropout }, h);
            cx.apply("fc2", &Dense::new(self.outputs), h)
        })
    }
}

/// A plain convolutional network.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "cnn",
        summary: "A plain convolutional network for images.",
        formula: "h = pool(relu(conv(… relu(conv(x))))), ŷ = relu(h W₁ + b₁) W₂ + b₂",
        reference: "LeCun et al., 1998, Gradient-based learning applied to document recognition",
        hyperparameters: &[
            Hyperparameter {
                name: "channels",
                symbol: "",
                summary: "The channels of each convolution.",
                accepts: Accepts::Integers,
                default: Default::Integers(&[32, 64]),
                source: "PyTorch's MNIST example",
            },
            Hyperparameter {
                name: "kernel",
                symbol: "k",
                summary: "The size of the convolutions' windows, in pixels.",
                accepts: Accepts::SIZE,
                default: Default::Integer(3),
                source: "PyTorch's MNIST example",
            },
            Hyperparameter {
                name: "hidden",
                symbol: "",
                summary: "The units of the hidden layer.",
                accepts: Accepts::SIZE,
                default: Default::Integer(128),
                source: "PyTorch's MNIST example",
            },
            Hyperparameter {
                name: "dropout",
                symbol: "p",
                summary: "The share of units dropped in training, after pooling and in the hidden layer.",
                accepts: Accepts::FRACTION,
                default: Default::Number(0.0),
                source: "none; PyTorch's MNIST example has 0.25 after pooling and 0.5 in the hidden layer",
            },
        ],
    },
    suits: |task| {
        !matches!(
            task,
            crate::Task::NextToken { .. } | crate::Task::Context { .. } | crate::Task::Ranking { .. }
        )
    },
    configure: |settings, task| {
        Ok(Box::new(configure::<Cnn>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
