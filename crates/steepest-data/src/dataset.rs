//! A data set in memory, ready for training: features, targets, and a fast copy into a batch.

mod ahead;
mod fill;

use std::sync::Arc;

use steepest_tensor::Shape;

use crate::augment::{Augmentation, Augmenter};
use crate::history::Choices;
use crate::sparse::{Codes, SparseRows};
use crate::targets::{Scaling, TargetKind, TargetsMut};
use crate::words::{Parts, Words};
use crate::{DataError, Real};

/// What a byte of an image is multiplied by: one constant for training and prediction, bit for bit.
pub(crate) const PIXEL_SCALE: f32 = 1.0 / 255.0;

/// The stored features of a data set.
#[derive(Clone, Debug)]
pub enum Features {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Bytes that stand for `byte · scale`.
    Bytes {
        /// The bytes.
        pixels: Vec<u8>,
        /// What a byte is multiplied by.
        scale: f32,
    },
    /// A text; a row is a window of it.
    Tokens {
        /// The tokens.
        tokens: Vec<u32>,
        /// From the beginning of one row to that of the next.
        stride: usize,
    },
    /// Compressed sparse rows.
    Sparse(SparseRows),
    /// Indices of categories.
    Codes(Codes),
    /// A text of words.
    Words(Arc<Words>),
}

/// The stored targets of a data set.
#[derive(Clone, Debug)]
enum Targets {
    None,
    Numbers {
        values: Vec<f64>,
        width: usize,
        scaling: Scaling,
    },
    Classes {
        labels: Vec<u32>,
        names: Arc<[String]>,
    },
    /// For each token of a row, the one behind it.
    Next {
        names: Arc<[String]>,
    },
    /// The words around each word.
    Context,
}

/// Features `[rows, ..example]` and targets in memory.
///
/// Cloning and taking subsets share the numbers.
///
/// ```
/// use steepest_data::{Dataset, TargetsMut};
/// let names = ["no".to_string(), "yes".to_string()];
/// let data = Dataset::classification([2], vec![0.5f32, 1.0, 1.5, 2.0, 2.5, 3.0], vec![0, 1, 1], names)?;
///
/// let (mut x, mut y) = ([0f32; 4], [0u32; 2]);
/// data.fill([2, 0], &mut x, TargetsMut::Classes(&mut y))?;
/// assert_eq!((x, y), ([2.5, 3.0, 0.5, 1.0], [1, 0]));
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    features: Arc<Features>,
    targets: Arc<Targets>,
    example: Shape,
    width: usize,
    rows: usize,
    selection: Option<Arc<[u32]>>,
    augmenter: Option<Augmenter>,
    epoch: u64,
    choices: Option<Choices>,
    /// What words are made of beside their own vectors.
    parts: Option<Arc<Parts>>,
    /// The steps of each stored row that count, if rows are sequences of varied lengths.
    lengths: Option<Arc<[u32]>>,
    /// How much each stored row counts in training, if not all the same.
    weights: Option<Arc<[f32]>>,
}

impl Dataset {
    fn new(example: Shape, features: Features, targets: Targets) -> Result<Dataset, DataError> {
        let width = example.elements();
        let values = match &features {
            Features::F32(values) => values.len(),
            Features::F64(values) => values.len(),
            Features::Bytes { pixels, .. } => pixels.len(),
            Features::Tokens { tokens, stride } => windows(tokens.len(), width, *stride) * width,
            Features::Sparse(sparse) => sparse.rows().saturating_mul(width),
            Features::Codes(codes) => codes.codes.len(),
            Features::Words(words) => words.rows() * width,
        };
        let rows = match &targets {
            Targets::None | Targets::Next { .. } | Targets::Context => match &features {
                Features::Sparse(sparse) => sparse.rows(),
                _ => values / width.max(1),
            },
            Targets::Numbers { values, width, .. } => values.len() / (*width).max(1),
            Targets::Classes { labels, .. } => labels.len(),
        };
        crate::split::row_count(rows)?;
        if rows.checked_mul(width) != Some(values) {
            return Err(DataError::Length {
                what: "features",
                expected: rows.saturating_mul(width),
                got: values,
            });
        }
        let (features, targets) = (Arc::new(features), Arc::new(targets));
        Ok(Dataset {
            features,
            targets,
            example,
            width,
            rows,
            selection: None,
            augmenter: None,
            epoch: 0,
            choices: None,
            parts: None,
            lengths: None,
            weights: None,
        })
    }

    /// Features without targets, row after row. `example` is the shape of one row.
    ///
    /// # Errors
    /// [`DataError::Length`] if the values do not make whole rows; [`DataError::NonFiniteValue`].
    pub fn unlabelled<R: Real>(example: impl Into<Shape>, features: Vec<R>) -> Result<Dataset, DataError> {
        Dataset::checked(example.into(), features, Targets::None)
    }

    /// Features and class indices. `example` is the shape of one row, `names` name the classes.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::BadClass`], [`DataError::NonFiniteValue`].
    pub fn classification<R: Real>(
        example: impl Into<Shape>,
        features: Vec<R>,
        labels: Vec<u32>,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Dataset, DataError> {
        Dataset::checked(example.into(), features, classes(labels, names)?)
    }

    /// Features and numbers to predict, one or more per row. `example` is the shape of one row.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::NonFiniteValue`].
    pub fn regression<R: Real>(
        example: impl Into<Shape>,
        features: Vec<R>,
        targets: Vec<f64>,
    ) -> Result<Dataset, DataError> {
        let example = example.into();
        let rows = features.len() / example.elements().max(1);
        if rows * example.elements() != features.len() {
            let expected = rows * example.elements();
            return Err(DataError::Length { what: "features", expected, got: features.len() });
        }
        let width = targets.len().checked_div(rows).unwrap_or(1).max(1);
        if rows * width != targets.len() {
            return Err(DataError::Length { what: "targets", expected: rows * width, got: targets.len() });
        }
        finite("target", &targets, width)?;
        Dataset::checked(
            example,
            features,
            Targets::Numbers { values: targets, width, scaling: Scaling::IDENTITY },
        )
    }

    /// Images as bytes, divided by 255 when a batch is filled, and class indices.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::BadClass`].
    pub fn images(
        example: impl Into<Shape>,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Dataset, DataError> {
        let features = Features::Bytes { pixels, scale: PIXEL_SCALE };
        Dataset::new(example.into(), features, classes(labels, names)?)
    }

    /// Windows of a text, to predict each token from those before it in the window.
    ///
    /// Row `r` is the tokens `r · stride .. r · stride + window`, its targets are one further on. What is left
    /// over at the end, less than a stride, is not seen.
    ///
    /// ```
    /// use steepest_data::Dataset;
    /// let names = ["a", "b", "c"].map(str::to_owned);
    /// let data = Dataset::language(vec![0, 1, 2, 0, 1, 2, 0], 2, 2, names)?;
    /// let (mut x, mut y) = ([9; 4], [9; 4]);
    /// data.fill_tokens([2, 0], &mut x)?;
    /// data.fill_targets::<f32>([2, 0], steepest_data::TargetsMut::Classes(&mut y))?;
    /// assert_eq!((data.rows(), x, y), (3, [1, 2, 0, 1], [2, 0, 1, 2]));
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::BadClass`] if a token has no name.
    pub fn language(
        tokens: Vec<u32>,
        window: usize,
        stride: usize,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Dataset, DataError> {
        let Targets::Classes { labels: tokens, names } = classes(tokens, names)? else {
            return Dataset::new(Shape::SCALAR, Features::F32(Vec::new()), Targets::None);
        };
        let stride = stride.max(1);
        Dataset::new(
            Shape::from([window.max(1)]),
            Features::Tokens { tokens, stride },
            Targets::Next { names },
        )
    }

    fn checked<R: Real>(example: Shape, features: Vec<R>, targets: Targets) -> Result<Dataset, DataError> {
        let features = R::store(features);
        match &features {
            Features::F32(values) => finite("feature", values, example.elements())?,
            Features::F64(values) => finite("feature", values, example.elements())?,
            Features::Bytes { .. }
            | Features::Tokens { .. }
            | Features::Sparse(_)
            | Features::Codes(_)
            | Features::Words(_) => {}
        }
        Dataset::new(example, features, targets)
    }

    /// Sparse features and numbers to predict, one for each row.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::NonFiniteValue`].
    pub fn sparse_regression(rows: SparseRows, targets: Vec<f64>) -> Result<Dataset, DataError> {
        Dataset::with_numbers(Shape::from([rows.columns()]), Features::Sparse(rows), targets)
    }

    /// Sparse features and class indices.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::BadClass`].
    pub fn sparse_classification(
        rows: SparseRows,
        labels: Vec<u32>,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Dataset, DataError> {
        let example = Shape::from([rows.columns()]);
        Dataset::new(example, Features::Sparse(rows), classes(labels, names)?)
    }

    /// Categories, such as a user and an item, and a number to predict for each row.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::BadClass`] for a category outside, [`DataError::NonFiniteValue`].
    pub fn ratings(categories: Codes, targets: Vec<f64>) -> Result<Dataset, DataError> {
        let categories = categories.checked()?;
        Dataset::with_numbers(Shape::from([categories.fields.len()]), Features::Codes(categories), targets)
    }

    /// Categories and class indices.
    ///
    /// # Errors
    /// [`DataError::Length`], [`DataError::BadClass`].
    pub fn categories(
        categories: Codes,
        labels: Vec<u32>,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Dataset, DataError> {
        let categories = categories.checked()?;
        let example = Shape::from([categories.fields.len()]);
        Dataset::new(example, Features::Codes(categories), classes(labels, names)?)
    }

    fn with_numbers(example: Shape, features: Features, values: Vec<f64>) -> Result<Dataset, DataError> {
        finite("target", &values, 1)?;
        Dataset::new(example, features, Targets::Numbers { values, width: 1, scaling: Scaling::IDENTITY })
    }

    /// The same features without targets, to predict.
    pub(crate) fn without_targets(example: Shape, features: Features) -> Result<Dataset, DataError> {
        Dataset::new(example, features, Targets::None)
    }

    pub(crate) fn of_words(words: Words) -> Result<Dataset, DataError> {
        let example = Shape::from([words.row.block]);
        Dataset::new(example, Features::Words(Arc::new(words)), Targets::Context)
    }

    pub(crate) fn with_choices(self, choices: Option<Choices>) -> Dataset {
        Dataset { choices, ..self }
    }

    pub(crate) fn with_parts(self, parts: Option<Arc<Parts>>) -> Dataset {
        Dataset { parts, ..self }
    }

    /// What words are made of, if not of their own vectors alone.
    pub(crate) fn parts(&self) -> Option<&Parts> {
        self.parts.as_deref()
    }

    /// What is known of users beside the rows.
    pub(crate) fn choices(&self) -> Option<&Choices> {
        self.choices.as_ref()
    }

    /// Of each user, the items in the training rows, if they are kept.
    pub fn history(&self) -> Option<&crate::History> {
        self.choices.as_ref().map(|choices| &choices.history)
    }

    /// The epoch that the data are seen in.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// The same data as sequences `[steps, …]` of which only the first so many steps count.
    ///
    /// # Errors
    /// [`DataError::Length`] if there is not one length for each row.
    pub fn with_lengths(mut self, lengths: Vec<u32>) -> Result<Dataset, DataError> {
        if lengths.len() != self.rows {
            return Err(DataError::Length { what: "lengths", expected: self.rows, got: lengths.len() });
        }
        self.lengths = Some(lengths.into());
        Ok(self)
    }

    /// The same data, of which each row counts so much in training: its loss is multiplied by that.
    ///
    /// ```
    /// use steepest_data::Dataset;
    /// let data = Dataset::regression([1], vec![1.0f32, 2.0], vec![3.0, 4.0])?;
    /// let mut weights = [0f32; 2];
    /// data.with_weights(vec![0.5, 2.0])?.fill_weights([1, 0], &mut weights)?;
    /// assert_eq!(weights, [2.0, 0.5]);
    /// # Ok::<(), steepest_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Length`] if there is not one weight for each row; [`DataError::NonFiniteValue`] if one is not a
    /// number of at least 0.
    pub fn with_weights(mut self, weights: Vec<f32>) -> Result<Dataset, DataError> {
        if weights.len() != self.rows || self.selection.is_some() {
            return Err(DataError::Length { what: "weights", expected: self.rows, got: weights.len() });
        }
        if let Some(row) = weights.iter().position(|&weight| !(weight >= 0.0 && weight.is_finite())) {
            let (what, value) = ("weight", f64::from(weights[row]));
            return Err(DataError::NonFiniteValue { what, row, column: 0, value });
        }
        self.weights = Some(weights.into());
        Ok(self)
    }

    /// Whether rows count differently.
    pub fn has_weights(&self) -> bool {
        self.weights.is_some()
    }

    /// How much some rows count together.
    pub fn weight(&self, rows: impl Iterator<Item = usize>) -> f64 {
        match &self.weights {
            None => rows.count() as f64,
            Some(weights) => {
                let stored = rows.filter_map(|row| self.stored(row).ok());
                stored.filter_map(|row| weights.get(row)).map(|&weight| f64::from(weight)).sum()
            }
        }
    }

    /// Writes how much each row counts. Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small.
    #[inline]
    pub fn fill_weights<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        into: &mut [R],
    ) -> Result<(), DataError> {
        let got = into.len();
        for (at, row) in rows.into_iter().enumerate() {
            let stored = self.stored(row)?;
            let weight =
                self.weights.as_ref().and_then(|weights| weights.get(stored)).copied().unwrap_or(1.0);
            let short = || DataError::Length { what: "weight buffer", expected: at + 1, got };
            *into.get_mut(at).ok_or_else(short)? = R::from_f32(weight);
        }
        Ok(())
    }

    /// Whether each row goes on where the one before ends: windows of a text that neither overlap nor leave gaps.
    pub fn is_continuous(&self) -> bool {
        matches!(&*self.features, Features::Tokens { stride, .. } if *stride == self.example.elements())
    }

    /// Whether rows are sequences of varied lengths.
    pub fn has_lengths(&self) -> bool {
        self.lengths.is_some()
    }

    /// Writes how many steps of each row count. Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`]; [`DataError::Length`] if the buffer is too small.
    #[inline]
    pub fn fill_lengths<R: Real>(
        &self,
        rows: impl IntoIterator<Item = usize>,
        into: &mut [R],
    ) -> Result<(), DataError> {
        let got = into.len();
        for (at, row) in rows.into_iter().enumerate() {
            let length =
                self.lengths.as_ref().and_then(|lengths| lengths.get(self.stored(row).ok()?).copied());
            let slot = into.get_mut(at).ok_or_else(|| DataError::Length {
                what: "length buffer",
                expected: at + 1,
                got,
            })?;
            let length = length.ok_or_else(|| DataError::RowOutOfRange { row, rows: self.rows })?;
            *slot = R::from_f64(f64::from(length));
        }
        Ok(())
    }

    /// The same data with regression targets that are said to be in another unit.
    pub fn with_scaling(mut self, unit: Scaling) -> Dataset {
        if let Targets::Numbers { scaling, .. } = Arc::make_mut(&mut self.targets) {
            *scaling = unit;
        }
        self
    }

    /// The same data with images of bytes that are changed at random when a batch is filled.
    pub fn augmented(self, what: Augmentation, seed: u64) -> Dataset {
        let augmenter = what.is_any().then(|| Augmenter::new(what, seed));
        Dataset { augmenter, ..self }
    }

    /// The same data as one epoch sees it. Tables without augmentation look the same in all epochs.
    pub fn at_epoch(&self, epoch: u64) -> Dataset {
        let augmenter = self.augmenter.map(|augmenter| augmenter.at_epoch(epoch));
        Dataset { augmenter, epoch, ..self.clone() }
    }

    /// Whether epochs see different features.
    pub fn is_augmented(&self) -> bool {
        let ranked = self.choices.as_ref().is_some_and(|choices| choices.ranked);
        self.augmenter.is_some() || ranked || matches!(*self.features, Features::Words(_))
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The shape of one row's features, such as `[30]` or `[28, 28]`.
    pub fn example(&self) -> Shape {
        self.example
    }

    /// Numbers per row: the product of [`Dataset::example`].
    pub fn feature_width(&self) -> usize {
        self.width
    }

    /// What is to be predicted.
    pub fn target_kind(&self) -> TargetKind<'_> {
        match &*self.targets {
            Targets::None => TargetKind::None,
            Targets::Numbers { .. } if self.choices.as_ref().is_some_and(|choices| choices.ranked) => {
                TargetKind::Ranking { items: self.history().map_or(0, crate::History::columns) }
            }
            Targets::Numbers { width, scaling, .. } => {
                TargetKind::Regression { width: *width, scaling: *scaling }
            }
            Targets::Classes { names, .. } => TargetKind::Classes { names },
            Targets::Next { names } => TargetKind::NextToken { names },
            Targets::Context => match &*self.features {
                Features::Words(words) => TargetKind::Context { vocabulary: words.row.vocabulary },
                _ => TargetKind::None,
            },
        }
    }

    /// Numbers per row of the targets: 1 for classes, 0 without targets.
    pub fn target_width(&self) -> usize {
        match &*self.targets {
            Targets::None | Targets::Context => 0,
            Targets::Numbers { width, .. } => *width,
            Targets::Classes { .. } => 1,
            Targets::Next { .. } => self.width,
        }
    }

    /// Whether features are indices (tokens of a text), for [`Dataset::fill_tokens`].
    pub fn is_indices(&self) -> bool {
        matches!(*self.features, Features::Tokens { .. })
    }

    /// The memory that features and targets take.
    pub fn size_bytes(&self) -> usize {
        let features = match &*self.features {
            Features::F32(values) => values.len() * 4,
            Features::F64(values) => values.len() * 8,
            Features::Bytes { pixels, .. } => pixels.len(),
            Features::Tokens { tokens, .. } => tokens.len() * 4,
            Features::Sparse(sparse) => sparse.size_bytes(),
            Features::Codes(codes) => codes.codes.len() * 4,
            Features::Words(words) => words.size_bytes(),
        };
        let targets = match &*self.targets {
            Targets::None | Targets::Next { .. } | Targets::Context => 0,
            Targets::Numbers { values, .. } => values.len() * 8,
            Targets::Classes { labels, .. } => labels.len() * 4,
        };
        features + targets + self.selection.as_ref().map_or(0, |s| s.len() * 4)
    }

    /// Some of the rows, in the order given, sharing the numbers.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`].
    pub fn subset(&self, rows: &[u32]) -> Result<Dataset, DataError> {
        let selection: Result<Arc<[u32]>, DataError> =
            rows.iter().map(|&row| self.stored(row as usize).map(|r| r as u32)).collect();
        Ok(Dataset { rows: rows.len(), selection: Some(selection?), ..self.clone() })
    }

    /// The row of the store that stands for `row`.
    #[inline]
    pub(crate) fn stored(&self, row: usize) -> Result<usize, DataError> {
        let stored = match &self.selection {
            Some(selection) => selection.get(row).map(|&r| r as usize),
            None => (row < self.rows).then_some(row),
        };
        stored.ok_or_else(|| DataError::RowOutOfRange { row, rows: self.rows })
    }

    /// The class of every row, in order; empty unless the targets are classes.
    pub fn classes(&self) -> Vec<u32> {
        match &*self.targets {
            Targets::Classes { labels, .. } => self.stored_rows().map(|row| labels[row]).collect(),
            _ => Vec::new(),
        }
    }

    /// The regression targets of every row in the stored unit, in order; empty if there are none.
    pub fn numbers(&self) -> Vec<f64> {
        match &*self.targets {
            Targets::Numbers { values, width, .. } => {
                self.stored_rows().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The number of rows of each class; empty unless the targets are classes.
    pub fn class_counts(&self) -> Vec<usize> {
        let TargetKind::Classes { names } = self.target_kind() else { return Vec::new() };
        let mut counts = vec![0; names.len()];
        self.classes().iter().for_each(|&class| counts[class as usize] += 1);
        counts
    }

    fn stored_rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows).map(|row| self.selection.as_ref().map_or(row, |s| s[row] as usize))
    }
}

/// Windows of `width` tokens that have one more token behind them.
fn windows(tokens: usize, width: usize, stride: usize) -> usize {
    tokens.checked_sub(width + 1).map_or(0, |room| room / stride.max(1) + 1)
}

fn classes(labels: Vec<u32>, names: impl IntoIterator<Item = String>) -> Result<Targets, DataError> {
    let names: Arc<[String]> = names.into_iter().collect();
    match labels.iter().position(|&label| label as usize >= names.len()) {
        Some(row) => Err(DataError::BadClass { row, class: labels[row], classes: names.len() }),
        None => Ok(Targets::Classes { labels, names }),
    }
}

fn finite<T: Copy + Into<f64>>(what: &'static str, values: &[T], width: usize) -> Result<(), DataError> {
    match values.iter().position(|&v| !v.into().is_finite()) {
        None => Ok(()),
        Some(at) => {
            let width = width.max(1);
            Err(DataError::NonFiniteValue {
                what,
                row: at / width,
                column: at % width,
                value: values[at].into(),
            })
        }
    }
}
