//! Rows copied into a batch: features, targets and tokens.

use super::{Dataset, Features, Targets, TargetsMut};
use crate::{DataError, Real};

impl Dataset {
    /// Copies rows into a batch: features one row after the other, and their targets. Allocates nothing.
    ///
    /// Returns the number of rows written. `features` must hold [`Dataset::feature_width`] numbers
    /// per row; targets one (or [`Dataset::target_width`]) per row.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if a buffer is too small;
    /// [`DataError::TargetForm`] if class indices are asked of regression targets.
    #[inline(always)]
    pub fn fill<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        features: &mut [R],
        mut targets: TargetsMut<'_, R>,
    ) -> Result<usize, DataError> {
        let width = self.width;
        let mut filled = 0;
        for row in rows {
            let row = self.stored(row)?;
            let got = features.len();
            let Some(slot) = features.get_mut(filled * width..(filled + 1) * width) else {
                return Err(DataError::Length {
                    what: "feature buffer",
                    expected: (filled + 1) * width,
                    got,
                });
            };
            self.fill_features(row, slot)?;
            if !matches!(targets, TargetsMut::None) {
                self.fill_target(row, filled, &mut targets)?;
            }
            filled += 1;
        }
        Ok(filled)
    }

    /// Copies the features of a row of the store. A call of its own: for one row, what a loop over rows would prepare
    /// takes longer than the copy.
    #[inline(never)]
    fn fill_features<R: Real>(&self, row: usize, slot: &mut [R]) -> Result<(), DataError> {
        let width = self.width;
        // `stored` gives rows of the store only, and `new` has checked that each has `width` values.
        match &*self.features {
            Features::F32(values) => R::copy_f32(slot, &values[row * width..(row + 1) * width]),
            Features::F64(values) => R::copy_f64(slot, &values[row * width..(row + 1) * width]),
            Features::Bytes { pixels, scale } => {
                let pixels = &pixels[row * width..(row + 1) * width];
                let feature = |byte: u8| R::from_f32(f32::from(byte) * scale);
                match self.augmenter.and_then(|augmenter| augmenter.change(row, self.example)) {
                    Some(change) => change.apply(pixels, slot, feature(0), feature),
                    None => slot.iter_mut().zip(pixels).for_each(|(t, &p)| *t = feature(p)),
                }
            }
            Features::Tokens { .. } | Features::Sparse(_) | Features::Codes(_) | Features::Words(_) => {
                return Err(DataError::TargetForm { wanted: "dense features", got: "other features" });
            }
        }
        Ok(())
    }

    /// Copies the targets of rows into a batch. Allocates nothing.
    ///
    /// # Errors
    /// As [`Dataset::fill`].
    #[inline(always)]
    pub fn fill_targets<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        mut targets: TargetsMut<'_, R>,
    ) -> Result<(), DataError> {
        match (&mut targets, &*self.targets) {
            // A row of these takes less time than to look at what its targets are.
            (TargetsMut::Real(into), Targets::Numbers { values, width: 1, .. }) => {
                self.fill_each("target buffer", rows, into, |row| R::from_f64(values[row]))
            }
            (TargetsMut::Classes(into), Targets::Classes { labels, .. }) => {
                self.fill_each("target buffer", rows, into, |row| labels[row])
            }
            (TargetsMut::Real(into), Targets::Classes { labels, .. }) => {
                self.fill_each("target buffer", rows, into, |row| R::from_f64(f64::from(labels[row])))
            }
            _ => rows
                .into_iter()
                .enumerate()
                .try_for_each(|(at, row)| self.fill_target(self.stored(row)?, at, &mut targets)),
        }
    }

    /// Writes one value of each row, which is looked up by its place in the store.
    #[inline(always)]
    pub(crate) fn fill_each<T>(
        &self,
        what: &'static str,
        rows: impl IntoIterator<Item = usize>,
        into: &mut [T],
        value: impl Fn(usize) -> T,
    ) -> Result<(), DataError> {
        let got = into.len();
        let mut slots = into.iter_mut();
        for row in rows {
            let short = || DataError::Length { what, expected: got + 1, got };
            let slot = slots.next().ok_or_else(short)?;
            *slot = value(self.stored(row)?);
        }
        Ok(())
    }

    #[inline]
    fn fill_target<R: Real>(
        &self,
        row: usize,
        at: usize,
        into: &mut TargetsMut<'_, R>,
    ) -> Result<(), DataError> {
        let short = |expected, got| DataError::Length { what: "target buffer", expected, got };
        match (into, &*self.targets) {
            (TargetsMut::None, _) => {}
            (TargetsMut::Classes(into), Targets::Classes { labels, .. }) => {
                let got = into.len();
                *into.get_mut(at).ok_or_else(|| short(at + 1, got))? = labels[row];
            }
            (TargetsMut::Real(into), Targets::Classes { labels, .. }) => {
                let got = into.len();
                *into.get_mut(at).ok_or_else(|| short(at + 1, got))? = R::from_f64(f64::from(labels[row]));
            }
            (TargetsMut::Real(into), Targets::Numbers { values, width, .. }) => {
                let got = into.len();
                let slot = into.get_mut(at * width..(at + 1) * width);
                let slot = slot.ok_or_else(|| short((at + 1) * width, got))?;
                R::copy_f64(slot, &values[row * width..(row + 1) * width]);
            }
            (TargetsMut::Classes(_), Targets::Numbers { .. }) => {
                return Err(DataError::TargetForm { wanted: "class indices", got: "numbers" });
            }
            (TargetsMut::Classes(into), Targets::Next { .. }) => {
                self.fill_window("target buffer", row, at, 1, into)?;
            }
            (TargetsMut::Real(_), Targets::Next { .. }) => {
                return Err(DataError::TargetForm { wanted: "targets of a table", got: "tokens" });
            }
            (_, Targets::None | Targets::Context) => {
                return Err(DataError::TargetForm { wanted: "targets", got: "absent" });
            }
        }
        Ok(())
    }

    /// Copies windows of tokens into a batch. Allocates nothing.
    ///
    /// Returns the number of rows written.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if a buffer is too small;
    /// [`DataError::TargetForm`] if the features are no tokens.
    #[inline]
    pub fn fill_tokens(
        &self,
        rows: impl IntoIterator<Item = usize>,
        into: &mut [u32],
    ) -> Result<usize, DataError> {
        let mut filled = 0;
        for row in rows {
            self.fill_window("token buffer", self.stored(row)?, filled, 0, into)?;
            filled += 1;
        }
        Ok(filled)
    }

    /// Copies the tokens of a window, or those `behind` them, into a batch's row.
    fn fill_window(
        &self,
        what: &'static str,
        row: usize,
        at: usize,
        behind: usize,
        into: &mut [u32],
    ) -> Result<(), DataError> {
        let Features::Tokens { tokens, stride } = &*self.features else {
            return Err(DataError::TargetForm { wanted: "tokens", got: "real features" });
        };
        let (width, got) = (self.width, into.len());
        let short = || DataError::Length { what, expected: (at + 1) * width, got };
        let slot = into.get_mut(at * width..(at + 1) * width).ok_or_else(short)?;
        // `new` has counted only rows whose tokens, and the one behind them, are there.
        let start = row * stride + behind;
        slot.copy_from_slice(&tokens[start..start + width]);
        Ok(())
    }
}
