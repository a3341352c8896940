//! Matrix products: C = A · B with A by any strides and B's columns contiguous.
//!
//! Each element of C is one chain of multiply-adds over the inner dimension, in order, cut only at
//! multiples of [`DEPTH`]. So its bits do not depend on how rows are shared among threads, nor on which
//! micro-kernel computes it.

use std::mem::MaybeUninit;

use crate::program::MOST_NEXT;
use crate::real::{AVX512, Real, Vector};

/// Inner steps between two visits of C: a panel of B of this depth stays in the first-level cache.
const DEPTH: usize = 256;

/// Rows of a transposed left factor that are copied at once.
const PACKED_ROWS: usize = 64;

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
    pub c: *mut T,
    pub c_row: usize,
    /// Bytes from C to each of the arrays that are read next at the same rows and columns; 0: no such array.
    pub next: [isize; MOST_NEXT],
}

/// C = A · B.
///
/// # Safety
/// All elements that the sizes and strides name are readable (A, B) and writable (C); C overlaps
/// neither A nor B.
#[inline(always)]
pub(crate) unsafe fn product<T: Real, const L: usize, const ISA: u8>(p: &Product<T>) {
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
            // What is read next is asked for once.
            let next = if start == 0 { p.next } else { [0; MOST_NEXT] };
            Product { k: depth, a, b, next, ..*p }
        };
        // SAFETY: `slab` names a subset of the elements of `p`.
        unsafe {
            if ISA == AVX512 && p.a_row == 1 && p.a_column > 8 && p.m >= 8 && p.n > 3 * L && depth >= 32 {
                packed_slab::<T, L, ISA>(&slab, start > 0);
            } else {
                slab_product::<T, L, ISA>(&slab, 0, start > 0);
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
            for (block, packed) in buffer.chunks_mut(p.k).enumerate().take(rows.div_ceil(8)) {
                let left = rows - 8 * block;
                for (step, packed) in packed.iter_mut().enumerate() {
                    let from = p.a.add(step * p.a_column + first + 8 * block);
                    if left >= 8 {
                        packed.write(from.cast::<[T; 8]>().read_unaligned());
                    } else {
                        std::ptr::copy_nonoverlapping(from, packed.as_mut_ptr().cast(), left);
                    }
                }
            }
            let (a, c) = (buffer.as_ptr().cast(), p.c.add(first * p.c_row));
            let q = Product { m: rows, a, a_row: 1, a_column: 8, c, ..*p };
            slab_product::<T, L, ISA>(&q, 8 * p.k, add);
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
unsafe fn slab_product<T: Real, const L: usize, const ISA: u8>(p: &Product<T>, eight: usize, add: bool) {
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
        let next = if width < left { p.b.wrapping_add(j + width) } else { p.b.wrapping_add(p.k * p.b_row) };
        // SAFETY: j < n; the panel takes at most `left` columns.
        unsafe {
            let q = Product { b: p.b.add(j), c: p.c.add(j), ..*p };
            match width.div_ceil(L) {
                3 => panel::<T, L, 3, ISA>(&q, eight, L, next, add),
                2 => panel::<T, L, 2, ISA>(&q, eight, width - L, next, add),
                _ => panel::<T, L, 1, ISA>(&q, eight, width, next, add),
            }
        }
        j += width;
    }
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
        for step in 0..p.k {
            prefetch(ahead);
            ahead = ahead.wrapping_add(p.b_row);
            // A row of one of the arrays that are read next, while there are any.
            if let Some(&bytes) = p.next.get(step / MR).filter(|&&bytes| bytes != 0) {
                let row = p.c.wrapping_byte_offset(bytes).wrapping_add(step % MR * p.c_row);
                (0..NV).for_each(|j| prefetch(row.wrapping_add(j * L)));
            }
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

/// Asks for a cache line in the second-level cache. Any address will do.
#[inline(always)]
fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program sees, and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
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
