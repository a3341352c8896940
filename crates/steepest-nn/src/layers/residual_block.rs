//! The basic block of residual networks.

use serde::{Deserialize, Serialize};
use steepest_graph::{Var, Window};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::LayerSpec;
use super::window::{OUTPUTS, STRIDE, along_steps, images};
use crate::registry::configure;
use crate::{BatchNorm, Conv2d, Layer, Scope};

/// How a residual block passes its input on where sizes change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortcut {
    /// Pixels are skipped, and channels of zeros stand around the others: no parameters.
    Pad,
    /// A convolution of one tap, and batch normalization.
    Project,
}

/// The basic block of residual networks: y = relu(x′ + F(x)).
///
/// F is a 3×3 convolution (with the stride), batch normalization, rectifier, 3×3 convolution and batch
/// normalization; x′ is x, or, where the stride or the channels change, what the [`Shortcut`] makes of it.
/// Parameters are `conv1`, `bn1`, `conv2`, `bn2` and, with a projection, `downsample.0`, `downsample.1`, as in
/// torchvision.
///
/// Reference: He, Zhang, Ren and Sun, 2016, *Deep residual learning for image recognition*, equations 1 and 2,
/// figure 2; section 4.2 for shortcuts without parameters (option A).
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Phase, ResidualBlock, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let block = ResidualBlock { stride: 2, ..ResidualBlock::new(32) };
/// let y = trace.scope().apply("block", &block, graph.input("x", [4, 8, 8, 16]));
/// assert_eq!(*y.shape(), [4, 4, 4, 32]);
/// assert_eq!(trace.parameters().len(), 6);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResidualBlock {
    /// The number of channels written.
    pub outputs: usize,
    /// The stride of the first convolution.
    pub stride: usize,
    /// What stands for x where sizes change.
    pub shortcut: Shortcut,
}

impl ResidualBlock {
    /// A block of stride 1 whose shortcut has no parameters.
    pub fn new(outputs: usize) -> ResidualBlock {
        ResidualBlock { outputs, stride: 1, shortcut: Shortcut::Pad }
    }

    fn convolution(&self, stride: usize) -> Conv2d {
        Conv2d::new(self.outputs, 3).stride(stride).padding(1).without_bias()
    }

    #[track_caller]
    fn passed_on<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let channels = x.dim(3);
        if self.stride == 1 && channels == self.outputs {
            return x;
        }
        // Channels can be added without parameters, not taken away.
        if self.shortcut == Shortcut::Project || channels > self.outputs {
            return cx.layer("downsample", |cx| {
                let conv = Conv2d::new(self.outputs, 1).stride(self.stride).without_bias();
                let x = cx.apply("0", &conv, x);
                cx.apply("1", &BatchNorm::default(), x)
            });
        }
        // The maximum of a window of one tap is the pixel.
        let x = if self.stride == 1 { x } else { x.max_pool2d(Window::new([1, 1]).stride([self.stride; 2])) };
        let missing = self.outputs - channels;
        if missing == 0 { x } else { x.pad(3, missing / 2, missing - missing / 2) }
    }
}

impl Layer for ResidualBlock {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = images(cx, "residual_block", x) else { return x };
        let h = cx.apply("conv1", &self.convolution(self.stride), x);
        let h = cx.apply("bn1", &BatchNorm::default(), h).relu();
        let h = cx.apply("conv2", &self.convolution(1), h);
        let h = cx.apply("bn2", &BatchNorm::default(), h);
        (h + self.passed_on(cx, x)).relu()
    }
}

pub(crate) const SHORTCUT: Hyperparameter = Hyperparameter {
    name: "shortcut",
    symbol: "",
    summary: "What stands for x where sizes change: padding with zeros, or a projection with parameters.",
    accepts: Accepts::Choice(&["pad", "project"]),
    default: Default::Text("pad"),
    source: "He et al., 2016, sec. 4.2: option A",
};

/// The basic block of residual networks.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "residual-block",
        summary: "The basic block of residual networks: two convolutions beside a shortcut.",
        formula: "y = relu(x′ + bn(conv(relu(bn(conv(x))))))",
        reference: "He et al., 2016, Deep residual learning for image recognition, eq. 1 and 2, fig. 2",
        hyperparameters: &[OUTPUTS, along_steps(STRIDE), SHORTCUT],
    },
    build: |settings| Ok(Box::new(configure::<ResidualBlock>(&SPEC.about, settings, &[])?)),
};
