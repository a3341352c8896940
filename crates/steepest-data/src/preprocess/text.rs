//! Text: a bag of words and n-grams, counted or weighted by how telling they are.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Encoding;
use super::hashed::{fold, hash_bytes};
use crate::Finding;
use crate::table::Names;

/// How a text becomes sparse features: its words, and n-grams of them.
///
/// Words are runs of at least two letters, digits or underscores, in lower case; an n-gram is n words that follow
/// one another. With f the times a term stands in a text, n training texts and d of them with the term, the
/// feature is (1 + ln f)·(ln((1 + n)/(1 + d)) + 1), and each text is scaled to length 1; without `tf-idf` it is f,
/// unscaled. As scikit-learn's `TfidfVectorizer(sublinear_tf=True)` and `CountVectorizer`.
///
/// Terms have a column each (the vocabulary, learned on the training rows); a term that training never saw is left
/// out. Or, with `hash-bits` b, they share 2ᵇ columns by their hash (64-bit FNV-1a), which needs no vocabulary.
///
/// ```
/// use steepest_data::Terms;
/// let words: Vec<String> = Terms::of("The cat -- the CAT's tail, I said", 2).collect();
/// assert_eq!(words, ["the", "the cat", "cat", "cat the", "the", "the cat", "cat", "cat tail", "tail", "tail said",
///     "said"]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Terms {
    /// The longest n-gram, in words.
    pub ngrams: usize,
    /// The term of each column, in alphabetical order; none if terms are hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<Vec<String>>,
    /// Terms are hashed to 2 to this power columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_bits: Option<u32>,
    /// The weight of each column; none: terms are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idf: Option<Vec<f32>>,
}

impl Terms {
    /// The number of columns.
    pub fn width(&self) -> usize {
        match (&self.vocabulary, self.hash_bits) {
            (Some(vocabulary), _) => vocabulary.len(),
            (None, Some(bits)) => 1 << bits,
            (None, None) => 0,
        }
    }

    /// The words and n-grams of a text, in order.
    pub fn of(text: &str, ngrams: usize) -> impl Iterator<Item = String> {
        let words: Vec<String> = words(text).collect();
        let from = move |start: usize| {
            let longest = ngrams.max(1).min(words.len() - start);
            (1..=longest).map(|n| words[start..start + n].join(" ")).collect::<Vec<_>>()
        };
        let count = self::words(text).count();
        (0..count).flat_map(from).collect::<Vec<_>>().into_iter()
    }

    /// The entries of a text: columns in ascending order, and their values.
    pub(super) fn entries(&self, text: &str) -> Vec<(u32, f32)> {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        for column in Terms::of(text, self.ngrams).filter_map(|term| self.column(&term)) {
            *counts.entry(column).or_default() += 1.0;
        }
        let mut entries: Vec<(u32, f32)> = counts.into_iter().collect();
        if let Some(idf) = &self.idf {
            for (column, value) in &mut entries {
                *value = (1.0 + value.ln()) * idf.get(*column as usize).copied().unwrap_or(0.0);
            }
            let length = entries.iter().map(|(_, value)| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            if length > 0.0 {
                entries.iter_mut().for_each(|(_, value)| *value = (f64::from(*value) / length) as f32);
            }
        }
        entries
    }

    fn column(&self, term: &str) -> Option<u32> {
        match (&self.vocabulary, self.hash_bits) {
            (Some(vocabulary), _) => {
                vocabulary.binary_search_by(|known| known.as_str().cmp(term)).ok().map(|at| at as u32)
            }
            (None, Some(bits)) => Some(hash(term, bits)),
            (None, None) => None,
        }
    }
}

/// Runs of at least two letters, digits or underscores, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let runs = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    runs.filter(|run| run.chars().nth(1).is_some()).map(str::to_lowercase)
}

/// The lowest bits of 64-bit FNV-1a, its halves folded.
fn hash(term: &str, bits: u32) -> u32 {
    fold(hash_bytes(0, term.as_bytes())) & ((1u32 << bits) - 1)
}

/// What is learned of the texts of a column.
#[derive(Clone, Debug)]
pub(super) struct TextFit {
    options: TextOptions,
    /// For each term, or hash, the training texts that have it.
    texts: HashMap<String, u32>,
    buckets: Vec<u32>,
    rows: usize,
    missing: usize,
}

/// How texts become features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextOptions {
    pub ngrams: usize,
    pub hash_bits: Option<u32>,
    pub min_rows: usize,
    pub max_terms: usize,
    pub tf_idf: bool,
}

impl TextFit {
    pub fn new(options: TextOptions) -> TextFit {
        let buckets = options.hash_bits.map_or(0, |bits| 1 << bits);
        TextFit { options, texts: HashMap::new(), buckets: vec![0; buckets], rows: 0, missing: 0 }
    }

    /// Looks at the training rows of a window.
    pub fn observe(&mut self, names: &Names, training: &[bool]) {
        for (row, _) in training.iter().enumerate().filter(|&(_, &training)| training) {
            self.rows += 1;
            let Some(text) = names.get(row) else {
                self.missing += 1;
                continue;
            };
            let terms = Terms::of(text, self.options.ngrams);
            match self.options.hash_bits {
                Some(bits) => {
                    let mut columns: Vec<u32> = terms.map(|term| hash(&term, bits)).collect();
                    columns.sort_unstable();
                    columns.dedup();
                    columns.into_iter().for_each(|column| self.buckets[column as usize] += 1);
                }
                None => {
                    let mut terms: Vec<String> = terms.collect();
                    terms.sort_unstable();
                    terms.dedup();
                    terms.into_iter().for_each(|term| *self.texts.entry(term).or_default() += 1);
                }
            }
        }
    }

    /// The encoding; `None` if there is no term.
    pub fn finish(self, column: String, findings: &mut Vec<Finding>) -> Option<Encoding> {
        let TextOptions { ngrams, hash_bits, min_rows, max_terms, tf_idf } = self.options;
        let idf = |texts: u32| (((1.0 + self.rows as f64) / (1.0 + f64::from(texts))).ln() + 1.0) as f32;
        if hash_bits.is_some() {
            let idf = tf_idf.then(|| self.buckets.iter().map(|&texts| idf(texts)).collect());
            return Some(Encoding::Text(Terms { ngrams, vocabulary: None, hash_bits, idf }));
        }
        let seen = self.texts.len();
        let mut terms: Vec<(String, u32)> =
            self.texts.into_iter().filter(|(_, texts)| *texts as usize >= min_rows).collect();
        terms.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        terms.truncate(max_terms);
        terms.sort_unstable();
        if terms.is_empty() {
            findings.push(Finding::AllMissingColumn { column });
            return None;
        }
        findings.push(Finding::Vocabulary { column, terms: terms.len(), seen });
        let idf = tf_idf.then(|| terms.iter().map(|(_, texts)| idf(*texts)).collect());
        let vocabulary = Some(terms.into_iter().map(|(term, _)| term).collect());
        Some(Encoding::Text(Terms { ngrams, vocabulary, hash_bits, idf }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(texts: &[&str], options: TextOptions) -> Terms {
        let mut names = Names::default();
        texts.iter().for_each(|text| names.push(Some(text)));
        let mut fit = TextFit::new(options);
        fit.observe(&names, &vec![true; texts.len()]);
        match fit.finish("text".to_owned(), &mut Vec::new()) {
            Some(Encoding::Text(terms)) => terms,
            other => panic!("{other:?}"),
        }
    }

    const PLAIN: TextOptions =
        TextOptions { ngrams: 1, hash_bits: None, min_rows: 1, max_terms: 100, tf_idf: true };

    /// scikit-learn 1.9, `TfidfVectorizer(sublinear_tf=True)` on the same three texts.
    #[test]
    fn weights_are_those_of_scikit_learn() {
        let terms = fit(&["red fish blue fish", "one fish", "two blue"], PLAIN);
        assert_eq!(terms.vocabulary.as_ref().unwrap(), &["blue", "fish", "one", "red", "two"]);
        let got = terms.entries("red fish blue fish");
        assert_eq!(got.len(), SKLEARN.len());
        for ((column, value), (at, expected)) in got.iter().zip(SKLEARN) {
            assert_eq!(*column, at);
            assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
        }
        assert!(terms.entries("nothing known").is_empty());
    }

    const SKLEARN: [(u32, f32); 3] = [(0, 0.422_741_1), (1, 0.715_762_9), (3, 0.555_853_8)];

    #[test]
    fn rare_terms_and_too_many_terms_are_left_out() {
        let texts = ["aa bb cc", "aa bb", "aa dd"];
        let vocabulary = |options| fit(&texts, options).vocabulary.unwrap();
        assert_eq!(vocabulary(TextOptions { min_rows: 2, ..PLAIN }), ["aa", "bb"]);
        assert_eq!(vocabulary(TextOptions { max_terms: 1, ..PLAIN }), ["aa"]);
    }

    #[test]
    fn hashed_terms_are_counted_where_their_hash_falls() {
        let terms = fit(&["aa bb"], TextOptions { hash_bits: Some(4), tf_idf: false, ..PLAIN });
        let entries = terms.entries("aa aa zz");
        assert_eq!(terms.width(), 16);
        assert!(entries.contains(&(hash("aa", 4), 2.0)) || hash("aa", 4) == hash("zz", 4), "{entries:?}");
        assert!(entries.iter().all(|(column, _)| *column < 16));
    }
}
