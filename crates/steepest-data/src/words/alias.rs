//! Random numbers from a discrete distribution, in constant time.

/// Draws i with probability wᵢ / Σw: a slot of n at random, which holds i or, above a threshold, an alias.
///
/// Reference: Walker, 1977, *An efficient method for generating discrete random variables with general
/// distributions*; the tables are made as in Vose, 1991.
#[derive(Debug)]
pub(super) struct Alias {
    /// Of each slot, the share that is its own, times 2³², and what the rest stands for.
    slots: Vec<(u32, u32)>,
}

impl Alias {
    /// The distribution of these weights, which are finite, not negative, and not all 0.
    pub fn new(weights: &[f64]) -> Alias {
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        let mut share: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut slots: Vec<(u32, u32)> = (0..weights.len() as u32).map(|own| (u32::MAX, own)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&slot| share[slot] < 1.0);
        while let (Some(below), Some(&above)) = (small.pop(), large.last()) {
            slots[below] = ((share[below] * 2f64.powi(32)) as u32, above as u32);
            share[above] -= 1.0 - share[below];
            if share[above] < 1.0 {
                large.pop();
                small.push(above);
            }
        }
        Alias { slots }
    }

    /// The number that 64 random bits stand for; 0 if there are none.
    #[inline]
    pub fn draw(&self, bits: u64) -> u32 {
        let slot = (((bits >> 32) * self.slots.len() as u64) >> 32) as u32;
        match self.slots.get(slot as usize) {
            Some(&(share, other)) if bits as u32 >= share => other,
            _ => slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use steepest_tensor::Key;

    use super::*;

    #[test]
    fn numbers_come_as_often_as_their_weights_say() {
        let weights = [5.0, 0.0, 1.0, 2.0, 0.5, 1.5];
        let (alias, key, draws) = (Alias::new(&weights), Key::new(3), 200_000);
        let mut counts = [0u32; 6];
        (0..draws).for_each(|i| counts[alias.draw(key.bits(i)) as usize] += 1);
        for (count, weight) in counts.into_iter().zip(weights) {
            let (expected, got) = (weight / 10.0, f64::from(count) / draws as f64);
            assert!((got - expected).abs() < 0.005, "{counts:?}");
        }
        assert_eq!(counts[1], 0);
        assert_eq!(Alias::new(&[2.0]).draw(u64::MAX), 0);
    }
}
