//! What each user has chosen: the items that stand beside a user in the training rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepest_tensor::Key;

use crate::dataset::Features;
use crate::{Codes, DataError, Dataset, NO_ROW, Real};

/// Draws of another item before one that the user has chosen is taken.
const MOST_DRAWS: u64 = 64;

/// Of each user, the items that stand beside it in the training rows, in ascending order. Clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct History(Arc<Stored>);

/// The items of all users, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    ends: Vec<u32>,
    items: Vec<u32>,
    /// How many items there are.
    columns: usize,
}

impl From<Stored> for History {
    fn from(stored: Stored) -> History {
        History(Arc::new(stored))
    }
}

impl From<History> for Stored {
    fn from(history: History) -> Stored {
        Arc::unwrap_or_clone(history.0)
    }
}

impl History {
    /// The items of each user in pairs of both.
    pub fn new(users: usize, items: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> History {
        let inside = |&(user, item): &(u32, u32)| (user as usize) < users && (item as usize) < items;
        let mut pairs: Vec<(u32, u32)> = pairs.into_iter().filter(inside).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let ends =
            (0..users).map(|user| pairs.partition_point(|pair| pair.0 as usize <= user) as u32).collect();
        let items_of_all = pairs.into_iter().map(|(_, item)| item).collect();
        Stored { ends, items: items_of_all, columns: items }.into()
    }

    /// The items of a user; none for one that training never saw.
    pub fn of(&self, user: u32) -> &[u32] {
        let user = user as usize;
        let start = user.checked_sub(1).map_or(Some(0), |before| self.0.ends.get(before).copied());
        match (start, self.0.ends.get(user)) {
            (Some(start), Some(&end)) => self.0.items.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many items there are.
    pub fn columns(&self) -> usize {
        self.0.columns
    }
}

/// What a data set of users and items knows beside its rows.
#[derive(Clone, Debug)]
pub struct Choices {
    pub history: History,
    /// Whether items are to be ranked: a row then has another item beside its own.
    pub ranked: bool,
    pub key: Key,
}

impl Dataset {
    /// The items of each user, of data with a user and an item in each row.
    pub(crate) fn choices_in_rows(&self) -> Option<History> {
        let Features::Codes(Codes { fields, codes }) = self.features() else { return None };
        let [(_, users), (_, items)] = fields[..] else { return None };
        let pair = |row: usize| codes.get(2 * row..2 * row + 2).map(|pair| (pair[0], pair[1]));
        let pairs = (0..self.rows()).filter_map(|row| pair(self.stored(row).ok()?));
        Some(History::new(users, items, pairs))
    }

    /// The same data with what users have chosen in the training rows: for models that are fed a user's items
    /// (SVD++), or, where items are to be ranked (BPR), an item beside each row's that the user has not chosen,
    /// drawn anew in every epoch.
    ///
    /// ```
    /// use steepest_data::{Codes, Dataset, History, TargetKind};
    /// let codes = Codes { fields: vec![("user".into(), 2), ("item".into(), 3)], codes: vec![0, 0, 0, 2, 1, 1] };
    /// let history = History::new(2, 3, [(0, 0), (0, 2), (1, 1)]);
    /// let data = Dataset::ratings(codes, vec![1.0; 3])?.with_history(history, true, 7);
    /// assert_eq!(data.target_kind(), TargetKind::Ranking { items: 3 });
    /// let mut other = [9; 3];
    /// data.fill_others([0, 1, 2], &mut other)?;
    /// assert_eq!(other[..2], [1, 1]);
    /// assert_ne!(other[2], 1);
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    pub fn with_history(self, history: History, ranked: bool, seed: u64) -> Dataset {
        let key = Key::new(seed).stream("other items");
        self.with_choices(Some(Choices { history, ranked, key }))
    }

    /// The items of the user of each row, and how many entries the rows have in all.
    fn items_of_row(&self, row: usize) -> Result<&[u32], DataError> {
        let wrong = || DataError::TargetForm { wanted: "users with their items", got: "other features" };
        let (Features::Codes(codes), Some(choices)) = (self.features(), self.choices()) else {
            return Err(wrong());
        };
        let width = codes.fields.len();
        let user = codes.codes.get(self.stored(row)? * width).copied().unwrap_or(NO_ROW);
        Ok(choices.history.of(user))
    }

    /// How many items the user of a row has; 0 where no items are kept.
    pub(crate) fn items_beside(&self, row: usize) -> usize {
        self.items_of_row(row).map_or(0, <[u32]>::len)
    }

    /// Writes where the items of the users of some rows begin, row after row, and where the last one's end. Allocates
    /// nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small; [`DataError::TargetForm`] if
    /// the data have no histories.
    pub fn fill_history_offsets(
        &self,
        rows: impl IntoIterator<Item = usize>,
        offsets: &mut [u32],
    ) -> Result<(), DataError> {
        let (len, mut end) = (offsets.len(), 0);
        let mut slots = offsets.iter_mut();
        let short = || DataError::Length { what: "offset buffer", expected: len + 1, got: len };
        *slots.next().ok_or_else(short)? = 0;
        for row in rows {
            end += self.items_of_row(row)?.len() as u32;
            *slots.next().ok_or_else(short)? = end;
        }
        slots.for_each(|slot| *slot = end);
        Ok(())
    }

    /// Writes the items of the users of some rows, and [`NO_ROW`] behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_history_offsets`].
    pub fn fill_history(
        &self,
        rows: impl IntoIterator<Item = usize>,
        items: &mut [u32],
    ) -> Result<(), DataError> {
        let (got, mut end) = (items.len(), 0);
        for row in rows {
            let own = self.items_of_row(row)?;
            let short = || DataError::Length { what: "entry buffer", expected: end + own.len(), got };
            items.get_mut(end..end + own.len()).ok_or_else(short)?.copy_from_slice(own);
            end += own.len();
        }
        items[end..].fill(NO_ROW);
        Ok(())
    }

    /// Writes 1/√n for each of the n items of the user of each row, and 0 behind them. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill_history_offsets`].
    pub fn fill_history_values<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        values: &mut [R],
    ) -> Result<(), DataError> {
        let (got, mut end) = (values.len(), 0);
        for row in rows {
            let count = self.items_of_row(row)?.len();
            let short = || DataError::Length { what: "entry buffer", expected: end + count, got };
            let share = R::from_f64(1.0 / (count.max(1) as f64).sqrt());
            values.get_mut(end..end + count).ok_or_else(short)?.fill(share);
            end += count;
        }
        values[end..].fill(R::default());
        Ok(())
    }

    /// Writes for each row an item that its user has not chosen, at random. Allocates nothing.
    ///
    /// A user who has chosen nearly all items may get one of them, after some draws.
    ///
    /// # Errors
    /// As [`Dataset::fill_history_offsets`].
    pub fn fill_others(
        &self,
        rows: impl IntoIterator<Item = usize>,
        out: &mut [u32],
    ) -> Result<(), DataError> {
        let got = out.len();
        for (at, row) in rows.into_iter().enumerate() {
            let own = self.items_of_row(row)?;
            let short = || DataError::Length { what: "item buffer", expected: at + 1, got };
            let slot = out.get_mut(at).ok_or_else(short)?;
            let Some(choices) = self.choices() else { continue };
            let (key, first) = (choices.key.at(self.epoch()), self.stored(row)? as u64 * MOST_DRAWS);
            let items = choices.history.columns().max(1) as u64;
            let mut draws = (0..MOST_DRAWS).map(|draw| key.below(first + draw, items) as u32);
            *slot = draws.find(|item| own.binary_search(item).is_err()).unwrap_or(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_sparse_rows() {
        let fields = vec![("user".to_owned(), 3), ("item".to_owned(), 4)];
        let codes = Codes { fields, codes: vec![0, 3, 2, 1, 0, 1, NO_ROW, 2, 1, 0] };
        let data = Dataset::ratings(codes, vec![1.0; 5]).unwrap();
        let history = data.subset(&[0, 1, 2]).unwrap().choices_in_rows().unwrap();
        assert_eq!([0, 1, 2, 3, NO_ROW].map(|user| history.of(user)), [&[1, 3][..], &[], &[1], &[], &[]]);
        let data = data.with_history(history, false, 1);
        let (mut offsets, mut items, mut values) = ([9; 5], [9; 6], [9f32; 6]);
        data.fill_history_offsets([0, 3, 1, 4], &mut offsets).unwrap();
        data.fill_history([0, 3, 1, 4], &mut items).unwrap();
        data.fill_history_values([0, 3, 1, 4], &mut values).unwrap();
        assert_eq!((offsets, items), ([0, 2, 2, 3, 3], [1, 3, 1, NO_ROW, NO_ROW, NO_ROW]));
        let half = 0.5f32.sqrt();
        assert_eq!(values, [half, half, 1.0, 0.0, 0.0, 0.0]);
        assert!(matches!(data.fill_history([0], &mut []), Err(DataError::Length { .. })));
        assert_eq!(data.entries([0, 3, 1, 4]), 3);
        assert!(data.capacities(2).most >= 4);
    }

    #[test]
    fn other_items_are_new_in_every_epoch() {
        let fields = vec![("user".to_owned(), 1), ("item".to_owned(), 50)];
        let codes = Codes { fields, codes: (0..25).flat_map(|item| [0, 2 * item]).collect() };
        let data = Dataset::ratings(codes, vec![1.0; 25]).unwrap();
        let history = data.choices_in_rows().unwrap();
        let data = data.with_history(history, true, 1);
        let others = |epoch| {
            let mut out = [0; 25];
            data.at_epoch(epoch).fill_others(0..25, &mut out).unwrap();
            out
        };
        assert!(others(0).iter().all(|item| item % 2 == 1));
        assert_ne!(others(0), others(1));
        assert_eq!(others(0), others(0));
    }
}
