//! Transposed convolution.

use serde::{Deserialize, Serialize};
use steepest_graph::{Var, Window};
use steepest_spec::{Description, Hyperparameter};
use steepest_tensor::Shape;

use super::window::{
    BIAS_INIT, DILATION, GROUPS, KERNEL, OUTPUTS, PADDING, Pair, STRIDE, USE_BIAS, WEIGHT_INIT, images,
};
use super::{LayerSpec, wrong_input};
use crate::registry::{check_text, configure};
use crate::{Fans, Init, InitializerSpec, Layer, Scope};

/// A transposed convolution: the derivative of a [`Conv2d`](crate::Conv2d) by its images, used forwards.
///
/// y[n, i, c] = b[c] + Σ over positions o, taps t and channels k with o·s + t·d − p = i of x[n, o, k] · W[t, c, k],
/// for images `[N, H, W, K]`. W has the shape `[KH, KW, C / g, K]`; the result is `[N, OH, OW, C]` with
/// OH = (H − 1)·s − 2p + d(k − 1) + q + 1, where q < s is the output padding.
///
/// PyTorch's `ConvTranspose2d` stores `[K, C / g, KH, KW]`: its weight's axes in the order 2, 3, 1, 0 are these.
///
/// Reference: Zeiler, Krishnan, Taylor and Fergus, 2010, *Deconvolutional networks*.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{ConvTranspose2d, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let layer = ConvTranspose2d::new(3, 4).stride(2).padding(1);
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("up", &layer, graph.input("x", [2, 7, 7, 16]));
/// assert_eq!(*y.shape(), [2, 14, 14, 3]);
/// assert_eq!(*trace.parameters()[0].1.shape(), [4, 4, 3, 16]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// C, the number of channels written.
    pub outputs: usize,
    /// k, the size of the window.
    pub kernel: Pair,
    /// s, pixels written from one pixel read to the next.
    pub stride: Pair,
    /// p, pixels cut off on each side.
    pub padding: Pair,
    /// q, pixels added behind the last; less than the stride.
    pub output_padding: Pair,
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

impl ConvTranspose2d {
    /// A transposed convolution without padding, with He-normal weights and zero bias.
    pub fn new(outputs: usize, kernel: impl Into<Pair>) -> ConvTranspose2d {
        ConvTranspose2d {
            outputs,
            kernel: kernel.into(),
            stride: Pair([1, 1]),
            padding: Pair([0, 0]),
            output_padding: Pair([0, 0]),
            dilation: Pair([1, 1]),
            groups: 1,
            weight_init: Init::he_normal(),
            bias_init: Init::zeros(),
            use_bias: true,
        }
    }

    /// The same with another stride.
    #[must_use]
    pub fn stride(self, stride: impl Into<Pair>) -> ConvTranspose2d {
        ConvTranspose2d { stride: stride.into(), ..self }
    }

    /// The same with another padding.
    #[must_use]
    pub fn padding(self, padding: impl Into<Pair>) -> ConvTranspose2d {
        ConvTranspose2d { padding: padding.into(), ..self }
    }

    /// The size along an axis; `None` if nothing is left, or if it cannot be counted.
    fn size(&self, axis: usize, size: usize) -> Option<usize> {
        let reach = self.kernel.0[axis].checked_sub(1)?.checked_mul(self.dilation.0[axis])?.checked_add(1)?;
        let spread = size.checked_sub(1)?.checked_mul(self.stride.0[axis])?.checked_add(reach)?;
        let cut = self.padding.0[axis].checked_mul(2)?;
        spread.checked_add(self.output_padding.0[axis])?.checked_sub(cut).filter(|&size| size > 0)
    }
}

impl Layer for ConvTranspose2d {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = images(cx, "conv_transpose2d", x) else { return x };
        let size = |axis: usize| {
            self.size(axis, x.dim(axis as isize + 1))
                .filter(|_| self.output_padding.0[axis] < self.stride.0[axis])
        };
        let (Some(height), Some(width)) = (size(0), size(1)) else {
            let needs = "images that leave pixels after padding, and an output padding below the stride";
            wrong_input("conv_transpose2d", x, needs, "give it less padding, or a larger stride");
            return x;
        };
        let [kh, kw] = self.kernel.0;
        let outer = (self.outputs / self.groups.max(1)).max(1);
        let shape = Shape::from([kh, kw, outer, x.dim(3)]);
        let weight = cx.param("weight", shape, &self.weight_init);
        cx.turned_in_pytorch("weight", &shape, &[3, 2, 0, 1]);
        let window = Window {
            kernel: self.kernel.0,
            stride: self.stride.0,
            padding: self.padding.0,
            dilation: self.dilation.0,
        };
        let y = x.conv2d_transposed(weight, window, self.groups, [height, width]);
        if !self.use_bias {
            return y;
        }
        y + cx.param_with_fans("bias", [self.outputs], &self.bias_init, Fans::of(&shape))
    }
}

/// A transposed convolution.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "conv-transpose2d",
        summary: "A transposed convolution of images [batch, height, width, channels].",
        formula: "y[n, i, c] = b[c] + Σ x[n, o, k] · W[t, c, k] over o, t, k with o·s + t·d − p = i",
        reference: "Zeiler et al., 2010, Deconvolutional networks; PyTorch ConvTranspose2d",
        hyperparameters: &[
            OUTPUTS,
            KERNEL,
            STRIDE,
            Hyperparameter { summary: "Pixels cut off on each side.", ..PADDING },
            Hyperparameter {
                name: "output-padding",
                symbol: "q",
                summary: "Pixels added behind the last; less than the stride.",
                ..PADDING
            },
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
        Ok(Box::new(configure::<ConvTranspose2d>(&SPEC.about, settings, &[])?))
    },
};
