//! Batches: how many rows one step sees, in which order, and where a run stands.

use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use steepest_tensor::Key;

use crate::{DataError, Permutation};

/// How many rows one step sees.
///
/// `Full` is batch gradient descent, `Mini(1)` stochastic, anything between mini-batch. A size above
/// the number of rows means all of them.
///
/// Range: 1 to 2³¹. Default: 64 (no size is best everywhere; 32 to 256 is the common choice).
/// Differs from PyTorch's `DataLoader`, whose default is 1, and which can drop the last, smaller
/// batch; here no row is ever dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SizeText", into = "SizeText")]
pub enum BatchSize {
    /// Every row, once per step.
    Full,
    /// This many rows per step.
    Mini(NonZeroUsize),
}

/// The largest batch size that is taken for a wish rather than a slip.
const LARGEST: u64 = 1 << 31;

/// The two spellings of a batch size in a file: a number, or `"full"`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SizeText {
    Number(i64),
    Word(String),
}

impl TryFrom<SizeText> for BatchSize {
    type Error = DataError;
    fn try_from(text: SizeText) -> Result<BatchSize, DataError> {
        match text {
            SizeText::Number(n) => BatchSize::new(n),
            SizeText::Word(word) => word.parse(),
        }
    }
}

impl From<BatchSize> for SizeText {
    fn from(size: BatchSize) -> SizeText {
        match size {
            BatchSize::Full => SizeText::Word("full".into()),
            BatchSize::Mini(n) => SizeText::Number(n.get() as i64),
        }
    }
}

impl std::str::FromStr for BatchSize {
    type Err = DataError;
    fn from_str(text: &str) -> Result<BatchSize, DataError> {
        let absurd = || DataError::BadBatchSize { got: text.into() };
        if text.trim().eq_ignore_ascii_case("full") {
            return Ok(BatchSize::Full);
        }
        text.trim().parse().map_err(|_| absurd()).and_then(BatchSize::new)
    }
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchSize::Full => f.write_str("full"),
            BatchSize::Mini(n) => n.fmt(f),
        }
    }
}

impl BatchSize {
    /// `Mini(rows)`, checked.
    ///
    /// # Errors
    /// [`DataError::BadBatchSize`] outside 1 to 2³¹.
    pub fn new(rows: i64) -> Result<BatchSize, DataError> {
        let size = usize::try_from(rows).ok().filter(|&n| n as u64 <= LARGEST).and_then(NonZeroUsize::new);
        size.map(BatchSize::Mini).ok_or(DataError::BadBatchSize { got: rows.to_string() })
    }

    /// The rows of a whole batch when there are `rows` in all.
    pub fn rows(self, rows: usize) -> usize {
        match self {
            BatchSize::Full => rows,
            BatchSize::Mini(n) => n.get().min(rows),
        }
    }
}

/// Where a run stands in its data: everything needed to go on from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Whole passes over the data done.
    pub epoch: u64,
    /// Rows of the present epoch done.
    pub index: u64,
}

/// The order in which one epoch visits its rows: that of the data, a random one, or several streams side by side.
#[derive(Clone, Copy, Debug)]
pub struct Order(Visit);

#[derive(Clone, Copy, Debug)]
enum Visit {
    InOrder,
    Random(Permutation),
    /// So many streams of so many rows.
    Streams(u64, u64),
}

impl Order {
    /// The row at a place in the order.
    #[inline]
    pub fn at(&self, place: u64) -> usize {
        let row = match &self.0 {
            Visit::InOrder => place,
            Visit::Random(permutation) => permutation.at(place),
            &Visit::Streams(streams, length) => place % streams * length + place / streams,
        };
        row as usize
    }
}

/// The plan of all epochs over `rows` rows: batch sizes, tails and orders as pure functions.
///
/// The last batch of an epoch holds what is left; no row is dropped or repeated.
///
/// ```
/// use steepest_data::{BatchSize, Batches, Position};
/// use steepest_tensor::Key;
/// let batches = Batches::shuffled(10, BatchSize::new(4)?, Key::new(7));
/// assert_eq!((batches.per_epoch(), batches.tail()), (3, 2));
///
/// let epoch: Vec<usize> = batches.iter_from(Position::default()).take(3).flat_map(|b| b.rows()).collect();
/// let resumed: Vec<usize> = batches.iter_from(Position { epoch: 0, index: 4 }).take(2).flat_map(|b| b.rows()).collect();
/// assert_eq!(epoch[4..], resumed);
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    rows: usize,
    size: usize,
    per_epoch: u64,
    plan: Plan,
}

/// What the orders of all epochs are.
#[derive(Clone, Copy, Debug)]
enum Plan {
    InOrder,
    Shuffled(Key),
    Streams,
}

impl Batches {
    fn new(rows: usize, size: usize, plan: Plan) -> Batches {
        // A step of one row takes not much longer than a division.
        let per_epoch = if size == 0 { 0 } else { rows.div_ceil(size) as u64 };
        Batches { rows, size, per_epoch, plan }
    }

    /// Batches in a new random order each epoch; the order of epoch `e` is that of `key.at(e)`.
    pub fn shuffled(rows: usize, size: BatchSize, key: Key) -> Batches {
        Batches::new(rows, size.rows(rows), Plan::Shuffled(key))
    }

    /// Batches in the order of the data, for evaluation.
    pub fn sequential(rows: usize, size: BatchSize) -> Batches {
        Batches::new(rows, size.rows(rows), Plan::InOrder)
    }

    /// As many streams side by side as a batch has rows: row `b` of each batch follows row `b` of the batch before, as
    /// windows of a text do. What is left over at the end, less than a row for each stream, is not visited.
    ///
    /// ```
    /// use steepest_data::{BatchSize, Batches};
    /// let batches = Batches::streams(7, BatchSize::new(2)?);
    /// let all: Vec<Vec<usize>> = batches.epoch(0).map(|batch| batch.rows().collect()).collect();
    /// assert_eq!(all, [[0, 3], [1, 4], [2, 5]]);
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    pub fn streams(rows: usize, size: BatchSize) -> Batches {
        let size = size.rows(rows);
        Batches::new(rows - rows.checked_rem(size).unwrap_or(0), size, Plan::Streams)
    }

    /// Rows that an epoch visits.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of a whole batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Steps in one epoch: ⌈rows / size⌉.
    pub fn per_epoch(&self) -> u64 {
        self.per_epoch
    }

    /// Rows of the last batch of an epoch if it is smaller than the others, else 0.
    pub fn tail(&self) -> usize {
        if self.size == 0 { 0 } else { self.rows % self.size }
    }

    /// The order of an epoch. Make it once per epoch, not per step.
    pub fn order(&self, epoch: u64) -> Order {
        Order(match self.plan {
            Plan::InOrder => Visit::InOrder,
            Plan::Shuffled(key) => Visit::Random(Permutation::new(key.at(epoch), self.rows as u64)),
            Plan::Streams => Visit::Streams((self.size as u64).max(1), self.per_epoch()),
        })
    }

    /// The position at which update number `step` (0-based) starts.
    pub fn position(&self, step: u64) -> Position {
        let per_epoch = self.per_epoch().max(1);
        Position { epoch: step / per_epoch, index: step % per_epoch * self.size as u64 }
    }

    /// All batches from a position on, epoch after epoch, without end (empty if there are no rows).
    pub fn iter_from(&self, position: Position) -> BatchIter {
        let mut at = position;
        if at.index >= self.rows as u64 {
            at = Position { epoch: at.epoch + 1, index: 0 };
        }
        BatchIter { batches: *self, order: self.order(at.epoch), at }
    }

    /// The batches of one epoch.
    pub fn epoch(&self, epoch: u64) -> impl Iterator<Item = Batch> {
        self.iter_from(Position { epoch, index: 0 }).take(self.per_epoch() as usize)
    }
}

/// An endless iterator of batches; it allocates nothing.
#[derive(Clone, Debug)]
pub struct BatchIter {
    batches: Batches,
    order: Order,
    at: Position,
}

impl BatchIter {
    /// The position at which the next batch starts: what a checkpoint stores.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Goes on to the next batch and appends its rows; returns where it starts and whether it ends its epoch, or
    /// none if there are no rows.
    #[inline]
    pub fn next_into(&mut self, rows: &mut Vec<u32>) -> Option<(Position, bool)> {
        let mut next = None;
        self.several_into(1, rows, |start, last, _| next = Some((start, last)));
        next
    }

    /// The same for so many batches, or as many as the epoch has left: `each` is told where one starts, whether it is the
    /// last of its epoch, and how many rows it has.
    pub fn several_into(
        &mut self,
        batches: usize,
        rows: &mut Vec<u32>,
        mut each: impl FnMut(Position, bool, usize),
    ) {
        let (all, size) = (self.batches.rows as u64, self.batches.size as u64);
        let (epoch, first) = (self.at.epoch, self.at.index);
        let end = first.saturating_add(size.saturating_mul(batches as u64)).min(all);
        match &self.order.0 {
            Visit::Random(permutation) => permutation.rows(first..end, |row| rows.push(row as u32)),
            _ => rows.extend((first..end).map(|place| self.order.at(place) as u32)),
        }
        let mut index = first;
        while index < end {
            let next = (index + size).min(end);
            each(Position { epoch, index }, next == all, (next - index) as usize);
            index = next;
        }
        if index > first {
            self.go_on(end, end == all);
        }
    }

    /// Where the next batch starts and ends, and whether it is the last of its epoch.
    #[inline]
    fn extent(&self) -> Option<(Position, u64, bool)> {
        let rows = self.batches.rows as u64;
        let end = (self.at.index + self.batches.size as u64).min(rows);
        (rows > 0).then_some((self.at, end, end == rows))
    }

    #[inline]
    fn go_on(&mut self, end: u64, last: bool) {
        self.at.index = end;
        if last {
            self.at = Position { epoch: self.at.epoch + 1, index: 0 };
            self.order = self.batches.order(self.at.epoch);
        }
    }
}

impl Iterator for BatchIter {
    type Item = Batch;

    #[inline]
    fn next(&mut self) -> Option<Batch> {
        let (start, end, last) = self.extent()?;
        let batch = Batch { order: self.order, start, end, last };
        self.go_on(end, last);
        Some(batch)
    }
}

/// One step's worth of rows.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    order: Order,
    start: Position,
    end: u64,
    last: bool,
}

impl Batch {
    /// Where this batch starts.
    pub fn start(&self) -> Position {
        self.start
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        (self.end - self.start.index) as usize
    }

    /// Whether there are no rows; never true of a batch from [`Batches`].
    pub fn is_empty(&self) -> bool {
        self.end == self.start.index
    }

    /// Whether it is the last batch of its epoch.
    pub fn is_last_of_epoch(&self) -> bool {
        self.last
    }

    /// The rows, in the order of the batch.
    #[inline]
    pub fn rows(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let order = self.order;
        (self.start.index..self.end).map(move |place| order.at(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mini(n: i64) -> BatchSize {
        BatchSize::new(n).unwrap()
    }

    #[test]
    fn an_epoch_visits_every_row_once_for_any_size() {
        for rows in [1usize, 2, 7, 64, 100] {
            for size in [mini(1), mini(3), mini(64), mini(1_000), BatchSize::Full] {
                let batches = Batches::shuffled(rows, size, Key::new(1));
                let epoch: Vec<Batch> = batches.epoch(2).collect();
                let mut seen: Vec<usize> = epoch.iter().flat_map(|b| b.rows()).collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..rows).collect::<Vec<_>>());
                assert_eq!(epoch.len() as u64, batches.per_epoch());
                assert!(epoch.last().unwrap().is_last_of_epoch());
                assert!(
                    epoch[..epoch.len() - 1]
                        .iter()
                        .all(|b| b.len() == batches.size() && !b.is_last_of_epoch())
                );
                let tail = if batches.tail() == 0 { batches.size() } else { batches.tail() };
                assert_eq!(epoch.last().unwrap().len(), tail);
            }
        }
    }

    #[test]
    fn resuming_anywhere_gives_the_same_batches() {
        let batches = Batches::shuffled(23, mini(5), Key::new(4));
        let rows = |b: Batch| b.rows().collect::<Vec<_>>();
        let whole: Vec<_> = batches.iter_from(Position::default()).take(30).map(rows).collect();
        for step in 0..20u64 {
            let resumed: Vec<_> = batches.iter_from(batches.position(step)).take(10).map(rows).collect();
            assert_eq!(whole[step as usize..step as usize + 10], resumed);
        }
        assert_ne!(whole[0], whole[5], "epochs differ in order");
    }

    #[test]
    fn sequential_order_is_the_order_of_the_data() {
        let batches = Batches::sequential(5, mini(2));
        let rows: Vec<Vec<usize>> = batches.epoch(0).map(|b| b.rows().collect()).collect();
        assert_eq!(rows, [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(Batches::sequential(0, mini(2)).epoch(0).count(), 0);
    }

    #[test]
    fn sizes_are_read_from_numbers_and_words() {
        assert_eq!(serde_json::from_str::<BatchSize>("\"full\"").unwrap(), BatchSize::Full);
        assert_eq!(serde_json::from_str::<BatchSize>("32").unwrap(), mini(32));
        assert_eq!(serde_json::to_string(&mini(32)).unwrap(), "32");
        assert_eq!("full".parse::<BatchSize>().unwrap().to_string(), "full");
        for absurd in ["0", "-1", "3000000000", "many", ""] {
            assert!(matches!(absurd.parse::<BatchSize>(), Err(DataError::BadBatchSize { .. })), "{absurd}");
        }
    }
}
