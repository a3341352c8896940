//! Reductions of contiguous ranges, in an order that does not depend on the machine.

use crate::real::{Real, Vector};

/// The sum of a contiguous range: four interleaved vector sums that meet in a fixed tree.
///
/// # Safety
/// `n` elements are readable.
#[inline(always)]
pub(crate) unsafe fn sum<T: Real, const L: usize, const ISA: u8>(from: *const T, n: usize) -> T {
    let mut acc = [Vector::<T, L>::splat(T::ZERO); 4];
    let mut i = 0;
    // SAFETY: every load stays below n.
    unsafe {
        while i + 4 * L <= n {
            for (k, v) in acc.iter_mut().enumerate() {
                *v = v.add(Vector::load(from.add(i + k * L)));
            }
            i += 4 * L;
        }
        let mut k = 0;
        while i + L <= n {
            acc[k] = acc[k].add(Vector::load(from.add(i)));
            (i, k) = (i + L, k + 1);
        }
        if i < n {
            acc[3] = acc[3].add(Vector::load_part::<ISA>(from.add(i), n - i));
        }
    }
    acc[0].add(acc[1]).add(acc[2].add(acc[3])).fold(|a, b| a + b)
}

/// The maximum of a contiguous range; NaN if it has one, −∞ if it is empty.
///
/// # Safety
/// `n` elements are readable.
#[inline(always)]
pub(crate) unsafe fn maximum<T: Real, const L: usize>(from: *const T, n: usize) -> T {
    let mut best = Vector::<T, L>::splat(T::NEG_INFINITY);
    let mut i = 0;
    // SAFETY: every load stays below n.
    unsafe {
        while i + L <= n {
            best = best.zip(Vector::load(from.add(i)), T::larger);
            i += L;
        }
        if i < n {
            best = best.zip(Vector::load_lanes(from.add(i), n - i, T::NEG_INFINITY), T::larger);
        }
    }
    best.fold(T::larger)
}
