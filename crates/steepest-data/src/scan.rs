//! One pass over a column of text: what it holds, in bounded memory.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::{ColumnKind, Reason};

/// Distinct values counted exactly up to this number.
pub(crate) const DISTINCT_LIMIT: usize = 1 << 16;
/// Distinct texts whose frequencies are kept.
const COUNTED_LIMIT: usize = 4_096;
/// The same in a column of numbers.
const COUNTED_NUMBERS: usize = 64;

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
    pub whole: u64,
    pub moments: Moments,
    pub min: f64,
    pub max: f64,
    /// The first cell that is no number.
    pub odd: Option<String>,
    /// Whether each number was one more than that before.
    pub counts_on: bool,
    last: Option<f64>,
    distinct: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    pub counted: HashMap<String, u64>,
    pub counted_all: bool,
}

impl ColumnScan {
    pub fn new() -> ColumnScan {
        ColumnScan {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            counted_all: true,
            counts_on: true,
            ..ColumnScan::default()
        }
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
                self.counts_on = false;
                self.odd.get_or_insert_with(|| text.to_owned());
            }
        }
        self.present += 1;
        if self.distinct.len() <= DISTINCT_LIMIT {
            self.distinct.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(text));
        }
        self.count(text);
    }

    /// Keeps frequencies while there are few distinct texts; of numbers, while there are very few.
    fn count(&mut self, text: &str) {
        let limit = if self.numbers == self.present { COUNTED_NUMBERS } else { COUNTED_LIMIT };
        if !self.counted_all && self.counted.len() >= limit {
            return;
        }
        let room = self.counted.len() < limit;
        match self.counted.get_mut(text) {
            Some(count) => *count += 1,
            None if room => {
                self.counted.insert(text.to_owned(), 1);
            }
            None => self.counted_all = false,
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
        (self.distinct.len().min(DISTINCT_LIMIT) as u64, self.distinct.len() <= DISTINCT_LIMIT)
    }

    /// The most frequent texts, most frequent first.
    pub fn top(&self, count: usize) -> Vec<(String, u64)> {
        let mut top: Vec<(String, u64)> = self.counted.iter().map(|(text, &n)| (text.clone(), n)).collect();
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
        if self.truths == cells {
            return (ColumnKind::Boolean, Reason::Truths { cells });
        }
        if self.numbers * 10 >= cells * 9 {
            let example = self.odd.clone().unwrap_or_default();
            return (ColumnKind::Numeric, Reason::MostlyNumbers { numbers: self.numbers, cells, example });
        }
        if distinct > 100 && distinct * 2 > cells {
            return (ColumnKind::Ignored, Reason::Identifier { distinct, cells });
        }
        (ColumnKind::Categorical, Reason::Names { distinct, cells })
    }
}
