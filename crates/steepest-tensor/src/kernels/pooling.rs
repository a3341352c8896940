//! Values at the maxima of windows.

use crate::memory::Memory;
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
                images: memory.at(p.images, image * large).cast_const(),
                values: memory.at(p.values, image * values).cast_const(),
                to: memory.at(p.to, image * to),
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
        let mut best = Vector::<T, L>::splat(T::NEG_INFINITY);
        let mut picked = Vector::<T, L>::splat(T::ZERO);
        let ((top, bottom), (left, right)) = (self.taps(0, y), self.taps(1, x));
        let same = std::ptr::eq(self.images, self.values);
        let mut first = true;
        for ky in top..bottom {
            for kx in left..right {
                let at = self.pixel(y, x, ky, kx) + column;
                // SAFETY: the pixel lies inside the image.
                let candidate = unsafe { load::<T, L, ISA, PART>(self.images.add(at), last) };
                let wins = beats(candidate, best);
                if !same {
                    // SAFETY: as above.
                    let value = unsafe { load::<T, L, ISA, PART>(self.values.add(at), last) };
                    picked = if first { value } else { wins.zip3(value, picked, choose) };
                }
                best = if first { candidate } else { wins.zip3(candidate, best, choose) };
                first = false;
            }
        }
        let to = (y * self.p.windows.small[1] + x) * self.p.channels + column;
        let result = if same { best } else { picked };
        // SAFETY: the position lies inside the result.
        unsafe {
            if PART { result.store_part::<ISA>(self.to.add(to), last) } else { result.store(self.to.add(to)) }
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
        let mut best = Vector::<T, L>::splat(T::NEG_INFINITY);
        // The winning tap's number, as a number of the precision, so that all lanes are of one width.
        let mut winner = Vector::<T, L>::splat(T::ZERO);
        let ((top, bottom), (left, right)) = (self.taps(0, y), self.taps(1, x));
        let mut number = T::ZERO;
        for ky in top..bottom {
            for kx in left..right {
                let at = self.pixel(y, x, ky, kx) + column;
                // SAFETY: the pixel lies inside the image.
                let candidate = unsafe { load::<T, L, ISA, PART>(self.images.add(at), last) };
                if number == T::ZERO {
                    best = candidate;
                } else {
                    let wins = beats(candidate, best);
                    best = wins.zip3(candidate, best, choose);
                    winner = wins.zip3(Vector::splat(number), winner, choose);
                }
                number = number + T::ONE;
            }
        }
        let from = (y * self.p.windows.small[1] + x) * self.p.channels + column;
        // SAFETY: the position lies inside the values, the pixels inside the result.
        unsafe {
            let added = load::<T, L, ISA, PART>(self.values.add(from), last);
            let mut number = T::ZERO;
            for ky in top..bottom {
                for kx in left..right {
                    let to = self.to.add(self.pixel(y, x, ky, kx) + column);
                    let sum = load::<T, L, ISA, PART>(to.cast_const(), last);
                    let wins = winner.zip(Vector::splat(number), |a, b| T::truth(a == b));
                    let sum = wins.zip3(sum.add(added), sum, choose);
                    if PART {
                        sum.store_part::<ISA>(to, last)
                    } else {
                        sum.store(to)
                    }
                    number = number + T::ONE;
                }
            }
        }
    }
}

/// Whether a later candidate takes the place of the maximum so far, as 1 or 0: if it is larger, or the first NaN.
#[inline(always)]
fn beats<T: Real, const L: usize>(candidate: Vector<T, L>, best: Vector<T, L>) -> Vector<T, L> {
    candidate
        .zip(best, |candidate, best| T::truth((candidate > best) | (candidate.is_nan() & !best.is_nan())))
}

#[inline(always)]
fn choose<T: Real>(condition: T, yes: T, no: T) -> T {
    if condition == T::ONE { yes } else { no }
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
