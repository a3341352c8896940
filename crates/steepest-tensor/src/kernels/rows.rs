//! Kernels of tables and sparse matrices: rows by index.

use crate::prefetch;
use crate::prefetch::prefetch_line;
use crate::real::{Real, Vector};

/// No row.
const NONE: u32 = u32::MAX;

/// Elements of scratch that [`first_occurrence`] needs for `count` indices: a power of two, at most half full.
pub(crate) fn hash_len(count: usize) -> usize {
    (2 * count).max(2).next_power_of_two()
}

/// Rows ahead that a table's row is asked of the cache.
const ROWS_AHEAD: usize = 32;

/// `to[i] = table[indices[i]]`; a row of `outside` for an index outside.
///
/// # Safety
/// `table` has `rows × width` readable elements, `indices` `count`, `to` `count × width` writable ones.
#[inline(always)]
pub(crate) unsafe fn gather<T: Real, const L: usize, const ISA: u8>(
    table: *const T,
    (rows, width): (usize, usize),
    indices: *const u32,
    outside: T,
    to: *mut T,
    count: usize,
) {
    // SAFETY: i < count; the table is read only below `rows`.
    let ask = |i: usize| unsafe {
        let row = *indices.add(i) as usize;
        if row < rows {
            prefetch(std::slice::from_raw_parts(table.add(row * width), width));
        }
    };
    (0..count.min(ROWS_AHEAD)).for_each(ask);
    for i in 0..count {
        if i + ROWS_AHEAD < count {
            ask(i + ROWS_AHEAD);
        }
        // SAFETY: as above.
        unsafe {
            let row = *indices.add(i) as usize;
            let target = to.add(i * width);
            if row >= rows {
                for c in 0..width {
                    *target.add(c) = outside;
                }
            } else if width == 1 {
                *target = *table.add(row);
            } else {
                copy_row::<T, L, ISA>(table.add(row * width), target, width);
            }
        }
    }
}

/// Copies a row, which is mostly too short for a call that copies any memory.
///
/// # Safety
/// `from` has `width` readable elements, `to` writable ones, and the two do not overlap.
#[inline(always)]
unsafe fn copy_row<T: Real, const L: usize, const ISA: u8>(from: *const T, to: *mut T, width: usize) {
    let whole = width - width % L;
    // SAFETY: positions stay below `width`.
    unsafe {
        for at in (0..whole).step_by(L) {
            Vector::<T, L>::load(from.add(at)).store(to.add(at));
        }
        if whole < width {
            let rest = Vector::<T, L>::load_part::<ISA>(from.add(whole), width - whole);
            rest.store_part::<ISA>(to.add(whole), width - whole);
        }
    }
}

/// Adds a row to another.
///
/// # Safety
/// As for [`copy_row`]; `to` can be read as well.
#[inline(always)]
unsafe fn add_row<T: Real, const L: usize, const ISA: u8>(from: *const T, to: *mut T, width: usize) {
    let whole = width - width % L;
    // SAFETY: positions stay below `width`.
    unsafe {
        for at in (0..whole).step_by(L) {
            Vector::<T, L>::load(to.add(at)).add(Vector::load(from.add(at))).store(to.add(at));
        }
        if whole < width {
            let (to, rest) = (to.add(whole), width - whole);
            let added = Vector::<T, L>::load_part::<ISA>(from.add(whole), rest);
            Vector::load_part::<ISA>(to, rest).add(added).store_part::<ISA>(to, rest);
        }
    }
}

/// `to[indices[k]] ← values[k]`, or with `add` `+= values[k]`, for those of `count` indices that are in
/// `first..end`, in order.
///
/// # Safety
/// `values` has `count × width` readable elements, `indices` `count`, `to` `end × width` writable ones.
#[inline(always)]
pub(crate) unsafe fn write_rows<T: Real, const L: usize, const ISA: u8>(
    (values, width): (*const T, usize),
    (indices, count): (*const u32, usize),
    add: bool,
    to: *mut T,
    (first, end): (usize, usize),
) {
    let units = end - first;
    for k in 0..count {
        // SAFETY: k < count; rows stay in first..end.
        unsafe {
            let row = *indices.add(k) as usize;
            if row.wrapping_sub(first) >= units {
                continue;
            }
            let (from, target) = (values.add(k * width), to.add(row * width));
            match (add, width) {
                (true, 1) => *target = *target + *from,
                (true, _) => add_row::<T, L, ISA>(from, target, width),
                (false, 1) => *target = *from,
                (false, _) => copy_row::<T, L, ISA>(from, target, width),
            }
        }
    }
}

/// The position at which each index stands first; none for an index that is not below `rows`.
///
/// The table of positions holds `position + 1`, or 0 where it is free; the next place is tried after a
/// collision. What it holds never decides the result, only where it is found.
///
/// # Safety
/// `indices` has `count` readable elements, `to` `count` writable ones, `table` [`hash_len`] of `count`.
#[inline(always)]
pub(crate) unsafe fn first_occurrence(
    indices: *const u32,
    count: usize,
    rows: usize,
    table: *mut u32,
    to: *mut u32,
) {
    let len = hash_len(count);
    let shift = 32 - len.trailing_zeros().min(31);
    // SAFETY: places stay below `len` by the mask; k < count; the table holds positions below `count`.
    unsafe {
        std::ptr::write_bytes(table, 0, len);
        for k in 0..count {
            let index = *indices.add(k);
            if index as usize >= rows {
                *to.add(k) = NONE;
                continue;
            }
            let mut place = (index.wrapping_mul(0x9E37_79B1) >> shift) as usize & (len - 1);
            *to.add(k) = loop {
                match *table.add(place) {
                    0 => {
                        *table.add(place) = k as u32 + 1;
                        break k as u32;
                    }
                    held if *indices.add(held as usize - 1) == index => break held - 1,
                    _ => place = (place + 1) & (len - 1),
                }
            };
        }
    }
}

/// `to[k] = indices[k]` where `first[k] = k`, else none, for `first_k..end`.
///
/// # Safety
/// `indices` and `first` have `end` readable elements, `to` `end` writable ones.
#[inline(always)]
pub(crate) unsafe fn distinct(indices: *const u32, first: *const u32, to: *mut u32, from: usize, end: usize) {
    for k in from..end {
        // SAFETY: k < end.
        unsafe { *to.add(k) = if *first.add(k) as usize == k { *indices.add(k) } else { NONE } };
    }
}

/// The row that each of `capacity` entries belongs to, none for those that no row has.
///
/// # Safety
/// `offsets` has `rows + 1` readable elements, `to` `capacity` writable ones.
#[inline(always)]
pub(crate) unsafe fn segments(offsets: *const u32, rows: usize, to: *mut u32, capacity: usize) {
    // SAFETY: r ≤ rows, and positions are cut at the capacity.
    unsafe {
        let mut done = 0;
        for r in 0..rows {
            let from = (*offsets.add(r) as usize).min(capacity);
            let end = (*offsets.add(r + 1) as usize).min(capacity);
            for k in done..from {
                *to.add(k) = NONE;
            }
            for k in from..end {
                *to.add(k) = r as u32;
            }
            done = done.max(from).max(end);
        }
        for k in done..capacity {
            *to.add(k) = NONE;
        }
    }
}

/// A sparse matrix: offsets, columns, values, and the number of entries there is room for.
#[derive(Clone, Copy)]
pub(crate) struct Entries<T> {
    pub offsets: *const u32,
    pub columns: *const u32,
    pub values: *const T,
    pub capacity: usize,
}

/// `to[r] = Σ values[k] · dense[columns[k]]` over the entries of row r, in order, for rows `first..end`.
///
/// # Safety
/// The entries' offsets have `end + 1` readable elements, columns and values `capacity`; `dense` has
/// `features × width` readable elements, `to` `end × width` writable ones.
#[inline(always)]
pub(crate) unsafe fn sparse_product<T: Real>(
    csr: &Entries<T>,
    dense: *const T,
    (features, width): (usize, usize),
    to: *mut T,
    (first, end): (usize, usize),
) {
    for r in first..end {
        // SAFETY: r < end; entries stay below the capacity, columns below `features`.
        unsafe {
            let from = (*csr.offsets.add(r) as usize).min(csr.capacity);
            let stop = (*csr.offsets.add(r + 1) as usize).min(csr.capacity);
            if width == 1 {
                let last = (*csr.offsets.add(end) as usize).min(csr.capacity);
                *to.add(r) = sparse_dot(csr, (dense, features), (from, stop), last);
                continue;
            }
            let target = std::slice::from_raw_parts_mut(to.add(r * width), width);
            target.fill(T::ZERO);
            for k in from..stop {
                let column = *csr.columns.add(k) as usize;
                if column < features {
                    let row = std::slice::from_raw_parts(dense.add(column * width), width);
                    let value = *csr.values.add(k);
                    target.iter_mut().zip(row).for_each(|(t, &x)| *t = *t + value * x);
                }
            }
        }
    }
}

/// Entries ahead of which their factors are asked of the cache: about one row.
const AHEAD: usize = 96;

/// Entries whose columns are checked at once.
const TOGETHER: usize = 8;

/// Whether [`TOGETHER`] columns are all below a number.
///
/// # Safety
/// So many are readable.
#[inline(always)]
unsafe fn all_below(columns: *const u32, end: usize) -> bool {
    // SAFETY: the caller promises the columns.
    let columns = unsafe { columns.cast::<[u32; TOGETHER]>().read_unaligned() };
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    !columns.iter().fold(false, |outside, &column| outside | (column >= end))
}

/// Σ values[k] · dense[columns[k]] in four sums, so that additions do not wait for one another. Entries below `last` are
/// those of this row and the next ones, whose factors are asked of the cache meanwhile.
///
/// # Safety
/// As for [`sparse_product`], for the entries `from..stop`, and columns up to `last`.
#[inline(always)]
unsafe fn sparse_dot<T: Real>(
    csr: &Entries<T>,
    (dense, features): (*const T, usize),
    (from, stop): (usize, usize),
    last: usize,
) -> T {
    let mut sums = [T::ZERO; 4];
    let mut k = from;
    // SAFETY: k < stop throughout; columns are read only below `features`.
    unsafe {
        let term = |k: usize| {
            let column = *csr.columns.add(k) as usize;
            if column < features { *csr.values.add(k) * *dense.add(column) } else { T::ZERO }
        };
        while k + TOGETHER <= stop {
            if k + AHEAD + TOGETHER <= last {
                let ahead = csr.columns.add(k + AHEAD);
                (0..TOGETHER).for_each(|i| prefetch_line(dense.wrapping_add(*ahead.add(i) as usize)));
            }
            if all_below(csr.columns.add(k), features) {
                for i in 0..TOGETHER {
                    let factor = *dense.add(*csr.columns.add(k + i) as usize);
                    sums[i % 4] = sums[i % 4] + *csr.values.add(k + i) * factor;
                }
            } else {
                (0..TOGETHER).for_each(|i| sums[i % 4] = sums[i % 4] + term(k + i));
            }
            k += TOGETHER;
        }
        while k < stop {
            sums[0] = sums[0] + term(k);
            k += 1;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// `to[columns[k]] += values[k] · (s · by[r])` for the entries k of each row r, in order, in rows `first..end`.
///
/// # Safety
/// The entries' offsets have `rows + 1` readable elements, columns and values `capacity`; `by` has `rows × width`
/// readable elements, `to` `end × width` writable ones.
#[inline(always)]
pub(crate) unsafe fn add_product<T: Real>(
    csr: &Entries<T>,
    (by, rows, scale): (*const T, usize, T),
    width: usize,
    to: *mut T,
    (first, end): (usize, usize),
) {
    let units = end - first;
    for r in 0..rows {
        // SAFETY: r < rows; entries stay below the capacity, rows of the table in first..end.
        unsafe {
            let from = (*csr.offsets.add(r) as usize).min(csr.capacity);
            let stop = (*csr.offsets.add(r + 1) as usize).min(csr.capacity);
            if width == 1 {
                let slope = *by.add(r) * scale;
                if slope == T::ZERO {
                    continue;
                }
                let mut k = from;
                while k < stop {
                    if first == 0 && k + TOGETHER <= stop && all_below(csr.columns.add(k), end) {
                        let moves: [T; TOGETHER] = std::array::from_fn(|i| *csr.values.add(k + i) * slope);
                        for (i, &by) in moves.iter().enumerate() {
                            let at = to.add(*csr.columns.add(k + i) as usize);
                            *at = *at + by;
                        }
                        k += TOGETHER;
                        continue;
                    }
                    let at = *csr.columns.add(k) as usize;
                    if at.wrapping_sub(first) < units {
                        *to.add(at) = *to.add(at) + *csr.values.add(k) * slope;
                    }
                    k += 1;
                }
                continue;
            }
            let slopes = std::slice::from_raw_parts(by.add(r * width), width);
            if slopes.iter().all(|&slope| slope == T::ZERO) {
                continue;
            }
            for k in from..stop {
                let at = *csr.columns.add(k) as usize;
                if at.wrapping_sub(first) < units {
                    let value = *csr.values.add(k) * scale;
                    let target = std::slice::from_raw_parts_mut(to.add(at * width), width);
                    target.iter_mut().zip(slopes).for_each(|(t, &slope)| *t = *t + value * slope);
                }
            }
        }
    }
}
