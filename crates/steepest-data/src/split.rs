//! Splitting rows into training, validation and test parts.

use serde::{Deserialize, Serialize};
use steepest_tensor::Key;

use crate::{DataError, Permutation};

/// The shares of the rows that are held out; what remains is for training.
///
/// Range: each in `[0, 1)`, their sum below 1. Default: 0.15 each, as in the project's run spec.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fractions {
    /// Share of the rows used to choose the stopping step and the settings.
    pub validation: f64,
    /// Share of the rows used once, at the end.
    pub test: f64,
}

impl Default for Fractions {
    fn default() -> Fractions {
        Fractions { validation: 0.15, test: 0.15 }
    }
}

/// The shares that a user wants held out; what is not set depends on the number of rows.
///
/// ```
/// use steepest_data::Shares;
/// let shares = Shares { test: Some(0.2), ..Shares::default() };
/// assert_eq!((shares.of(999).validation, shares.of(1000).validation, shares.of(999).test), (0.0, 0.15, 0.2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shares {
    /// Share of the rows that choose the stopping step. Default: 0.15, and none of fewer than 1,000 rows:
    /// a score on a few dozen rows says little, and training misses them.
    pub validation: Option<f64>,
    /// Share of the rows that are scored once, at the end. Default: 0.15.
    pub test: Option<f64>,
    /// Cuts the rows into so many parts in random order, of which `fold` is scored at the end instead of a share:
    /// cross-validation is a run for each. Range: 2 and up. Default: no such parts.
    pub folds: Option<usize>,
    /// Which of `folds` parts, from 0.
    pub fold: usize,
}

impl Shares {
    /// Tables with fewer rows are not asked for validation rows.
    pub const FEW_ROWS: usize = 1000;

    /// The shares of a table with so many rows.
    pub fn of(self, rows: usize) -> Fractions {
        let usual = Fractions::default();
        let validation = if rows < Shares::FEW_ROWS { 0.0 } else { usual.validation };
        let test = self.folds.map(|folds| 1.0 / folds.max(1) as f64).or(self.test);
        Fractions { validation: self.validation.unwrap_or(validation), test: test.unwrap_or(usual.test) }
    }
}

impl From<Fractions> for Shares {
    fn from(fractions: Fractions) -> Shares {
        Shares { validation: Some(fractions.validation), test: Some(fractions.test), ..Shares::default() }
    }
}

/// One of the three parts of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Rows that gradients come from.
    Train,
    /// Rows that choose the stopping step.
    Validation,
    /// Rows that are scored once, at the end.
    Test,
}

/// Which rows belong to which part, in ascending order within each part.
///
/// A pure function of the seed, the number of rows (or the classes, if stratified) and the fractions.
///
/// ```
/// use steepest_data::{Fractions, Split};
/// let split = Split::random(7, 10, Fractions { validation: 0.2, test: 0.1 })?;
/// assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (7, 2, 1));
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Rows that gradients come from.
    pub train: Vec<u32>,
    /// Rows that choose the stopping step.
    pub validation: Vec<u32>,
    /// Rows that are scored once, at the end.
    pub test: Vec<u32>,
}

impl Fractions {
    /// Everything is for training.
    pub const NONE: Fractions = Fractions { validation: 0.0, test: 0.0 };

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`DataError::BadFractions`] if a fraction is outside `[0, 1)` or nothing is left for training.
    pub fn check(self) -> Result<Fractions, DataError> {
        let valid = |f: f64| (0.0..1.0).contains(&f);
        if !valid(self.validation) || !valid(self.test) || self.validation + self.test >= 1.0 {
            return Err(DataError::BadFractions { validation: self.validation, test: self.test });
        }
        Ok(self)
    }

    /// How many of `rows` rows go to validation and to test: rounded to nearest.
    pub fn held_out(self, rows: usize) -> (usize, usize) {
        let count = |fraction: f64| (fraction * rows as f64).round() as usize;
        (count(self.validation), count(self.test))
    }
}

impl Split {
    /// Every row is for training.
    pub fn all_train(rows: usize) -> Split {
        Split { train: (0..rows as u32).collect(), ..Split::default() }
    }

    /// Splits `rows` rows at random.
    ///
    /// # Errors
    /// [`DataError::BadFractions`]; [`DataError::TooManyRows`] above 2³² − 1 rows;
    /// [`DataError::EmptyPart`] if a part that was asked for would have no row.
    pub fn random(seed: u64, rows: usize, fractions: Fractions) -> Result<Split, DataError> {
        let every: Vec<u32> = (0..row_count(rows)?).collect();
        let mut split = Split::default();
        split.deal(&every, Key::new(seed).stream("split"), fractions.check()?.held_out(rows));
        split.checked(rows, fractions)
    }

    /// One of `folds` parts of `rows` rows in random order is for test, a share of all rows for validation.
    ///
    /// ```
    /// use steepest_data::Split;
    /// let tests: Vec<Vec<u32>> = (0..3).map(|fold| Split::fold(7, 8, (fold, 3), 0.25).unwrap().test).collect();
    /// assert_eq!([tests[0].len(), tests[1].len(), tests[2].len()], [2, 3, 3]);
    /// let mut all = tests.concat();
    /// all.sort();
    /// assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
    /// ```
    ///
    /// # Errors
    /// [`DataError::BadFold`] if there is no such part; as [`Split::random`].
    pub fn fold(
        seed: u64,
        rows: usize,
        (fold, folds): (usize, usize),
        validation: f64,
    ) -> Result<Split, DataError> {
        if folds < 2 || fold >= folds {
            return Err(DataError::BadFold { fold, folds });
        }
        let fractions = Fractions { validation, test: 1.0 / folds as f64 }.check()?;
        let order = Permutation::new(Key::new(seed).stream("folds"), u64::from(row_count(rows)?));
        let (start, end) = (rows * fold / folds, rows * (fold + 1) / folds);
        let (held, mut split) = (fractions.held_out(rows).0, Split::default());
        for row in 0..rows {
            let place = order.position(row as u64) as usize;
            let part = match place {
                place if (start..end).contains(&place) => &mut split.test,
                place if place - if place < start { 0 } else { end - start } < held => &mut split.validation,
                _ => &mut split.train,
            };
            part.push(row as u32);
        }
        split.checked(rows, fractions)
    }

    /// Splits rows so that each class keeps its share in every part, as far as whole rows allow; the parts are
    /// about as large as those of [`Split::random`], and every class keeps a row for training.
    ///
    /// # Errors
    /// As [`Split::random`].
    pub fn stratified(seed: u64, classes: &[u32], fractions: Fractions) -> Result<Split, DataError> {
        row_count(classes.len())?;
        let fractions = fractions.check()?;
        let mut groups: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
        for (row, &class) in classes.iter().enumerate() {
            groups.entry(class).or_default().push(row as u32);
        }
        let (mut split, mut seen) = (Split::default(), 0);
        for (&class, rows) in &groups {
            // What the classes so far should have given less what they gave: the parts come out as large
            // as they would without classes. One row of each class stays for training.
            seen += rows.len();
            let (validation, test) = fractions.held_out(seen);
            let test = test.saturating_sub(split.test.len()).min(rows.len() - 1);
            let validation = validation.saturating_sub(split.validation.len()).min(rows.len() - 1 - test);
            let key = Key::new(seed).stream("split").stream("class").at(u64::from(class));
            split.deal(rows, key, (validation, test));
        }
        split.checked(classes.len(), fractions)
    }

    /// Deals `rows` to the parts by their place in a random order.
    fn deal(&mut self, rows: &[u32], key: Key, (validation, test): (usize, usize)) {
        let order = Permutation::new(key, rows.len() as u64);
        for (place, &row) in rows.iter().enumerate() {
            match order.position(place as u64) as usize {
                p if p < test => self.test.push(row),
                p if p < test + validation => self.validation.push(row),
                _ => self.train.push(row),
            }
        }
    }

    fn checked(mut self, rows: usize, fractions: Fractions) -> Result<Split, DataError> {
        let wanted = [
            (Part::Train, &mut self.train, true),
            (Part::Validation, &mut self.validation, fractions.validation > 0.0),
            (Part::Test, &mut self.test, fractions.test > 0.0),
        ];
        for (part, members, asked) in wanted {
            if asked && members.is_empty() {
                return Err(DataError::EmptyPart { part, rows });
            }
            members.sort_unstable();
        }
        Ok(self)
    }
}

/// The number of rows as the index type of the engine.
pub(crate) fn row_count(rows: usize) -> Result<u32, DataError> {
    u32::try_from(rows).map_err(|_| DataError::TooManyRows { rows: rows as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Fractions = Fractions { validation: 0.25, test: 0.25 };

    fn all(split: &Split) -> Vec<u32> {
        let mut rows = [&split.train[..], &split.validation, &split.test].concat();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn parts_cover_every_row_once() {
        let split = Split::random(1, 1_797, Fractions { validation: 0.15, test: 0.2 }).unwrap();
        assert_eq!((split.validation.len(), split.test.len()), (270, 359));
        assert_eq!(all(&split), (0..1_797).collect::<Vec<u32>>());
    }

    #[test]
    fn a_split_is_a_function_of_its_seed() {
        let split = |seed| Split::random(seed, 100, HALF).unwrap();
        assert_eq!(split(3), split(3));
        assert_ne!(split(3), split(4));
    }

    #[test]
    fn strata_keep_their_shares() {
        let classes: Vec<u32> = (0..120).map(|i| u32::from(i % 12 == 0)).collect();
        let split = Split::stratified(9, &classes, Fractions { validation: 0.0, test: 0.2 }).unwrap();
        let rare = |rows: &[u32]| rows.iter().filter(|&&r| classes[r as usize] == 1).count();
        assert_eq!((rare(&split.test), rare(&split.train)), (2, 8));
        assert_eq!((split.test.len(), split.validation.len()), (24, 0));
        assert_eq!(all(&split), (0..120).collect::<Vec<u32>>());
    }

    #[test]
    fn parts_of_tiny_classes_are_as_large_as_those_of_none() {
        // Classes of 1 to 3 rows: shares of each alone would round to nothing.
        let classes: Vec<u32> = (0..20).chain((60..150).map(|i| i / 3)).collect();
        let split = Split::stratified(4, &classes, Fractions { validation: 0.15, test: 0.15 }).unwrap();
        assert_eq!((split.validation.len(), split.test.len()), (17, 17));
        assert_eq!(all(&split), (0..110).collect::<Vec<u32>>());
        let trained: std::collections::BTreeSet<u32> =
            split.train.iter().map(|&row| classes[row as usize]).collect();
        assert_eq!(trained.len(), 50, "every class has a row to learn from");
    }

    #[test]
    fn impossible_fractions_are_errors() {
        for (validation, test) in [(-0.1, 0.1), (0.5, 0.5), (1.0, 0.0), (f64::NAN, 0.1), (0.1, f64::INFINITY)]
        {
            let result = Split::random(0, 10, Fractions { validation, test });
            assert!(matches!(result, Err(DataError::BadFractions { .. })), "{validation} {test}");
        }
        let tiny = Split::random(0, 2, Fractions { validation: 0.15, test: 0.15 });
        assert!(matches!(tiny, Err(DataError::EmptyPart { part: Part::Validation, rows: 2 })));
        assert!(matches!(
            Split::random(0, 0, Fractions::NONE),
            Err(DataError::EmptyPart { part: Part::Train, .. })
        ));
    }
}
