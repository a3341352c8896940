//! Matrix products: C = A · B with A and B by any strides; where B's columns are not contiguous, panels of it are copied.
//!
//! Each element of C is one chain of multiply-adds over the inner dimension, in order, cut only at
//! multiples of [`DEPTH`]. So its bits do not depend on how rows are shared among threads, nor on which
//! micro-kernel computes it.

use std::mem::MaybeUninit;

use crate::kernels::layout;
#[cfg(target_arch = "x86_64")]
use crate::native::product::{Functions, Rows, TALL};
use crate::prefetch::prefetch_line;
use crate::program::MOST_NEXT;
use crate::real::{AVX512, Real, Vector};

/// Inner steps between two visits of C: a panel of B of this depth stays in the first-level cache.
const DEPTH: usize = 256;

/// Rows of C that are in registers together.
pub(crate) const ROWS: usize = 8;

/// Elements from one row of a transposed left factor to the next, up to which it is not copied.
const LEAST_PACKED: usize = 64;

/// Bytes between rows of B, and their multiples, at which the rows of a panel fall on the same few lines of the first-level
/// cache, which keeps twelve of them.
const CROWDED: usize = 4096;

/// Rows of a product from which on such a panel is copied.
const LEAST_ROWS: usize = 32;

/// Rows of a transposed left factor that are copied at once.
const PACKED_ROWS: usize = 64;

/// Steps of the inner dimension for which such a copy asks ahead: rows of a transposed factor are seldom side by side.
const STEPS_AHEAD: usize = 8;

/// The operands of a product: pointers and strides in elements.
#[derive(Clone, Copy)]
pub(crate) struct Product<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: *const T,
    pub a_row: usize,
    pub a_column: usize,
    pub b: *const T,
    pub b_row: usize,
    pub b_column: usize,
    pub c: *mut T,
    pub c_row: usize,
    /// Bytes from C to each of the arrays that are read next at the same rows and columns; 0: no such array.
    pub next: [isize; MOST_NEXT],
    /// Bytes from C to the array that is written next at the same rows and columns; 0: no such array.
    pub claim: isize,
}

/// No copies: operands are read where they are.
pub(crate) const NOTHING: u8 = 0;
/// Copies of panels of B, where its columns are not contiguous or its rows crowd on the same lines of the cache.
pub(crate) const PANELS: u8 = 1;
/// Copies of a transposed left factor as well.
pub(crate) const FACTORS: u8 = 2;

/// What a product copies. It needs room on the stack for that, and a function that has such room touches every page of it
/// each time it is called: 160 KiB, for products of a microsecond.
pub(crate) fn copies<T: Real, const L: usize, const ISA: u8>(p: &Product<T>) -> u8 {
    match p {
        _ if copies_factor::<T, L, ISA>(p) => FACTORS,
        _ if copies_panels::<T, ISA>(p) => PANELS,
        _ => NOTHING,
    }
}

#[inline(always)]
fn copies_factor<T: Real, const L: usize, const ISA: u8>(p: &Product<T>) -> bool {
    let turned = p.a_row == 1 && p.a_column > LEAST_PACKED;
    ISA == AVX512 && turned && p.m >= 8 && p.n > 3 * L && p.k >= 32
}

#[inline(always)]
fn copies_panels<T: Real, const ISA: u8>(p: &Product<T>) -> bool {
    let crowded = (p.b_row * size_of::<T>()).is_multiple_of(CROWDED) && p.m >= LEAST_ROWS;
    p.b_column != 1 || ISA == AVX512 && crowded
}

/// C = A · B. `COPIES` is at least what [`copies`] says.
///
/// # Safety
/// All elements that the sizes and strides name are readable (A, B) and writable (C); C overlaps
/// neither A nor B.
#[inline(always)]
pub(crate) unsafe fn product<T: Real, const L: usize, const ISA: u8, const COPIES: u8>(p: &Product<T>) {
    if p.k == 0 {
        for i in 0..p.m {
            for j in 0..p.n {
                // SAFETY: (i, j) is an element of C.
                unsafe { *p.c.add(i * p.c_row + j) = T::ZERO };
            }
        }
        return;
    }
    let mut start = 0;
    while start < p.k {
        let depth = DEPTH.min(p.k - start);
        // SAFETY: start < k, so the shifted pointers are inside A and B.
        let slab = unsafe {
            let (a, b) = (p.a.add(start * p.a_column), p.b.add(start * p.b_row));
            // What is read and written next is asked for once.
            let (next, claim) = if start == 0 { (p.next, p.claim) } else { ([0; MOST_NEXT], 0) };
            Product { k: depth, a, b, next, claim, ..*p }
        };
        // SAFETY: `slab` names a subset of the elements of `p`.
        unsafe {
            if COPIES == FACTORS && copies_factor::<T, L, ISA>(&slab) {
                packed_slab::<T, L, ISA>(&slab, start > 0);
            } else {
                slab_product::<T, L, ISA, COPIES>(&slab, 0, start > 0);
            }
        }
        start += depth;
    }
}

/// One slab with a transposed left factor, whose elements for eight rows at a time are copied so that they
/// follow one another: at a stride of a power of two, the cache would keep few of them.
///
/// # Safety
/// As for [`product`], with k ≤ [`DEPTH`].
#[inline(always)]
unsafe fn packed_slab<T: Real, const L: usize, const ISA: u8>(p: &Product<T>, add: bool) {
    let mut buffer = [const { MaybeUninit::<[T; 8]>::uninit() }; PACKED_ROWS / 8 * DEPTH];
    let mut first = 0;
    while first < p.m {
        let rows = PACKED_ROWS.min(p.m - first);
        // SAFETY: columns `first..first + rows` of the transposed factor are readable at each of k steps; what
        // remains of the last eight is not read later.
        unsafe {
            for step in 0..p.k {
                let from = p.a.add(step * p.a_column + first);
                for line in (0..rows).step_by(64 / size_of::<T>()) {
                    prefetch_line(from.wrapping_add(STEPS_AHEAD * p.a_column + line));
                }
                for block in 0..rows / 8 {
                    let eight = from.add(8 * block).cast::<[T; 8]>().read_unaligned();
                    buffer[block * p.k + step].write(eight);
                }
                let (last, rest) = (rows / 8, rows % 8);
                if rest > 0 {
                    let to = buffer[last * p.k + step].as_mut_ptr();
                    std::ptr::copy_nonoverlapping(from.add(8 * last), to.cast(), rest);
                }
            }
            let (a, c) = (buffer.as_ptr().cast(), p.c.add(first * p.c_row));
            let q = Product { m: rows, a, a_row: 1, a_column: 8, c, ..*p };
            slab_product::<T, L, ISA, PANELS>(&q, 8 * p.k, add);
        }
        first += rows;
    }
}

/// One slab of the inner dimension, column panel by column panel. Every eight rows of A start `eight` elements
/// after those before; 0 says that all rows are `a_row` apart.
///
/// # Safety
/// As for [`product`].
#[inline(always)]
unsafe fn slab_product<T: Real, const L: usize, const ISA: u8, const COPIES: u8>(
    p: &Product<T>,
    eight: usize,
    add: bool,
) {
    let copies = COPIES != NOTHING && copies_panels::<T, ISA>(p);
    let mut room = MaybeUninit::<Close<T, L>>::uninit();
    let column = p.b_column;
    let mut j = 0;
    while j < p.n {
        let left = p.n - j;
        // As many registers as the set has: 24 of 32 for sums, or, with half the width, 8 of 16. 4 vectors are
        // cut 2 + 2, so that no panel is a single vector unless it must be.
        let width = match left {
            _ if ISA != AVX512 => left.min(L),
            _ if left >= 3 * L && left != 4 * L => 3 * L,
            _ => left.min(2 * L),
        };
        // What comes next: the panel to the right, or the first one of the next slab.
        let mut next = p.b.wrapping_add(if width < left { (j + width) * column } else { p.k * p.b_row });
        // SAFETY: j < n; the panel takes at most `left` columns.
        unsafe {
            let mut q = Product { b: p.b.add(j * column), c: p.c.add(j), ..*p };
            if copies {
                close::<T, L, ISA>(&mut q, width, &mut room);
                next = q.b;
            }
            match width.div_ceil(L) {
                3 => panel::<T, L, 3, ISA>(&q, eight, L, next, add),
                2 => panel::<T, L, 2, ISA>(&q, eight, width - L, next, add),
                _ => panel::<T, L, 1, ISA>(&q, eight, width, next, add),
            }
        }
        j += width;
    }
}

/// Room for a panel whose rows follow one another; no vector of it lies on two lines of the cache.
#[repr(align(64))]
struct Close<T, const L: usize>([[T; L]; 3 * DEPTH]);

/// Copies a panel of B so that its rows follow one another.
///
/// # Safety
/// As for [`product`], with k ≤ [`DEPTH`], for the panel's columns: `width` of them, at most three vectors.
#[inline(always)]
unsafe fn close<T: Real, const L: usize, const ISA: u8>(
    p: &mut Product<T>,
    width: usize,
    room: &mut MaybeUninit<Close<T, L>>,
) {
    let to = room.as_mut_ptr().cast::<T>();
    let (vectors, last) = (width.div_ceil(L), width - (width.div_ceil(L) - 1) * L);
    // SAFETY: the panel has k rows; there is room for three vectors of each.
    unsafe {
        if p.b_column != 1 {
            layout::copy::<T, ISA>(&[p.k, width], p.b, &[p.b_row, p.b_column], to, &[vectors * L, 1]);
            (p.b, p.b_row, p.b_column) = (to, vectors * L, 1);
            return;
        }
        for step in 0..p.k {
            let (from, to) = (p.b.add(step * p.b_row), to.add(step * vectors * L));
            for vector in 0..vectors - 1 {
                Vector::<T, L>::load(from.add(vector * L)).store(to.add(vector * L));
            }
            let (from, to) = (from.add((vectors - 1) * L), to.add((vectors - 1) * L));
            if last == L {
                Vector::<T, L>::load(from).store(to);
            } else {
                Vector::<T, L>::load_part::<ISA>(from, last).store(to);
            }
        }
    }
    (p.b, p.b_row) = (to, vectors * L);
}

/// All rows of a panel of `(NV - 1) · L + last` columns. Meanwhile the cache is asked for the next panel, a
/// column of vectors with each block of rows.
///
/// # Safety
/// As for [`product`], for the panel's columns.
#[inline(always)]
unsafe fn panel<T: Real, const L: usize, const NV: usize, const ISA: u8>(
    p: &Product<T>,
    eight: usize,
    last: usize,
    next: *const T,
    add: bool,
) {
    let (mut i, mut column) = (0, 0);
    let row =
        |i: usize| p.a.wrapping_add(if eight == 0 { i * p.a_row } else { i / 8 * eight + i % 8 * p.a_row });
    let mut ahead = || {
        let at = if column < NV { next.wrapping_add(column * L) } else { p.b };
        column += 1;
        at
    };
    #[cfg(target_arch = "x86_64")]
    if ISA == AVX512
        && let Some(loops) = super::native_loops(size_of::<T>() == 8)
    {
        // SAFETY: the caller promises the panel and the instruction set.
        return unsafe { native_panel::<T, L, NV>(p, loops, eight, last, next, add) };
    }
    // SAFETY: each call takes rows i..i + MR ≤ m of A and C.
    unsafe {
        while ISA == AVX512 && i + 8 <= p.m {
            rows::<T, L, 8, NV, ISA>(p, row(i), i, last, ahead(), add);
            i += 8;
        }
        while i + 4 <= p.m {
            rows::<T, L, 4, NV, ISA>(p, row(i), i, last, ahead(), add);
            i += 4;
        }
        if i + 2 <= p.m {
            rows::<T, L, 2, NV, ISA>(p, row(i), i, last, ahead(), add);
            i += 2;
        }
        if i < p.m {
            rows::<T, L, 1, NV, ISA>(p, row(i), i, last, ahead(), add);
        }
    }
}

/// All rows of a panel by native code.
///
/// # Safety
/// As for [`panel`]; the machine has AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn native_panel<T: Real, const L: usize, const NV: usize>(
    p: &Product<T>,
    loops: &Functions,
    eight: usize,
    last: usize,
    ahead: *const T,
    add: bool,
) {
    let size = size_of::<T>();
    let mut rows = Rows {
        a: p.a.cast(),
        c: p.c.cast(),
        ahead: ahead.cast(),
        b: p.b.cast(),
        a_row: p.a_row * size,
        a_column: p.a_column * size,
        b_row: p.b_row * size,
        c_row: p.c_row * size,
        a_block: size * if eight == 0 { ROWS * p.a_row } else { eight },
        k: p.k,
        blocks: p.m / ROWS,
        add: usize::from(add),
        mask: (1 << last) - 1,
        next: [0; MOST_NEXT + 1],
        claim: 0,
    };
    // With each step goes a row of an array that is read, or a vector of a row of the one that is written, and at least one
    // step is left.
    let claimed = if p.claim != 0 && p.k > NV * ROWS { NV } else { 0 };
    rows.claim = if claimed > 0 { p.claim } else { 0 };
    rows.next.iter_mut().zip(p.next).take((p.k - 1) / ROWS - claimed).for_each(|(to, from)| *to = from);
    let panel = (NV, last < L);
    // SAFETY: the caller promises the rows and the instruction set.
    unsafe {
        if NV == 1 && eight == 0 {
            (rows.blocks, rows.a_block) = (p.m / TALL, rows.a_row * TALL);
            if rows.blocks > 0 {
                loops.run(&mut rows, TALL, panel);
            }
            (rows.blocks, rows.a_block) = (p.m % TALL / ROWS, rows.a_row * ROWS);
        }
        if rows.blocks > 0 {
            loops.run(&mut rows, ROWS, panel);
        }
        let mut height = ROWS / 2;
        while height > 0 {
            if p.m & height > 0 {
                (rows.blocks, rows.a_block) = (1, rows.a_row * height);
                loops.run(&mut rows, height, panel);
            }
            height /= 2;
        }
    }
}

/// # Safety
/// As for [`panel`], for rows `i..i + MR`, whose part of A is at `a`.
#[inline(always)]
unsafe fn rows<T: Real, const L: usize, const MR: usize, const NV: usize, const ISA: u8>(
    p: &Product<T>,
    a: *const T,
    i: usize,
    last: usize,
    ahead: *const T,
    add: bool,
) {
    // SAFETY: the caller promises the rows.
    unsafe {
        let q = Product { a, c: p.c.add(i * p.c_row), ..*p };
        // Panels of three vectors are always whole.
        if last == L || NV == 3 {
            micro::<T, L, MR, NV, ISA, false>(&q, L, ahead, add);
        } else {
            micro::<T, L, MR, NV, ISA, true>(&q, last, ahead, add);
        }
    }
}

/// The micro-kernel: `MR` rows by `NV` vectors of C in registers over the whole slab.
///
/// # Safety
/// As for [`rows`].
#[inline(always)]
unsafe fn micro<
    T: Real,
    const L: usize,
    const MR: usize,
    const NV: usize,
    const ISA: u8,
    const PART: bool,
>(
    p: &Product<T>,
    last: usize,
    ahead: *const T,
    add: bool,
) {
    let mut acc = [[Vector::<T, L>::splat(T::ZERO); NV]; MR];
    // SAFETY: rows 0..MR and the panel's columns are elements of A, B and C.
    unsafe {
        if add {
            for (i, row) in acc.iter_mut().enumerate() {
                for (j, v) in row.iter_mut().enumerate() {
                    let from = p.c.add(i * p.c_row + j * L);
                    *v = if PART && j == NV - 1 {
                        Vector::load_part::<ISA>(from, last)
                    } else {
                        Vector::load(from)
                    };
                }
            }
        }
        let (mut a, mut b, mut ahead) = (p.a, p.b, ahead);
        for _ in 0..p.k {
            prefetch_line(ahead);
            ahead = ahead.wrapping_add(p.b_row);
            let mut columns = [Vector::<T, L>::splat(T::ZERO); NV];
            for (j, v) in columns.iter_mut().enumerate() {
                let from = b.add(j * L);
                *v = if PART && j == NV - 1 {
                    Vector::load_part::<ISA>(from, last)
                } else {
                    Vector::load(from)
                };
            }
            for (i, row) in acc.iter_mut().enumerate() {
                let x = Vector::splat(*a.add(i * p.a_row));
                for (v, &column) in row.iter_mut().zip(&columns) {
                    *v = x.mul_add::<ISA>(column, *v);
                }
            }
            a = a.wrapping_add(p.a_column);
            b = b.wrapping_add(p.b_row);
        }
        for (i, row) in acc.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                let to = p.c.add(i * p.c_row + j * L);
                if PART && j == NV - 1 {
                    v.store_part::<ISA>(to, last);
                } else {
                    v.store(to);
                }
            }
        }
    }
}

/// Σ aᵢ bᵢ of two contiguous ranges, in four interleaved vector sums that meet in a fixed tree.
///
/// # Safety
/// `n` elements are readable at both.
#[inline(always)]
pub(crate) unsafe fn dot<T: Real, const L: usize, const ISA: u8>(a: *const T, b: *const T, n: usize) -> T {
    let mut acc = [Vector::<T, L>::splat(T::ZERO); 4];
    let mut i = 0;
    // SAFETY: every load stays below n.
    unsafe {
        while i + 4 * L <= n {
            for (k, v) in acc.iter_mut().enumerate() {
                let at = i + k * L;
                *v = Vector::load(a.add(at)).mul_add::<ISA>(Vector::load(b.add(at)), *v);
            }
            i += 4 * L;
        }
        let mut k = 0;
        while i + L <= n {
            acc[k] = Vector::load(a.add(i)).mul_add::<ISA>(Vector::load(b.add(i)), acc[k]);
            (i, k) = (i + L, k + 1);
        }
        if i < n {
            let x = Vector::load_part::<ISA>(a.add(i), n - i);
            let y = Vector::load_part::<ISA>(b.add(i), n - i);
            acc[3] = x.mul_add::<ISA>(y, acc[3]);
        }
    }
    acc[0].add(acc[1]).add(acc[2].add(acc[3])).fold(|x, y| x + y)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::Key;
    use crate::kernels::has_avx512;
    use crate::real::{FUSED, LANES_F32, LANES_F64};

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    unsafe fn native<T: Real, const L: usize>(p: &Product<T>) {
        // SAFETY: the caller promises what the kernel asks for.
        unsafe { product::<T, L, AVX512, FACTORS>(p) }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn compiled<T: Real, const L: usize>(p: &Product<T>) {
        // SAFETY: the caller promises what the kernel asks for.
        unsafe { product::<T, L, FUSED, FACTORS>(p) }
    }

    /// Which factors are transposed.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Turned {
        Neither,
        Left,
        Right,
        Both,
    }

    impl Turned {
        fn left(self) -> bool {
            matches!(self, Turned::Left | Turned::Both)
        }

        fn right(self) -> bool {
            matches!(self, Turned::Right | Turned::Both)
        }
    }

    /// Products of awkward sizes by native code and by the compiler's, which have the same bits and write nothing else.
    fn agree<T: Real, const L: usize>(bits: impl Fn(T) -> u64) {
        if !has_avx512() {
            return;
        }
        let key = Key::new(5).stream("gemm");
        let sizes =
            [(1, 1, 1), (8, 48, 9), (13, 35, 30), (30, 64, 32), (32, 2, 40), (70, 81, 300), (24, 49, 33)];
        for (case, &(m, n, k)) in sizes.iter().enumerate() {
            let layouts = [Turned::Neither, Turned::Left, Turned::Right, Turned::Both];
            for (turned, crowded) in layouts.into_iter().flat_map(|turned| [(turned, false), (turned, true)])
            {
                let random = |len: usize, stream: u64| -> Vec<T> {
                    let key = key.at(stream + case as u64 * 2);
                    (0..len).map(|i| T::from_f64(key.normal(i as u64))).collect()
                };
                let apart = |len: usize| if crowded { CROWDED / size_of::<T>() } else { len + 3 };
                let (b_row, b_column) = if turned.right() { (1, apart(k)) } else { (apart(n), 1) };
                let c_row = n + 5;
                let (a_row, a_column) = if turned.left() { (1, m + 70) } else { (k + 1, 1) };
                let a = random((m - 1) * a_row + (k - 1) * a_column + 1, 0);
                let b = random((k - 1) * b_row + (n - 1) * b_column + 1, 1);
                // Behind C, rows of an array that is asked for; every element that is not C's stays as it is.
                let mut results =
                    [vec![T::from_f64(7.0); 2 * m * c_row], vec![T::from_f64(7.0); 2 * m * c_row]];
                for (number, c) in results.iter_mut().enumerate() {
                    let mut next = [0; MOST_NEXT];
                    next[0] = (m * c_row * size_of::<T>()) as isize;
                    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                    let claim = next[0];
                    let p =
                        Product { m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, next, claim };
                    // SAFETY: the vectors hold what sizes and strides name, and the machine has AVX-512.
                    unsafe { if number == 0 { native::<T, L>(&p) } else { compiled::<T, L>(&p) } }
                }
                let [ours, theirs] = results.map(|c| c.into_iter().map(&bits).collect::<Vec<u64>>());
                assert_eq!(ours, theirs, "[{m}, {k}] · [{k}, {n}], turned: {turned:?}, crowded: {crowded}");
            }
        }
    }

    #[test]
    fn native_code_gives_the_bits_of_compiled_code() {
        agree::<f32, LANES_F32>(|x| x.to_bits().into());
        agree::<f64, LANES_F64>(f64::to_bits);
    }
}
