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

/// Mean and deviation of the rows; `None` if there is nothing to learn from.
pub(super) fn fit(
    values: &[f64],
    rows: &[u32],
    column: &str,
    standardize: bool,
    findings: &mut Vec<Finding>,
) -> Option<Encoding> {
    let picked = || rows.iter().filter_map(|&row| values.get(row as usize).copied());
    let (mut moments, mut low, mut high) = (Moments::default(), f64::INFINITY, f64::NEG_INFINITY);
    for value in picked().filter(|v| !v.is_nan()) {
        moments.push(value);
        (low, high) = (low.min(value), high.max(value));
    }
    if moments.count == 0 {
        findings.push(Finding::AllMissingColumn { column: column.into() });
        return None;
    }
    if low == high {
        findings.push(Finding::ConstantColumn { column: column.into(), value: low.to_string() });
        return None;
    }
    let missing = rows.len() - moments.count as usize;
    if missing > 0 {
        let with = Fill::Mean(moments.mean);
        findings.push(Finding::Filled { column: column.into(), missing, rows: rows.len(), with });
    }
    let mut steps = values.windows(2).map(|pair| pair[1] - pair[0]);
    if values.len() >= 20 && steps.all(|step| step == 1.0) {
        findings.push(Finding::RowNumbers { column: column.into() });
    }
    // Values that differ by less than their own rounding have no deviation to divide by.
    let scale = if moments.std() > 0.0 && moments.std().is_finite() { moments.std() } else { 1.0 };
    let scaling = if standardize { Scaling { shift: moments.mean, scale } } else { Scaling::IDENTITY };
    Some(Encoding::Numeric(Scaled { scaling, fill: moments.mean }))
}

/// The share of ones among the rows; `None` if all are alike.
pub(super) fn fit_boolean(
    names: &Names,
    rows: &[u32],
    column: &str,
    findings: &mut Vec<Finding>,
) -> Option<Encoding> {
    let truths: Vec<f64> =
        rows.iter().filter_map(|&row| names.get(row as usize).and_then(truth)).map(f64::from).collect();
    let fill = truths.iter().sum::<f64>() / truths.len() as f64;
    let column = column.to_owned();
    if truths.is_empty() {
        findings.push(Finding::AllMissingColumn { column });
        return None;
    }
    if fill == 0.0 || fill == 1.0 {
        findings.push(Finding::ConstantColumn { column, value: (fill == 1.0).to_string() });
        return None;
    }
    let missing = rows.len() - truths.len();
    if missing > 0 {
        findings.push(Finding::Filled { column, missing, rows: rows.len(), with: Fill::Mean(fill) });
    }
    Some(Encoding::Boolean { fill })
}
