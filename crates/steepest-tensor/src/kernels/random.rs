//! Blocks of random numbers by position.

use crate::Key;
use crate::real::Real;

/// Writes `n` numbers in `[0, 1)` with 24 random bits: number `first + i` is word `i mod 4` of counter
/// `i / 4`.
///
/// # Safety
/// `n` elements are writable at `to`.
#[inline(always)]
pub(crate) unsafe fn uniform<T: Real>(key: Key, first: u64, to: *mut T, n: usize) {
    let scale = 1.0 / f64::from(1 << 24);
    let mut i = 0;
    while i < n {
        let position = first + i as u64;
        let words = key.words(position / 4);
        let from = (position % 4) as usize;
        let count = (4 - from).min(n - i);
        for (k, word) in words[from..from + count].iter().enumerate() {
            // SAFETY: i + k < n.
            unsafe { *to.add(i + k) = T::from_f64(f64::from(word >> 8) * scale) };
        }
        i += count;
    }
}
