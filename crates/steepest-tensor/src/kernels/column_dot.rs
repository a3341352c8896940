//! Sums of products, column by column.

use crate::real::{Real, Vector};

/// `to[c] = Σ_r a[r, c] · b[r, c]`, rows in order.
///
/// # Safety
/// `a` and `b` have `rows × columns` readable elements, `to` `columns` writable ones, and the machine has the
/// instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn column_dot<T: Real, const L: usize, const ISA: u8>(
    a: *const T,
    b: *const T,
    rows: usize,
    columns: usize,
    to: *mut T,
) {
    let mut c = 0;
    // SAFETY: c < columns and r < rows throughout.
    unsafe {
        while c + 4 * L <= columns {
            vectors::<T, L, 4, ISA>(a.add(c), b.add(c), rows, columns, to.add(c));
            c += 4 * L;
        }
        while c + L <= columns {
            vectors::<T, L, 1, ISA>(a.add(c), b.add(c), rows, columns, to.add(c));
            c += L;
        }
        if c < columns {
            let left = columns - c;
            let mut sum = Vector::<T, L>::splat(T::ZERO);
            for r in 0..rows {
                let at = r * columns + c;
                let x = Vector::load_part::<ISA>(a.add(at), left);
                sum = x.mul_add::<ISA>(Vector::load_part::<ISA>(b.add(at), left), sum);
            }
            sum.store_part::<ISA>(to.add(c), left);
        }
    }
}

/// # Safety
/// As for [`column_dot`], for `V · L` columns.
#[inline(always)]
unsafe fn vectors<T: Real, const L: usize, const V: usize, const ISA: u8>(
    a: *const T,
    b: *const T,
    rows: usize,
    columns: usize,
    to: *mut T,
) {
    let mut sums = [Vector::<T, L>::splat(T::ZERO); V];
    // SAFETY: the caller promises the columns.
    unsafe {
        for r in 0..rows {
            for (k, sum) in sums.iter_mut().enumerate() {
                let at = r * columns + k * L;
                *sum = Vector::load(a.add(at)).mul_add::<ISA>(Vector::load(b.add(at)), *sum);
            }
        }
        for (k, sum) in sums.iter().enumerate() {
            sum.store(to.add(k * L));
        }
    }
}
