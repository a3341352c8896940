//! The target: which task it asks for, and how it becomes a number or a class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PreprocessOptions;
use super::numeric::Numbers;
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, Finding, ReadOptions, Reason, Scaling};

/// A numeric target of whole numbers with at most this many distinct values is taken for classes.
const MOST_INFERRED_CLASSES: usize = 20;
/// A numeric target with more distinct values than this cannot be taken for classes.
pub(crate) const MOST_CLASSES: usize = 1 << 16;
/// A class is called rare when another has this many times its rows.
const IMBALANCE: usize = 20;

/// What a model is to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Numbers.
    Regression,
    /// One of several classes.
    Classification,
}

/// How much the rows of each class count in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// n / (k n_c) for a class of n_c of the n training rows and one of k classes: all classes count the same, and
    /// the mean over the rows is 1. As scikit-learn's `class_weight="balanced"`.
    Balanced,
}

/// The column to predict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub column: String,
    /// How it is read from a file.
    pub kind: ColumnKind,
    /// How it becomes a number or a class.
    #[serde(flatten)]
    pub encoding: TargetEncoding,
    /// How much a row of each class counts in training; none: all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f32>>,
}

/// How a target becomes a number or a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "task")]
pub enum TargetEncoding {
    /// A number, standardized on the training rows; predictions are turned back.
    Regression(Scaling),
    /// An index into the sorted names.
    Classification {
        /// The names of the classes: numbers in numeric order, texts in alphabetical order.
        classes: Vec<String>,
        /// What is the number of each class, if the column is numeric.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        values: Option<Vec<f64>>,
    },
}

impl Target {
    /// The task.
    pub fn task(&self) -> Task {
        match self.encoding {
            TargetEncoding::Regression(_) => Task::Regression,
            TargetEncoding::Classification { .. } => Task::Classification,
        }
    }

    /// The names of the classes; empty for regression.
    pub fn classes(&self) -> &[String] {
        match &self.encoding {
            TargetEncoding::Regression(_) => &[],
            TargetEncoding::Classification { classes, .. } => classes,
        }
    }

    /// The unit that a model's regression output is in; no change for classes.
    pub fn scaling(&self) -> Scaling {
        match self.encoding {
            TargetEncoding::Regression(scaling) => scaling,
            TargetEncoding::Classification { .. } => Scaling::IDENTITY,
        }
    }
}

/// Targets seen so far.
#[derive(Clone, Debug)]
pub(super) struct TargetFit {
    column: Column,
    numbers: Numbers,
    /// Rows and training rows of each number (by the order of numbers), while there are few.
    values: BTreeMap<i64, (usize, usize)>,
    /// More distinct numbers than can be classes.
    many: bool,
    names: BTreeMap<String, (usize, usize)>,
}

impl TargetFit {
    pub fn new(column: Column) -> TargetFit {
        let (values, names) = (BTreeMap::new(), BTreeMap::new());
        TargetFit { column, numbers: Numbers::new(), values, many: false, names }
    }

    /// Looks at the targets of a window. Classes are taken from all rows, numbers from training rows.
    pub fn observe(&mut self, values: &Values, training: &[bool]) {
        match values {
            Values::Numbers(values) => {
                self.numbers.observe(values, training);
                let present = values.iter().zip(training).filter(|(value, _)| !value.is_nan());
                for (&value, &training) in present {
                    if self.values.len() > MOST_CLASSES {
                        self.many = true;
                        return self.values.clear();
                    }
                    if !self.many {
                        tally(self.values.entry(ordered(value)).or_default(), training);
                    }
                }
            }
            Values::Names(names) => {
                for (row, &training) in training.iter().enumerate() {
                    let Some(name) = names.get(row) else { continue };
                    match self.names.get_mut(name) {
                        Some(counts) => tally(counts, training),
                        None => tally(self.names.entry(name.to_owned()).or_default(), training),
                    }
                }
            }
            Values::Ignored | Values::Sparse(_) | Values::Images { .. } => {}
        }
    }

    pub fn finish(
        self,
        options: &PreprocessOptions,
        findings: &mut Vec<Finding>,
    ) -> Result<Target, DataError> {
        let Column { name, kind, reason } = self.column.clone();
        let empty =
            || DataError::MissingTarget { name: name.clone(), missing: ReadOptions::default().missing };
        let (encoding, counts) = match kind {
            ColumnKind::Numeric if self.values.is_empty() && !self.many => return Err(empty()),
            ColumnKind::Numeric => self.numeric(options, findings)?,
            ColumnKind::Boolean | ColumnKind::Categorical if self.names.is_empty() => return Err(empty()),
            ColumnKind::Boolean | ColumnKind::Categorical => {
                let distinct = self.names.len();
                match options.task {
                    Some(Task::Regression) => return Err(DataError::TextTarget { name }),
                    Some(Task::Classification) => {}
                    None => {
                        let (column, task) = (name.clone(), Task::Classification);
                        findings.push(Finding::TaskInferred { column, task, distinct, numeric: false });
                    }
                }
                let (classes, counts): (Vec<String>, Vec<_>) = self.names.into_iter().unzip();
                (TargetEncoding::Classification { classes, values: None }, counts)
            }
            _ if reason == Reason::AllMissing => return Err(empty()),
            _ => return Err(DataError::BadTarget { name, reason }),
        };
        if let TargetEncoding::Classification { classes, .. } = &encoding
            && let [class] = &classes[..]
        {
            return Err(DataError::SingleClass { name, class: class.clone() });
        }
        let class_weights = options.class_weight.map(|ClassWeight::Balanced| balanced(&counts));
        let class_weights = class_weights.filter(|weights| !weights.is_empty());
        let target = Target { column: name, kind, encoding, class_weights };
        report_classes(&target, &counts, findings);
        Ok(target)
    }

    /// Numbers: classes if they are whole and few, or if the user says so.
    fn numeric(
        &self,
        options: &PreprocessOptions,
        findings: &mut Vec<Finding>,
    ) -> Result<(TargetEncoding, Vec<(usize, usize)>), DataError> {
        let (name, few) = (self.column.name.clone(), !self.many);
        let values: Vec<f64> = self.values.keys().map(|&bits| unordered(bits)).collect();
        let chosen = options.relevant.map(|_| Task::Regression);
        let task = chosen.or(options.task).unwrap_or_else(|| {
            let classes = few && are_classes(&values);
            let task = if classes { Task::Classification } else { Task::Regression };
            let (column, distinct) = (name.clone(), if few { values.len() } else { MOST_CLASSES });
            findings.push(Finding::TaskInferred { column, task, distinct, numeric: true });
            task
        });
        if task == Task::Classification {
            if !few {
                return Err(DataError::TooManyClasses { name, most: MOST_CLASSES });
            }
            let classes = values.iter().map(f64::to_string).collect();
            let counts = self.values.values().copied().collect();
            return Ok((TargetEncoding::Classification { classes, values: Some(values) }, counts));
        }
        if self.numbers.low == self.numbers.high && options.relevant.is_none() {
            return Err(DataError::ConstantTarget { name, value: self.numbers.low });
        }
        Ok((TargetEncoding::Regression(self.numbers.scaling(options.standardize_target)), Vec::new()))
    }
}

/// Whether a numeric target with these distinct values is taken for classes if nobody says what it is.
pub(crate) fn are_classes(distinct: &[f64]) -> bool {
    distinct.len() <= MOST_INFERRED_CLASSES && distinct.iter().all(|value| value.fract() == 0.0)
}

/// n / (k n_c); 1 for a class without rows.
fn balanced(counts: &[(usize, usize)]) -> Vec<f32> {
    let rows: usize = counts.iter().map(|(_, training)| training).sum();
    let share = |&(_, of_class): &(usize, usize)| match of_class {
        0 => 1.0,
        _ => (rows as f64 / (counts.len() * of_class) as f64) as f32,
    };
    counts.iter().map(share).collect()
}

fn tally((all, learned): &mut (usize, usize), training: bool) {
    *all += 1;
    *learned += usize::from(training);
}

/// A number as an integer of the same order; −0 and 0 are one.
fn ordered(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn unordered(bits: i64) -> f64 {
    f64::from_bits((bits ^ (((bits >> 63) as u64) >> 1) as i64) as u64)
}

/// Says which classes the training rows lack, and whether one is rare.
fn report_classes(target: &Target, counts: &[(usize, usize)], findings: &mut Vec<Finding>) {
    let named = || counts.iter().map(|&(_, training)| training).zip(target.classes());
    for (_, class) in named().filter(|&(count, _)| count == 0) {
        findings.push(Finding::ClassNotInTraining { class: class.clone() });
    }
    let (rarest, commonest) = (named().filter(|&(n, _)| n > 0).min(), named().max());
    if let (Some((few, rarest)), Some((many, commonest))) = (rarest, commonest)
        && many > few.saturating_mul(IMBALANCE)
    {
        findings.push(Finding::ImbalancedClasses {
            rarest: rarest.clone(),
            rarest_rows: few,
            commonest: commonest.clone(),
            commonest_rows: many,
        });
    }
}

impl Target {
    /// The class of a row, if it is known.
    pub(super) fn class(&self, column: &Values, row: usize) -> Option<u32> {
        let TargetEncoding::Classification { classes, values } = &self.encoding else { return None };
        match (column, values) {
            (Values::Numbers(numbers), Some(values)) => {
                let number = numbers.get(row)? + 0.0;
                values.binary_search_by(|value| value.total_cmp(&number)).ok().map(|at| at as u32)
            }
            (Values::Names(names), None) => {
                let name = names.get(row)?;
                classes.binary_search_by(|class| class.as_str().cmp(name)).ok().map(|at| at as u32)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order_as_integers() {
        let sorted = [f64::MIN, -3.5, -1.0, -1e-300, 0.0, 1e-300, 0.5, 2.0, 10.0, f64::MAX];
        assert!(sorted.is_sorted_by(|&a, &b| ordered(a) < ordered(b)));
        assert!(sorted.iter().all(|&value| unordered(ordered(value)) == value));
        assert_eq!(ordered(-0.0), ordered(0.0));
    }
}
