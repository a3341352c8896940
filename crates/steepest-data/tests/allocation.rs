//! The laws of memory: filling a batch allocates nothing, and a streaming pass takes the same memory for
//! any number of rows.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use steepest_data::{
    BatchSize, Batches, Dataset, Encoder, Fitter, Position, PreprocessOptions, ReadOptions, TargetsMut,
    sources,
};
use steepest_tensor::Key;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// The most memory that learning from a file of `rows` rows and encoding it takes, beyond that before.
fn streaming_peak(rows: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let text: String = (0..rows).map(|i| format!("{},c{},{}\n", i * 37 % 1009, i % 20, i % 3)).collect();
    std::fs::write(&path, "x,c,y\n".to_owned() + &text).unwrap();
    drop(text);
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);

    let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
    let start = source.cursor();
    let mut window = source.table();
    let mut fitter = Fitter::new(&window, "y", &PreprocessOptions::default()).unwrap();
    while source.fill(&mut window, 256).unwrap() > 0 {
        fitter.observe(&window, &vec![true; window.rows()]);
        window.clear();
    }
    let (learned, _) = fitter.finish().unwrap();
    source.seek(start).unwrap();
    let mut encoder = Encoder::new(&learned, &window).unwrap();
    let mut features = vec![0f32; 256 * learned.width()];
    let mut encoded = 0;
    while source.fill(&mut window, 256).unwrap() > 0 {
        let size = window.rows() * learned.width();
        encoder.features(&window, 0..window.rows(), &mut features[..size]).unwrap();
        encoded += window.rows();
        window.clear();
    }
    assert_eq!(encoded, rows);
    PEAK.load(Ordering::Relaxed) - before
}

/// One test, so that no other thread allocates meanwhile.
#[test]
fn filling_allocates_nothing_and_streaming_takes_the_same_memory_for_any_number_of_rows() {
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

    // Both are longer than the rows looked at to infer the kinds of columns.
    let (short, long) = (streaming_peak(12_000), streaming_peak(120_000));
    assert!(long < short + short / 100, "{short} bytes for 12,000 rows, {long} for 120,000");
    assert!(long < 2 << 20, "{long} bytes");
}
