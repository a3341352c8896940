//! Choices and values drawn one after the other from a key.

use steepest_tensor::{Key, Shape, Tensor};

/// A source of choices.
pub struct Dice {
    key: Key,
    next: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice { key: Key::new(seed), next: 0 }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.next += 1;
        self.key.below(self.next, bound as u64) as usize
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Numbers between `low` and `high`, exact in single precision.
    pub fn reals(&mut self, shape: Shape, (low, high): (f64, f64)) -> Tensor {
        self.next += 1;
        let key = self.key.stream("values").at(self.next);
        let value = |i: usize| f64::from((low + (high - low) * key.uniform(i as u64)) as f32);
        Tensor::f64(shape, (0..shape.elements()).map(value).collect()).unwrap()
    }

    /// Indices below `bound`.
    pub fn indices(&mut self, shape: Shape, bound: usize) -> Tensor {
        self.next += 1;
        let key = self.key.stream("indices").at(self.next);
        Tensor::u32(shape, (0..shape.elements()).map(|i| key.below(i as u64, bound as u64) as u32).collect())
            .unwrap()
    }
}
