//! Character n-grams of words, which share a fixed number of vectors by their hash.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::preprocess::{fold, hash_bytes};
use crate::{DataError, Dataset, FeatureForm, NO_ROW, Real, WordField};

/// Characters of a word whose n-grams count, the marks included: a longer word has those of its beginning.
const MOST_CHARACTERS: usize = 64;

/// Which runs of characters of a word have vectors beside the word's own: the `subwords` keys of a run spec.
///
/// A word stands between the marks `<` and `>`. It is the sum of its own vector and those of its n-grams, each
/// with the factor 1/√n if there are n in all. fastText has the mean, of which each vector moves as if its factor
/// were 1; 1/√n is the factor that moves the sum as far, and needs no other derivative than its own. Cosines are the same
/// with either. A word that training never saw is made of its n-grams alone. Words have those of their first 64
/// characters.
///
/// Reference: Bojanowski, Grave, Joulin and Mikolov, 2017, *Enriching word vectors with subword information*, sec. 3.2.
///
/// ```
/// use steepest_data::Subwords;
/// let subwords = Subwords { shortest: 3, longest: 4, buckets: 1000 };
/// // Word 7 of 10 has itself, <as, asp, sp>, <asp and asp>.
/// let rows = subwords.rows("asp", Some(7), 10);
/// assert_eq!((rows.len(), rows[0]), (6, 7));
/// // `wasp` has asp, sp> and asp> with it in common.
/// let others = subwords.rows("wasp", None, 10);
/// assert_eq!(rows.iter().filter(|row| others.contains(row)).count(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Subwords {
    /// Characters of the shortest n-grams, marks included. Range: 1 and up. Default: 3.
    pub shortest: usize,
    /// Characters of the longest. Range: `shortest` and up. Default: 6.
    pub longest: usize,
    /// Vectors that all n-grams share. Range: 1 and up. Default: 2,000,000.
    pub buckets: usize,
}

impl Default for Subwords {
    fn default() -> Subwords {
        Subwords { shortest: 3, longest: 6, buckets: 2_000_000 }
    }
}

impl Subwords {
    /// The same, if there can be n-grams of these lengths.
    ///
    /// # Errors
    /// [`DataError::BadSubwords`].
    pub fn check(self) -> Result<Subwords, DataError> {
        let Subwords { shortest, longest, buckets } = self;
        if shortest == 0 || longest < shortest || buckets == 0 || buckets > 1 << 30 {
            return Err(DataError::BadSubwords { shortest, longest, buckets });
        }
        Ok(self)
    }

    /// What a word is made of: rows of a table in which the vectors of a vocabulary come first, then those of the
    /// buckets. First its own row, if it has one, then one for each n-gram, as often as it occurs.
    pub fn rows(&self, word: &str, own: Option<u32>, vocabulary: usize) -> Vec<u32> {
        let marked = format!("<{word}>");
        let bounds: Vec<usize> =
            marked.char_indices().map(|(at, _)| at).chain([marked.len()]).take(MOST_CHARACTERS + 1).collect();
        let mut rows: Vec<u32> = own.into_iter().collect();
        for (start, from) in bounds.iter().enumerate() {
            let ends = bounds.iter().skip(start + self.shortest.max(1));
            for end in ends.take((self.longest + 1).saturating_sub(self.shortest.max(1))) {
                let ngram = marked.get(*from..*end).unwrap_or_default();
                // A mark alone says nothing.
                let is_mark = ngram.len() == 1 && (*from == 0 || *end == marked.len());
                if !is_mark {
                    let bucket = fold(hash_bytes(0, ngram.as_bytes())) as usize % self.buckets.max(1);
                    rows.push((vocabulary + bucket) as u32);
                }
            }
        }
        rows
    }

    /// What each of n vectors that make up a word is multiplied by.
    pub fn share(count: usize) -> f64 {
        1.0 / (count.max(1) as f64).sqrt()
    }
}

/// What every word of a vocabulary is made of.
#[derive(Debug)]
pub struct Parts {
    buckets: usize,
    ends: Vec<usize>,
    rows: Vec<u32>,
    /// The most parts of a word.
    most: usize,
}

impl Parts {
    pub fn new(subwords: Subwords, words: &[String]) -> Result<Parts, DataError> {
        let Subwords { buckets, .. } = subwords.check()?;
        let mut parts = Parts { buckets, ends: Vec::with_capacity(words.len()), rows: Vec::new(), most: 1 };
        for (own, word) in (0..).zip(words) {
            let rows = subwords.rows(word, Some(own), words.len());
            parts.most = parts.most.max(rows.len());
            parts.rows.extend(rows);
            parts.ends.push(parts.rows.len());
        }
        Ok(parts)
    }

    /// The rows of the table that a word is made of; none for [`NO_ROW`].
    fn of(&self, word: u32) -> &[u32] {
        let word = word as usize;
        let start = word.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(word)) {
            (Some(start), Some(&end)) => self.rows.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    pub fn buckets(&self) -> usize {
        self.buckets
    }

    pub fn most(&self) -> usize {
        self.most
    }
}

impl Dataset {
    /// The same text, of whose words each is made of its own vector and those of its n-grams. `words` are the names of
    /// the vocabulary's words.
    ///
    /// ```
    /// use steepest_data::{Dataset, Subwords, WordField, WordOptions};
    /// let options = WordOptions { sample: 0.0, context: 1, block: 2, negatives: 1, ..WordOptions::default() };
    /// let words = ["ab", "b"].map(str::to_owned);
    /// let subwords = Subwords { shortest: 3, longest: 3, buckets: 50 };
    /// let data = Dataset::words([vec![0, 1]], &[1, 1], &options, 7)?.with_subwords(subwords, &words)?;
    /// // ab, <ab, ab>; b, <b>.
    /// let (mut offsets, mut rows, mut shares) = ([9; 3], [9; 6], [9f64; 6]);
    /// data.fill_subword_offsets([0], WordField::Center, &mut offsets)?;
    /// data.fill_subwords([0], WordField::Center, &mut rows)?;
    /// data.fill_subword_shares([0], WordField::Center, &mut shares)?;
    /// assert_eq!((offsets, rows[0], rows[3]), ([0, 3, 5], 0, 1));
    /// assert_eq!(shares, [1.0 / 3f64.sqrt(), shares[0], shares[0], 1.0 / 2f64.sqrt(), shares[3], 0.0]);
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::BadSubwords`]; [`DataError::Length`] if there is not one name for each word;
    /// [`DataError::TargetForm`] if the data are no text of words.
    pub fn with_subwords(self, subwords: Subwords, words: &[String]) -> Result<Dataset, DataError> {
        let FeatureForm::Words { row } = self.form() else {
            return Err(DataError::TargetForm { wanted: "a text of words", got: "other features" });
        };
        if words.len() != row.vocabulary {
            return Err(DataError::Length { what: "words", expected: row.vocabulary, got: words.len() });
        }
        Ok(self.with_parts(Some(Arc::new(Parts::new(subwords, words)?))))
    }

    /// Calls `each` with what each word of a field is made of, row after row.
    fn each_word(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        mut each: impl FnMut(&[u32]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let wrong = || DataError::TargetForm { wanted: "words with their n-grams", got: "words alone" };
        let (words, parts) = (self.word_rows()?, self.parts().ok_or_else(wrong)?);
        let kept = words.kept(self.epoch());
        for row in rows {
            words.text(&kept, self.stored(row)?, field).try_for_each(|word| each(parts.of(word)))?;
        }
        Ok(())
    }

    /// What the words of a row and those around it are made of; 0 for words that have no n-grams.
    pub(crate) fn parts_around(&self, row: usize) -> usize {
        let mut count = 0;
        let counted = self.each_word([row], WordField::Around, |own| {
            count += own.len();
            Ok(())
        });
        counted.map_or(0, |()| count)
    }

    /// Writes where the parts of each word of a field begin, row after row, and where the last one's end. Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small;
    /// [`DataError::TargetForm`] if the data are no words with n-grams.
    pub fn fill_subword_offsets(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        offsets: &mut [u32],
    ) -> Result<(), DataError> {
        let (len, mut end) = (offsets.len(), 0);
        let mut slots = offsets.iter_mut();
        let short = || DataError::Length { what: "offset buffer", expected: len + 1, got: len };
        *slots.next().ok_or_else(short)? = 0;
        self.each_word(rows, field, |own| {
            end += own.len() as u32;
            *slots.next().ok_or_else(short)? = end;
            Ok(())
        })?;
        slots.for_each(|slot| *slot = end);
        Ok(())
    }

    /// Writes the rows of the table that the words of a field are made of, and [`NO_ROW`] behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_subword_offsets`].
    pub fn fill_subwords(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        out: &mut [u32],
    ) -> Result<(), DataError> {
        let (got, mut end) = (out.len(), 0);
        self.each_word(rows, field, |own| {
            let short = || DataError::Length { what: "entry buffer", expected: end + own.len(), got };
            out.get_mut(end..end + own.len()).ok_or_else(short)?.copy_from_slice(own);
            end += own.len();
            Ok(())
        })?;
        out[end..].fill(NO_ROW);
        Ok(())
    }

    /// Writes what each of these rows is multiplied by, and 0 behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_subword_offsets`].
    pub fn fill_subword_shares<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: WordField,
        out: &mut [R],
    ) -> Result<(), DataError> {
        let (got, mut end) = (out.len(), 0);
        self.each_word(rows, field, |own| {
            let short = || DataError::Length { what: "entry buffer", expected: end + own.len(), got };
            let share = R::from_f64(Subwords::share(own.len()));
            out.get_mut(end..end + own.len()).ok_or_else(short)?.fill(share);
            end += own.len();
            Ok(())
        })?;
        out[end..].fill(R::default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WordOptions;

    #[test]
    fn ngrams_are_runs_of_characters_between_marks() {
        let all = Subwords { shortest: 1, longest: 9, buckets: 1 << 30 };
        // <é>: the whole, <é, é>, é, but no mark alone.
        assert_eq!(all.rows("é", None, 0).len(), 4);
        let subwords = Subwords { shortest: 3, longest: 6, buckets: 1 << 30 };
        for (word, ngrams) in [("a", 1), ("where", 5 + 4 + 3 + 2), ("", 0)] {
            assert_eq!(subwords.rows(word, None, 5).len(), ngrams, "{word}");
        }
        assert!(subwords.rows("where", Some(3), 5)[1..].iter().all(|&row| row >= 5));
        let long = |characters| subwords.rows(&"x".repeat(characters), None, 0).len();
        assert_eq!((long(63), long(10_000)), (62 + 61 + 60 + 59, 62 + 61 + 60 + 59));
        // An n-gram that occurs twice counts twice.
        let twice = Subwords { longest: 3, ..subwords }.rows("anana", None, 0);
        assert_eq!((twice.len(), twice[1]), (5, twice[3]));
    }

    #[test]
    fn batches_hold_what_the_epoch_has_left() {
        let words: Vec<String> = ["a", "stone", "to", "stones", "at"].map(str::to_owned).into();
        let options = WordOptions { sample: 0.3, block: 3, context: 2, ..WordOptions::default() };
        let sentences = (0..50).map(|i| (0..4).map(|j| (i + j) % 5).collect());
        let data = Dataset::words(sentences, &[40; 5], &options, 1).unwrap();
        assert_eq!((data.entries(0..3), data.capacities(3).most), (0, 0));
        assert!(matches!(
            data.fill_subwords([0], WordField::Center, &mut []),
            Err(DataError::TargetForm { .. })
        ));
        let wrong = data.clone().with_subwords(Subwords::default(), &words[1..]);
        assert!(matches!(wrong, Err(DataError::Length { expected: 5, got: 4, .. })));
        let bad = Subwords { shortest: 4, longest: 3, ..Subwords::default() };
        assert!(matches!(data.clone().with_subwords(bad, &words), Err(DataError::BadSubwords { .. })));
        let data = data.with_subwords(Subwords { buckets: 7, ..Subwords::default() }, &words).unwrap();
        let FeatureForm::Words { row } = data.form() else { panic!("a text of words") };
        assert_eq!((row.vocabulary, row.buckets), (5, 7));
        for epoch in 0..3 {
            let data = data.at_epoch(epoch);
            let most = data.capacities(2).most;
            for rows in [[0, 1], [3, 2], [data.rows() - 1, 0]] {
                let entries = data.entries(rows);
                let (mut offsets, mut parts) = (vec![9; 2 * 7 + 1], vec![9; most]);
                data.fill_subword_offsets(rows, WordField::Around, &mut offsets).unwrap();
                data.fill_subwords(rows, WordField::Around, &mut parts).unwrap();
                assert_eq!(offsets[14] as usize, entries);
                assert!(parts[..entries].iter().all(|&part| part < 12) && entries <= most);
                assert!(parts[entries..].iter().all(|&part| part == NO_ROW));
                let mut own = [0; 14];
                data.fill_words(rows, WordField::Around, &mut own).unwrap();
                for (at, word) in own.into_iter().enumerate() {
                    let range = offsets[at] as usize..offsets[at + 1] as usize;
                    assert_eq!(parts[range].first(), (word != NO_ROW).then_some(&word), "row {at}");
                }
            }
        }
    }
}
