//! Convolutions over images whose channels lie last, without a copy of their patches.
//!
//! A few pixels times a vector or two of written channels stay in registers while taps of the window and all read
//! channels go by: each pixel's operand is a pointer into the image. Where taps reach beyond it, the image is first
//! copied into a frame of zeros. As many lines of the window are taken at a time as leave their weights in the
//! first-level cache; between them, sums wait in the result. Each element of a result is one chain of multiply-adds in
//! a fixed order, so its bits do not depend on how the work is shared.

use crate::memory::Memory;
use crate::program::{Channels, Conv, PANEL};
use crate::real::{AVX512, Real, Vector};

/// Bytes of weights that stay in the first-level cache while pixels go by.
const RESIDENT_BYTES: usize = 24 << 10;
/// Elements of scratch that a convolution needs: its frame.
pub(crate) fn scratch_len(c: &Conv) -> usize {
    let geometry = Geometry::new(c);
    let frame = geometry.frame();
    if c.channels.depthwise() || frame.size == geometry.read {
        return 0;
    }
    frame.size[0] * frame.size[1] * c.channels.groups * c.channels.inner
}

/// Runs a convolution, or its derivative by the image, for images `first..end`.
///
/// # Safety
/// The instruction was verified for `end` images, no other thread touches what it writes, scratch has
/// [`scratch_len`] elements, and the machine has the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn conv<T: Real, const L: usize, const ISA: u8>(
    c: &Conv,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    let geometry = Geometry::new(c);
    let Channels { groups, inner, outer } = c.channels;
    let (read, written) = (geometry.read, geometry.written);
    let mut frame = geometry.frame();
    let framed = frame.size != read;
    // SAFETY: passed on; the sizes chosen only divide the work. The frame has room for the image.
    unsafe {
        if c.channels.depthwise() {
            frame = Frame { low: [0; 2], size: read };
        } else if framed {
            memory.scratch.write_bytes(0, scratch_len(c));
        }
        for image in first..end {
            let mut from = memory.at(c.from, image * read[0] * read[1] * groups * inner).cast_const();
            if framed && !c.channels.depthwise() {
                frame.fill(from, read, groups * inner, memory.scratch);
                from = memory.scratch.cast_const();
            }
            let walk = Walk {
                geometry,
                frame,
                channels: c.channels,
                from,
                weight: memory.real(c.weight).cast_const(),
                to: memory.at(c.to, image * written[0] * written[1] * groups * outer),
            };
            if c.channels.depthwise() {
                walk.depthwise::<L, ISA>();
            } else {
                walk.panels::<L, ISA>();
            }
        }
    }
}

/// Which pixels meet which taps.
#[derive(Clone, Copy)]
struct Geometry {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    /// Height and width of what is read, and of what is written.
    read: [usize; 2],
    written: [usize; 2],
    transposed: bool,
}

impl Geometry {
    fn new(c: &Conv) -> Geometry {
        let (w, g) = (c.windows.window, &c.windows);
        let (read, written) = if c.transposed { (g.small, g.large) } else { (g.large, g.small) };
        let (kernel, stride, padding, dilation) = (w.kernel, w.stride, w.padding, w.dilation);
        Geometry { kernel, stride, padding, dilation, read, written, transposed: c.transposed }
    }

    /// Pixels whose taps have the same alignment: all of them, or, transposed, those of one remainder by the
    /// stride. How many.
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
    /// factor of [`Geometry::base`]; `None` if the phase has no such pixel.
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

    /// What is read, with as many pixels around it as taps reach.
    fn frame(&self) -> Frame {
        let mut frame = Frame { low: [0; 2], size: self.read };
        for axis in 0..2 {
            let mut end = self.read[axis] as isize;
            for phase in 0..self.phases(axis) {
                let last = self.base(axis, self.phase(axis, phase).saturating_sub(1));
                for shift in (0..self.kernel[axis]).filter_map(|tap| self.shift(axis, phase, tap)) {
                    frame.low[axis] = frame.low[axis].max((-shift).max(0) as usize);
                    end = end.max(last + shift + 1);
                }
            }
            frame.size[axis] = frame.low[axis] + end as usize;
        }
        frame
    }
}

/// An image with zeros around it.
#[derive(Clone, Copy)]
struct Frame {
    /// Pixels before the image's own.
    low: [usize; 2],
    /// Height and width.
    size: [usize; 2],
}

impl Frame {
    /// Copies an image of `channels` into the frame `to`.
    ///
    /// # Safety
    /// The image and the frame lie at `from` and `to`.
    unsafe fn fill<T: Real>(&self, from: *const T, image: [usize; 2], channels: usize, to: *mut T) {
        for line in 0..image[0] {
            let at = ((self.low[0] + line) * self.size[1] + self.low[1]) * channels;
            let count = image[1] * channels;
            // SAFETY: the frame holds the image's lines.
            unsafe { to.add(at).copy_from_nonoverlapping(from.add(line * count), count) };
        }
    }
}

/// One image's way through a convolution.
#[derive(Clone, Copy)]
struct Walk<T> {
    geometry: Geometry,
    frame: Frame,
    channels: Channels,
    from: *const T,
    weight: *const T,
    to: *mut T,
}

impl<T: Real> Walk<T> {
    /// All groups, a vector or two of columns at a time, and as many lines of the window as leave their part of the
    /// weight in the cache.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn panels<const L: usize, const ISA: u8>(&self) {
        let Channels { groups, inner, outer } = self.channels;
        let [height, width] = self.geometry.kernel;
        let slab = height * width * inner * PANEL;
        for group in 0..groups {
            let mut column = 0;
            while column < outer {
                // Columns lie in panels, one behind the other.
                let at =
                    |column: usize| (group * self.channels.panels() + column / PANEL) * slab + column % PANEL;
                let pair = outer - column > L;
                let vectors = 1 + usize::from(pair);
                let columns = (vectors * L).min(outer - column);
                let line_bytes = width * inner * vectors * L * size_of::<T>();
                let lines = (RESIDENT_BYTES / line_bytes.max(1)).max(1);
                for line in (0..height).step_by(lines) {
                    let taps = (line, (line + lines).min(height));
                    for phase in 0..self.geometry.phases(0) * self.geometry.phases(1) {
                        let across = self.geometry.phases(1);
                        let phase = [phase / across, phase % across];
                        let part = Part { group, column, columns, taps, gap: at(column + L) - at(column) };
                        // SAFETY: the panels that hold the columns of the group lie inside the weight.
                        unsafe {
                            let weight = self.weight.add(at(column));
                            match (ISA == AVX512, pair) {
                                (true, true) => self.pixels::<L, 8, 2, ISA>(phase, part, weight),
                                (true, false) => self.pixels::<L, 8, 1, ISA>(phase, part, weight),
                                (false, true) => self.pixels::<L, 4, 2, ISA>(phase, part, weight),
                                (false, false) => self.pixels::<L, 4, 1, ISA>(phase, part, weight),
                            }
                        }
                    }
                }
                column += vectors * L;
            }
        }
    }

    /// All pixels of a phase for some columns and taps, a few at a time.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn pixels<const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
        &self,
        phase: [usize; 2],
        part: Part,
        weight: *const T,
    ) {
        let Channels { groups, inner, outer } = self.channels;
        let g = &self.geometry;
        let size = [g.phase(0, phase[0]), g.phase(1, phase[1])];
        let total = size[0] * size[1];
        let line = self.frame.size[1] as isize;
        let own = (self.frame.low[0] * self.frame.size[1] + self.frame.low[1]) * groups * inner
            + part.group * inner;
        let first = self.from.wrapping_add(own);
        let (mut y, mut x, mut done) = (0, 0, 0);
        while done < total {
            let count = MR.min(total - done);
            let (mut at, mut to) = ([first; MR], [self.to; MR]);
            for i in 0..MR {
                let pixel = g.base(0, y) * line + g.base(1, x);
                at[i] = first.wrapping_offset(pixel * (groups * inner) as isize);
                let (row, place) = (g.pixel(0, phase[0], y), g.pixel(1, phase[1], x));
                let pixel = row * g.written[1] + place;
                to[i] = self.to.wrapping_add(pixel * groups * outer + part.group * outer + part.column);
                // Beyond the last pixel, the last one again.
                if i + 1 < count {
                    (y, x) = if x + 1 == size[1] { (y + 1, 0) } else { (y, x + 1) };
                }
            }
            (y, x) = if x + 1 == size[1] { (y + 1, 0) } else { (y, x + 1) };
            // SAFETY: each pixel's operands are inside the frame; the results are pixels.
            unsafe {
                let mut acc = [[Vector::<T, L>::splat(T::ZERO); NV]; MR];
                if part.taps.0 > 0 {
                    for (row, &to) in acc.iter_mut().zip(&to) {
                        fetch::<T, L, NV, ISA>(row, to, part.columns);
                    }
                }
                self.taps::<L, MR, NV, ISA>(&mut acc, phase, &part, &at, weight);
                for (row, &to) in acc.iter().zip(&to).take(count) {
                    store::<T, L, NV, ISA>(row, to, part.columns);
                }
            }
            done += count;
        }
    }

    /// Adds what some pixels read at some taps.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn taps<const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
        &self,
        acc: &mut [[Vector<T, L>; NV]; MR],
        phase: [usize; 2],
        part: &Part,
        at: &[*const T; MR],
        weight: *const T,
    ) {
        let Channels { groups, inner, .. } = self.channels;
        let g = &self.geometry;
        let (line, channels) = (self.frame.size[1] as isize, (groups * inner) as isize);
        let step = inner * PANEL;
        // The taps of a line follow one another in the image, as they do in the weight.
        let merged = !g.transposed && groups == 1 && g.dilation[1] == 1;
        for ky in part.taps.0..part.taps.1 {
            let Some(down) = g.shift(0, phase[0], ky) else { continue };
            let weight = weight.wrapping_add(ky * g.kernel[1] * step);
            // SAFETY: the frame holds what taps reach; the weight has a slab for each tap.
            unsafe {
                if merged {
                    let skip = (down * line - g.padding[1] as isize) * channels;
                    accumulate::<T, L, MR, NV, ISA>(acc, at, skip, weight, part.gap, g.kernel[1] * inner);
                    continue;
                }
                for kx in 0..g.kernel[1] {
                    let Some(right) = g.shift(1, phase[1], kx) else { continue };
                    let skip = (down * line + right) * channels;
                    let weight = weight.wrapping_add(kx * step);
                    accumulate::<T, L, MR, NV, ISA>(acc, at, skip, weight, part.gap, inner);
                }
            }
        }
    }

    /// One channel in, one channel out: vectors of channels, pixel by pixel.
    ///
    /// # Safety
    /// As for [`conv`].
    #[inline(always)]
    unsafe fn depthwise<const L: usize, const ISA: u8>(&self) {
        let channels = self.channels.groups;
        for y in 0..self.geometry.written[0] {
            for x in 0..self.geometry.written[1] {
                let mut column = 0;
                // SAFETY: columns stay below `channels`.
                unsafe {
                    let to = self.to.add((y * self.geometry.written[1] + x) * channels);
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
            let stride = if self.geometry.transposed { self.geometry.stride[axis] } else { 1 };
            (at % stride, at / stride)
        };
        let ((phase_y, y), (phase_x, x)) = (split(0, y), split(1, x));
        let mut acc = [Vector::<T, L>::splat(T::ZERO); NV];
        for ky in 0..self.geometry.kernel[0] {
            let Some(shift) = self.geometry.shift(0, phase_y, ky) else { continue };
            let row = self.geometry.base(0, y) + shift;
            if row as usize >= self.geometry.read[0] {
                continue;
            }
            for kx in 0..self.geometry.kernel[1] {
                let Some(shift) = self.geometry.shift(1, phase_x, kx) else { continue };
                let at = self.geometry.base(1, x) + shift;
                if at as usize >= self.geometry.read[1] {
                    continue;
                }
                // SAFETY: the pixel is inside the image, the tap inside the weight.
                unsafe {
                    let from = self
                        .from
                        .add((row as usize * self.geometry.read[1] + at as usize) * channels + column);
                    let weight = self.weight.add((ky * self.geometry.kernel[1] + kx) * channels + column);
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

/// Written channels and taps that are computed together.
#[derive(Clone, Copy)]
struct Part {
    group: usize,
    /// The first channel of the group.
    column: usize,
    columns: usize,
    /// The first and the end of the window's lines.
    taps: (usize, usize),
    /// Elements of the weight from a vector of columns to the next one.
    gap: usize,
}

/// # Safety
/// `L` elements, or with `PART` the first `n`, are readable.
#[inline(always)]
pub(super) unsafe fn load<T: Real, const L: usize, const ISA: u8, const PART: bool>(
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
pub(super) unsafe fn store<T: Real, const L: usize, const NV: usize, const ISA: u8>(
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

/// Reads the first `columns` elements into some vectors.
///
/// # Safety
/// `columns` elements are readable.
#[inline(always)]
unsafe fn fetch<T: Real, const L: usize, const NV: usize, const ISA: u8>(
    row: &mut [Vector<T, L>; NV],
    from: *const T,
    columns: usize,
) {
    for (v, vector) in row.iter_mut().enumerate() {
        let left = columns.saturating_sub(v * L);
        // SAFETY: the caller promises the elements.
        unsafe {
            if left >= L {
                *vector = Vector::load(from.add(v * L));
            } else if left > 0 {
                *vector = Vector::load_part::<ISA>(from.add(v * L), left);
            }
        }
    }
}

/// `acc[i][v] += Σₖ a[i][skip + k] · b[v · gap + k · PANEL ..]`: pixels anywhere, columns in panels.
///
/// # Safety
/// The elements named are readable.
#[inline(always)]
unsafe fn accumulate<T: Real, const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
    acc: &mut [[Vector<T, L>; NV]; MR],
    a: &[*const T; MR],
    skip: isize,
    mut b: *const T,
    gap: usize,
    n: usize,
) {
    let mut k = skip;
    let end = b.wrapping_add(n * PANEL);
    while b != end {
        // SAFETY: the caller promises the elements.
        unsafe {
            let columns: [Vector<T, L>; NV] = std::array::from_fn(|v| Vector::load(b.wrapping_add(v * gap)));
            for (row, &a) in acc.iter_mut().zip(a) {
                let x = Vector::splat(*a.wrapping_offset(k));
                for (sum, &column) in row.iter_mut().zip(&columns) {
                    *sum = x.mul_add::<ISA>(column, *sum);
                }
            }
        }
        b = b.wrapping_add(PANEL);
        k += 1;
    }
}
