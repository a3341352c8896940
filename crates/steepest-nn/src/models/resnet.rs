//! The residual network for small images.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::layers::residual_block::SHORTCUT;
use crate::layers::window::images;
use crate::registry::configure;
use crate::{BatchNorm, Conv2d, Dense, GlobalAvgPool, Layer, ResidualBlock, Scope, Shortcut};

/// The residual network of the CIFAR experiments, of 6n + 2 layers.
///
/// For images `[batch, height, width, channels]`: a 3×3 convolution with batch normalization and rectifier, a
/// stage of n [`ResidualBlock`]s for each entry of `channels` (each stage but the first halves height and width),
/// the mean of each channel, a dense layer. n = 3 with 16, 32, 64 channels is ResNet-20, of 0.27 million
/// parameters. They are `resnet.conv1`, `resnet.bn1`, `resnet.layer1.0.conv1`, …, `resnet.fc`, as in torchvision.
///
/// Reference: He, Zhang, Ren and Sun, 2016, *Deep residual learning for image recognition*, section 4.2.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Layer, Phase, ResNet, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = ResNet::new(10).forward(&mut trace.scope(), graph.input("x", [2, 32, 32, 3]));
/// assert_eq!(*logits.shape(), [2, 10]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 269_722);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResNet {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// n, blocks of each stage.
    pub blocks: usize,
    /// The channels of each stage.
    pub channels: Vec<usize>,
    /// What stands for a block's input where sizes change.
    pub shortcut: Shortcut,
}

impl ResNet {
    /// ResNet-20.
    pub fn new(outputs: usize) -> ResNet {
        ResNet { outputs, blocks: 3, channels: vec![16, 32, 64], shortcut: Shortcut::Pad }
    }
}

impl Layer for ResNet {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = images(cx, "resnet", x) else { return x };
        cx.layer("resnet", |cx| {
            cx.called_in_pytorch("");
            let first = self.channels.first().copied().unwrap_or(16);
            let h = cx.apply("conv1", &Conv2d::new(first, 3).padding(1).without_bias(), x);
            let mut h = cx.apply("bn1", &BatchNorm::default(), h).relu();
            for (stage, &outputs) in self.channels.iter().enumerate() {
                h = cx.layer(&format!("layer{}", stage + 1), |cx| {
                    (0..self.blocks).fold(h, |h, index| {
                        let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                        let block = ResidualBlock { outputs, stride, shortcut: self.shortcut };
                        cx.apply(&index.to_string(), &block, h)
                    })
                });
            }
            let means = GlobalAvgPool {}.forward(cx, h);
            cx.apply("fc", &Dense::new(self.outputs), means)
        })
    }
}

/// The residual network for small images.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "resnet",
        summary: "The residual network of the CIFAR experiments, for small images.",
        formula: "h ← relu(h′ + F(h)) block by block, ŷ = mean(h) W + b",
        reference: "He et al., 2016, Deep residual learning for image recognition, sec. 4.2",
        hyperparameters: &[
            Hyperparameter {
                name: "blocks",
                symbol: "n",
                summary: "Blocks of each stage; 6n + 2 layers with three stages.",
                accepts: Accepts::SIZE,
                default: Default::Integer(3),
                source: "He et al., 2016, sec. 4.2: ResNet-20",
            },
            Hyperparameter {
                name: "channels",
                symbol: "",
                summary: "The channels of each stage.",
                accepts: Accepts::Integers,
                default: Default::Integers(&[16, 32, 64]),
                source: "He et al., 2016, sec. 4.2",
            },
            SHORTCUT,
        ],
    },
    suits: |task| {
        !matches!(
            task,
            crate::Task::NextToken { .. } | crate::Task::Context { .. } | crate::Task::Ranking { .. }
        )
    },
    configure: |settings, task| {
        Ok(Box::new(configure::<ResNet>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
