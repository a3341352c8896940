//! The batches to come: their rows are worked out some steps ahead, so that the processor's cache can be asked for them.

use steepest_data::{BatchIter, Batches, Position};

/// Rows of a batch up to which single rows are asked of the cache some steps before they are needed: some hundred
/// nanoseconds each. The rows of larger batches are asked for a whole batch ahead.
pub(super) const FEW_ROWS: usize = 8;
/// How many steps ahead of its use a row is asked for.
pub(super) const ROWS_AHEAD: usize = 3;
/// How many steps ahead it is asked where that row is.
pub(super) const PLACES_AHEAD: usize = 6;
/// Rows that are worked out together, at least.
const TOGETHER: usize = 64;

/// A batch to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coming {
    /// Where it starts.
    pub start: Position,
    /// Whether it is the last of its epoch.
    pub last: bool,
    from: usize,
    end: usize,
}

/// The batches from a position on. Allocates nothing once it is made.
#[derive(Debug)]
pub(super) struct Upcoming {
    source: BatchIter,
    /// The rows of the present batch and of those after it, one batch after the other.
    rows: Vec<u32>,
    known: Vec<Coming>,
    /// The present batch's number among the known ones; none before the first.
    at: Option<usize>,
    ahead: usize,
    together: usize,
    /// Rows of a batch.
    size: usize,
}

impl Upcoming {
    pub fn new(batches: &Batches, position: Position) -> Upcoming {
        let size = batches.size().max(1);
        let ahead = match size {
            _ if batches.per_epoch() <= 1 => 0,
            ..=FEW_ROWS => PLACES_AHEAD,
            _ => 1,
        };
        let together = ((ahead + 1) * size).max(if ahead == 0 { 0 } else { TOGETHER });
        Upcoming {
            source: batches.iter_from(position),
            rows: Vec::with_capacity(together + (ahead + 2) * size),
            known: Vec::with_capacity(together + ahead + 2),
            at: None,
            ahead,
            together,
            size,
        }
    }

    /// Goes on to the next batch; none if there are no rows.
    #[inline]
    pub fn advance(&mut self) -> Option<Coming> {
        let at = self.at.map_or(0, |at| at + 1);
        self.at = Some(at);
        if at + self.ahead >= self.known.len() {
            self.look_ahead();
        }
        self.known.get(self.at?).copied()
    }

    /// Forgets the batches that are done, and works the rows of further ones out.
    fn look_ahead(&mut self) {
        let at = self.at.unwrap_or(0);
        let done = self.known.get(at).map_or(self.rows.len(), |batch| batch.from);
        self.rows.drain(..done);
        self.known.drain(..at.min(self.known.len()));
        for batch in &mut self.known {
            (batch.from, batch.end) = (batch.from - done, batch.end - done);
        }
        self.at = Some(0);
        while self.rows.len() < self.together || self.known.len() <= self.ahead {
            let (mut from, known) = (self.rows.len(), self.known.len());
            let batches = self.together.saturating_sub(from).div_ceil(self.size).max(1);
            self.source.several_into(batches, &mut self.rows, |start, last, rows| {
                self.known.push(Coming { start, last, from, end: from + rows });
                from += rows;
            });
            if self.known.len() == known {
                return;
            }
        }
    }

    /// The rows of the batch that comes so many steps after the present one, 0 being that one; empty if it is not
    /// known yet.
    #[inline]
    pub fn rows(&self, steps: usize) -> &[u32] {
        let batch = self.known.get(self.at.unwrap_or(0) + steps);
        batch.and_then(|batch| self.rows.get(batch.from..batch.end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use steepest_data::BatchSize;
    use steepest_tensor::Key;

    use super::*;

    #[test]
    fn batches_come_in_their_order_with_those_after_them() {
        for (rows, size) in [(1, 1), (2, 1), (7, 1), (200, 1), (23, 3), (23, 10), (500, 64), (9, 9)] {
            let size = BatchSize::new(size).unwrap();
            let batches = Batches::shuffled(rows, size, Key::new(3));
            for step in [0, 1, 5] {
                let position = batches.position(step);
                let mut upcoming = Upcoming::new(&batches, position);
                let expected: Vec<_> = batches.iter_from(position).take(300).collect();
                let rows = |at: usize| expected[at].rows().map(|row| row as u32).collect::<Vec<_>>();
                let (room, known) = (upcoming.rows.capacity(), upcoming.known.capacity());
                for (at, batch) in expected.iter().enumerate().take(290) {
                    let coming = upcoming.advance().unwrap();
                    assert_eq!((coming.start, coming.last), (batch.start(), batch.is_last_of_epoch()));
                    for steps in 0..=upcoming.ahead {
                        assert_eq!(upcoming.rows(steps), rows(at + steps), "{at} + {steps} of {batches:?}");
                    }
                }
                assert_eq!((upcoming.rows.capacity(), upcoming.known.capacity()), (room, known));
            }
        }
    }

    #[test]
    fn no_rows_make_no_batches() {
        let batches = Batches::sequential(0, BatchSize::Full);
        assert_eq!(Upcoming::new(&batches, Position::default()).advance(), None);
    }
}
