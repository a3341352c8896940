//! Blocks of a text, frequent words thinned out anew in every epoch.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use steepest_tensor::Key;

use super::alias::Alias;
use super::{WordField, WordOptions, WordRow};
use crate::{DataError, NO_ROW, Real};

/// The power of a word's count that it is drawn as a random word with.
///
/// Mikolov et al., 2013, *Distributed representations of words and phrases and their compositionality*, sec. 2.2.
const NOISE_POWER: f64 = 0.75;

/// A text, and how its rows are made. What is left of it in an epoch is a function of the seed and the epoch; that
/// of the last epoch asked for is kept.
#[derive(Debug)]
pub struct Words {
    pub row: WordRow,
    /// The text, with [`NO_ROW`] behind each sentence.
    tokens: Vec<u32>,
    /// Of each word, the probability to be kept, times 2³².
    keep: Vec<u64>,
    noise: Alias,
    key: Key,
    rows: usize,
    kept: RwLock<Kept>,
}

/// What is left of the text in an epoch.
#[derive(Debug)]
pub struct Kept {
    epoch: Option<u64>,
    tokens: Vec<u32>,
    /// Of each word, the number of its sentence.
    sentences: Vec<u32>,
}

impl Words {
    pub fn new(
        sentences: impl IntoIterator<Item = Vec<u32>>,
        counts: &[u64],
        options: &WordOptions,
        seed: u64,
    ) -> Result<Words, DataError> {
        let mut tokens = Vec::new();
        for (row, sentence) in sentences.into_iter().enumerate() {
            if let Some(&class) = sentence.iter().find(|&&word| word as usize >= counts.len()) {
                return Err(DataError::BadClass { row, class, classes: counts.len() });
            }
            tokens.extend(sentence);
            tokens.push(NO_ROW);
        }
        if tokens.iter().all(|&token| token == NO_ROW) {
            return Err(DataError::NoWords);
        }
        let total = counts.iter().sum::<u64>() as f64;
        let keep: Vec<f64> =
            counts.iter().map(|&count| kept_share(count as f64 / total, options.sample)).collect();
        let own = tokens.iter().filter_map(|&token| keep.get(token as usize));
        let (block, expected) = (options.block.max(1), own.sum::<f64>());
        let rows = ((expected / block as f64).round() as usize).max(1);
        let weights: Vec<f64> = counts.iter().map(|&count| (count as f64).powf(NOISE_POWER)).collect();
        let row = WordRow {
            vocabulary: counts.len(),
            block,
            context: options.context.max(1),
            negatives: options.negatives.max(1),
            buckets: 0,
        };
        let room = rows * block;
        let kept =
            Kept { epoch: None, tokens: Vec::with_capacity(room), sentences: Vec::with_capacity(room) };
        Ok(Words {
            row,
            tokens,
            keep: keep.iter().map(|share| (share * 2f64.powi(32)) as u64).collect(),
            noise: Alias::new(&weights),
            key: Key::new(seed).stream("words"),
            rows,
            kept: RwLock::new(kept),
        })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn size_bytes(&self) -> usize {
        self.tokens.len() * 4 + self.keep.len() * 16 + self.rows * self.row.block * 8
    }

    /// What is left of the text in an epoch. Allocates nothing. Asking for another epoch while the guard is held
    /// would wait for ever.
    pub fn kept(&self, epoch: u64) -> RwLockReadGuard<'_, Kept> {
        loop {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if kept.epoch == Some(epoch) {
                return kept;
            }
            drop(kept);
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            self.thin_out(epoch, &mut kept);
        }
    }

    fn thin_out(&self, epoch: u64, kept: &mut Kept) {
        let (key, room) = (self.key.stream("keep").at(epoch), self.rows * self.row.block);
        kept.tokens.clear();
        kept.sentences.clear();
        let mut sentence = 0;
        // One draw has four numbers.
        for (group, tokens) in self.tokens.chunks(4).enumerate() {
            for (&token, draw) in tokens.iter().zip(key.words(group as u64)) {
                match self.keep.get(token as usize) {
                    None => sentence += 1,
                    Some(&keep) if u64::from(draw) < keep && kept.tokens.len() < room => {
                        kept.tokens.push(token);
                        kept.sentences.push(sentence);
                    }
                    Some(_) => {}
                }
            }
        }
        kept.epoch = Some(epoch);
    }

    /// A field of a row.
    pub fn fill(&self, kept: &Kept, row: usize, epoch: u64, field: WordField, out: &mut [u32]) {
        let (before, text, random) = self.parts(field, out);
        copy_or(&kept.tokens, row * self.row.block, before, text, NO_ROW, |token| token);
        let key = self.key.stream("noise").at(epoch);
        let first = (row * self.row.negatives) as u64;
        for (at, slot) in random.iter_mut().enumerate() {
            *slot = self.noise.draw(key.bits(first + at as u64));
        }
    }

    /// The words of a field of a row, without the random ones; [`NO_ROW`] where there is none.
    pub fn text<'k>(
        &self,
        kept: &'k Kept,
        row: usize,
        field: WordField,
    ) -> impl Iterator<Item = u32> + use<'k> {
        let (before, start) = (self.before(field), row * self.row.block);
        let places = (start..).take(self.row.block + 2 * before).map(move |at| at.checked_sub(before));
        places.map(|at| at.and_then(|at| kept.tokens.get(at)).copied().unwrap_or(NO_ROW))
    }

    /// How many words of a field stand before the block.
    fn before(&self, field: WordField) -> usize {
        match field {
            WordField::Center | WordField::CenterAndNegatives => 0,
            WordField::Around | WordField::AroundAndNegatives => self.row.context,
        }
    }

    /// How many words of a field stand before the block, those of the text, and the random ones.
    fn parts<'o, T>(&self, field: WordField, out: &'o mut [T]) -> (usize, &'o mut [T], &'o mut [T]) {
        let before = self.before(field);
        let text = (self.row.block + 2 * before).min(out.len());
        let (text, random) = out.split_at_mut(text);
        (before, text, random)
    }

    /// The sentences of the words of a row, counted from the first.
    pub fn fill_sentences<R: Real>(&self, kept: &Kept, row: usize, field: WordField, out: &mut [R]) {
        let start = row * self.row.block;
        let (before, text, random) = self.parts(field, out);
        // What a row counts from must not depend on how many words around it are looked at.
        let from = kept.sentences.get(start.saturating_sub(self.row.context)).copied().unwrap_or(0);
        let none = R::from_f32(if before > 0 { -2.0 } else { -1.0 });
        copy_or(&kept.sentences, start, before, text, none, |sentence| R::from_f32((sentence - from) as f32));
        random.fill(R::from_f32(-2.0));
    }
}

/// Copies from `before` places ahead of `start`; what stands before the beginning or behind the end is `none`.
#[inline]
fn copy_or<T: Copy>(
    from: &[u32],
    start: usize,
    before: usize,
    out: &mut [T],
    none: T,
    value: impl Fn(u32) -> T,
) {
    let lacking = before.saturating_sub(start).min(out.len());
    let (head, rest) = out.split_at_mut(lacking);
    head.fill(none);
    let from = from.get((start + lacking).saturating_sub(before)..).unwrap_or_default();
    let there = rest.len().min(from.len());
    let (text, tail) = rest.split_at_mut(there);
    text.iter_mut().zip(from).for_each(|(slot, &number)| *slot = value(number));
    tail.fill(none);
}

/// The probability that a word that makes up the share `f` of the text is kept.
///
/// As in word2vec's and gensim's programs; the paper (Mikolov et al., 2013, eq. 5) has √(t/f).
fn kept_share(f: f64, t: f64) -> f64 {
    if t <= 0.0 || f <= 0.0 { 1.0 } else { ((t / f).sqrt() + t / f).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(options: &WordOptions) -> Words {
        // Word 0 is half of the text.
        let sentences = (0..500).map(|i| vec![0, 1 + i % 5, 0, 1 + (i + 1) % 5]);
        Words::new(sentences, &[1000, 200, 200, 200, 200, 200], options, 1).unwrap()
    }

    #[test]
    fn frequent_words_are_thinned_out_anew_in_every_epoch() {
        let options = WordOptions { sample: 0.1, block: 8, ..WordOptions::default() };
        let words = words(&options);
        let share = |epoch| {
            let kept = words.kept(epoch);
            kept.tokens.iter().filter(|&&token| token == 0).count() as f64 / 1000.0
        };
        let expected = 0.2f64.sqrt() + 0.2;
        assert!((share(0) - expected).abs() < 0.05 && (share(1) - expected).abs() < 0.05, "{}", share(0));
        // A guard must be gone before another epoch is asked for.
        let tokens = |epoch| words.kept(epoch).tokens.clone();
        let (first, second, again) = (tokens(0), tokens(1), tokens(0));
        assert_ne!(first, second);
        assert_eq!(first, again);
        assert_eq!(words.rows(), ((1000.0 * expected + 1000.0) / 8.0).round() as usize);
    }

    #[test]
    fn rows_follow_one_another_and_know_their_sentences() {
        let options =
            WordOptions { sample: 0.0, context: 2, block: 3, negatives: 2, ..WordOptions::default() };
        let words = words(&options);
        let kept = words.kept(0);
        let fill = |row, field| {
            let mut out = vec![0; words.row.width(field)];
            words.fill(&kept, row, 0, field, &mut out);
            out
        };
        // 0 1 0 2 | 0 2 0 3 | …
        assert_eq!(fill(0, WordField::Around), [NO_ROW, NO_ROW, 0, 1, 0, 2, 0]);
        assert_eq!(fill(1, WordField::Around), [1, 0, 2, 0, 2, 0, 3]);
        assert_eq!(fill(1, WordField::Center), [2, 0, 2]);
        let all = fill(1, WordField::AroundAndNegatives);
        assert_eq!((&all[..7], all.len()), (&fill(1, WordField::Around)[..], 9));
        assert_eq!(all[7..], fill(1, WordField::CenterAndNegatives)[3..]);
        let (mut center, mut around) = ([0f32; 3], [0f32; 7]);
        words.fill_sentences(&kept, 1, WordField::Center, &mut center);
        words.fill_sentences(&kept, 1, WordField::Around, &mut around);
        assert_eq!((center, around), ([0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]));
        let last = words.rows() - 1;
        let mut around = [0f32; 7];
        words.fill_sentences(&kept, last, WordField::Around, &mut around);
        assert_eq!(around[4..], [-2.0; 3]);
    }

    #[test]
    fn random_words_come_with_the_power_of_their_count() {
        let options = WordOptions { negatives: 50, ..WordOptions::default() };
        let words = words(&options);
        let (kept, mut counts) = (words.kept(0), [0f64; 6]);
        for row in 0..words.rows() {
            let mut out = vec![0; words.row.width(WordField::CenterAndNegatives)];
            words.fill(&kept, row, 0, WordField::CenterAndNegatives, &mut out);
            out[words.row.block..].iter().for_each(|&word| counts[word as usize] += 1.0);
        }
        let ratio = counts[0] / counts[1];
        assert!((ratio / 5f64.powf(0.75) - 1.0).abs() < 0.2, "{counts:?}");
    }

    #[test]
    fn a_text_without_words_is_refused() {
        let none = Words::new([vec![], vec![]], &[], &WordOptions::default(), 1);
        assert!(matches!(none, Err(DataError::NoWords)));
        let bad = Words::new([vec![0, 7]], &[1, 1], &WordOptions::default(), 1);
        assert!(matches!(bad, Err(DataError::BadClass { class: 7, .. })));
    }
}
