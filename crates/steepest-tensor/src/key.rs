//! Counter-based random numbers: a value is a pure function of seed, stream, step and index.
//!
//! Nothing here has state to save: a program that knows *where* it is knows every random number.

use serde::{Deserialize, Serialize};

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// A source of random numbers addressed by index.
///
/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*,
/// SC 2011) encrypts the 128-bit counter `(index, step)` under the 64-bit key, which mixes the seed
/// with the names of the streams it was derived through. Equal addresses give equal values, on
/// every machine and any number of threads.
///
/// ```
/// use steepest_tensor::Key;
/// let key = Key::new(7).stream("dropout");
/// assert_eq!(key.uniform(3), Key::new(7).stream("dropout").uniform(3));
/// assert_ne!(key.uniform(3), key.uniform(4));
/// assert_ne!(key.uniform(3), key.at(1).uniform(3));
/// assert_ne!(key.uniform(3), Key::new(7).stream("shuffle").uniform(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    key: u64,
    step: u64,
}

impl Key {
    /// The root key of a seed, at step 0.
    pub const fn new(seed: u64) -> Key {
        Key { key: mix(seed), step: 0 }
    }

    /// The key of a named stream below this one; independent of every other name.
    pub fn stream(self, name: &str) -> Key {
        let mut hash = self.key;
        for byte in name.bytes() {
            hash = mix(hash ^ u64::from(byte));
        }
        // The length separates "ab" + "c" from "a" + "bc" and a name from its prefix.
        Key { key: mix(hash ^ ((name.len() as u64) << 32) ^ 0x5354_5245_414D), step: self.step }
    }

    /// The same stream at another step (or epoch): a fresh set of values.
    pub const fn at(self, step: u64) -> Key {
        Key { key: self.key, step }
    }

    /// The four 32-bit words at counter `index`.
    #[inline]
    pub fn words(self, index: u64) -> [u32; 4] {
        let counter = [index as u32, (index >> 32) as u32, self.step as u32, (self.step >> 32) as u32];
        philox(counter, [self.key as u32, (self.key >> 32) as u32])
    }

    /// 64 random bits at `index`.
    #[inline]
    pub fn bits(self, index: u64) -> u64 {
        let [a, b, ..] = self.words(index);
        u64::from(a) | u64::from(b) << 32
    }

    /// A number in `[0, 1)` with 53 random bits.
    #[inline]
    pub fn uniform(self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A standard normal number (Box and Muller, 1958).
    pub fn normal(self, index: u64) -> f64 {
        let [a, b, c, d] = self.words(index);
        let unit =
            |hi: u32, lo: u32| ((u64::from(hi) << 32 | u64::from(lo)) >> 11) as f64 / (1u64 << 53) as f64;
        // 1 - u lies in (0, 1], so the logarithm is finite.
        (-2.0 * (1.0 - unit(a, b)).ln()).sqrt() * (std::f64::consts::TAU * unit(c, d)).cos()
    }

    /// A number in `0..bound` (multiply-shift; the bias is below 2⁻³² for bounds below 2³²).
    ///
    /// Returns 0 if `bound` is 0.
    #[inline]
    pub fn below(self, index: u64, bound: u64) -> u64 {
        ((u128::from(self.bits(index)) * u128::from(bound)) >> 64) as u64
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection with full avalanche.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[inline(always)]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with the Random123 reference implementation (kat_vectors).
    #[test]
    fn philox_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let (key, n) = (Key::new(1), 200_000u64);
        let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        assert!((mean(&|i| key.uniform(i)) - 0.5).abs() < 2e-3);
        assert!((mean(&|i| key.uniform(i).powi(2)) - 1.0 / 3.0).abs() < 2e-3);
        assert!(mean(&|i| key.normal(i)).abs() < 1e-2);
        assert!((mean(&|i| key.normal(i).powi(2)) - 1.0).abs() < 1e-2);
        assert!((mean(&|i| key.normal(i).powi(4)) - 3.0).abs() < 6e-2);
    }

    #[test]
    fn names_do_not_collide_by_concatenation() {
        let key = Key::new(0);
        assert_ne!(key.stream("ab").stream("c"), key.stream("a").stream("bc"));
        assert_ne!(key.stream(""), key);
    }

    #[test]
    fn below_stays_below() {
        let key = Key::new(3);
        assert!((0..1000).all(|i| key.below(i, 7) < 7));
        assert_eq!(key.below(0, 0), 0);
    }
}
