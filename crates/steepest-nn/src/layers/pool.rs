//! Pooling of images and sequences: maxima and means of windows.

use serde::{Deserialize, Serialize};
use steepest_graph::{Var, Window};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::positions::table;
use super::window::{DILATION, KERNEL, PADDING, Pair, STRIDE, images};
use super::{LayerSpec, not_ahead, wrong_input};
use crate::registry::configure;
use crate::{Layer, Scope};

/// What is pooled: images, or sequences as images of width 1.
struct Grid<'g> {
    x: Var<'g>,
    sequences: bool,
}

impl<'g> Grid<'g> {
    /// The value as what the layers before say it is. Anything without windows is a problem of the graph.
    #[track_caller]
    fn of(cx: &Scope<'_, 'g>, op: &'static str, x: Var<'g>) -> Option<Grid<'g>> {
        not_ahead(cx, op, x, true, "leave pooling out: every position has a prediction of its own");
        match x.shape()[..] {
            [n, steps, channels] if cx.trace.sequences && x.ty().is_real() => {
                Some(Grid { x: x.reshape([n, steps, 1, channels]), sequences: true })
            }
            _ => images(cx, op, x).map(|x| Grid { x, sequences: false }),
        }
    }

    /// A pair of sizes, of which sequences have only the first; `none` is the other.
    fn along(&self, Pair([first, second]): Pair, none: usize) -> [usize; 2] {
        [first, if self.sequences { none } else { second }]
    }

    /// What came of it, with the axes of x.
    #[track_caller]
    fn shaped(&self, y: Var<'g>) -> Var<'g> {
        if self.sequences { y.reshape([y.dim(0), y.dim(1), y.dim(3)]) } else { y }
    }
}

/// The mean over the steps of `[batch, T, width]` that count.
#[track_caller]
pub(crate) fn mean_over_time<'g>(h: Var<'g>, lengths: Option<Var<'g>>) -> Var<'g> {
    let (batch, length) = (h.dim(0), h.dim(1));
    let Some(lengths) = lengths else { return h.sum_over(&[1]) * (1.0 / length as f64) };
    let lengths = lengths.reshape([batch, 1]).maximum(h.constant(1.0));
    let steps = table(h, 1, length, |_, t| t as f64);
    let weights = steps.less(lengths) / lengths;
    (h * weights.reshape([batch, length, 1])).sum_over(&[1])
}

/// The maximum of each window and channel.
///
/// y[n, o, c] = max over taps t of x[n, o·s + t·d − p, c], for images `[N, H, W, C]`, and behind layers over sequences
/// for their steps, `[N, T, C]`. Padding is never the maximum. The derivative goes to the first of equal pixels. PyTorch's
/// `MaxPool2d`, `MaxPool1d`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{MaxPool, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2, 4]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("pool", &MaxPool::new(2), x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2, 4], vec![1.0, 2.0, 0.0, 0.0, 4.0, 3.0, -1.0, 0.5])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [4.0, 0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MaxPool {
    /// k, the size of the window.
    pub kernel: Pair,
    /// s, pixels from one position of the window to the next; unset: the kernel.
    #[serde(default)]
    pub stride: Option<Pair>,
    /// p, pixels on each side that the window may reach beyond the image.
    pub padding: Pair,
    /// d, pixels from one tap to the next.
    pub dilation: Pair,
}

impl MaxPool {
    /// Windows side by side.
    pub fn new(kernel: impl Into<Pair>) -> MaxPool {
        MaxPool { kernel: kernel.into(), stride: None, padding: Pair([0, 0]), dilation: Pair([1, 1]) }
    }
}

impl Layer for MaxPool {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(grid) = Grid::of(cx, "max_pool", x) else { return x };
        grid.shaped(grid.x.max_pool2d(Window {
            kernel: grid.along(self.kernel, 1),
            stride: grid.along(self.stride.unwrap_or(self.kernel), 1),
            padding: grid.along(self.padding, 0),
            dilation: grid.along(self.dilation, 1),
        }))
    }
}

/// The mean of each window and channel.
///
/// y[n, o, c] = Σ over taps t of x[n, o·s + t − p, c] / k², for images `[N, H, W, C]`, and behind layers over sequences for
/// their steps, `[N, T, C]`. Padding counts as zeros, as in PyTorch's `AvgPool2d` and `AvgPool1d` with their default
/// `count_include_pad`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{AvgPool, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2, 2]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("pool", &AvgPool::new(2), x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2, 2], vec![1.0, 2.0, 4.0, 3.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [2.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AvgPool {
    /// k, the size of the window.
    pub kernel: Pair,
    /// s, pixels from one position of the window to the next; unset: the kernel.
    #[serde(default)]
    pub stride: Option<Pair>,
    /// p, zeros on each side.
    pub padding: Pair,
}

impl AvgPool {
    /// Windows side by side.
    pub fn new(kernel: impl Into<Pair>) -> AvgPool {
        AvgPool { kernel: kernel.into(), stride: None, padding: Pair([0, 0]) }
    }
}

impl Layer for AvgPool {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(grid) = Grid::of(cx, "avg_pool", x) else { return x };
        let stride = grid.along(self.stride.unwrap_or(self.kernel), 1);
        let window = Window::new(grid.along(self.kernel, 1)).stride(stride);
        grid.shaped(grid.x.avg_pool2d(window.padding(grid.along(self.padding, 0))))
    }
}

/// The mean of each channel: `[N, …, C]` becomes `[N, C]`. Of sequences that end before others do, only the steps that they
/// have count.
///
/// PyTorch's `AdaptiveAvgPool2d(1)` and a `Flatten`.
///
/// Reference: Lin, Chen and Yan, 2014, *Network in network*, section 3.2.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{GlobalAvgPool, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 1, 2, 2]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("pool", &GlobalAvgPool {}, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 1, 2, 2], vec![1.0, 10.0, 3.0, 30.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [2.0, 20.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool {}

impl Layer for GlobalAvgPool {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        if let Some(lengths) = cx.lengths_of(x) {
            return mean_over_time(x, Some(lengths));
        }
        if shape.rank() < 3 {
            let needs = "values of shape [batch, …, channels] with something between";
            wrong_input("global_avg_pool", x, needs, "give it images or sequences");
            return x;
        }
        let axes: Vec<usize> = (1..shape.rank() - 1).collect();
        let pixels: usize = axes.iter().map(|&axis| shape[axis]).product();
        x.sum_over(&axes) * (1.0 / pixels as f64)
    }
}

/// The means of a fixed number of windows that cover the image, `[N, size, size, C]`, or, behind layers over sequences, the
/// steps, `[N, size, C]`.
///
/// Window i along an axis of H pixels covers ⌊i·H / size⌋ to ⌈(i + 1)·H / size⌉, as in PyTorch's
/// `AdaptiveAvgPool2d`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{AdaptiveAvgPool, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 1, 3, 1]);
/// let layer = AdaptiveAvgPool { size: [1, 2].into() };
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("pool", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 1, 3, 1], vec![1.0, 3.0, 9.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [2.0, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdaptiveAvgPool {
    /// The height and width of the result.
    pub size: Pair,
}

impl Layer for AdaptiveAvgPool {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(grid) = Grid::of(cx, "adaptive_avg_pool", x) else { return x };
        let x = grid.x;
        let (from, to) = ([x.dim(1), x.dim(2)], grid.along(self.size, 1));
        if to.contains(&0) || from.contains(&0) || to.iter().any(|&size| size > MOST_WINDOWS) {
            let needs = format!("images with pixels, and a size from 1 to {MOST_WINDOWS}, not {to:?}");
            wrong_input("adaptive_avg_pool", x, &needs, "choose another `size`");
            return x;
        }
        if (0..2).all(|axis| from[axis].is_multiple_of(to[axis])) {
            let kernel = [from[0] / to[0], from[1] / to[1]];
            return grid.shaped(x.avg_pool2d(Window::new(kernel).stride(kernel)));
        }
        // One axis after the other, slice by slice.
        let pooled = (1..3).fold(x, |x, axis| {
            let (from, to) = (from[axis - 1], to[axis - 1]);
            let part = |i: usize| {
                let (start, end) = (i * from / to, ((i + 1) * from).div_ceil(to));
                let mut kept = x.shape().to_vec();
                kept[axis] = 1;
                let sum = x.slice(axis, start, end).sum_over(&[axis]);
                sum.reshape([kept[0], kept[1], kept[2], kept[3]]) * (1.0 / (end - start) as f64)
            };
            let rest: Vec<Var<'g>> = (1..to).map(part).collect();
            part(0).concat(&rest, axis)
        });
        grid.shaped(pooled)
    }
}

/// Windows along an axis, each of which may become an operation.
const MOST_WINDOWS: usize = 1024;

const POOL_STRIDE: Hyperparameter = Hyperparameter {
    summary: "Pixels from one position of the window to the next; unset: the kernel.",
    default: Default::Unset,
    source: "PyTorch MaxPool2d",
    ..STRIDE
};

const POOL_KERNEL: Hyperparameter =
    Hyperparameter { default: Default::Integer(2), source: "LeCun et al., 1998, sec. II.B", ..KERNEL };

/// Maxima of windows.
pub static MAX: LayerSpec = LayerSpec {
    about: Description {
        name: "max-pool",
        summary: "The maximum of each window and channel of images or sequences.",
        formula: "y[n, o, c] = max over t of x[n, o·s + t·d − p, c]",
        reference: "Ranzato, Huang, Boureau and LeCun, 2007; PyTorch MaxPool2d",
        hyperparameters: &[
            POOL_KERNEL,
            POOL_STRIDE,
            Hyperparameter { summary: "Pixels on each side beyond the image, never the maximum.", ..PADDING },
            DILATION,
        ],
    },
    build: |settings| Ok(Box::new(configure::<MaxPool>(&MAX.about, settings, &[])?)),
};

/// Means of windows.
pub static AVG: LayerSpec = LayerSpec {
    about: Description {
        name: "avg-pool",
        summary: "The mean of each window and channel of images or sequences.",
        formula: "y[n, o, c] = Σ over t of x[n, o·s + t − p, c] / k²",
        reference: "LeCun et al., 1998, sec. II.B; PyTorch AvgPool2d",
        hyperparameters: &[POOL_KERNEL, POOL_STRIDE, PADDING],
    },
    build: |settings| Ok(Box::new(configure::<AvgPool>(&AVG.about, settings, &[])?)),
};

/// The mean of each channel.
pub static GLOBAL_AVG: LayerSpec = LayerSpec {
    about: Description {
        name: "global-avg-pool",
        summary: "The mean of each channel.",
        formula: "y[n, c] = Σ over i of x[n, i, c] / (H·W)",
        reference: "Lin, Chen and Yan, 2014, Network in network, sec. 3.2",
        hyperparameters: &[],
    },
    build: |settings| Ok(Box::new(configure::<GlobalAvgPool>(&GLOBAL_AVG.about, settings, &[])?)),
};

/// Means of a fixed number of windows.
pub static ADAPTIVE_AVG: LayerSpec = LayerSpec {
    about: Description {
        name: "adaptive-avg-pool",
        summary: "The means of a fixed number of windows that cover the image or sequence.",
        formula: "window i covers ⌊i·H / size⌋ to ⌈(i + 1)·H / size⌉",
        reference: "PyTorch AdaptiveAvgPool2d",
        hyperparameters: &[Hyperparameter {
            name: "size",
            symbol: "",
            summary: "The height and width of the result.",
            accepts: Accepts::Pair { min: 1 },
            default: Default::Integer(1),
            source: "Lin, Chen and Yan, 2014: one mean",
        }],
    },
    build: |settings| Ok(Box::new(configure::<AdaptiveAvgPool>(&ADAPTIVE_AVG.about, settings, &[])?)),
};
