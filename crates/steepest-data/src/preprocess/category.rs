//! Categories: one input each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Encoding;
use crate::table::Names;
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

/// Names seen so far among the training rows, and how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    names: HashMap<String, usize>,
    missing: usize,
}

impl Counts {
    pub fn observe(&mut self, names: &Names, training: &[bool]) {
        let mut counts = vec![0usize; names.names().len()];
        for (&code, _) in names.codes().iter().zip(training).filter(|&(_, &training)| training) {
            match counts.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => self.missing += 1,
            }
        }
        for (name, count) in names.names().iter().zip(counts).filter(|&(_, count)| count > 0) {
            match self.names.get_mut(name) {
                Some(sum) => *sum += count,
                None => _ = self.names.insert(name.clone(), count),
            }
        }
    }

    /// All names get an index, and a missing one counts as none of them; `None` if there is no name.
    pub fn finish_embedded(self, column: String, findings: &mut Vec<Finding>) -> Option<Encoding> {
        if self.names.is_empty() {
            findings.push(Finding::AllMissingColumn { column });
            return None;
        }
        if self.missing > 0 {
            let rows = self.names.values().sum::<usize>() + self.missing;
            findings.push(Finding::Filled { column, missing: self.missing, rows, with: Fill::Unknown });
        }
        let categories = sorted(self.names.into_iter().collect());
        Some(Encoding::Embed(Categories { categories, rare: Vec::new(), missing: false }))
    }

    /// The most frequent names get an input; `None` if there is nothing to tell apart.
    pub fn finish(self, column: String, most: usize, findings: &mut Vec<Finding>) -> Option<Encoding> {
        let rows = self.names.values().sum::<usize>() + self.missing;
        let mut seen: Vec<(String, usize)> = self.names.into_iter().collect();
        match &seen[..] {
            [] => {
                findings.push(Finding::AllMissingColumn { column });
                return None;
            }
            [(only, _)] if self.missing == 0 => {
                findings.push(Finding::ConstantColumn { column, value: format!("`{only}`") });
                return None;
            }
            _ => {}
        }
        seen.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let rare = sorted(seen.split_off(seen.len().min(most.max(1))));
        let categories = sorted(seen);
        if !rare.is_empty() {
            let (kept, folded) = (categories.len(), rare.len());
            findings.push(Finding::RareCategories { column: column.clone(), kept, folded });
        }
        let missing = self.missing > 0;
        if missing {
            findings.push(Finding::Filled { column, missing: self.missing, rows, with: Fill::OwnCategory });
        }
        Some(Encoding::OneHot(Categories { categories, rare, missing }))
    }
}

fn sorted(counted: Vec<(String, usize)>) -> Vec<String> {
    let mut names: Vec<String> = counted.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}
