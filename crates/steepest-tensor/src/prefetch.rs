//! A hint to the processor's cache.

/// The bytes of a cache line.
const LINE: usize = 64;
/// Lines that are asked for at most: a processor follows few requests at once.
const MOST: usize = 16;

/// Asks the processor to bring the beginning of a slice, up to 1 KiB, into its second-level cache.
///
/// Nothing is read, and nothing changes but the time that a later read takes: that of rows in random order, each of
/// which would else be waited for. Where the processor has no such request, this does nothing.
///
/// ```
/// let table = vec![1.0f32; 1000];
/// steepest_tensor::prefetch(&table[500..600]);
/// assert_eq!(table[500], 1.0);
/// ```
#[inline]
pub fn prefetch<T>(slice: &[T]) {
    let bytes = std::mem::size_of_val(slice).min(LINE * MOST);
    let start = slice.as_ptr().cast::<u8>();
    // `step_by` takes several instructions for each line.
    let mut offset = 0;
    while offset < bytes {
        prefetch_line(start.wrapping_add(offset));
        offset += LINE;
    }
}

/// Asks for the cache line of an address, which may be any: a request for memory that is not there is passed over.
///
/// It is brought into the second-level cache. Requests for the first level share a few places (24 on Zen 4) with the loads
/// of the running step, which wait as long as those are taken: ratings took a quarter longer with them.
#[inline(always)]
pub(crate) fn prefetch_line<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
