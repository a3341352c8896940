//! Texts for word vectors: which words there are, and blocks of running text with random words beside them.

mod alias;
mod prepare;
mod sampled;
mod subwords;

use serde::{Deserialize, Serialize};

use crate::dataset::Features;
use crate::{DataError, Dataset, Real};

pub(crate) use prepare::prepare_words;
pub use prepare::read_sentences;
pub(crate) use sampled::Words;
pub(crate) use subwords::Parts;
pub use subwords::Subwords;

/// How a text becomes examples for word vectors: the `words` keys of a run spec.
///
/// Defaults are those of word2vec and gensim where they have the setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct WordOptions {
    /// Words that occur less often are read over. Range: 1 and up. Default: 5.
    pub min_count: usize,
    /// t: a word that makes up the share f of the text is kept with probability √(t/f) + t/f, anew in every
    /// epoch; 0 keeps all. Range: 0 to 1. Default: 10⁻³.
    pub sample: f64,
    /// The words on each side that count as near. Range: 1 and up. Default: 5.
    pub context: usize,
    /// Words of the text in one row of the data. Range: 1 and up. Default: 32.
    pub block: usize,
    /// Random words that the words of a row are told apart from. Range: 1 and up. Default: 16.
    pub negatives: usize,
}

impl Default for WordOptions {
    fn default() -> WordOptions {
        WordOptions { min_count: 5, sample: 1e-3, context: 5, block: 32, negatives: 16 }
    }
}

/// What a row of a text of words holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WordRow {
    /// Different words.
    pub vocabulary: usize,
    /// Consecutive words of the text.
    pub block: usize,
    /// Words on each side that count as near.
    pub context: usize,
    /// Random words.
    pub negatives: usize,
    /// Vectors that the n-grams of words share; 0: words have vectors of their own alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buckets: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl WordRow {
    /// The words of the block and those near its ends.
    pub fn around(&self) -> usize {
        self.block + 2 * self.context
    }

    /// How many words a field has.
    pub fn width(&self, field: WordField) -> usize {
        match field {
            WordField::Center => self.block,
            WordField::Around => self.around(),
            WordField::CenterAndNegatives => self.block + self.negatives,
            WordField::AroundAndNegatives => self.around() + self.negatives,
        }
    }
}

/// A part of a row of a text of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordField {
    /// The words of the block.
    Center,
    /// The words of the block, and as many before and behind it as count as near.
    Around,
    /// The words of the block, then the random ones.
    CenterAndNegatives,
    /// All of these: those around, then the random ones.
    AroundAndNegatives,
}

impl WordField {
    /// Every field.
    pub const ALL: [WordField; 4] =
        [WordField::Center, WordField::Around, WordField::CenterAndNegatives, WordField::AroundAndNegatives];
}

impl Dataset {
    /// A text as sentences of words, numbers below the length of `counts`, which says how often each occurs in all.
    ///
    /// A row is a block of the words that are left when frequent ones are thinned out, which is done anew for
    /// every epoch ([`Dataset::at_epoch`]). The number of rows is what that leaves on average: an epoch in which
    /// more are left does not see the last ones, one in which fewer are left ends in a row that is not full.
    ///
    /// ```
    /// use steepest_data::{Dataset, WordField, WordOptions};
    /// let options = WordOptions { sample: 0.0, context: 1, block: 2, negatives: 1, ..WordOptions::default() };
    /// let data = Dataset::words([vec![0, 1, 2], vec![1, 0]], &[2, 2, 1], &options, 7)?;
    /// let mut around = [9; 8];
    /// data.fill_words([0, 1], WordField::Around, &mut around)?;
    /// let none = steepest_data::NO_ROW;
    /// assert_eq!((data.rows(), around), (3, [none, 0, 1, 2, 1, 2, 1, 0]));
    /// let mut sentence = [9.0f32; 4];
    /// data.fill_sentences([1], WordField::Around, &mut sentence)?;
    /// assert_eq!(sentence, [0.0, 0.0, 1.0, 1.0]);
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::BadClass`] if a word has no count; [`DataError::NoWords`] if there are no words.
    pub fn words(
        sentences: impl IntoIterator<Item = Vec<u32>>,
        counts: &[u64],
        options: &WordOptions,
        seed: u64,
    ) -> Result<Dataset, DataError> {
        Dataset::of_words(Words::new(sentences, counts, options, seed)?)
    }

    /// Writes the numbers of the words of some rows, [`NO_ROW`](crate::NO_ROW) where there is none.
    /// Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small;
    /// [`DataError::TargetForm`] if the data are no text of words.
    pub fn fill_words(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        out: &mut [u32],
    ) -> Result<(), DataError> {
        let words = self.word_rows()?;
        let (width, got, mut at) = (words.row.width(field), out.len(), 0);
        let kept = words.kept(self.epoch());
        for row in rows {
            let short = || DataError::Length { what: "word buffer", expected: at + width, got };
            let slot = out.get_mut(at..at + width).ok_or_else(short)?;
            words.fill(&kept, self.stored(row)?, self.epoch(), field, slot);
            at += width;
        }
        Ok(())
    }

    /// Writes which sentence each word of a field is in, counted from the first word that is near the row's first one;
    /// −1 where there is no word in the block, −2 around it and for random words. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_words`].
    pub fn fill_sentences<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        out: &mut [R],
    ) -> Result<(), DataError> {
        let words = self.word_rows()?;
        let width = words.row.width(field);
        let (got, mut at) = (out.len(), 0);
        let kept = words.kept(self.epoch());
        for row in rows {
            let short = || DataError::Length { what: "sentence buffer", expected: at + width, got };
            let slot = out.get_mut(at..at + width).ok_or_else(short)?;
            words.fill_sentences(&kept, self.stored(row)?, field, slot);
            at += width;
        }
        Ok(())
    }

    fn word_rows(&self) -> Result<&Words, DataError> {
        match self.features() {
            Features::Words(words) => Ok(words),
            _ => Err(DataError::TargetForm { wanted: "a text of words", got: "other features" }),
        }
    }
}
