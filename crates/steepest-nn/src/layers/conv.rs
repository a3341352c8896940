//! Convolution of images and sequences.

use serde::{Deserialize, Serialize};
use steepest_graph::{Var, Window};
use steepest_spec::Description;
use steepest_tensor::Shape;

use super::window::{
    BIAS_INIT, DILATION, GROUPS, KERNEL, OUTPUTS, PADDING, Pair, STRIDE, USE_BIAS, WEIGHT_INIT, along_steps,
    images, sequences,
};
use super::{LayerSpec, not_ahead};
use crate::registry::{check_text, configure};
use crate::{Fans, Init, InitializerSpec, Layer, Scope};

/// A convolution of images.
///
/// y[n, o, k] = b[k] + Σ over taps t and channels c of x[n, o·s + t·d − p, c] · W[t, c, k], for images
/// `[N, H, W, C]` (channels last; `[N, H, W]` has one channel). W has the shape `[KH, KW, C / g, K]`, b `[K]`;
/// the result is `[N, OH, OW, K]` with OH = ⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1. The kernel is not flipped.
///
/// With g groups, each group of K / g outputs sees a group of C / g channels; g = C is a depthwise
/// convolution.
///
/// PyTorch's `Conv2d` has images `[N, C, H, W]` and weights `[K, C / g, KH, KW]`: its weight's axes in the order
/// 2, 3, 1, 0 are these. It initializes weight and bias by `torch-linear`.
///
/// Reference: LeCun, Bottou, Bengio and Haffner, 1998, *Gradient-based learning applied to document
/// recognition*, section II.A.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Conv2d, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2, 2, 1]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("edge", &Conv2d::new(1, 2), x);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 2, 2, 1], vec![1.0, 2.0, 3.0, 5.0])?)
///     .with("edge.weight", Tensor::f64([2, 2, 1, 1], vec![-1.0, 1.0, -10.0, 10.0])?)
///     .with("edge.bias", Tensor::f64([1], vec![0.5])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [21.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conv2d {
    /// K, the number of channels written.
    pub outputs: usize,
    /// k, the size of the window.
    pub kernel: Pair,
    /// s, pixels from one position of the window to the next.
    pub stride: Pair,
    /// p, zeros on each side.
    pub padding: Pair,
    /// d, pixels from one tap to the next.
    pub dilation: Pair,
    /// g, groups of channels that do not see one another.
    pub groups: usize,
    /// Initial values of W.
    pub weight_init: Init,
    /// Initial values of b; scaled by the fans of W.
    pub bias_init: Init,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Conv2d {
    /// A convolution without padding, with He-normal weights and zero bias.
    pub fn new(outputs: usize, kernel: impl Into<Pair>) -> Conv2d {
        Conv2d {
            outputs,
            kernel: kernel.into(),
            stride: Pair([1, 1]),
            padding: Pair([0, 0]),
            dilation: Pair([1, 1]),
            groups: 1,
            weight_init: Init::he_normal(),
            bias_init: Init::zeros(),
            use_bias: true,
        }
    }

    /// The same with another stride.
    #[must_use]
    pub fn stride(self, stride: impl Into<Pair>) -> Conv2d {
        Conv2d { stride: stride.into(), ..self }
    }

    /// The same with another padding.
    #[must_use]
    pub fn padding(self, padding: impl Into<Pair>) -> Conv2d {
        Conv2d { padding: padding.into(), ..self }
    }

    /// The same without a bias, for what a normalization follows.
    #[must_use]
    pub fn without_bias(self) -> Conv2d {
        Conv2d { use_bias: false, ..self }
    }

    pub(super) fn window(&self) -> Window {
        Window {
            kernel: self.kernel.0,
            stride: self.stride.0,
            padding: self.padding.0,
            dilation: self.dilation.0,
        }
    }
}

impl Layer for Conv2d {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = images(cx, "conv2d", x) else { return x };
        let [kh, kw] = self.kernel.0;
        // Groups that do not divide the channels are reported by the operation.
        let inner = (x.dim(3) / self.groups.max(1)).max(1);
        let shape = Shape::from([kh, kw, inner, self.outputs]);
        let weight = cx.param("weight", shape, &self.weight_init);
        cx.turned_in_pytorch("weight", &shape, &[3, 2, 0, 1]);
        let y = x.conv2d(weight, self.window(), self.groups);
        if !self.use_bias {
            return y;
        }
        y + cx.param_with_fans("bias", [self.outputs], &self.bias_init, Fans::of(&shape))
    }
}

/// A convolution of sequences: that of images of height 1.
///
/// y[n, o, k] = b[k] + Σ over taps t and channels c of x[n, o·s + t·d − p, c] · W[t, c, k], for sequences
/// `[N, T, C]` (`[N, T]` has one channel). W has the shape `[k, C / g, K]`; PyTorch's `Conv1d` has `[N, C, T]` and
/// `[K, C / g, k]`.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Conv1d, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let layer = Conv1d { stride: 2, padding: 1, ..Conv1d::new(8, 3) };
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("conv", &layer, graph.input("x", [4, 10, 3]));
/// assert_eq!(*y.shape(), [4, 5, 8]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conv1d {
    /// K, the number of channels written.
    pub outputs: usize,
    /// k, the size of the window.
    pub kernel: usize,
    /// s, steps from one position of the window to the next.
    pub stride: usize,
    /// p, zeros on each side.
    pub padding: usize,
    /// d, steps from one tap to the next.
    pub dilation: usize,
    /// g, groups of channels that do not see one another.
    pub groups: usize,
    /// Initial values of W.
    pub weight_init: Init,
    /// Initial values of b; scaled by the fans of W.
    pub bias_init: Init,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Conv1d {
    /// A convolution without padding, with He-normal weights and zero bias.
    pub fn new(outputs: usize, kernel: usize) -> Conv1d {
        Conv1d {
            outputs,
            kernel,
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
            weight_init: Init::he_normal(),
            bias_init: Init::zeros(),
            use_bias: true,
        }
    }
}

impl Layer for Conv1d {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = sequences(cx, "conv1d", x) else { return x };
        not_ahead(cx, "conv1d", x, self.kernel > 1, "use `recurrent`, or attention with `causal = true`");
        let (n, steps, channels) = (x.dim(0), x.dim(1), x.dim(2));
        let inner = (channels / self.groups.max(1)).max(1);
        let shape = Shape::from([self.kernel, inner, self.outputs]);
        let weight = cx.param("weight", shape, &self.weight_init);
        cx.turned_in_pytorch("weight", &shape, &[2, 1, 0]);
        cx.channels_first(true);
        let weight = weight.reshape([1, self.kernel, inner, self.outputs]);
        let window = Window {
            kernel: [1, self.kernel],
            stride: [1, self.stride],
            padding: [0, self.padding],
            dilation: [1, self.dilation],
        };
        let y = x.reshape([n, 1, steps, channels]).conv2d(weight, window, self.groups);
        let y = y.reshape([n, y.dim(2), self.outputs]);
        if !self.use_bias {
            return y;
        }
        y + cx.param_with_fans("bias", [self.outputs], &self.bias_init, Fans::of(&shape))
    }
}

/// A convolution of images.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "conv2d",
        summary: "A convolution of images [batch, height, width, channels].",
        formula: "y[n, o, k] = b[k] + Σ x[n, o·s + t·d − p, c] · W[t, c, k] over taps t, channels c",
        reference: "LeCun et al., 1998, Gradient-based learning applied to document recognition; PyTorch Conv2d",
        hyperparameters: &[
            OUTPUTS,
            KERNEL,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            WEIGHT_INIT,
            BIAS_INIT,
            USE_BIAS,
        ],
    },
    build: |settings| {
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        check_text::<InitializerSpec>(&SPEC.about, settings, "bias-init")?;
        Ok(Box::new(configure::<Conv2d>(&SPEC.about, settings, &[])?))
    },
};

/// A convolution of sequences.
pub static SEQUENCES: LayerSpec = LayerSpec {
    about: Description {
        name: "conv1d",
        summary: "A convolution of sequences [batch, steps, channels].",
        formula: "y[n, o, k] = b[k] + Σ x[n, o·s + t·d − p, c] · W[t, c, k] over taps t, channels c",
        reference: "Waibel et al., 1989, Phoneme recognition using time-delay neural networks; PyTorch Conv1d",
        hyperparameters: &[
            OUTPUTS,
            along_steps(KERNEL),
            along_steps(STRIDE),
            along_steps(PADDING),
            along_steps(DILATION),
            GROUPS,
            WEIGHT_INIT,
            BIAS_INIT,
            USE_BIAS,
        ],
    },
    build: |settings| {
        check_text::<InitializerSpec>(&SEQUENCES.about, settings, "weight-init")?;
        check_text::<InitializerSpec>(&SEQUENCES.about, settings, "bias-init")?;
        Ok(Box::new(configure::<Conv1d>(&SEQUENCES.about, settings, &[])?))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::Graph;
    use steepest_tensor::Key;

    use super::*;
    use crate::{Phase, Trace};

    fn problems(layer: &Conv2d, shape: &[usize]) -> Vec<String> {
        let graph = Graph::new();
        let x = graph.input("x", Shape::new(shape).unwrap());
        Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("c", layer, x);
        graph.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_does_not_fit_names_layer_and_remedy() {
        let flat = problems(&Conv2d::new(4, 3), &[8, 784]);
        assert!(flat[0].contains("layer `c`") && flat[0].contains("got [8, 784]"), "{}", flat[0]);
        let small = problems(&Conv2d::new(4, 5), &[8, 3, 3, 1]);
        assert!(small[0].contains("5×5 taps") && small[0].contains("help: give it a smaller kernel"));
        let groups = problems(&Conv2d { groups: 2, ..Conv2d::new(4, 1) }, &[8, 3, 3, 3]);
        assert!(groups[0].contains("3 channels read and 4 written"), "{}", groups[0]);
    }

    #[test]
    fn grey_images_have_one_channel() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let layer = Conv2d { groups: 1, ..Conv2d::new(6, [3, 5]).stride(2).padding([1, 2]) };
        let y = trace.scope().apply("c", &layer, graph.input("x", [2, 28, 28]));
        assert_eq!(*y.shape(), [2, 14, 14, 6]);
        assert_eq!(*trace.parameters()[0].1.shape(), [3, 5, 1, 6]);
    }
}
