//! Copies between layouts, table rows, column sums and positions of maxima.

use crate::kernels::transpose::transpose;
use crate::program::{Join, Place, Slab};
use crate::real::{Real, Vector};

/// Copies `sizes` elements between strided layouts.
///
/// # Safety
/// All elements that sizes and strides name are readable and writable; the ranges do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy<E: Copy, const ISA: u8>(
    sizes: &[usize],
    from: *const E,
    from_strides: &[usize],
    to: *mut E,
    to_strides: &[usize],
) {
    // The last two axes are a matrix; those before are counted through.
    let lead = sizes.len().saturating_sub(2);
    let matrix = |strides: &[usize]| match *strides.get(lead..).unwrap_or_default() {
        [row, column] => [row, column],
        [column] => [0, column],
        _ => [0, 0],
    };
    let [m, n] = match sizes[lead..] {
        [m, n] => [m, n],
        [n] => [1, n],
        _ => [1, 1],
    };
    let ([from_row, from_column], [to_row, to_column]) = (matrix(from_strides), matrix(to_strides));
    let axes = sizes[..lead].iter().zip(from_strides.iter().zip(to_strides)).rev();
    for number in 0..sizes[..lead].iter().product() {
        let (mut rest, mut at, mut there) = (number, 0, 0);
        for (&size, (f, t)) in axes.clone() {
            (at, there) = (at + rest % size * f, there + rest % size * t);
            rest /= size;
        }
        // SAFETY: the caller promises the elements of every matrix.
        unsafe {
            let (from, to) = (from.add(at), to.add(there));
            match (from_row, from_column, to_column) {
                (1, _, 1) if m > 1 && from_column != 1 => {
                    transpose::<E, ISA>(m, n, from, from_column, to, to_row);
                }
                (_, 1, 1) => {
                    for i in 0..m {
                        std::ptr::copy_nonoverlapping(from.add(i * from_row), to.add(i * to_row), n);
                    }
                }
                _ => {
                    for i in 0..m {
                        for j in 0..n {
                            *to.add(i * to_row + j * to_column) = *from.add(i * from_row + j * from_column);
                        }
                    }
                }
            }
        }
    }
}

/// Puts arrays together, for units `first..end`: zeros, copies, or sums in order.
///
/// # Safety
/// The join was verified for all units, and `at` gives where its places are.
#[inline(always)]
pub(crate) unsafe fn join<E: Copy>(
    join: &Join,
    at: impl Fn(Place) -> *mut E,
    zero: E,
    add: impl Fn(E, E) -> E,
    first: usize,
    end: usize,
) {
    let Join { total, inner, .. } = *join;
    let (mut position, stop) = (first * join.positions(), end * join.positions());
    while position < stop {
        // The positions of one matrix, piece by piece.
        let (matrix, low) = (position / total, position % total);
        let high = total.min(low + stop - position);
        for piece in &join.pieces {
            let (from, until) = (piece.first.max(low), piece.end.min(high));
            if from >= until {
                continue;
            }
            let len = (until - from) * inner;
            // SAFETY: both ranges are within the places that the caller promises.
            unsafe {
                let to = at(join.to).add((matrix * total + from) * inner);
                let source = |slab: &Slab| {
                    let row = matrix * slab.total + slab.first + from - piece.first;
                    at(slab.place).cast_const().add(row * inner)
                };
                match piece.from.split_first() {
                    None => (0..len).for_each(|i| *to.add(i) = zero),
                    Some((slab, _)) => std::ptr::copy_nonoverlapping(source(slab), to, len),
                }
                for slab in piece.from.iter().skip(1) {
                    let source = source(slab);
                    (0..len).for_each(|i| *to.add(i) = add(*to.add(i), *source.add(i)));
                }
            }
        }
        position += high - low;
    }
}

/// `to[c] = Σ_r from[r, c]` for columns `first..end`, rows in order.
///
/// # Safety
/// `from` has `rows × columns` readable elements, `to` `columns` writable ones.
#[inline(always)]
pub(crate) unsafe fn column_sum<T: Real, const L: usize, const ISA: u8>(
    from: *const T,
    rows: usize,
    columns: usize,
    to: *mut T,
    first: usize,
    end: usize,
) {
    let mut c = first;
    // SAFETY: c < end ≤ columns and r < rows throughout.
    unsafe {
        while c + 4 * L <= end {
            sum_vectors::<T, L, 4>(from.add(c), rows, columns, to.add(c));
            c += 4 * L;
        }
        while c + L <= end {
            sum_vectors::<T, L, 1>(from.add(c), rows, columns, to.add(c));
            c += L;
        }
        if c < end {
            let mut acc = Vector::<T, L>::splat(T::ZERO);
            for r in 0..rows {
                acc = acc.add(Vector::load_part::<ISA>(from.add(r * columns + c), end - c));
            }
            acc.store_part::<ISA>(to.add(c), end - c);
        }
    }
}

/// # Safety
/// As for [`column_sum`], for `V · L` columns.
#[inline(always)]
unsafe fn sum_vectors<T: Real, const L: usize, const V: usize>(
    from: *const T,
    rows: usize,
    columns: usize,
    to: *mut T,
) {
    let mut acc = [Vector::<T, L>::splat(T::ZERO); V];
    // SAFETY: the caller promises the columns.
    unsafe {
        for r in 0..rows {
            for (k, v) in acc.iter_mut().enumerate() {
                *v = v.add(Vector::load(from.add(r * columns + k * L)));
            }
        }
        for (k, v) in acc.iter().enumerate() {
            v.store(to.add(k * L));
        }
    }
}

/// `to[indices[i], c] += values[i, c]` for columns `first..end`, after setting them to 0.
///
/// # Safety
/// `values` has `count × width` readable elements, `indices` `count`, `to` `rows × width` writable ones.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // the sizes of three arrays
pub(crate) unsafe fn scatter_add<T: Real>(
    values: *const T,
    indices: *const u32,
    count: usize,
    width: usize,
    to: *mut T,
    rows: usize,
    first: usize,
    end: usize,
) {
    // SAFETY: columns stay in first..end ≤ width, rows below `rows`.
    unsafe {
        for r in 0..rows {
            for c in first..end {
                *to.add(r * width + c) = T::ZERO;
            }
        }
        for i in 0..count {
            let row = *indices.add(i) as usize;
            if row < rows {
                for c in first..end {
                    let cell = to.add(row * width + c);
                    *cell = *cell + *values.add(i * width + c);
                }
            }
        }
    }
}

/// The position of the first maximum of each row; the first NaN if there is one.
///
/// # Safety
/// `from` has `rows × width` readable elements, `to` `rows` writable ones.
#[inline(always)]
pub(crate) unsafe fn arg_max<T: Real>(from: *const T, width: usize, to: *mut u32, rows: usize) {
    for r in 0..rows {
        // SAFETY: r < rows and c < width.
        unsafe {
            let row = from.add(r * width);
            let mut best = 0;
            for c in 1..width {
                let (candidate, current) = (*row.add(c), *row.add(best));
                if candidate > current || (candidate.is_nan() && !current.is_nan()) {
                    best = c;
                }
            }
            *to.add(r) = best as u32;
        }
    }
}
