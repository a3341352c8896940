//! Features that are not one dense row of numbers: sparse rows, and categories that become vectors.

use serde::{Deserialize, Serialize};
use steepest_tensor::{large_pages, prefetch};

use crate::dataset::Features;
use crate::{DataError, Dataset, Real, WordRow};

/// A category or column that stands for nothing: padding, or what training never saw.
pub const NO_ROW: u32 = u32::MAX;

/// What the features of a data set are, and so what a model is fed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "form")]
pub enum FeatureForm {
    /// A row of real numbers, in the shape of [`Dataset::example`].
    #[default]
    Dense,
    /// Compressed sparse rows.
    Sparse {
        /// The number of columns.
        columns: usize,
    },
    /// Sequences of real numbers, in the shape of [`Dataset::example`], of which only the first steps count.
    Sequences,
    /// Tokens of a text, in the shape of [`Dataset::example`].
    Tokens,
    /// Words of a text, those around them, and random ones.
    Words {
        /// What a row holds.
        row: WordRow,
    },
    /// Indices of categories.
    Categories {
        /// The name of each column, and how many categories it has.
        fields: Vec<(String, usize)>,
        /// Whether the items of the row's user in the training data stand beside them.
        #[serde(default)]
        history: bool,
        /// Whether another item, at random, stands beside them: one that the row's user has not chosen.
        #[serde(default)]
        ranked: bool,
    },
}

impl FeatureForm {
    /// Whether rows differ in how many entries they have, so that batches need room for them: see
    /// [`Dataset::capacities`].
    pub fn has_entries(&self) -> bool {
        match self {
            FeatureForm::Sparse { .. } => true,
            FeatureForm::Categories { history, .. } => *history,
            FeatureForm::Words { row } => row.buckets > 0,
            FeatureForm::Dense | FeatureForm::Sequences | FeatureForm::Tokens => false,
        }
    }
}

/// A sparse matrix, row by row: of each row the columns that are not 0, in ascending order, and their values.
///
/// ```
/// use steepest_data::SparseRows;
/// let mut rows = SparseRows::new(5);
/// rows.push([(1, 2.0), (4, -1.0)])?;
/// rows.push([])?;
/// assert_eq!((rows.rows(), rows.entries()), (2, 2));
/// assert!(rows.push([(5, 1.0)]).is_err(), "there are columns 0 to 4");
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    columns: usize,
    ends: Vec<usize>,
    at: Vec<u32>,
    values: Vec<f32>,
    /// Whether all values are 1.
    binary: bool,
}

impl SparseRows {
    /// No rows, of so many columns.
    pub fn new(columns: usize) -> SparseRows {
        SparseRows { columns, ends: Vec::new(), at: Vec::new(), values: Vec::new(), binary: true }
    }

    /// Appends a row of pairs of a column and its value.
    ///
    /// # Errors
    /// [`DataError::SparseColumn`] if columns are not ascending or not below the number of columns, and
    /// [`DataError::NonFiniteValue`]; the row is then not appended.
    pub fn push(&mut self, entries: impl IntoIterator<Item = (u32, f32)>) -> Result<(), DataError> {
        let (row, start) = (self.rows(), self.at.len());
        let mut problem = None;
        for (column, value) in entries {
            let ascending = self.at.get(start..).and_then(<[u32]>::last).is_none_or(|&last| last < column);
            if !ascending || column as usize >= self.columns {
                problem = Some(DataError::SparseColumn { row, column, columns: self.columns });
                break;
            }
            if !value.is_finite() {
                let (what, column, value) = ("feature", column as usize, f64::from(value));
                problem = Some(DataError::NonFiniteValue { what, row, column, value });
                break;
            }
            self.add(column, value);
        }
        if let Some(problem) = problem {
            self.at.truncate(start);
            self.values.truncate(start);
            return Err(problem);
        }
        self.ends.push(self.at.len());
        Ok(())
    }

    /// Appends an entry to the row that [`SparseRows::end_row`] will end. Columns of a hash come in no order, and
    /// one may come twice: its values then count together.
    #[inline]
    pub(crate) fn add(&mut self, column: u32, value: f32) {
        self.at.push(column);
        self.values.push(value);
        self.binary &= value == 1.0;
    }

    /// Appends entries to the row that is being made.
    pub(crate) fn extend(&mut self, columns: impl Iterator<Item = u32>, values: &[f32]) {
        self.at.extend(columns);
        self.values.extend_from_slice(values);
        // Without an early end, which would take them one by one.
        self.binary &= values.iter().fold(true, |all, &value| all & (value == 1.0));
    }

    /// Ends the row of the entries that were added since the last.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.ends.push(self.at.len());
    }

    /// Removes the entries that were added since the last row.
    pub(crate) fn undo(&mut self) {
        let end = self.ends.last().copied().unwrap_or(0);
        self.at.truncate(end);
        self.values.truncate(end);
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Whether all values are known to be 1: they need not be read.
    pub(crate) fn is_binary(&self) -> bool {
        self.binary
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of entries of all rows.
    pub fn entries(&self) -> usize {
        self.at.len()
    }

    /// Columns and values of a row; empty for one that is not there.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(row)) {
            (Some(start), Some(&end)) => (&self.at[start..end], &self.values[start..end]),
            _ => (&[], &[]),
        }
    }

    #[inline]
    pub(crate) fn prefetch_place(&self, row: usize) {
        prefetch(self.ends.get(row..=row).unwrap_or_default());
    }

    pub(crate) fn in_large_pages(&self) {
        large_pages(&self.ends);
        large_pages(&self.at);
        large_pages(&self.values);
    }

    /// Removes all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.at.clear();
        self.values.clear();
        self.binary = true;
    }

    /// Keeps the rows that are to be kept.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut kept = SparseRows::new(self.columns);
        for row in (0..self.rows()).filter(|&row| keep.get(row).copied().unwrap_or(true)) {
            let (at, values) = self.row(row);
            kept.extend(at.iter().copied(), values);
            kept.end_row();
        }
        *self = kept;
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.ends.len() * 8 + self.at.len() * 8
    }
}

/// Indices of categories, `fields` for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// The name of each column, and how many categories it has.
    pub fields: Vec<(String, usize)>,
    /// Row after row, one for each field; [`NO_ROW`] for what no category is.
    pub codes: Vec<u32>,
}

impl Codes {
    pub(crate) fn checked(self) -> Result<Codes, DataError> {
        let width = self.fields.len().max(1);
        if !self.codes.len().is_multiple_of(width) {
            let expected = self.codes.len().next_multiple_of(width);
            return Err(DataError::Length { what: "categories", expected, got: self.codes.len() });
        }
        let outside = |(at, &code): (usize, &u32)| {
            let size = self.fields.get(at % width).map_or(0, |(_, size)| *size);
            (code != NO_ROW && code as usize >= size).then_some((at / width, code, size))
        };
        match self.codes.iter().enumerate().find_map(outside) {
            Some((row, class, classes)) => Err(DataError::BadClass { row, class, classes }),
            None => Ok(self),
        }
    }
}

impl Dataset {
    /// What the features are.
    pub fn form(&self) -> FeatureForm {
        match self.features() {
            Features::Sparse(rows) => FeatureForm::Sparse { columns: rows.columns },
            Features::Codes(codes) => {
                let ranked = self.choices().map(|choices| choices.ranked);
                FeatureForm::Categories {
                    fields: codes.fields.clone(),
                    history: ranked == Some(false),
                    ranked: ranked == Some(true),
                }
            }
            Features::Tokens { .. } => FeatureForm::Tokens,
            Features::Words(words) => {
                let buckets = self.parts().map_or(0, crate::words::Parts::buckets);
                FeatureForm::Words { row: WordRow { buckets, ..words.row } }
            }
            _ if self.has_lengths() => FeatureForm::Sequences,
            Features::F32(_) | Features::F64(_) | Features::Bytes { .. } => FeatureForm::Dense,
        }
    }

    /// The number of entries of some rows of sparse features; 0 for others, and for rows that are not there.
    pub fn entries(&self, rows: impl IntoIterator<Item = usize>) -> usize {
        rows.into_iter().map(|row| self.entries_of(row)).sum()
    }

    /// The entries of a row: of sparse features, the items of its user, or the parts of its words and those around.
    fn entries_of(&self, row: usize) -> usize {
        match self.features() {
            Features::Sparse(sparse) => self.stored(row).map_or(0, |row| sparse.row(row).0.len()),
            Features::Codes(_) if self.choices().is_some_and(|choices| !choices.ranked) => {
                self.items_beside(row)
            }
            Features::Words(_) => self.parts_around(row),
            _ => 0,
        }
    }

    /// The columns of the entries of a row; empty for features that are not sparse, and a row that is not there.
    pub fn columns(&self, row: usize) -> &[u32] {
        match (self.features(), self.stored(row)) {
            (Features::Sparse(sparse), Ok(row)) => sparse.row(row).0,
            _ => &[],
        }
    }

    /// Writes where the entries of each row begin, and where the last one's end. Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small;
    /// [`DataError::TargetForm`] if features are not sparse.
    pub fn fill_offsets(
        &self,
        rows: impl IntoIterator<Item = usize>,
        offsets: &mut [u32],
    ) -> Result<(), DataError> {
        let sparse = self.sparse()?;
        let (len, mut end) = (offsets.len(), 0);
        let mut slots = offsets.iter_mut();
        let short = || DataError::Length { what: "offset buffer", expected: len + 1, got: len };
        *slots.next().ok_or_else(short)? = 0;
        for row in rows {
            end += sparse.row(self.stored(row)?).0.len() as u32;
            *slots.next().ok_or_else(short)? = end;
        }
        slots.for_each(|slot| *slot = end);
        Ok(())
    }

    /// Writes the columns of all entries of some rows, and [`NO_ROW`] behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_offsets`].
    pub fn fill_columns(
        &self,
        rows: impl IntoIterator<Item = usize>,
        columns: &mut [u32],
    ) -> Result<(), DataError> {
        let (sparse, mut at) = (self.sparse()?, 0);
        for row in rows {
            let (from, got) = (sparse.row(self.stored(row)?).0, columns.len());
            let slot = columns.get_mut(at..at + from.len());
            slot.ok_or_else(|| capacity(at + from.len(), got))?.copy_from_slice(from);
            at += from.len();
        }
        columns[at..].fill(NO_ROW);
        Ok(())
    }

    /// Writes the values of all entries of some rows, and 0 behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_offsets`].
    pub fn fill_values<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        values: &mut [R],
    ) -> Result<(), DataError> {
        let (sparse, mut at) = (self.sparse()?, 0);
        for row in rows {
            let (from, got) = (sparse.row(self.stored(row)?).1, values.len());
            let slot = values.get_mut(at..at + from.len());
            let slot = slot.ok_or_else(|| capacity(at + from.len(), got))?;
            match sparse.binary {
                true => slot.fill(R::from_f32(1.0)),
                false => R::copy_f32(slot, from),
            }
            at += from.len();
        }
        values[at..].fill(R::default());
        Ok(())
    }

    /// Writes the categories of one field. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_offsets`], for features that are no categories.
    pub fn fill_category(
        &self,
        rows: impl IntoIterator<Item = usize>,
        field: usize,
        out: &mut [u32],
    ) -> Result<(), DataError> {
        let Features::Codes(codes) = self.features() else {
            return Err(DataError::TargetForm { wanted: "categories", got: "other features" });
        };
        let width = codes.fields.len();
        let code = |row| codes.codes.get(row * width + field).copied().unwrap_or(NO_ROW);
        self.fill_each("category buffer", rows, out, code)
    }

    fn sparse(&self) -> Result<&SparseRows, DataError> {
        match self.features() {
            Features::Sparse(rows) => Ok(rows),
            _ => Err(DataError::TargetForm { wanted: "sparse features", got: "other features" }),
        }
    }

    /// Entries that a batch of some rows has room for: `usual`, which nearly all batches fit, and `most`, which
    /// all do. Both are 0 for features that are not sparse.
    ///
    /// `usual` is the mean and four standard deviations of a random batch; where that is not much less than
    /// `most`, the two are the same.
    pub fn capacities(&self, rows: usize) -> Capacities {
        if !self.form().has_entries() {
            return Capacities { usual: 0, most: 0 };
        }
        let mut lens: Vec<usize> = (0..self.rows()).map(|row| self.entries_of(row)).collect();
        lens.sort_unstable_by(|a, b| b.cmp(a));
        let most = match (self.features(), self.parts()) {
            // Other epochs have other words in a row.
            (Features::Words(words), Some(parts)) => {
                rows.saturating_mul(words.row.around()).saturating_mul(parts.most())
            }
            _ => lens.iter().take(rows).sum(),
        };
        let n = lens.len().max(1) as f64;
        let mean = lens.iter().sum::<usize>() as f64 / n;
        let variance = lens.iter().map(|&len| (len as f64 - mean).powi(2)).sum::<f64>() / n;
        let batch = rows.min(lens.len()) as f64;
        let usual = (batch * mean + 4.0 * (batch * variance).sqrt()).ceil() as usize;
        let (usual, most) = (usual.next_multiple_of(16), most.max(1).next_multiple_of(16));
        Capacities { usual: if 3 * usual > 2 * most { most } else { usual }, most }
    }
}

/// Room for the entries of a batch. See [`Dataset::capacities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacities {
    /// Nearly all batches fit.
    pub usual: usize,
    /// All batches fit.
    pub most: usize,
}

fn capacity(expected: usize, got: usize) -> DataError {
    DataError::Length { what: "entry buffer", expected, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse() -> Dataset {
        let mut rows = SparseRows::new(6);
        for row in [&[(1, 2.0), (5, -1.0)][..], &[], &[(0, 3.0)], &[(2, 1.0), (3, 1.0), (4, 1.0)]] {
            rows.push(row.iter().copied()).unwrap();
        }
        Dataset::sparse_regression(rows, vec![1.0, 2.0, 3.0, 4.0]).unwrap()
    }

    #[test]
    fn batches_of_sparse_rows_are_padded() {
        let data = sparse().subset(&[3, 0, 1]).unwrap();
        assert_eq!(data.form(), FeatureForm::Sparse { columns: 6 });
        assert_eq!((data.rows(), data.entries([0, 1, 2])), (3, 5));
        let (mut offsets, mut columns, mut values) = ([9; 4], [9; 7], [9f64; 7]);
        data.fill_offsets([1, 2, 0], &mut offsets).unwrap();
        data.fill_columns([1, 2, 0], &mut columns).unwrap();
        data.fill_values([1, 2, 0], &mut values).unwrap();
        assert_eq!(offsets, [0, 2, 2, 5]);
        assert_eq!(columns, [1, 5, 2, 3, 4, NO_ROW, NO_ROW]);
        assert_eq!(values, [2.0, -1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert!(matches!(data.fill_columns([0, 1, 2], &mut [0; 4]), Err(DataError::Length { .. })));
        assert!(matches!(data.fill_offsets([3], &mut [0; 4]), Err(DataError::RowOutOfRange { .. })));
        assert!(matches!(data.fill_category([0], 0, &mut [0]), Err(DataError::TargetForm { .. })));
    }

    #[test]
    fn capacities_hold_every_batch() {
        let mut rows = SparseRows::new(1000);
        for i in 0..4000u32 {
            let len = if i == 7 { 900 } else { 5 + i % 3 };
            rows.push((0..len).map(|c| (c, 1.0))).unwrap();
        }
        let data = Dataset::sparse_regression(rows, vec![0.0; 4000]).unwrap();
        let Capacities { usual, most } = data.capacities(64);
        assert!((900 + 63 * 7..=900 + 63 * 7 + 16).contains(&most), "{most}");
        assert!((64 * 6..most).contains(&usual), "{usual}");
    }

    #[test]
    fn categories_are_checked_and_filled() {
        let fields = vec![("user".to_owned(), 3), ("item".to_owned(), 2)];
        let codes = Codes { fields: fields.clone(), codes: vec![2, 0, NO_ROW, 1] };
        let data = Dataset::ratings(codes, vec![4.0, 5.0]).unwrap();
        assert_eq!(
            data.form(),
            FeatureForm::Categories { fields: fields.clone(), history: false, ranked: false }
        );
        let mut out = [9; 2];
        data.fill_category([1, 0], 0, &mut out).unwrap();
        assert_eq!(out, [NO_ROW, 2]);
        let wrong = Codes { fields, codes: vec![2, 2] };
        assert!(matches!(Dataset::ratings(wrong, vec![4.0]), Err(DataError::BadClass { classes: 2, .. })));
    }

    #[test]
    fn wrong_rows_are_refused_and_leave_nothing_behind() {
        let mut rows = SparseRows::new(3);
        for wrong in [&[(1, 1.0), (1, 2.0)][..], &[(2, 1.0), (0, 2.0)], &[(3, 1.0)], &[(0, f32::NAN)]] {
            assert!(rows.push(wrong.iter().copied()).is_err());
        }
        rows.push([(2, 1.0)]).unwrap();
        assert_eq!((rows.row(0), rows.row(1)), ((&[2][..], &[1.0][..]), (&[][..], &[][..])));
    }
}
