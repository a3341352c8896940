//! Shuffling without memory: a permutation whose every entry is computed on demand.

use std::ops::Range;

use steepest_tensor::Key;

/// Rounds of one cycle; small domains need two cycles to mix.
const ROUNDS: usize = 6;
/// Rows that are worked out side by side.
const LANES: usize = 4;

/// A random permutation of `0..n`, addressable at any position in constant time and memory.
///
/// A Feistel network over the domain `0..a·2ᵏ` with `2ᵏ ≈ √n` and the smallest `a` that makes it hold
/// `n` is a bijection of that domain; walking on along the cycle while the value is `n` or more (which
/// happens about once in √n times) makes it one of `0..n`. A value is cut into `L = v / 2ᵏ` and
/// `R = v mod 2ᵏ`; a double round is
///
/// `L ← (L + F(R) · a) mod a`,  `R ← R ⊕ F(L) · 2ᵏ`,
///
/// where `F` maps to `[0, 1)` through one folded 128-bit product with keys from the counter-based
/// generator. Because position `i` of the order is a function of the key and `i`, a training run that
/// resumes in the middle of an epoch replays nothing and stores nothing.
///
/// Differs from PyTorch's `RandomSampler`, which stores the whole permutation, and from a shuffle
/// buffer, which mixes only nearby rows. Not for secrets.
///
/// Reference: Luby and Rackoff, *How to construct pseudorandom permutations from pseudorandom
/// functions* (1988); cycle walking and unequal halves: Black and Rogaway, *Ciphers with arbitrary
/// finite domains* (2002).
///
/// ```
/// use steepest_data::Permutation;
/// use steepest_tensor::Key;
/// let order = Permutation::new(Key::new(7).stream("shuffle").at(0), 5);
/// let mut rows: Vec<u64> = (0..5).map(|i| order.at(i)).collect();
/// assert_eq!(order.position(order.at(3)), 3);
/// rows.sort();
/// assert_eq!(rows, [0, 1, 2, 3, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    n: u64,
    /// The number of values of the left half, a.
    left: u64,
    /// The number of bits of the right half, k.
    right_bits: u32,
    cycles: usize,
    keys: [u64; ROUNDS],
    /// The multiplier of each round, by cycle: other bits of one multiplier.
    multipliers: [[u64; ROUNDS]; 2],
}

impl Permutation {
    /// The permutation of `0..n` that belongs to `key`. Use a new key (say, `key.at(epoch)`) for a new order.
    pub fn new(key: Key, n: u64) -> Permutation {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        let right_bits = (bits / 2).max(1);
        let cycles = if bits <= 13 { 2 } else { 1 };
        let left = n.div_ceil(1 << right_bits).max(1);
        let keys = std::array::from_fn(|round| key.bits(round as u64));
        let multiply = key.bits(ROUNDS as u64);
        let turned = |at: usize| multiply.rotate_left(5 * at as u32) | 1;
        let multipliers =
            std::array::from_fn(|cycle| std::array::from_fn(|round| turned(cycle * ROUNDS + round)));
        Permutation { n, left, right_bits, cycles, keys, multipliers }
    }

    /// The number of entries.
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The row at `position` of the order. Positions from `n` on stand for themselves.
    #[inline]
    pub fn at(&self, position: u64) -> u64 {
        if position < self.n { self.walk(position) } else { position }
    }

    /// The rows at `positions` of the order, in its order, one call of `each` for each. What a row takes is a chain of products;
    /// several chains side by side take little longer than one.
    #[inline]
    pub(crate) fn rows(&self, positions: Range<u64>, mut each: impl FnMut(u64)) {
        let mut next = positions.start;
        while next + LANES as u64 <= positions.end.min(self.n) {
            let rows = self.forward(std::array::from_fn::<u64, LANES, _>(|lane| next + lane as u64));
            for row in rows {
                // A walk that has left the domain goes on.
                each(if row < self.n { row } else { self.walk(row) });
            }
            next += LANES as u64;
        }
        (next..positions.end).for_each(|position| each(self.at(position)));
    }

    /// Goes on from a value until it is a row.
    fn walk(&self, mut value: u64) -> u64 {
        loop {
            [value] = self.forward([value]);
            if value < self.n {
                return value;
            }
        }
    }

    /// The position in the order at which `row` stands: the inverse of [`Permutation::at`].
    #[inline]
    pub fn position(&self, row: u64) -> u64 {
        let mut value = row;
        if row >= self.n {
            return value;
        }
        loop {
            value = self.backward(value);
            if value < self.n {
                return value;
            }
        }
    }

    #[inline(always)]
    fn forward<const N: usize>(&self, values: [u64; N]) -> [u64; N] {
        let mut left = values.map(|value| value >> self.right_bits);
        let mut right = values.map(|value| value & ((1 << self.right_bits) - 1));
        for multipliers in &self.multipliers[..self.cycles] {
            for round in [0, 2, 4] {
                for (left, right) in left.iter_mut().zip(&mut right) {
                    *left += high(mixed(*right, self.keys[round], multipliers[round]), self.left);
                    *left -= if *left >= self.left { self.left } else { 0 };
                    *right ^= mixed(*left, self.keys[round + 1], multipliers[round + 1])
                        >> (u64::BITS - self.right_bits);
                }
            }
        }
        std::array::from_fn(|lane| left[lane] << self.right_bits | right[lane])
    }

    #[inline]
    fn backward(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value >> self.right_bits, value & ((1 << self.right_bits) - 1));
        for multipliers in self.multipliers[..self.cycles].iter().rev() {
            for round in [4, 2, 0] {
                right ^= mixed(left, self.keys[round + 1], multipliers[round + 1])
                    >> (u64::BITS - self.right_bits);
                let share = high(mixed(right, self.keys[round], multipliers[round]), self.left);
                left += if left < share { self.left } else { 0 };
                left -= share;
            }
        }
        left << self.right_bits | right
    }
}

/// 64 keyed pseudorandom bits of `value`: one 128-bit product, folded.
#[inline(always)]
fn mixed(value: u64, key: u64, multiply: u64) -> u64 {
    let product = u128::from(value ^ key) * u128::from(multiply);
    (product >> 64) as u64 ^ product as u64
}

/// The upper half of a product.
#[inline(always)]
fn high(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_bijective(n: u64, seed: u64) {
        let order = Permutation::new(Key::new(seed), n);
        let mut seen = vec![false; n as usize];
        for i in 0..n {
            let row = order.at(i);
            assert!(!std::mem::replace(&mut seen[row as usize], true), "row {row} twice for n = {n}");
            assert_eq!(order.position(row), i, "inverse for n = {n}");
        }
        // Many at once are the same rows, also behind the end.
        for (start, end) in [(0, n), (n / 3, n), (1, n + 3)] {
            let mut rows = Vec::new();
            order.rows(start..end, |row| rows.push(row));
            assert_eq!(rows, (start..end).map(|i| order.at(i)).collect::<Vec<_>>());
        }
        assert!(seen.iter().all(|&s| s));
    }

    #[test]
    fn every_size_is_a_bijection() {
        for n in 0..=300 {
            assert_bijective(n, n);
        }
        for n in [1_797, 4_096, 4_097, 65_535, 65_537, 200_000] {
            assert_bijective(n, 3);
        }
    }

    #[test]
    fn huge_domains_stay_in_range_and_invert() {
        for n in [(1 << 40) + 7, u64::MAX, u64::MAX / 2 + 1] {
            let order = Permutation::new(Key::new(1), n);
            for i in [0, 1, 12_345, n / 2, n - 1] {
                assert!(order.at(i) < n);
                assert_eq!(order.position(order.at(i)), i);
            }
        }
    }

    /// Chi-square of the count of every row at every position, over many keys.
    #[test]
    fn rows_are_uniform_over_positions() {
        for n in [2u64, 3, 4, 5, 8, 10, 17, 33, 100] {
            let keys = 4_000u64;
            let mut counts = vec![0u64; (n * n) as usize];
            for seed in 0..keys {
                let order = Permutation::new(Key::new(11).at(seed), n);
                (0..n).for_each(|i| counts[(i * n + order.at(i)) as usize] += 1);
            }
            let expected = keys as f64 / n as f64;
            let chi2: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
            let freedom = ((n - 1) * (n - 1)) as f64;
            assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt() + 5.0, "n = {n}: {chi2} over {freedom}");
        }
    }

    /// Chi-square over all whole orders of small domains: no permutation is favoured.
    #[test]
    fn whole_orders_are_uniform() {
        for (n, orders) in [(3u64, 6.0), (4, 24.0), (5, 120.0)] {
            let keys = 24_000u64;
            let mut counts = std::collections::HashMap::new();
            for seed in 0..keys {
                let order = Permutation::new(Key::new(5).at(seed), n);
                *counts.entry((0..n).map(|i| order.at(i)).collect::<Vec<_>>()).or_insert(0u64) += 1;
            }
            let expected = keys as f64 / orders;
            let seen: f64 = counts.values().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
            let chi2 = seen + (orders - counts.len() as f64) * expected;
            let freedom: f64 = orders - 1.0;
            assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt() + 5.0, "n = {n}: {chi2} over {freedom}");
        }
    }

    /// Neighbouring positions do not land on neighbouring rows, and epochs are unrelated.
    #[test]
    fn neighbours_and_epochs_are_unrelated() {
        let n = 10_000u64;
        let (a, b) = (Permutation::new(Key::new(1).at(0), n), Permutation::new(Key::new(1).at(1), n));
        let near = (1..n).filter(|&i| a.at(i).abs_diff(a.at(i - 1)) == 1).count();
        assert!((0..12).contains(&near), "{near} neighbours, 2 expected");
        let same = (0..n).filter(|&i| a.at(i) == b.at(i)).count();
        assert!(same < 10, "{same} fixed points between epochs, 1 expected");
        let mean_gap = (1..n).map(|i| a.at(i).abs_diff(a.at(i - 1))).sum::<u64>() as f64 / n as f64;
        assert!((mean_gap - n as f64 / 3.0).abs() < 100.0, "{mean_gap}");
    }

    #[test]
    fn order_is_stable_across_versions() {
        let order = Permutation::new(Key::new(7).stream("shuffle"), 10);
        let rows: Vec<u64> = (0..10).map(|i| order.at(i)).collect();
        assert_eq!(rows, [7, 1, 9, 2, 6, 5, 0, 3, 8, 4], "a change here breaks every resumable run");
    }
}
