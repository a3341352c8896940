//! A hint to the system's memory management.

/// The bytes of a large page.
#[cfg(target_os = "linux")]
const LARGE: usize = 2 << 20;

/// Asks the system to hold a slice in large pages.
///
/// Nothing is read, and nothing changes but the time that later reads take: with small pages, the read of a row somewhere
/// in a large table waits for its address first. Whole large pages inside the slice are asked for, which takes some
/// tenths of a millisecond for each megabyte, once. Where the system has no such request, or no such pages, this does nothing.
///
/// ```
/// let table = vec![1.0f32; 3 << 20];
/// steepest_tensor::large_pages(&table);
/// assert!(table.iter().all(|&x| x == 1.0));
/// ```
pub fn large_pages<T>(slice: &[T]) {
    #[cfg(target_os = "linux")]
    {
        let bytes = slice.as_ptr_range();
        let start = (bytes.start as usize).next_multiple_of(LARGE);
        let end = bytes.end as usize / LARGE * LARGE;
        if start < end {
            let skipped = start - bytes.start as usize;
            for advice in [libc::MADV_HUGEPAGE, libc::MADV_COLLAPSE] {
                // SAFETY: the range is inside the slice; both requests change how memory is mapped, never what it holds.
                let _ = unsafe {
                    let at = bytes.start.byte_add(skipped).cast_mut().cast();
                    libc::madvise(at, end - start, advice)
                };
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
}
