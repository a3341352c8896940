//! A network in the manner of VGG.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::layers::window::images;
use crate::registry::configure;
use crate::{BatchNorm, Conv2d, Dense, Dropout, Flatten, Init, Layer, MaxPool, Scope};

/// A network in the manner of VGG: stages of 3×3 convolutions, each stage ended by pooling.
///
/// For images `[batch, height, width, channels]`: for each entry of `channels` as many 3×3 convolutions (one
/// pixel of padding) as `depth` says, each with batch normalization if wanted and a rectifier, then 2×2 maximum
/// pooling; a dense layer of `hidden` units with a rectifier and dropout; outputs. Each stage halves height and
/// width. Parameters are `vgg.features.0.conv`, `vgg.features.0.bn`, …, `vgg.fc1`, `vgg.fc2`.
///
/// `channels = [64, 128, 256, 512, 512]`, `depth = 2` is close to VGG-13 of the paper, for large images.
///
/// Reference: Simonyan and Zisserman, 2015, *Very deep convolutional networks for large-scale image recognition*,
/// table 1.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Layer, Phase, Trace, Vgg};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = Vgg::new(10).forward(&mut trace.scope(), graph.input("x", [8, 28, 28]));
/// assert_eq!(*logits.shape(), [8, 10]);
/// let convolutions = trace.parameters().iter().filter(|(name, _)| name.ends_with("conv.weight"));
/// assert_eq!(convolutions.count(), 6);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vgg {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// The channels of each stage.
    pub channels: Vec<usize>,
    /// Convolutions of each stage.
    pub depth: usize,
    /// Whether convolutions are followed by batch normalization, and have no bias.
    pub batch_norm: bool,
    /// The units of the hidden layer.
    pub hidden: usize,
    /// The share of hidden units dropped in training.
    pub dropout: f64,
}

impl Vgg {
    /// Three stages of two convolutions with batch normalization, 256 hidden units.
    pub fn new(outputs: usize) -> Vgg {
        Vgg { outputs, channels: vec![32, 64, 128], depth: 2, batch_norm: true, hidden: 256, dropout: 0.5 }
    }
}

impl Layer for Vgg {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(mut h) = images(cx, "vgg", x) else { return x };
        cx.layer("vgg", |cx| {
            cx.called_in_pytorch("");
            let (mut index, mut place) = (0, 0);
            for &channels in &self.channels {
                for _ in 0..self.depth {
                    h = cx.layer(&format!("features.{index}"), |cx| {
                        // torchvision counts convolutions, normalizations, rectifiers and poolings.
                        cx.called_in_pytorch("features");
                        let conv =
                            Conv2d { use_bias: !self.batch_norm, ..Conv2d::new(channels, 3).padding(1) };
                        let mut h = cx.layer("conv", |cx| {
                            cx.called_in_pytorch(&place.to_string());
                            conv.forward(cx, h)
                        });
                        if self.batch_norm {
                            h = cx.layer("bn", |cx| {
                                cx.called_in_pytorch(&(place + 1).to_string());
                                BatchNorm::default().forward(cx, h)
                            });
                        }
                        h.relu()
                    });
                    index += 1;
                    place += if self.batch_norm { 3 } else { 2 };
                }
                place += 1;
                h = MaxPool::new(2).forward(cx, h);
            }
            let hidden = Dense::new(self.hidden).weight_init(Init::he_normal());
            let flat = Flatten {}.forward(cx, h);
            let h = cx.layer("fc1", |cx| {
                cx.called_in_pytorch("classifier.0");
                hidden.forward(cx, flat)
            });
            let h = h.relu();
            let h = cx.apply("dropout", &Dropout { rate: self.dropout }, h);
            cx.layer("fc2", |cx| {
                cx.called_in_pytorch("classifier.3");
                Dense::new(self.outputs).forward(cx, h)
            })
        })
    }
}

/// A network in the manner of VGG.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "vgg",
        summary: "Stages of 3×3 convolutions, each ended by pooling, for images.",
        formula: "h = pool(f(… f(h))) stage by stage with f = relu ∘ bn ∘ conv, ŷ = relu(h W₁ + b₁) W₂ + b₂",
        reference: "Simonyan and Zisserman, 2015, Very deep convolutional networks, table 1",
        hyperparameters: &[
            Hyperparameter {
                name: "channels",
                symbol: "",
                summary: "The channels of each stage.",
                accepts: Accepts::Integers,
                default: Default::Integers(&[32, 64, 128]),
                source: "ours, for images of about 32×32; the paper has 64, 128, 256, 512, 512",
            },
            Hyperparameter {
                name: "depth",
                symbol: "",
                summary: "Convolutions of each stage.",
                accepts: Accepts::SIZE,
                default: Default::Integer(2),
                source: "Simonyan and Zisserman, 2015, table 1, network B",
            },
            Hyperparameter {
                name: "batch-norm",
                symbol: "",
                summary: "Whether convolutions are followed by batch normalization.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "torchvision's vgg13_bn; the paper is older than batch normalization",
            },
            Hyperparameter {
                name: "hidden",
                symbol: "",
                summary: "The units of the hidden layer.",
                accepts: Accepts::SIZE,
                default: Default::Integer(256),
                source: "ours, for small images; the paper has 4096 twice",
            },
            Hyperparameter {
                name: "dropout",
                symbol: "p",
                summary: "The share of hidden units dropped in training.",
                accepts: Accepts::FRACTION,
                default: Default::Number(0.5),
                source: "Simonyan and Zisserman, 2015, sec. 3.1",
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
        Ok(Box::new(configure::<Vgg>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
