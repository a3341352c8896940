//! Convolutions over images whose channels lie last, without a copy of their patches.
//!
//! A few pixels times a panel of written channels stay in registers while all taps of the window and all
//! read channels go by: each pixel's operand is a pointer into the image, or at zeros where a tap lies
//! outside. Each element of a result is one chain of multiply-adds in a fixed order (of the weight's
//! derivative: the sum over a few lines of one image, added to the sum so far), so its bits do not depend
//! on how the work is shared.

use crate::machine::Memory;
use crate::program::{Channels, Conv, ConvWeight};
use crate::real::{AVX512, Real, Vector};

/// Positions of the window whose part of the weight's derivative is summed before it is added to the whole:
/// the lines of both images that they take stay in the first-level cache.
const POSITIONS: usize = 64;

/// Runs a convolution, or its derivative by the image, for images `first..end`.
///
/// # Safety
/// The instruction was verified for `end` images, no other thread touches what it writes, scratch has
/// `inner` elements, and the machine has the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn conv<T: Real, const L: usize, const ISA: u8>(
    c: &Conv,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    // SAFETY: passed on; the sizes chosen only divide the work.
    unsafe {
        let walk = Walk::new(c, memory);
        for i in 0..c.channels.inner {
            *memory.scratch.add(i) = T::ZERO;
        }
        for image in first..end {
            let walk = walk.image(c, image);
            if c.channels.depthwise() {
                walk.depthwise::<L, ISA>();
            } else if ISA == AVX512 && walk.panel.is_multiple_of(2 * L) {
                walk.panels::<L, 8, 2, ISA>();
            } else if ISA == AVX512 {
                walk.panels::<L, 8, 1, ISA>();
            } else {
                walk.panels::<L, 4, 1, ISA>();
            }
        }
    }
}

/// One image's way through a convolution.
#[derive(Clone, Copy)]
struct Walk<'a, T> {
    channels: &'a Channels,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    /// Height and width of what is read, and of what is written.
    read: [usize; 2],
    written: [usize; 2],
    transposed: bool,
    panel: usize,
    from: *const T,
    weight: *const T,
    to: *mut T,
    zeros: *const T,
}

impl<'a, T: Real> Walk<'a, T> {
    unsafe fn new(c: &'a Conv, memory: &Memory<T>) -> Walk<'a, T> {
        let (w, g) = (c.windows.window, &c.windows);
        let (read, written) = if c.transposed { (g.small, g.large) } else { (g.large, g.small) };
        // SAFETY: the places were verified.
        unsafe {
            Walk {
                channels: &c.channels,
                kernel: w.kernel,
                stride: w.stride,
                padding: w.padding,
                dilation: w.dilation,
                read,
                written,
                transposed: c.transposed,
                panel: c.channels.panel(),
                from: memory.real(c.from).cast_const(),
                weight: memory.real(c.weight).cast_const(),
                to: memory.real(c.to),
                zeros: memory.scratch.cast_const(),
            }
        }
    }

    /// The same at one image.
    unsafe fn image(&self, c: &Conv, image: usize) -> Walk<'a, T> {
        let Channels { groups, inner, outer } = c.channels;
        let (read, written) = (self.read[0] * self.read[1], self.written[0] * self.written[1]);
        // SAFETY: there are more images than `image`.
        unsafe {
            Walk {
                from: self.from.add(image * read * groups * inner),
                to: self.to.add(image * written * groups * outer),
                ..*self
            }
        }
    }

    /// Pixels whose taps have the same alignment: all of them, or, transposed, those of one remainder by the
    /// stride. The first pixel, and how many.
    fn phase(&self, axis: usize, phase: usize) -> usize {
        if self.transposed {
            self.written[axis].saturating_sub(phase).div_ceil(self.stride[axis])
        } else {
            self.written[axis]
        }
    }

    fn phases(&self, axis: usize) -> usize {
        if self.transposed { self.stride[axis].min(self.written[axis]) } else { 1 }
    }

    /// The written pixel number `index` of a phase.
    #[inline(always)]
    fn pixel(&self, axis: usize, phase: usize, index: usize) -> usize {
        if self.transposed { phase + index * self.stride[axis] } else { index }
    }

    /// What is read at a tap by the written pixel `index` of a phase is pixel `index · factor + shift`, for the
    /// factor of [`Walk::base`]; `None` if the phase has no such pixel.
    #[inline(always)]
    fn shift(&self, axis: usize, phase: usize, tap: usize) -> Option<isize> {
        let (tap, padding) = ((tap * self.dilation[axis]) as isize, self.padding[axis] as isize);
        if !self.transposed {
            return Some(tap - padding);
        }
        let at = phase as isize + padding - tap;
        let stride = self.stride[axis] as isize;
        (stride == 1 || at % stride == 0).then(|| if stride == 1 { at } else { at / stride })
    }

    #[inline(always)]
    fn base(&self, axis: usize, index: usize) -> isize {
        (if self.transposed { index } else { index * self.stride[axis] }) as isize
    }

    /// All groups, panel by panel, so that a panel of the weight stays in a cache.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn panels<const L: usize, const MR: usize, const NV: usize, const ISA: u8>(&self) {
        let Channels { groups, inner, outer } = *self.channels;
        let slab = self.kernel[0] * self.kernel[1] * inner * self.panel;
        for group in 0..groups {
            let mut column = 0;
            while column < outer {
                // SAFETY: the panel that holds `column` of the group lies inside the weight.
                unsafe {
                    let panel = group * self.channels.panels() + column / self.panel;
                    let weight = self.weight.add(panel * slab + column % self.panel);
                    let columns = (NV * L).min(outer - column);
                    for y in 0..self.phases(0) {
                        for x in 0..self.phases(1) {
                            self.pixels::<L, MR, NV, ISA>([y, x], group, column, columns, weight);
                        }
                    }
                }
                column += NV * L;
            }
        }
    }

    /// All pixels of a phase for one panel, a few at a time.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn pixels<const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
        &self,
        phase: [usize; 2],
        group: usize,
        column: usize,
        columns: usize,
        weight: *const T,
    ) {
        let Channels { groups, inner, outer } = *self.channels;
        let size = [self.phase(0, phase[0]), self.phase(1, phase[1])];
        let total = size[0] * size[1];
        let (mut y, mut x, mut done) = (0, 0, 0);
        while done < total {
            let count = MR.min(total - done);
            let mut block = Block { ys: [0; MR], xs: [0; MR], to: [0; MR] };
            for i in 0..MR {
                block.ys[i] = self.base(0, y);
                block.xs[i] = self.base(1, x);
                let (row, at) = (self.pixel(0, phase[0], y), self.pixel(1, phase[1], x));
                block.to[i] = (row * self.written[1] + at) * groups * outer;
                // Beyond the last pixel, the last one again.
                if i + 1 < count {
                    (y, x) = if x + 1 == size[1] { (y + 1, 0) } else { (y, x + 1) };
                }
            }
            (y, x) = if x + 1 == size[1] { (y + 1, 0) } else { (y, x + 1) };
            // SAFETY: each pixel's operands are inside the image or at the zeros; the results are pixels.
            unsafe {
                let from = self.from.add(group * inner);
                let acc = self.block::<L, MR, NV, ISA>(phase, &block, from, weight);
                for (row, &to) in acc.iter().zip(&block.to).take(count) {
                    store::<T, L, NV, ISA>(row, self.to.add(to + group * outer + column), columns);
                }
            }
            done += count;
        }
    }

    /// The sums of a block of pixels for one panel, over all taps and read channels.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn block<const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
        &self,
        phase: [usize; 2],
        block: &Block<MR>,
        from: *const T,
        weight: *const T,
    ) -> [[Vector<T, L>; NV]; MR] {
        let mut acc = [[Vector::<T, L>::splat(T::ZERO); NV]; MR];
        let Channels { groups, inner, .. } = *self.channels;
        let [height, width] = self.read;
        let channels = groups * inner;
        let step = inner * self.panel;
        let whole = !self.transposed && groups == 1 && self.dilation[1] == 1 && {
            let (low, high) = (-(self.padding[1] as isize), (self.kernel[1] - 1) as isize);
            block.xs.iter().all(|&x| x + low >= 0 && x + low + high < width as isize)
        };
        for ky in 0..self.kernel[0] {
            let Some(shift) = self.shift(0, phase[0], ky) else { continue };
            let mut rows = [-1isize; MR];
            let (mut any, mut all) = (false, true);
            for (row, &y) in rows.iter_mut().zip(&block.ys) {
                let inside = ((y + shift) as usize) < height;
                if inside {
                    *row = (y + shift) * width as isize;
                }
                (any, all) = (any | inside, all & inside);
            }
            if !any {
                continue;
            }
            // SAFETY: offsets of pixels inside the image; the weight has a slab for each tap.
            unsafe {
                let weight = weight.add(ky * self.kernel[1] * step);
                if whole && all {
                    // The taps of a line follow one another, as the weight's do.
                    let first = -(self.padding[1] as isize);
                    let mut at = [from; MR];
                    for i in 0..MR {
                        at[i] = from.offset((rows[i] + block.xs[i] + first) * channels as isize);
                    }
                    let n = self.kernel[1] * inner;
                    accumulate::<T, L, MR, NV, ISA, false>(&mut acc, &at, 1, weight, self.panel, n, L);
                    continue;
                }
                for kx in 0..self.kernel[1] {
                    let Some(shift) = self.shift(1, phase[1], kx) else { continue };
                    let mut at = [self.zeros; MR];
                    let mut any = false;
                    for i in 0..MR {
                        let x = block.xs[i] + shift;
                        if rows[i] >= 0 && (x as usize) < width {
                            at[i] = from.offset((rows[i] + x) * channels as isize);
                            any = true;
                        }
                    }
                    if any {
                        let weight = weight.add(kx * step);
                        accumulate::<T, L, MR, NV, ISA, false>(
                            &mut acc, &at, 1, weight, self.panel, inner, L,
                        );
                    }
                }
            }
        }
        acc
    }

    /// One channel in, one channel out: vectors of channels, pixel by pixel.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn depthwise<const L: usize, const ISA: u8>(&self) {
        let channels = self.channels.groups;
        for y in 0..self.written[0] {
            for x in 0..self.written[1] {
                let mut column = 0;
                // SAFETY: columns stay below `channels`.
                unsafe {
                    let to = self.to.add((y * self.written[1] + x) * channels);
                    while column + 2 * L <= channels {
                        self.depthwise_pixel::<L, 2, ISA, false>(y, x, to, column, L);
                        column += 2 * L;
                    }
                    while column < channels {
                        let last = L.min(channels - column);
                        if last == L {
                            self.depthwise_pixel::<L, 1, ISA, false>(y, x, to, column, L);
                        } else {
                            self.depthwise_pixel::<L, 1, ISA, true>(y, x, to, column, last);
                        }
                        column += last;
                    }
                }
            }
        }
    }

    /// # Safety
    /// As for [`conv`], for channels `column..` of one pixel.
    #[inline(always)]
    unsafe fn depthwise_pixel<const L: usize, const NV: usize, const ISA: u8, const PART: bool>(
        &self,
        y: usize,
        x: usize,
        to: *mut T,
        column: usize,
        last: usize,
    ) {
        let channels = self.channels.groups;
        let split = |axis: usize, at: usize| {
            let stride = if self.transposed { self.stride[axis] } else { 1 };
            (at % stride, at / stride)
        };
        let ((phase_y, y), (phase_x, x)) = (split(0, y), split(1, x));
        let mut acc = [Vector::<T, L>::splat(T::ZERO); NV];
        for ky in 0..self.kernel[0] {
            let Some(shift) = self.shift(0, phase_y, ky) else { continue };
            let row = self.base(0, y) + shift;
            if row as usize >= self.read[0] {
                continue;
            }
            for kx in 0..self.kernel[1] {
                let Some(shift) = self.shift(1, phase_x, kx) else { continue };
                let at = self.base(1, x) + shift;
                if at as usize >= self.read[1] {
                    continue;
                }
                // SAFETY: the pixel is inside the image, the tap inside the weight.
                unsafe {
                    let from = self.from.add((row as usize * self.read[1] + at as usize) * channels + column);
                    let weight = self.weight.add((ky * self.kernel[1] + kx) * channels + column);
                    for (v, sum) in acc.iter_mut().enumerate() {
                        let a = load::<T, L, ISA, PART>(from.add(v * L), last);
                        let b = load::<T, L, ISA, PART>(weight.add(v * L), last);
                        *sum = a.mul_add::<ISA>(b, *sum);
                    }
                }
            }
        }
        // SAFETY: the channels are inside the pixel.
        unsafe { store::<T, L, NV, ISA>(&acc, to.add(column), (NV - 1) * L + last) }
    }
}

/// Pixels that are computed together.
struct Block<const MR: usize> {
    /// Where their windows stand in what is read, before the taps' shifts.
    ys: [isize; MR],
    xs: [isize; MR],
    /// Where their results go, in elements.
    to: [usize; MR],
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

/// Stores the first `columns` elements of some vectors.
///
/// # Safety
/// `columns` elements are writable.
#[inline(always)]
unsafe fn store<T: Real, const L: usize, const NV: usize, const ISA: u8>(
    row: &[Vector<T, L>; NV],
    to: *mut T,
    columns: usize,
) {
    for (v, vector) in row.iter().enumerate() {
        let left = columns.saturating_sub(v * L);
        // SAFETY: the caller promises the elements.
        unsafe {
            if left >= L {
                vector.store(to.add(v * L));
            } else if left > 0 {
                vector.store_part::<ISA>(to.add(v * L), left);
            }
        }
    }
}

/// `acc[i][v] += Σₖ a[i][k · a_step] · b[k · b_step + v · L ..]`, the last vector of `last` elements.
///
/// # Safety
/// The elements named are readable.
#[inline(always)]
unsafe fn accumulate<T, const L: usize, const MR: usize, const NV: usize, const ISA: u8, const PART: bool>(
    acc: &mut [[Vector<T, L>; NV]; MR],
    a: &[*const T; MR],
    a_step: usize,
    b: *const T,
    b_step: usize,
    n: usize,
    last: usize,
) where
    T: Real,
{
    let (mut at, mut b) = (0, b);
    for _ in 0..n {
        let mut columns = [Vector::<T, L>::splat(T::ZERO); NV];
        // SAFETY: the caller promises the elements.
        unsafe {
            for (v, column) in columns.iter_mut().enumerate() {
                *column = if PART && v == NV - 1 {
                    Vector::load_part::<ISA>(b.add(v * L), last)
                } else {
                    Vector::load(b.add(v * L))
                };
            }
            for (row, &a) in acc.iter_mut().zip(a) {
                let x = Vector::splat(*a.wrapping_add(at));
                for (sum, &column) in row.iter_mut().zip(&columns) {
                    *sum = x.mul_add::<ISA>(column, *sum);
                }
            }
        }
        at += a_step;
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
            let part = Part { c, images, grad, to };
            let mut line = 0;
            while line < height {
                let until = (line + lines).min(height);
                if c.channels.depthwise() {
                    part.depthwise::<L, ISA>(first, end, line, until);
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

/// One image's part of the weight's derivative.
struct Part<'a, T> {
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

impl<T: Real> Part<'_, T> {
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
        let mut row = first;
        while row < end {
            let count = MR.min(end - row).min(run - row % run);
            let span = self.span(row / run * run / inner, line, until);
            let skip = row % run;
            for group in 0..groups {
                let mut column = 0;
                while column < outer {
                    let left = outer - column;
                    let at = Tile { row, count, skip: group * inner + skip, column: group * outer + column };
                    // SAFETY: rows and columns lie inside the weight, the span inside the images.
                    unsafe {
                        if ISA == AVX512 && left >= 2 * L {
                            self.tile::<L, MR, 2, ISA, false>(&span, &at, L);
                            column += 2 * L;
                        } else if ISA == AVX512 && left > L {
                            self.tile::<L, MR, 2, ISA, true>(&span, &at, left - L);
                            column += 2 * L;
                        } else if left >= L {
                            self.tile::<L, MR, 1, ISA, false>(&span, &at, L);
                            column += L;
                        } else {
                            self.tile::<L, MR, 1, ISA, true>(&span, &at, left);
                            column += L;
                        }
                    }
                }
            }
            row += count;
        }
    }

    /// Adds the part of a few rows and columns.
    ///
    /// # Safety
    /// As for [`weight`].
    #[inline(always)]
    unsafe fn tile<const L: usize, const MR: usize, const NV: usize, const ISA: u8, const PART: bool>(
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
        for line in span.lines.0..span.lines.1 {
            // SAFETY: the tile's channels lie inside each pixel; beyond the last row, the last one again.
            unsafe {
                let (image, grad) = self.line(span, line);
                let mut a = [image; MR];
                for (i, a) in a.iter_mut().enumerate() {
                    *a = image.add(at.skip + i.min(at.count - 1));
                }
                accumulate::<T, L, MR, NV, ISA, PART>(
                    &mut acc,
                    &a,
                    step,
                    grad.add(at.column),
                    columns,
                    places,
                    last,
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
