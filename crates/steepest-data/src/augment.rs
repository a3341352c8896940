//! Random changes of training images: a function of seed, epoch and row.

use serde::{Deserialize, Serialize};
use steepest_tensor::{Key, Shape};

/// How training images are changed at random, anew in every epoch. Validation and test images stay as they are.
///
/// `shift` moves an image by up to so many pixels along each axis, a whole number drawn evenly, and fills with
/// 0 what becomes free: the padded random crop of PyTorch's `RandomCrop(size, padding = shift)`. `flip` mirrors left
/// and right with probability ½. Both are functions of seed, epoch and row, so a resumed run sees the same
/// images.
///
/// Default: no change. Shifts of 2 for 28×28 and 4 for 32×32 pixels are common (He et al., 2016, section 4.2);
/// flips are for pictures whose mirror image means the same, not for digits.
///
/// ```
/// use steepest_data::{Augmentation, Dataset, TargetsMut};
/// let names = ["a".to_string()];
/// let data = Dataset::images([1, 3], vec![0, 0, 255], vec![0], names)?
///     .augmented(Augmentation { shift: 0, flip: true }, 7);
/// let mut seen = [0.0f32; 3];
/// let mirrored = |epoch: u64| {
///     let mut x = [0.0f32; 3];
///     data.at_epoch(epoch).fill([0], &mut x, TargetsMut::None).unwrap();
///     x[0] == 1.0
/// };
/// let count = (0..100).filter(|&epoch| mirrored(epoch)).count();
/// assert!((35..65).contains(&count));
/// # data.fill([0], &mut seen, TargetsMut::None)?;
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Augmentation {
    /// The most pixels that an image is moved by, along each axis.
    pub shift: usize,
    /// Whether images are mirrored left and right, half of the time.
    pub flip: bool,
}

impl Augmentation {
    /// Whether anything is changed.
    pub fn is_any(&self) -> bool {
        *self != Augmentation::default()
    }
}

/// The augmentation of a data set: what, from which seed, in which epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Augmenter {
    pub what: Augmentation,
    pub key: Key,
}

/// What happens to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Pixels down and right.
    down: isize,
    right: isize,
    flip: bool,
    /// Height, width and channels.
    size: [usize; 3],
}

impl Augmenter {
    pub fn new(what: Augmentation, seed: u64) -> Augmenter {
        Augmenter { what, key: Key::new(seed).stream("augmentation") }
    }

    pub fn at_epoch(self, epoch: u64) -> Augmenter {
        Augmenter { key: self.key.at(epoch), ..self }
    }

    /// What happens to the image of a row; `None` for rows that are no images.
    pub fn change(&self, row: usize, example: Shape) -> Option<Change> {
        let size = match example[..] {
            [height, width] => [height, width, 1],
            [height, width, channels] => [height, width, channels],
            _ => return None,
        };
        let range = 2 * self.what.shift as u64 + 1;
        let draw = |index: u64, below: u64| self.key.below(row as u64 * 4 + index, below);
        let moved = |index: u64| draw(index, range) as isize - self.what.shift as isize;
        Some(Change { down: moved(0), right: moved(1), flip: self.what.flip && draw(2, 2) == 1, size })
    }
}

impl Change {
    /// Copies an image with the change; `write` turns a stored number into a feature.
    pub fn apply<S: Copy, R: Copy>(&self, from: &[S], to: &mut [R], empty: R, write: impl Fn(S) -> R) {
        let [height, width, channels] = self.size;
        let inside = |at: usize, moved: isize, size: usize| {
            let at = at as isize - moved;
            usize::try_from(at).ok().filter(|&at| at < size)
        };
        for (y, line) in to.chunks_mut((width * channels).max(1)).enumerate().take(height) {
            let from_line = inside(y, self.down, height);
            for (x, pixel) in line.chunks_mut(channels.max(1)).enumerate() {
                let seen = if self.flip { width - 1 - x } else { x };
                let source = from_line.zip(inside(seen, self.right, width));
                let source = source.and_then(|(y, x)| from.get((y * width + x) * channels..));
                match source {
                    Some(source) => pixel.iter_mut().zip(source).for_each(|(t, &s)| *t = write(s)),
                    None => pixel.fill(empty),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: Change, image: &[u8]) -> Vec<u8> {
        let mut to = vec![9; image.len()];
        change.apply(image, &mut to, 0, |byte| byte);
        to
    }

    #[test]
    fn images_move_and_turn() {
        let image = [1, 2, 3, 4, 5, 6];
        let change = Change { down: 1, right: -1, flip: false, size: [2, 3, 1] };
        assert_eq!(changed(change, &image), [0, 0, 0, 2, 3, 0]);
        let flip = Change { down: 0, right: 0, flip: true, size: [2, 3, 1] };
        assert_eq!(changed(flip, &image), [3, 2, 1, 6, 5, 4]);
        // The channels of a pixel stay together, and the image is moved before it is mirrored.
        let both = Change { down: 0, right: 1, flip: true, size: [1, 3, 2] };
        assert_eq!(changed(both, &image), [3, 4, 1, 2, 0, 0]);
        assert_eq!(changed(Change { down: 5, ..change }, &image), [0; 6]);
    }

    #[test]
    fn changes_are_a_function_of_seed_epoch_and_row() {
        let augmenter = Augmenter::new(Augmentation { shift: 2, flip: true }, 3);
        let at = |epoch: u64, row: usize| augmenter.at_epoch(epoch).change(row, Shape::from([8, 8])).unwrap();
        assert_eq!(at(4, 5), at(4, 5));
        let all: Vec<Change> = (0..400).map(|row| at(1, row)).collect();
        for down in -2..=2 {
            let count = all.iter().filter(|change| change.down == down).count();
            assert!((50..115).contains(&count), "{down}: {count}");
        }
        let same = all.iter().enumerate().filter(|(row, change)| **change == at(2, *row)).count();
        assert!(same < 40, "{same}");
        assert_eq!(augmenter.change(0, Shape::from([8])), None);
    }
}
