//! One pass over a column of text: what it holds, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::{ColumnKind, Fingerprint, Reason, date};

/// Distinct values counted exactly up to this number.
const DISTINCT_LIMIT: usize = 1 << 14;
/// Distinct texts that are kept, to be shown; the first ones.
const KEPT_LIMIT: usize = 1 << 10;

/// A map keyed by fingerprints, which need no further hashing.
type ByFingerprint = HashMap<u64, u64, BuildHasherDefault<Unhashed>>;

#[derive(Default)]
struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = Fingerprint::of_bytes(bytes).0;
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// How a cell's text is read: what counts as missing, and how numbers are written.
#[derive(Clone, Debug)]
pub(crate) struct CellReader {
    missing: Vec<String>,
    longest: usize,
    /// Whether a missing text looks like a number.
    numeric: bool,
    /// Whether numbers have a decimal comma.
    pub comma: bool,
}

impl CellReader {
    pub fn new(missing: &[String]) -> CellReader {
        let missing: Vec<String> = missing.iter().map(|text| text.trim().to_owned()).collect();
        let longest = missing.iter().map(String::len).max().unwrap_or(0);
        let numeric = missing.iter().any(|text| text.parse::<f64>().is_ok_and(f64::is_finite));
        CellReader { missing, longest, numeric, comma: false }
    }

    #[inline]
    pub fn is_missing(&self, text: &str) -> bool {
        text.len() <= self.longest && self.missing.iter().any(|missing| missing == text)
    }

    /// The days that a date stands for: NaN if it is missing.
    pub fn date(&self, text: &str) -> Option<f64> {
        date::days(text).or_else(|| self.is_missing(text).then_some(f64::NAN))
    }

    /// The number a cell stands for: NaN if it is missing.
    #[inline]
    pub fn number(&self, text: &str) -> Result<f64, NotANumber> {
        if self.numeric && self.is_missing(text) {
            return Ok(f64::NAN);
        }
        let parsed = if self.comma { decimal_comma(text) } else { text.parse::<f64>().ok() };
        match parsed {
            Some(value) if value.is_finite() => Ok(value),
            _ if self.is_missing(text) => Ok(f64::NAN),
            Some(_) => Err(NotANumber::NonFinite),
            None => Err(NotANumber::Text),
        }
    }
}

/// A number with at most one comma, and no point.
pub(crate) fn decimal_comma(text: &str) -> Option<f64> {
    if text.contains('.') { None } else { text.replacen(',', ".", 1).parse().ok() }
}

/// Why a cell is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotANumber {
    NonFinite,
    Text,
}

/// The truth value that a text stands for.
pub(crate) fn truth(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("yes") || is("t") || is("y") {
        Some(true)
    } else if is("false") || is("no") || is("f") || is("n") {
        Some(false)
    } else {
        None
    }
}

/// Running mean and squared deviation (Welford, 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub count: u64,
    pub mean: f64,
    deviation: f64,
}

impl Moments {
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.deviation += delta * (value - self.mean);
    }

    /// The standard deviation with divisor n.
    pub fn std(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.deviation / self.count as f64).max(0.0).sqrt() }
    }
}

/// What was seen of a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnScan {
    pub missing: u64,
    pub present: u64,
    pub numbers: u64,
    pub non_finite: u64,
    pub truths: u64,
    pub dates: u64,
    pub whole: u64,
    pub moments: Moments,
    pub min: f64,
    pub max: f64,
    /// The first cell that is no number.
    pub odd: Option<String>,
    /// Whether each number was one more than that before.
    pub counts_on: bool,
    last: Option<f64>,
    /// How often each distinct text was seen, by its fingerprint.
    counts: ByFingerprint,
    /// The first distinct texts.
    kept: Vec<(u64, String)>,
}

impl ColumnScan {
    pub fn new() -> ColumnScan {
        ColumnScan { min: f64::INFINITY, max: f64::NEG_INFINITY, counts_on: true, ..ColumnScan::default() }
    }

    pub fn push(&mut self, text: &str, cells: &CellReader) {
        match cells.number(text) {
            Ok(value) if value.is_nan() => {
                self.missing += 1;
                self.counts_on = false;
                return;
            }
            Ok(value) => self.push_number(value),
            Err(NotANumber::NonFinite) => {
                self.numbers += 1;
                self.non_finite += 1;
            }
            Err(NotANumber::Text) => {
                self.truths += u64::from(truth(text).is_some());
                self.dates += u64::from(date::days(text).is_some());
                self.counts_on = false;
                self.odd.get_or_insert_with(|| text.to_owned());
            }
        }
        self.present += 1;
        self.count(text);
    }

    fn count(&mut self, text: &str) {
        let fingerprint = Fingerprint::of_bytes(text.as_bytes()).0;
        let room = self.counts.len() <= DISTINCT_LIMIT;
        match self.counts.get_mut(&fingerprint) {
            Some(count) => *count += 1,
            None if room => {
                self.counts.insert(fingerprint, 1);
                if self.kept.len() < KEPT_LIMIT {
                    self.kept.push((fingerprint, text.to_owned()));
                }
            }
            None => {}
        }
    }

    /// Looks at bytes as numbers, without counting distinct ones.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.moments.push(f64::from(byte));
        }
        self.min = bytes.iter().map(|&b| f64::from(b)).fold(self.min, f64::min);
        self.max = bytes.iter().map(|&b| f64::from(b)).fold(self.max, f64::max);
        self.present += bytes.len() as u64;
    }

    fn push_number(&mut self, value: f64) {
        self.numbers += 1;
        self.whole += u64::from(value.fract() == 0.0);
        self.moments.push(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.counts_on &= self.last.is_none_or(|last| value == last + 1.0);
        self.last = Some(value);
    }

    /// Distinct texts, and whether that is all of them rather than a lower bound.
    pub fn distinct(&self) -> (u64, bool) {
        (self.counts.len().min(DISTINCT_LIMIT) as u64, self.counts.len() <= DISTINCT_LIMIT)
    }

    /// The most frequent texts, most frequent first; none if not all of them were kept.
    pub fn top(&self, count: usize) -> Vec<(String, u64)> {
        if self.counts.len() > self.kept.len() {
            return Vec::new();
        }
        let counted =
            |(fingerprint, text): &(u64, String)| Some((text.clone(), *self.counts.get(fingerprint)?));
        let mut top: Vec<(String, u64)> = self.kept.iter().filter_map(counted).collect();
        top.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        top.truncate(count);
        top
    }

    /// The kind of the column, and why.
    ///
    /// Nine numbers in ten make a numeric column: the tenth is then reported as an error, where it
    /// would else turn the column into thousands of categories without a word.
    pub fn kind(&self) -> (ColumnKind, Reason) {
        let (cells, distinct) = (self.present, self.distinct().0);
        if cells == 0 {
            return (ColumnKind::Ignored, Reason::AllMissing);
        }
        if self.numbers == cells {
            return (ColumnKind::Numeric, Reason::Numbers { cells });
        }
        if self.dates == cells {
            return (ColumnKind::Date, Reason::Dates { cells });
        }
        if self.truths == cells {
            return (ColumnKind::Boolean, Reason::Truths { cells });
        }
        if self.numbers * 10 >= cells * 9 {
            let example = self.odd.clone().unwrap_or_default();
            return (ColumnKind::Numeric, Reason::MostlyNumbers { numbers: self.numbers, cells, example });
        }
        if distinct > 100 && distinct * 2 > cells {
            if let Some(example) = self.odd.as_ref().filter(|text| date::looks_like_one(text)) {
                return (ColumnKind::Ignored, Reason::OtherDates { example: example.clone() });
            }
            return (ColumnKind::Ignored, Reason::Identifier { distinct, cells });
        }
        (ColumnKind::Categorical, Reason::Names { distinct, cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_a_large_offset() {
        let mut moments = Moments::default();
        // Sums of squares would lose every digit here.
        (0..1_000).for_each(|i| moments.push(1e9 + f64::from(i % 10)));
        assert!((moments.mean - 1_000_000_004.5).abs() < 1e-6);
        assert!((moments.std() - 8.25f64.sqrt()).abs() < 1e-6);
        assert_eq!(Moments::default().std(), 0.0);
    }

    #[test]
    fn cells_are_read_as_told() {
        let cells = CellReader::new(&["".into(), "NA".into(), "-1".into()]);
        let comma = CellReader { comma: true, ..cells.clone() };
        for (text, point, with_comma) in [
            ("1.5", Ok(1.5), Err(NotANumber::Text)),
            ("1,5", Err(NotANumber::Text), Ok(1.5)),
            ("1,500,5", Err(NotANumber::Text), Err(NotANumber::Text)),
            ("+2e-3", Ok(0.002), Ok(0.002)),
            ("inf", Err(NotANumber::NonFinite), Err(NotANumber::NonFinite)),
            ("0x1F", Err(NotANumber::Text), Err(NotANumber::Text)),
        ] {
            assert_eq!((cells.number(text), comma.number(text)), (point, with_comma), "{text}");
        }
        assert!(["", "NA", "-1"].iter().all(|text| cells.number(text).is_ok_and(f64::is_nan)));
    }

    #[test]
    fn distinct_values_are_counted_up_to_a_limit() {
        let cells = CellReader::new(&[String::new()]);
        let mut scan = ColumnScan::new();
        for i in 0..40_000 {
            scan.push(&format!("n{}", i % 20_000), &cells);
        }
        assert_eq!((scan.distinct(), scan.top(3)), ((DISTINCT_LIMIT as u64, false), Vec::new()));
        let mut scan = ColumnScan::new();
        ["b", "a", "b", "", "c", "b", "a"].iter().for_each(|text| scan.push(text, &cells));
        assert_eq!((scan.distinct(), scan.missing), ((3, true), 1));
        assert_eq!(scan.top(2), [("b".to_owned(), 3), ("a".to_owned(), 2)]);
    }
}
