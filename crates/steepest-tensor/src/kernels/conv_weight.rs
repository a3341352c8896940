//! The derivative of a convolution by its weight.
//!
//! A few rows (tap and read channel) times a vector or two of written channels stay in registers while the positions of
//! a few lines of one image go by; their sum is added to the sum so far. The order is fixed, so bits do not depend on how
//! the work is shared.

use super::conv::{load, store};
use crate::memory::Memory;
use crate::program::{Channels, ConvWeight};
use crate::real::{AVX512, Real, Vector};

/// Positions of the window whose part of the weight's derivative is summed before it is added to the whole:
/// a vector or two of their derivatives, and the lines of the image that they see, stay in the first-level cache.
const POSITIONS: usize = 128;
/// Rows of the weight's derivative that are computed together where there are not enough for a whole tile.
const FEW: usize = 4;

/// `acc[i][v] += Σₖ a[offset[i] + k · a_step] · b[k · b_step + v · L ..]`, the last vector of `last` elements.
/// `NEAR`: the offsets are 0, 1, 2, …
///
/// # Safety
/// The elements named are readable.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // two strided operands
unsafe fn correlate<
    T: Real,
    const L: usize,
    const MR: usize,
    const NV: usize,
    const ISA: u8,
    const PART: bool,
    const NEAR: bool,
>(
    acc: &mut [[Vector<T, L>; NV]; MR],
    offset: &[usize; MR],
    mut a: *const T,
    a_step: usize,
    mut b: *const T,
    b_step: usize,
    n: usize,
    last: usize,
) {
    for _ in 0..n {
        // SAFETY: the caller promises the elements.
        unsafe {
            let columns: [Vector<T, L>; NV] = std::array::from_fn(|v| {
                let from = b.wrapping_add(v * L);
                if PART && v == NV - 1 { Vector::load_part::<ISA>(from, last) } else { Vector::load(from) }
            });
            for (i, row) in acc.iter_mut().enumerate() {
                let x = Vector::splat(*a.wrapping_add(if NEAR { i } else { offset[i] }));
                for (sum, &column) in row.iter_mut().zip(&columns) {
                    *sum = x.mul_add::<ISA>(column, *sum);
                }
            }
        }
        a = a.wrapping_add(a_step);
        b = b.wrapping_add(b_step);
    }
}

/// Runs the derivative of a convolution by its weight, for the weight's rows `first..end`.
///
/// # Safety
/// The instruction was verified for `end` rows, no other thread touches what it writes, and the machine has
/// the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn weight<T: Real, const L: usize, const ISA: u8>(
    c: &ConvWeight,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    let Channels { groups, inner, outer } = c.channels;
    let columns = groups * outer;
    // SAFETY: the places were verified.
    unsafe {
        let (images, grad) = (memory.real(c.images).cast_const(), memory.real(c.grad).cast_const());
        let to = memory.real(c.to);
        for i in first * columns..end * columns {
            *to.add(i) = T::ZERO;
        }
        let [height, _] = c.windows.small;
        let lines = (POSITIONS / c.windows.small[1].max(1)).max(1);
        for image in 0..c.windows.images {
            let images = images.add(image * c.windows.pixels() * groups * inner);
            let grad = grad.add(image * c.windows.positions() * columns);
            let part = Share { c, images, grad, to };
            let mut line = 0;
            while line < height {
                let until = (line + lines).min(height);
                if c.channels.depthwise() {
                    part.depthwise::<L, ISA>(first, end, line, until);
                } else if ISA == AVX512 && outer <= L {
                    // One vector of columns: more rows, for as many sums at a time as an addition takes.
                    part.rows::<L, 16, ISA>(first, end, line, until);
                } else if ISA == AVX512 {
                    part.rows::<L, 8, ISA>(first, end, line, until);
                } else {
                    part.rows::<L, 4, ISA>(first, end, line, until);
                }
                line = until;
            }
        }
    }
}

/// One image's share of the weight's derivative.
struct Share<'a, T> {
    c: &'a ConvWeight,
    images: *const T,
    grad: *const T,
    to: *mut T,
}

/// Positions of the window, and the pixels that a tap sees from them.
struct Span {
    /// The first and the end of the positions' lines.
    lines: (usize, usize),
    /// The first and the end of the positions in a line.
    places: (usize, usize),
    /// The tap.
    tap: [usize; 2],
}

impl<T: Real> Share<'_, T> {
    /// Where a tap lies inside the image, for positions in lines `line..until`.
    fn span(&self, tap: usize, line: usize, until: usize) -> Span {
        let w = &self.c.windows;
        let tap = [tap / w.window.kernel[1], tap % w.window.kernel[1]];
        let (first, end) = w.window.inside(0, tap[0], w.large[0], w.small[0]);
        let places = w.window.inside(1, tap[1], w.large[1], w.small[1]);
        Span { lines: (first.max(line), end.min(until)), places, tap }
    }

    /// Pointers to the first pixel that a tap sees in a line, and to the position that sees it.
    ///
    /// # Safety
    /// The line is one of the span's, which is not empty.
    #[inline(always)]
    unsafe fn line(&self, span: &Span, line: usize) -> (*const T, *const T) {
        let (w, channels) = (&self.c.windows, &self.c.channels);
        let window = &w.window;
        let at = |axis: usize, position: usize| {
            position * window.stride[axis] + span.tap[axis] * window.dilation[axis] - window.padding[axis]
        };
        let pixel = at(0, line) * w.large[1] + at(1, span.places.0);
        let position = line * w.small[1] + span.places.0;
        // SAFETY: pixel and position lie inside their images.
        unsafe {
            (
                self.images.add(pixel * channels.groups * channels.inner),
                self.grad.add(position * channels.groups * channels.outer),
            )
        }
    }

    /// Adds the part of rows `first..end`.
    ///
    /// # Safety
    /// As for [`weight`].
    #[inline(always)]
    unsafe fn rows<const L: usize, const MR: usize, const ISA: u8>(
        &self,
        first: usize,
        end: usize,
        line: usize,
        until: usize,
    ) {
        let Channels { groups, inner, outer } = self.c.channels;
        let window = &self.c.windows.window;
        // Without padding the taps of a line follow one another in the image, as they do in the weight.
        let merged = window.padding[1] == 0 && window.dilation[1] == 1 && groups == 1;
        let run = if merged { window.kernel[1] * inner } else { inner };
        for group in 0..groups {
            let mut column = 0;
            while column < outer {
                let left = outer - column;
                let wide = ISA == AVX512 && left > L;
                let mut row = first;
                while row < end {
                    let until_run = end.min(row - row % run + run);
                    let span = self.span(row / run * run / inner, line, until);
                    while row < until_run {
                        let count = if until_run - row >= MR { MR } else { FEW.min(until_run - row) };
                        let skip = group * inner + row % run;
                        let at = Tile { row, count, skip, column: group * outer + column };
                        // SAFETY: rows and columns lie inside the weight, the span inside the images.
                        unsafe {
                            match (count == MR, wide) {
                                (true, true) => self.columns::<L, MR, 2, ISA, true>(&span, &at, left),
                                (true, false) => self.columns::<L, MR, 1, ISA, true>(&span, &at, left),
                                (false, true) => self.columns::<L, FEW, 2, ISA, false>(&span, &at, left),
                                (false, false) => self.columns::<L, FEW, 1, ISA, false>(&span, &at, left),
                            }
                        }
                        row += count;
                    }
                }
                column += if wide { 2 * L } else { L };
            }
        }
    }

    /// Adds the part of a few rows and of as many columns as are left, at most `NV` vectors of them.
    ///
    /// # Safety
    /// As for [`weight`].
    #[inline(always)]
    unsafe fn columns<const L: usize, const MR: usize, const NV: usize, const ISA: u8, const NEAR: bool>(
        &self,
        span: &Span,
        at: &Tile,
        left: usize,
    ) {
        // SAFETY: passed on; the last vector has the columns that are left.
        unsafe {
            if left >= NV * L {
                self.tile::<L, MR, NV, ISA, false, NEAR>(span, at, L);
            } else {
                self.tile::<L, MR, NV, ISA, true, NEAR>(span, at, left - (NV - 1) * L);
            }
        }
    }

    /// Adds the part of a few rows and columns.
    ///
    /// # Safety
    /// As for [`weight`].
    #[inline(always)]
    unsafe fn tile<
        const L: usize,
        const MR: usize,
        const NV: usize,
        const ISA: u8,
        const PART: bool,
        const NEAR: bool,
    >(
        &self,
        span: &Span,
        at: &Tile,
        last: usize,
    ) {
        let Channels { groups, inner, outer } = self.c.channels;
        let columns = groups * outer;
        let places = span.places.1 - span.places.0;
        if places == 0 {
            return;
        }
        let step = self.c.windows.window.stride[1] * groups * inner;
        let mut acc = [[Vector::<T, L>::splat(T::ZERO); NV]; MR];
        // Beyond the last row, the last one again.
        let offset: [usize; MR] = std::array::from_fn(|i| i.min(at.count - 1));
        for line in span.lines.0..span.lines.1 {
            // SAFETY: the tile's channels lie inside each pixel.
            unsafe {
                let (image, grad) = self.line(span, line);
                let (a, b) = (image.add(at.skip), grad.add(at.column));
                correlate::<T, L, MR, NV, ISA, PART, NEAR>(
                    &mut acc, &offset, a, step, b, columns, places, last,
                );
            }
        }
        for (i, row) in acc.iter().enumerate().take(at.count) {
            for (v, sum) in row.iter().enumerate() {
                // SAFETY: the row and the columns lie inside the weight.
                unsafe {
                    let to = self.to.add((at.row + i) * columns + at.column + v * L);
                    if PART && v == NV - 1 {
                        Vector::load_part::<ISA>(to, last).add(*sum).store_part::<ISA>(to, last);
                    } else {
                        Vector::load(to).add(*sum).store(to);
                    }
                }
            }
        }
    }

    /// The part of taps `first..end` where each channel is a group of its own.
    ///
    /// # Safety
    /// As for [`weight`].
    #[inline(always)]
    unsafe fn depthwise<const L: usize, const ISA: u8>(
        &self,
        first: usize,
        end: usize,
        line: usize,
        until: usize,
    ) {
        let channels = self.c.channels.groups;
        for tap in first..end {
            let span = self.span(tap, line, until);
            let mut column = 0;
            while column < channels {
                let last = L.min(channels - column);
                // SAFETY: columns stay below `channels`.
                unsafe {
                    if last == L {
                        self.depthwise_columns::<L, ISA, false>(&span, tap, column, L);
                    } else {
                        self.depthwise_columns::<L, ISA, true>(&span, tap, column, last);
                    }
                }
                column += last;
            }
        }
    }

    /// # Safety
    /// As for [`weight`], for channels `column..` of one tap.
    #[inline(always)]
    unsafe fn depthwise_columns<const L: usize, const ISA: u8, const PART: bool>(
        &self,
        span: &Span,
        tap: usize,
        column: usize,
        last: usize,
    ) {
        let channels = self.c.channels.groups;
        let step = self.c.windows.window.stride[1] * channels;
        let places = span.places.1 - span.places.0;
        if places == 0 {
            return;
        }
        let mut sum = Vector::<T, L>::splat(T::ZERO);
        // SAFETY: the span's pixels and positions lie inside their images.
        unsafe {
            for line in span.lines.0..span.lines.1 {
                let (mut image, mut grad) = self.line(span, line);
                for _ in 0..places {
                    let a = load::<T, L, ISA, PART>(image.wrapping_add(column), last);
                    let b = load::<T, L, ISA, PART>(grad.wrapping_add(column), last);
                    sum = a.mul_add::<ISA>(b, sum);
                    (image, grad) = (image.wrapping_add(step), grad.wrapping_add(channels));
                }
            }
            let to = self.to.add(tap * channels + column);
            let total = load::<T, L, ISA, PART>(to, last).add(sum);
            store::<T, L, 1, ISA>(&[total], to, last);
        }
    }
}

/// Rows and columns of the weight.
struct Tile {
    /// The first row.
    row: usize,
    /// The number of rows.
    count: usize,
    /// The read channel of the first row, from the tap's pixel on.
    skip: usize,
    /// The first column.
    column: usize,
}
