//! A step allocates nothing, on any thread, once the first step is taken.

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use steepest_graph::{Executor, Variables};
use steepest_tensor::{DType, Pool, SliceMut};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every request is passed on to the system's allocator unchanged; counting touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises about `pointer` and `layout` are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises about `pointer`, `layout` and `size` are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

// One test in this file: another one beside it would be counted too.
#[test]
fn a_step_allocates_nothing() {
    let pool = Pool::new(NonZeroUsize::new(2).unwrap());
    for mut workload in bench_protocol::workloads() {
        // A small batch takes the same way, sooner.
        workload.batch = workload.batch.min(4);
        let plan = steepest_bench::compile(&workload).unwrap();
        let mut variables = Variables::new(plan.variables(), DType::F32);
        let mut executor = Executor::new(plan, &variables).unwrap();
        let (rate, step) = (executor.scalar("learning-rate").unwrap(), executor.scalar("step"));
        let inputs = ["x", "y", "gradient"].map(|name| executor.input(name));
        let mut take = |number: usize| {
            for input in inputs.into_iter().flatten() {
                if let SliceMut::F32(values) = executor.feed(input) {
                    values.fill(0.5);
                }
                executor.feed_index(input).fill(1);
            }
            executor.set_scalar(rate, 1e-3);
            if let Some(step) = step {
                executor.set_scalar(step, number as f64);
            }
            executor.run(&mut variables, &pool).unwrap();
        };
        take(1);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        take(2);
        take(3);
        let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(allocated, 0, "{}, in 2 steps", workload.name);
    }
}
