//! A persistent pool of threads that wake once per step and meet at spin barriers.

use std::cell::UnsafeCell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Turns of a spin loop before a waiting thread gives up its time slice (a few microseconds).
const SPINS: u32 = 4_000;
/// Yields before a worker without work goes to sleep.
const YIELDS: u32 = 50;

/// A meeting point: all threads of a pool wait until the last one has come.
pub(crate) struct Barrier {
    threads: usize,
    arrived: AtomicUsize,
    generation: AtomicUsize,
    spins: u32,
}

impl Barrier {
    /// Waits for all threads. What each wrote before is visible to all after.
    pub fn wait(&self) {
        if self.threads == 1 {
            return;
        }
        let generation = self.generation.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.generation.fetch_add(1, Ordering::AcqRel);
            return;
        }
        let mut turns = 0;
        while self.generation.load(Ordering::Acquire) == generation {
            wait_a_little(&mut turns, self.spins);
        }
    }
}

fn wait_a_little(turns: &mut u32, spins: u32) {
    if *turns < spins {
        *turns += 1;
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

/// What all threads of the pool run: called with the thread's number and the barrier.
type Job<'a> = &'a (dyn Fn(usize, &Barrier) + Sync);

struct Shared {
    barrier: Barrier,
    /// Counts jobs; a change tells the workers that there is a new one.
    epoch: AtomicU64,
    job: UnsafeCell<Option<Job<'static>>>,
    /// Workers that have finished the job.
    finished: AtomicUsize,
    stop: AtomicBool,
    asleep: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
}

// SAFETY: `job` is written only by `Pool::run` while no worker runs, and read only after the epoch has
// changed, which the workers observe with acquire ordering.
unsafe impl Sync for Shared {}
// SAFETY: a job is a reference to a `Sync` function.
unsafe impl Send for Shared {}

/// Threads that run programs together. The calling thread is one of them.
///
/// Results do not depend on the number of threads, only the time does.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    running: Mutex<()>,
}

impl Pool {
    /// A pool of `threads` threads in all; with one, everything runs on the calling thread.
    ///
    /// If the system refuses to start a thread, the pool is smaller.
    pub fn new(threads: NonZeroUsize) -> Pool {
        let mut wanted = threads.get();
        loop {
            if let Some(pool) = Pool::start(wanted) {
                return pool;
            }
            wanted -= 1;
        }
    }

    /// As many threads as the machine runs at once.
    pub fn for_this_machine() -> Pool {
        Pool::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    fn start(threads: usize) -> Option<Pool> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // With more threads than cores, spinning only delays the one that is waited for.
        let spins = if threads > cores { 0 } else { SPINS };
        let barrier =
            Barrier { threads, arrived: AtomicUsize::new(0), generation: AtomicUsize::new(0), spins };
        let shared = Arc::new(Shared {
            barrier,
            epoch: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            finished: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        });
        let mut pool = Pool { shared, workers: Vec::new(), running: Mutex::new(()) };
        for thread in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let name = format!("steepest-{thread}");
            let worker = std::thread::Builder::new().name(name).spawn(move || work(&shared, thread));
            pool.workers.push(worker.ok()?);
        }
        Some(pool)
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job` on every thread and returns when all have finished.
    pub(crate) fn run(&self, job: Job<'_>) {
        let shared = &*self.shared;
        if self.workers.is_empty() {
            return job(0, &shared.barrier);
        }
        let _alone = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only the lifetime changes. No worker reads the job after it has counted itself as
        // finished, and this function returns, or unwinds, only after all have.
        let job: Job<'static> = unsafe { std::mem::transmute::<Job<'_>, Job<'static>>(job) };
        // SAFETY: no worker touches `job` before the epoch changes.
        unsafe { *shared.job.get() = Some(job) };
        shared.finished.store(0, Ordering::Relaxed);
        shared.epoch.fetch_add(1, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) > 0 {
            let _guard = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
            shared.wake.notify_all();
        }
        let bomb = AbortOnPanic;
        job(0, &shared.barrier);
        let mut turns = 0;
        while shared.finished.load(Ordering::Acquire) < self.workers.len() {
            wait_a_little(&mut turns, shared.barrier.spins);
        }
        std::mem::forget(bomb);
    }
}

/// Ends the process if a thread of the pool unwinds: the others would wait for it for ever. Kernels do
/// not panic; if one does, that is a defect of this crate.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

fn work(shared: &Shared, thread: usize) {
    let mut seen = 0;
    loop {
        let epoch = next_epoch(shared, seen);
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        seen = epoch;
        // SAFETY: the epoch has changed, so the job is set and stays until this worker has finished.
        if let Some(job) = unsafe { *shared.job.get() } {
            let bomb = AbortOnPanic;
            job(thread, &shared.barrier);
            std::mem::forget(bomb);
        }
        shared.finished.fetch_add(1, Ordering::Release);
    }
}

/// Spins, then yields, then sleeps until the epoch is no longer `seen`.
fn next_epoch(shared: &Shared, seen: u64) -> u64 {
    for turn in 0..shared.barrier.spins + YIELDS {
        let epoch = shared.epoch.load(Ordering::Acquire);
        if epoch != seen {
            return epoch;
        }
        if turn < shared.barrier.spins {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
    let mut guard = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
    shared.asleep.fetch_add(1, Ordering::SeqCst);
    loop {
        let epoch = shared.epoch.load(Ordering::SeqCst);
        if epoch != seen {
            shared.asleep.fetch_sub(1, Ordering::SeqCst);
            return epoch;
        }
        guard = shared.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        {
            let _guard = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.wake.notify_all();
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has aborted the process; there is nothing to report.
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} threads)", self.threads())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_meet_at_every_barrier() {
        for threads in 1..=4 {
            let pool = Pool::new(NonZeroUsize::new(threads).unwrap());
            let (before, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
            for round in 0..20 {
                pool.run(&|_, barrier| {
                    for turn in 1..=50 {
                        before.fetch_add(1, Ordering::SeqCst);
                        barrier.wait();
                        if before.load(Ordering::SeqCst) < threads * (round * 50 + turn) {
                            wrong.fetch_add(1, Ordering::SeqCst);
                        }
                        barrier.wait();
                    }
                });
            }
            assert_eq!((before.into_inner(), wrong.into_inner()), (threads * 1000, 0));
        }
    }
}
