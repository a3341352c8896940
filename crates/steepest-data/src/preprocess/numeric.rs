//! Numbers and truth values: standardization and filling in.

use serde::{Deserialize, Serialize};

use super::Encoding;
use crate::scan::{Moments, truth};
use crate::table::Names;
use crate::{Fill, Finding, Scaling};

/// A number, shifted and scaled: input = (x − shift) / scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaled {
    /// The change of units: mean and standard deviation of the training rows, or none.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// What a missing value counts as: the mean of the training rows.
    pub fill: f64,
}

impl Scaled {
    /// The input for a value, NaN if it is missing.
    #[inline]
    pub fn apply(&self, value: f64) -> f64 {
        self.scaling.apply(if value.is_nan() { self.fill } else { value })
    }
}

/// Numbers seen so far: enough for mean, deviation and range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub moments: Moments,
    pub low: f64,
    pub high: f64,
    missing: usize,
    /// Whether each number was one more than that before, in all rows.
    counts_on: bool,
    last: f64,
}

impl Numbers {
    pub fn new() -> Numbers {
        let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
        Numbers { moments: Moments::default(), low, high, missing: 0, counts_on: true, last: f64::NAN }
    }

    /// Looks at the values of a window; only those of training rows are learned from.
    pub fn observe(&mut self, values: &[f64], training: &[bool]) {
        for (&value, _) in values.iter().zip(training).filter(|&(_, &training)| training) {
            if value.is_nan() {
                self.missing += 1;
            } else {
                self.moments.push(value);
                (self.low, self.high) = (self.low.min(value), self.high.max(value));
            }
        }
        for &value in values {
            self.counts_on &= self.last.is_nan() || value == self.last + 1.0;
            self.last = value;
        }
    }

    /// Mean and deviation, or no change of units.
    pub fn scaling(&self, standardize: bool) -> Scaling {
        // Values that differ by less than their own rounding have no deviation to divide by.
        let std = self.moments.std();
        let scale = if std > 0.0 && std.is_finite() { std } else { 1.0 };
        if standardize { Scaling { shift: self.moments.mean, scale } } else { Scaling::IDENTITY }
    }

    /// `None` if there is nothing to learn from.
    pub fn finish(self, column: String, standardize: bool, findings: &mut Vec<Finding>) -> Option<Encoding> {
        let seen = self.moments.count as usize;
        if seen == 0 {
            findings.push(Finding::AllMissingColumn { column });
            return None;
        }
        if self.low == self.high {
            findings.push(Finding::ConstantColumn { column, value: self.low.to_string() });
            return None;
        }
        if self.missing > 0 {
            let (missing, rows, with) = (self.missing, seen + self.missing, Fill::Mean(self.moments.mean));
            findings.push(Finding::Filled { column: column.clone(), missing, rows, with });
        }
        if self.counts_on && seen >= 20 {
            findings.push(Finding::RowNumbers { column });
        }
        Some(Encoding::Numeric(Scaled { scaling: self.scaling(standardize), fill: self.moments.mean }))
    }
}

/// Truth values seen so far among the training rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Truths {
    yes: usize,
    no: usize,
    missing: usize,
}

impl Truths {
    pub fn observe(&mut self, names: &Names, training: &[bool]) {
        for (row, _) in training.iter().enumerate().filter(|&(_, &training)| training) {
            match names.get(row).and_then(truth) {
                Some(true) => self.yes += 1,
                Some(false) => self.no += 1,
                None => self.missing += 1,
            }
        }
    }

    /// `None` if all are alike.
    pub fn finish(self, column: String, findings: &mut Vec<Finding>) -> Option<Encoding> {
        let fill = self.yes as f64 / (self.yes + self.no) as f64;
        match (self.yes, self.no) {
            (0, 0) => findings.push(Finding::AllMissingColumn { column }),
            (yes, 0) | (0, yes) => {
                findings.push(Finding::ConstantColumn { column, value: (yes == self.yes).to_string() });
            }
            (yes, no) => {
                let (missing, rows) = (self.missing, yes + no + self.missing);
                if missing > 0 {
                    findings.push(Finding::Filled { column, missing, rows, with: Fill::Mean(fill) });
                }
                return Some(Encoding::Boolean { fill });
            }
        }
        None
    }
}
