//! The target: which task it asks for, and how it becomes a number or a class.

use serde::{Deserialize, Serialize};

use super::PreprocessOptions;
use crate::scan::Moments;
use crate::table::{MISSING, Table, Values};
use crate::{ColumnKind, DataError, Finding, ReadOptions, Scaling};

/// A numeric target of whole numbers with at most this many distinct values is taken for classes.
const MOST_INFERRED_CLASSES: usize = 20;
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

pub(super) fn fit(
    table: &Table,
    train: &[u32],
    place: usize,
    options: &PreprocessOptions,
    findings: &mut Vec<Finding>,
) -> Result<Target, DataError> {
    let Some(column) = table.schema().columns.get(place) else {
        return Err(DataError::RowOutOfRange { row: place, rows: table.columns().len() });
    };
    let name = column.name.clone();
    let empty = || DataError::MissingTarget { name: name.clone(), missing: ReadOptions::default().missing };
    let encoding = match table.columns().get(place) {
        Some(Values::Numbers(values)) => {
            let distinct = distinct_numbers(values);
            if distinct.is_empty() {
                return Err(empty());
            }
            let task = options.task.unwrap_or_else(|| infer(&distinct, &name, findings));
            match task {
                Task::Regression => regression(values, train, &name, options.standardize_target)?,
                Task::Classification => {
                    let classes = distinct.iter().map(f64::to_string).collect();
                    TargetEncoding::Classification { classes, values: Some(distinct) }
                }
            }
        }
        Some(Values::Names(names)) => {
            let mut used = vec![false; names.names().len()];
            for &code in names.codes().iter().filter(|&&code| code != MISSING) {
                used[code as usize] = true;
            }
            let mut classes: Vec<String> = names
                .names()
                .iter()
                .zip(used)
                .filter(|&(_, used)| used)
                .map(|(name, _)| name.clone())
                .collect();
            classes.sort_unstable();
            match (classes.is_empty(), options.task) {
                (true, _) => return Err(empty()),
                (_, Some(Task::Regression)) => return Err(DataError::TextTarget { name }),
                (_, Some(Task::Classification)) => {}
                (_, None) => findings.push(Finding::TaskInferred {
                    column: name.clone(),
                    task: Task::Classification,
                    distinct: classes.len(),
                    numeric: false,
                }),
            }
            TargetEncoding::Classification { classes, values: None }
        }
        _ if column.reason == crate::Reason::AllMissing => return Err(empty()),
        _ => return Err(DataError::BadTarget { name, reason: column.reason.clone() }),
    };
    if let TargetEncoding::Classification { classes, .. } = &encoding
        && let [class] = &classes[..]
    {
        return Err(DataError::SingleClass { name, class: class.clone() });
    }
    let target = Target { column: name, kind: column.kind, encoding };
    report_classes(table, train, place, &target, findings);
    Ok(target)
}

/// Whole numbers with few distinct values are classes.
fn infer(distinct: &[f64], column: &str, findings: &mut Vec<Finding>) -> Task {
    let whole = distinct.iter().all(|value| value.fract() == 0.0);
    let task = match whole && distinct.len() <= MOST_INFERRED_CLASSES {
        true => Task::Classification,
        false => Task::Regression,
    };
    let (column, distinct) = (column.to_owned(), distinct.len());
    findings.push(Finding::TaskInferred { column, task, distinct, numeric: true });
    task
}

fn distinct_numbers(values: &[f64]) -> Vec<f64> {
    // -0 and 0 are one number.
    let mut distinct: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    distinct
}

fn regression(
    values: &[f64],
    train: &[u32],
    name: &str,
    standardize: bool,
) -> Result<TargetEncoding, DataError> {
    let mut moments = Moments::default();
    let picked = train.iter().filter_map(|&row| values.get(row as usize)).filter(|v| !v.is_nan());
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &value in picked {
        moments.push(value);
        (low, high) = (low.min(value), high.max(value));
    }
    if low == high {
        return Err(DataError::ConstantTarget { name: name.to_owned(), value: low });
    }
    let scale = if moments.std() > 0.0 && moments.std().is_finite() { moments.std() } else { 1.0 };
    let scaling = if standardize { Scaling { shift: moments.mean, scale } } else { Scaling::IDENTITY };
    Ok(TargetEncoding::Regression(scaling))
}

/// Says which classes the training rows lack, and whether one is rare.
fn report_classes(table: &Table, train: &[u32], place: usize, target: &Target, findings: &mut Vec<Finding>) {
    let mut counts = vec![0usize; target.classes().len()];
    let Some(values) = table.columns().get(place) else { return };
    for &row in train {
        if let Some(count) =
            target.class(values, row as usize).and_then(|class| counts.get_mut(class as usize))
        {
            *count += 1;
        }
    }
    let named = || counts.iter().copied().zip(target.classes());
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
