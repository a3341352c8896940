//! Values at the maxima of windows.

use crate::machine::Memory;
use crate::program::MaxPool;
use crate::real::{Real, Vector};

/// Picks values at the first maximum of each window, or adds them there, for images `first..end`.
///
/// # Safety
/// The instruction was verified for `end` images, no other thread touches what it writes, and the machine
/// has the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn max_pool<T: Real, const L: usize, const ISA: u8>(
    p: &MaxPool,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    let (large, small) = (p.windows.pixels() * p.channels, p.windows.positions() * p.channels);
    let (values, to) = if p.scatter { (small, large) } else { (large, small) };
    for image in first..end {
        // SAFETY: the places were verified for all images.
        unsafe {
            let walk = Walk {
                p,
                images: memory.real(p.images).add(image * large).cast_const(),
                values: memory.real(p.values).add(image * values).cast_const(),
                to: memory.real(p.to).add(image * to),
            };
            if p.scatter {
                for i in 0..to {
                    *walk.to.add(i) = T::ZERO;
                }
            }
            for y in 0..p.windows.small[0] {
                for x in 0..p.windows.small[1] {
                    walk.position::<L, ISA>(y, x);
                }
            }
        }
    }
}

/// One image's way through a pooling.
struct Walk<'a, T> {
    p: &'a MaxPool,
    images: *const T,
    values: *const T,
    to: *mut T,
}

impl<T: Real> Walk<'_, T> {
    /// All channels at one position of the window.
    ///
    /// # Safety
    /// As for [`max_pool`].
    #[inline(always)]
    unsafe fn position<const L: usize, const ISA: u8>(&self, y: usize, x: usize) {
        let (channels, mut column) = (self.p.channels, 0);
        while column < channels {
            let last = L.min(channels - column);
            // SAFETY: columns stay below `channels`.
            unsafe {
                match (last == L, self.p.scatter) {
                    (true, false) => self.pick::<L, ISA, false>(y, x, column, L),
                    (true, true) => self.scatter::<L, ISA, false>(y, x, column, L),
                    (false, false) => self.pick::<L, ISA, true>(y, x, column, last),
                    (false, true) => self.scatter::<L, ISA, true>(y, x, column, last),
                }
            }
            column += last;
        }
    }

    /// The first and the end of the taps that lie inside the image, at a position of the window.
    fn taps(&self, axis: usize, position: usize) -> (usize, usize) {
        let (w, image) = (&self.p.windows.window, self.p.windows.large[axis]);
        let (origin, step) = (position * w.stride[axis], w.dilation[axis]);
        let first = w.padding[axis].saturating_sub(origin).div_ceil(step);
        let end = (image + w.padding[axis]).saturating_sub(origin).div_ceil(step).min(w.kernel[axis]);
        (first, end)
    }

    /// The pixel under a tap that lies inside the image, in elements.
    #[inline(always)]
    fn pixel(&self, y: usize, x: usize, ky: usize, kx: usize) -> usize {
        let w = &self.p.windows.window;
        let row = y * w.stride[0] + ky * w.dilation[0] - w.padding[0];
        let at = x * w.stride[1] + kx * w.dilation[1] - w.padding[1];
        (row * self.p.windows.large[1] + at) * self.p.channels
    }

    /// # Safety
    /// As for [`max_pool`], for channels `column..` of one position.
    #[inline(always)]
    unsafe fn pick<const L: usize, const ISA: u8, const PART: bool>(
        &self,
        y: usize,
        x: usize,
        column: usize,
        last: usize,
    ) {
        let mut best = [T::NEG_INFINITY; L];
        let mut picked = [T::ZERO; L];
        let ((top, bottom), (left, right)) = (self.taps(0, y), self.taps(1, x));
        let mut first = true;
        for ky in top..bottom {
            for kx in left..right {
                let at = self.pixel(y, x, ky, kx) + column;
                // SAFETY: the pixel lies inside the image.
                let (candidate, value) = unsafe {
                    (
                        load::<T, L, ISA, PART>(self.images.add(at), last),
                        load::<T, L, ISA, PART>(self.values.add(at), last),
                    )
                };
                for l in 0..L {
                    let wins = first || beats(candidate.0[l], best[l]);
                    best[l] = if wins { candidate.0[l] } else { best[l] };
                    picked[l] = if wins { value.0[l] } else { picked[l] };
                }
                first = false;
            }
        }
        let to = (y * self.p.windows.small[1] + x) * self.p.channels + column;
        // SAFETY: the position lies inside the result.
        unsafe {
            let picked = Vector(picked);
            if PART { picked.store_part::<ISA>(self.to.add(to), last) } else { picked.store(self.to.add(to)) }
        }
    }

    /// # Safety
    /// As for [`max_pool`], for channels `column..` of one position.
    #[inline(always)]
    unsafe fn scatter<const L: usize, const ISA: u8, const PART: bool>(
        &self,
        y: usize,
        x: usize,
        column: usize,
        last: usize,
    ) {
        let mut best = [T::NEG_INFINITY; L];
        let mut winner = [0u32; L];
        let ((top, bottom), (left, right)) = (self.taps(0, y), self.taps(1, x));
        let mut number = 0;
        for ky in top..bottom {
            for kx in left..right {
                let at = self.pixel(y, x, ky, kx) + column;
                // SAFETY: the pixel lies inside the image.
                let candidate = unsafe { load::<T, L, ISA, PART>(self.images.add(at), last) };
                number += 1;
                for l in 0..L {
                    let wins = number == 1 || beats(candidate.0[l], best[l]);
                    best[l] = if wins { candidate.0[l] } else { best[l] };
                    winner[l] = if wins { number } else { winner[l] };
                }
            }
        }
        let from = (y * self.p.windows.small[1] + x) * self.p.channels + column;
        // SAFETY: the position lies inside the values, the pixels inside the result.
        unsafe {
            let added = load::<T, L, ISA, PART>(self.values.add(from), last);
            let mut number = 0;
            for ky in top..bottom {
                for kx in left..right {
                    number += 1;
                    let to = self.to.add(self.pixel(y, x, ky, kx) + column);
                    let mut sum = load::<T, L, ISA, PART>(to.cast_const(), last);
                    for ((lane, &winner), &value) in sum.0.iter_mut().zip(&winner).zip(&added.0) {
                        *lane = if winner == number { *lane + value } else { *lane };
                    }
                    if PART { sum.store_part::<ISA>(to, last) } else { sum.store(to) }
                }
            }
        }
    }
}

/// Whether a later candidate takes the place of the maximum so far: if it is larger, or the first NaN.
#[inline(always)]
fn beats<T: Real>(candidate: T, best: T) -> bool {
    candidate > best || (candidate.is_nan() && !best.is_nan())
}

/// # Safety
/// `L` elements, or with `PART` the first `n`, are readable.
#[inline(always)]
unsafe fn load<T: Real, const L: usize, const ISA: u8, const PART: bool>(
    from: *const T,
    n: usize,
) -> Vector<T, L> {
    // SAFETY: the caller promises the elements.
    unsafe { if PART { Vector::load_part::<ISA>(from, n) } else { Vector::load(from) } }
}
