//! Transposed copies of matrices, block by block.

use crate::real::AVX512;

/// Rows and columns of a block.
const BLOCK: usize = 16;

/// `to[i, j] = from[j, i]`: reads rows of length m at stride `f`, writes rows of length n at stride `t`.
///
/// # Safety
/// All elements that the sizes and strides name are readable and writable; the ranges do not overlap; the
/// machine has the instruction set `ISA`.
#[inline(always)]
pub(super) unsafe fn transpose<E: Copy, const ISA: u8>(
    m: usize,
    n: usize,
    from: *const E,
    f: usize,
    to: *mut E,
    t: usize,
) {
    let mut j = 0;
    // SAFETY: i < m and j < n throughout.
    unsafe {
        while j < n {
            let columns = BLOCK.min(n - j);
            let mut i = 0;
            while i < m {
                let rows = BLOCK.min(m - i);
                let (source, target) = (from.add(j * f + i), to.add(i * t + j));
                if rows == BLOCK && columns == BLOCK {
                    block::<E, ISA>(source, f, target, t);
                } else {
                    for r in 0..rows {
                        for c in 0..columns {
                            *target.add(r * t + c) = *source.add(c * f + r);
                        }
                    }
                }
                i += rows;
            }
            j += columns;
        }
    }
}

/// A whole block.
///
/// # Safety
/// As for [`transpose`].
#[inline(always)]
unsafe fn block<E: Copy, const ISA: u8>(from: *const E, f: usize, to: *mut E, t: usize) {
    // SAFETY: the caller promises 16 rows of 16 elements at both, and the instruction set.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if ISA == AVX512 && size_of::<E>() == 4 {
            return words(from.cast(), f, to.cast(), t);
        }
        let _ = ISA == AVX512;
        let rows: [[E; BLOCK]; BLOCK] =
            std::array::from_fn(|row| from.add(row * f).cast::<[E; BLOCK]>().read_unaligned());
        #[allow(clippy::needless_range_loop)] // a column of the block
        for column in 0..BLOCK {
            let out: [E; BLOCK] = std::array::from_fn(|row| rows[row][column]);
            to.add(column * t).cast::<[E; BLOCK]>().write_unaligned(out);
        }
    }
}

/// A block of 32-bit elements in registers: pairs of elements change places between pairs of rows, then pairs of pairs,
/// then quarters of the rows.
///
/// # Safety
/// As for [`transpose`]; the machine has AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn words(from: *const f32, f: usize, to: *mut f32, t: usize) {
    use std::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_shuffle_f32x4, _mm512_storeu_ps,
        _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };
    type Rows = [__m512; BLOCK];
    // SAFETY: the caller promises 16 rows of 16 elements.
    let rows: Rows = std::array::from_fn(|row| unsafe { _mm512_loadu_ps(from.add(row * f)) });
    let low = |a, b| _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    let high = |a, b| _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    // Row 4q + k: of every quarter of rows 4q to 4q + 3, column k.
    let mut columns = rows;
    for q in 0..4 {
        let [a, b, c, d] = [rows[4 * q], rows[4 * q + 1], rows[4 * q + 2], rows[4 * q + 3]];
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        (columns[4 * q], columns[4 * q + 1]) = (low(ab, cd), high(ab, cd));
        let (ab, cd) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        (columns[4 * q + 2], columns[4 * q + 3]) = (low(ab, cd), high(ab, cd));
    }
    for k in 0..4 {
        // Even and odd quarters of all rows, then the quarters in their order.
        let [a, b, c, d] = [columns[k], columns[4 + k], columns[8 + k], columns[12 + k]];
        let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
        let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
        let out = [
            (k, _mm512_shuffle_f32x4::<0x88>(even[0], even[1])),
            (4 + k, _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1])),
            (8 + k, _mm512_shuffle_f32x4::<0xdd>(even[0], even[1])),
            (12 + k, _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1])),
        ];
        for (column, vector) in out {
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(to.add(column * t), vector) };
        }
    }
}
