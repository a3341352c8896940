//! What the machine can do at most: multiply-adds in registers, and copying of memory.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

/// Independent chains of multiply-adds: more than latency times width of any current core.
const CHAINS: usize = 16;
const ROUNDS: usize = 4_000_000;
const REPETITIONS: usize = 7;
/// Copied by all threads together; with the copy itself, about what Adam's θ, m and v take for 10 M parameters.
const COPIED_BYTES: usize = 64 << 20;

/// Single-precision operations per second of `threads` threads, the best of some repetitions.
pub fn flops(threads: usize) -> f64 {
    let work = (2 * CHAINS * Arch::new().dispatch(Lanes) * ROUNDS * threads) as f64;
    let rate = |_| {
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| black_box(Arch::new().dispatch(MultiplyAdds { rounds: black_box(ROUNDS) })));
            }
        });
        work / start.elapsed().as_secs_f64()
    };
    (0..REPETITIONS).map(rate).fold(0.0, f64::max)
}

/// Bytes per second, read and written together, that `threads` threads copy; the best of some repetitions.
pub fn bytes(threads: usize) -> f64 {
    let words = COPIED_BYTES / 4 / threads;
    let mut pairs: Vec<(Vec<f32>, Vec<f32>)> =
        (0..threads).map(|index| (vec![index as f32; words], vec![2.0; words])).collect();
    let mut top: f64 = 0.0;
    for _ in 0..REPETITIONS * 4 {
        let start = Instant::now();
        thread::scope(|scope| {
            for (from, to) in &mut pairs {
                scope.spawn(|| black_box(to).copy_from_slice(black_box(from)));
            }
        });
        top = top.max((2 * 4 * words * threads) as f64 / start.elapsed().as_secs_f64());
    }
    top
}

/// The number of single-precision lanes of a register.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        S::F32_LANES
    }
}

struct MultiplyAdds {
    rounds: usize,
}

impl WithSimd for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let factor = simd.splat_f32s(black_box(0.999));
        let term = simd.splat_f32s(black_box(0.001));
        let mut chains = [simd.splat_f32s(1.0); CHAINS];
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = simd.mul_add_e_f32s(*chain, factor, term);
            }
        }
        let sum = chains.into_iter().reduce(|a, b| simd.add_f32s(a, b));
        sum.map_or(0.0, |sum| simd.reduce_sum_f32s(sum))
    }
}
