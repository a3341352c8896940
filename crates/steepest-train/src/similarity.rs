//! How well vectors agree with what people say of pairs of words.

use std::path::Path;

use crate::{TrainError, Vectors};

/// How well vectors agree with a file of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Similarity {
    /// Spearman's rank correlation of cosines and scores; none for fewer than two pairs, or where all are alike.
    pub spearman: Option<f64>,
    /// Pairs whose words both have a vector.
    pub pairs: usize,
    /// Pairs of which a word has none; they do not count.
    pub unknown: usize,
}

impl Vectors {
    /// Compares cosines with the scores of a file: lines `word word score`, parted by tabs or commas; lines that begin
    /// with `#`, and a first line without a score, are read over. Words are taken in lower case where they have no
    /// vector as they stand, as gensim's `evaluate_word_pairs` does for all; with n-grams (`data.subwords`) every
    /// word has a vector.
    ///
    /// Spearman, 1904, *The proof and measurement of association between two things*: the correlation of ranks,
    /// equal values at their mean rank.
    ///
    /// # Errors
    /// [`TrainError::Pairs`] for a line that is none of these, or if no pair is known; those of reading.
    pub fn similarity(&self, path: impl AsRef<Path>) -> Result<Similarity, TrainError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(TrainError::io("read", path))?;
        let (mut cosines, mut scores, mut unknown) = (Vec::new(), Vec::new(), 0);
        let mut first = true;
        for (line, text) in (1..).zip(text.lines()) {
            if text.starts_with('#') || text.trim().is_empty() {
                continue;
            }
            let fields: Vec<&str> = text.split(['\t', ',']).map(str::trim).collect();
            let score = match fields[..] {
                [_, _, score, ..] => score.parse::<f64>().ok().filter(|score| score.is_finite()),
                _ => None,
            };
            match (score, std::mem::replace(&mut first, false)) {
                (Some(score), _) => match self.cosine(fields[0], fields[1]) {
                    Some(cosine) => {
                        cosines.push(cosine);
                        scores.push(score);
                    }
                    None => unknown += 1,
                },
                (None, true) => {}
                (None, false) => {
                    return Err(TrainError::Pairs { path: path.to_owned(), line, got: text.to_owned() });
                }
            }
        }
        if cosines.is_empty() {
            return Err(TrainError::NoPairs { path: path.to_owned(), unknown });
        }
        Ok(Similarity { spearman: spearman(&cosines, &scores), pairs: cosines.len(), unknown })
    }

    fn cosine(&self, a: &str, b: &str) -> Option<f64> {
        let get = |word: &str| match self.knows(word) {
            true => self.get(word).ok(),
            false => self.get(&word.to_lowercase()).ok(),
        };
        let (a, b) = (get(a)?, get(b)?);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let lengths = (dot(&a, &a) * dot(&b, &b)).sqrt();
        Some(if lengths > 0.0 { dot(&a, &b) / lengths } else { 0.0 })
    }
}

/// The correlation of the ranks of two lists.
fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let spread = (sum(&a, &a) * sum(&b, &b)).sqrt();
    (spread > 0.0).then(|| sum(&a, &b) / spread)
}

/// The place of each value among all, from 1; equal ones have their mean place.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let (mut ranks, mut from) = (vec![0.0; values.len()], 0);
    while from < order.len() {
        let equal = order[from..].iter().take_while(|&&at| values[at] == values[order[from]]).count().max(1);
        let rank = from as f64 + (equal as f64 + 1.0) / 2.0;
        order[from..from + equal].iter().for_each(|&at| ranks[at] = rank);
        from += equal;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_have_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.5]), [3.5, 2.0, 3.5, 1.0]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 15.0]), Some(0.5));
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 2])
        let tied = spearman(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 2.0]).unwrap();
        assert!((tied - 0.5).abs() < 1e-12, "{tied}");
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }
}
