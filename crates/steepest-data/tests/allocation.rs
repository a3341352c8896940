//! Filling batches, epoch after epoch, allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use steepest_data::{BatchSize, Batches, Dataset, Position, TargetsMut};
use steepest_tensor::Key;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

#[test]
fn filling_batches_allocates_nothing() {
    let names = || ["a".to_string(), "b".to_string()];
    let labels: Vec<u32> = (0..100).map(|i| i % 2).collect();
    let dense = Dataset::classification([8], vec![1f32; 800], labels.clone(), names()).unwrap();
    let images = Dataset::images([2, 4], vec![3; 800], labels, names()).unwrap();
    let (mut x, mut y) = (vec![0f32; 8 * 32], vec![0u32; 32]);
    for data in [&dense, &images, &dense.subset(&[5, 7, 9]).unwrap()] {
        let batches = Batches::shuffled(data.rows(), BatchSize::new(32).unwrap(), Key::new(1));
        let mut rows = 0;
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for batch in batches.iter_from(Position::default()).take(50) {
            rows += data.fill(batch.rows(), &mut x, TargetsMut::Classes(&mut y)).unwrap_or(0);
        }
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
        assert!(rows >= 150);
    }
}
