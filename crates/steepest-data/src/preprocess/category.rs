//! Categories: one input each.

use serde::{Deserialize, Serialize};

use super::Encoding;
use crate::table::{MISSING, Names};
use crate::{Fill, Finding};

/// What to do with a category that training never saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unseen {
    /// All inputs of the column are 0; the cells are counted and reported.
    #[default]
    Ignore,
    /// Stop with an error that names the cell.
    Error,
}

/// The categories of a column: input i is 1 for category i, else 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Categories {
    /// The categories with an input, in alphabetical order.
    pub categories: Vec<String>,
    /// Categories of the training rows without an input, in alphabetical order; all inputs are 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rare: Vec<String>,
    /// Whether a last input says that the value is missing.
    pub missing: bool,
}

impl Categories {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.categories.len() + usize::from(self.missing)
    }

    pub(super) fn names<'a>(&'a self, column: &'a str) -> impl Iterator<Item = String> + 'a {
        let missing = self.missing.then(|| format!("{column} missing"));
        self.categories.iter().map(move |name| format!("{column}={name}")).chain(missing)
    }

    /// The input of a category.
    pub(super) fn slot(&self, name: &str) -> Slot {
        match self.categories.binary_search_by(|known| known.as_str().cmp(name)) {
            Ok(at) => Slot::Input(at as u32),
            Err(_) if self.rare.binary_search_by(|known| known.as_str().cmp(name)).is_ok() => Slot::Zeros,
            Err(_) => Slot::Unseen,
        }
    }

    /// The input of a missing value.
    pub(super) fn missing_slot(&self) -> Slot {
        if self.missing { Slot::Input(self.categories.len() as u32) } else { Slot::Zeros }
    }
}

/// Which input of a column a value sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// This one.
    Input(u32),
    /// None: a category too rare for an input.
    Zeros,
    /// None: training never saw it.
    Unseen,
}

/// The categories of the rows, the most frequent first in line; `None` if there is nothing to tell apart.
pub(super) fn fit(
    names: &Names,
    rows: &[u32],
    column: &str,
    most: usize,
    findings: &mut Vec<Finding>,
) -> Option<Encoding> {
    let mut counts = vec![0usize; names.names().len()];
    let mut missing = 0;
    for &row in rows {
        match names.codes().get(row as usize) {
            Some(&code) if code != MISSING => counts[code as usize] += 1,
            _ => missing += 1,
        }
    }
    let mut seen: Vec<(usize, &String)> =
        counts.into_iter().zip(names.names()).filter(|&(count, _)| count > 0).collect();
    let column = column.to_owned();
    match seen[..] {
        [] => {
            findings.push(Finding::AllMissingColumn { column });
            return None;
        }
        [(_, only)] if missing == 0 => {
            findings.push(Finding::ConstantColumn { column, value: format!("`{only}`") });
            return None;
        }
        _ => {}
    }
    seen.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let split = seen.len().min(most.max(1));
    let sorted = |part: &[(usize, &String)]| {
        let mut names: Vec<String> = part.iter().map(|&(_, name)| name.clone()).collect();
        names.sort_unstable();
        names
    };
    let (categories, rare) = (sorted(&seen[..split]), sorted(&seen[split..]));
    if !rare.is_empty() {
        let (kept, folded) = (categories.len(), rare.len());
        findings.push(Finding::RareCategories { column: column.clone(), kept, folded });
    }
    if missing > 0 {
        findings.push(Finding::Filled { column, missing, rows: rows.len(), with: Fill::OwnCategory });
    }
    Some(Encoding::OneHot(Categories { categories, rare, missing: missing > 0 }))
}
