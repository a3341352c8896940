//! Windows that slide over images: the geometry that convolution and pooling share.

/// A window of taps that slides over an image; each pair is height, then width.
///
/// Over an image of size H the window takes ⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1 positions along an axis, for
/// kernel k, stride s, padding p on both sides and dilation d. Position o has its tap t at o·s + t·d − p;
/// taps outside the image read nothing.
///
/// ```
/// use steepest_tensor::Window;
/// let window = Window::new([3, 5]).stride([2, 1]).padding([1, 2]);
/// assert_eq!(window.positions([28, 28]), Some([14, 28]));
/// assert_eq!(Window::new([3, 3]).dilation([4, 4]).positions([8, 8]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps along each axis.
    pub kernel: [usize; 2],
    /// Pixels from one position to the next.
    pub stride: [usize; 2],
    /// Pixels before the first and behind the last that the window may reach.
    pub padding: [usize; 2],
    /// Pixels from one tap to the next.
    pub dilation: [usize; 2],
}

impl Window {
    /// A dense window that moves by one pixel and stays inside the image.
    pub fn new(kernel: [usize; 2]) -> Window {
        Window { kernel, stride: [1, 1], padding: [0, 0], dilation: [1, 1] }
    }

    /// The same with another stride.
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Window {
        Window { stride, ..self }
    }

    /// The same with another padding.
    #[must_use]
    pub fn padding(self, padding: [usize; 2]) -> Window {
        Window { padding, ..self }
    }

    /// The same with another dilation.
    #[must_use]
    pub fn dilation(self, dilation: [usize; 2]) -> Window {
        Window { dilation, ..self }
    }

    /// The number of taps.
    pub fn taps(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// Pixels from the first tap to the last, both included; `None` if they cannot be counted.
    pub fn reach(&self, axis: usize) -> Option<usize> {
        self.kernel[axis].checked_sub(1)?.checked_mul(self.dilation[axis])?.checked_add(1)
    }

    /// The number of positions along both axes of an image, `None` if the window does not fit or has
    /// no taps, no stride or no dilation.
    pub fn positions(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = self.padding[axis].checked_mul(2)?.checked_add(image[axis])?;
            // Positions are computed with signed numbers.
            isize::try_from(padded).ok().filter(|_| self.dilation[axis] > 0)?;
            let steps = padded.checked_sub(self.reach(axis)?)?.checked_div(self.stride[axis])?;
            Some(steps + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// The positions `first..end` whose tap `tap` lies inside an image of size `image`, of `positions`.
    pub(crate) fn inside(&self, axis: usize, tap: usize, image: usize, positions: usize) -> (usize, usize) {
        let (shift, stride) = (tap * self.dilation[axis], self.stride[axis]);
        let first = self.padding[axis].saturating_sub(shift).div_ceil(stride);
        let end = (image + self.padding[axis]).saturating_sub(shift).div_ceil(stride).min(positions);
        (first.min(end), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_inside_are_those_whose_tap_hits_a_pixel() {
        for (kernel, stride, padding, dilation) in
            [(3, 1, 1, 1), (5, 2, 3, 2), (1, 3, 0, 1), (4, 2, 7, 1), (2, 5, 1, 3)]
        {
            let window =
                Window::new([kernel; 2]).stride([stride; 2]).padding([padding; 2]).dilation([dilation; 2]);
            for image in 1..12 {
                let Some([positions, _]) = window.positions([image; 2]) else { continue };
                for tap in 0..kernel {
                    let hits = |o: &usize| {
                        let at = (o * stride + tap * dilation) as isize - padding as isize;
                        (0..image as isize).contains(&at)
                    };
                    let (first, end) = window.inside(0, tap, image, positions);
                    let expected: Vec<usize> = (0..positions).filter(hits).collect();
                    assert_eq!(
                        (first..end).collect::<Vec<_>>(),
                        expected,
                        "{window:?} over {image}, tap {tap}"
                    );
                }
            }
        }
    }

    #[test]
    fn windows_that_cannot_be_have_no_positions() {
        assert_eq!(Window::new([0, 1]).positions([4, 4]), None);
        assert_eq!(Window::new([1, 1]).stride([0, 1]).positions([4, 4]), None);
        assert_eq!(Window::new([1, 1]).dilation([1, 0]).positions([4, 4]), None);
        assert_eq!(Window::new([usize::MAX, 1]).dilation([2, 1]).positions([4, 4]), None);
        assert_eq!(Window::new([1, 1]).padding([usize::MAX / 2, 0]).positions([4, 4]), None);
        assert_eq!(Window::new([5, 5]).positions([4, 9]), None);
    }
}
