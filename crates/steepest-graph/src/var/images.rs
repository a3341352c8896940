//! Convolution and pooling of images, `[N, H, W, C]`, channels last.

use steepest_tensor::Window;

use super::Var;
use crate::ops;

impl<'g> Var<'g> {
    /// The convolution of these images with a weight `[KH, KW, C / groups, K]`: `[N, OH, OW, K]`.
    ///
    /// y[n, o, k] = Σ over taps t and channels c of x[n, o·s + t·d − p, c] · w[t, c, k]. The kernel is not
    /// flipped. PyTorch's weight is this one with its axes in the order 3, 2, 0, 1.
    ///
    /// ```
    /// use steepest_graph::{Feeds, Graph, Window, evaluate};
    /// use steepest_tensor::Tensor;
    /// let graph = Graph::new();
    /// let x = graph.input("x", [1, 1, 4, 1]);
    /// let w = graph.literal(Tensor::f64([1, 2, 1, 1], vec![10.0, 1.0])?);
    /// let y = x.conv2d(w, Window::new([1, 2]).stride([1, 2]), 1);
    /// let feeds = Feeds::new().with("x", Tensor::f64([1, 1, 4, 1], vec![1.0, 2.0, 3.0, 4.0])?);
    /// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [12.0, 34.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn conv2d(self, weight: Var<'g>, window: Window, groups: usize) -> Var<'g> {
        self.graph.push(ops::conv2d::Conv2d { window, groups }, &[self, weight])
    }

    /// The transposed convolution of these positions `[N, OH, OW, K]`: images `[N, H, W, C]` of a height and
    /// width `size` over which the window takes OH × OW positions.
    ///
    /// The weight is that of the convolution from those images to these positions, `[KH, KW, C / groups, K]`.
    #[track_caller]
    pub fn conv2d_transposed(
        self,
        weight: Var<'g>,
        window: Window,
        groups: usize,
        size: [usize; 2],
    ) -> Var<'g> {
        let op = ops::conv2d_input_gradient::Conv2dInputGradient { window, groups, size };
        self.graph.push(op, &[self, weight])
    }

    /// The maximum of each window and channel: `[N, OH, OW, C]`.
    ///
    /// The derivative goes to the first of equal pixels, as in PyTorch. Padding is never the maximum.
    #[track_caller]
    pub fn max_pool2d(self, window: Window) -> Var<'g> {
        self.graph.push(ops::max_pool::MaxPool { window }, &[self, self])
    }

    /// The mean of each window and channel: `[N, OH, OW, C]`. Padding counts as zeros, as in PyTorch.
    #[track_caller]
    pub fn avg_pool2d(self, window: Window) -> Var<'g> {
        let channels = self.dim(3);
        let share = self.constant(1.0 / window.taps() as f64);
        let weight = share.broadcast_to([window.kernel[0], window.kernel[1], 1, channels]);
        self.conv2d(weight, window, channels)
    }
}
