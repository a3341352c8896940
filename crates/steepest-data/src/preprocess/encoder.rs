//! Applying what was learned: typed rows in, numbers out.

use std::ops::Range;

use steepest_tensor::Shape;

use super::category::{Categories, Slot};
use super::{Encoding, Input, Preprocessor, TargetEncoding, Unseen};
use crate::dataset::{Features, PIXEL_SCALE};
use crate::error::{DataError, Nearest, Role};
use crate::scan::truth;
use crate::sparse::{Codes, NO_ROW, SparseRows};
use crate::table::{MISSING, Names, Table, Values};
use crate::{ColumnKind, Dataset, FeatureForm, Finding, Real};

/// A [`Preprocessor`] tied to the columns of one file; it counts the categories that it does not know.
///
/// ```
/// use steepest_data::{Encoder, MemorySource, Preprocessor, Source, Table};
/// let mut source = MemorySource::new(["x", "y"], vec![1.0, 10.0, 3.0, 30.5])?;
/// let table = Table::read(&mut source)?;
/// let (learned, _) = Preprocessor::fit(&table, &[0, 1], "y", &Default::default())?;
///
/// let mut encoder = Encoder::new(&learned, &table)?;
/// let mut x = [0f32; 2];
/// encoder.features(&table, 0..2, &mut x)?;
/// assert_eq!(x, [-1.0, 1.0]);
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder<'a> {
    learned: &'a Preprocessor,
    /// The column of each input in the table.
    places: Vec<usize>,
    target: Option<usize>,
    unseen: Vec<(u64, String)>,
}

impl<'a> Encoder<'a> {
    /// Finds the model's columns in a table (or an empty one of the same file).
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`] if an input is not there. A missing target is none: only
    /// [`Encoder::targets`] needs it.
    pub fn new(learned: &'a Preprocessor, table: &Table) -> Result<Encoder<'a>, DataError> {
        let find = |input: &Input| {
            table.schema().find(&input.column).ok_or_else(|| DataError::UnknownColumn {
                path: table.path().into(),
                name: input.column.clone(),
                role: Role::Feature,
                nearest: Nearest::find(&input.column, table.schema().names()),
            })
        };
        let places = learned.inputs.iter().map(find).collect::<Result<_, _>>()?;
        let target = table.schema().find(&learned.target.column);
        Ok(Encoder { learned, places, target, unseen: vec![(0, String::new()); learned.inputs.len()] })
    }

    /// Whether the file has the target column.
    pub fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// Writes the features of rows, one row after the other.
    ///
    /// # Errors
    /// [`DataError::Length`] if the buffer does not hold exactly these rows;
    /// [`DataError::UnseenCategory`] if the policy is [`Unseen::Error`].
    pub fn features<R: Real>(
        &mut self,
        table: &Table,
        rows: Range<usize>,
        out: &mut [R],
    ) -> Result<(), DataError> {
        self.encode(table, rows.len(), rows, out)
    }

    fn encode<R: Real>(
        &mut self,
        table: &Table,
        count: usize,
        rows: impl Iterator<Item = usize> + Clone,
        out: &mut [R],
    ) -> Result<(), DataError> {
        let width = self.learned.width();
        if count * width != out.len() {
            return Err(DataError::Length {
                what: "feature buffer",
                expected: count * width,
                got: out.len(),
            });
        }
        out.fill(R::default());
        let mut start = 0;
        for (at, input) in self.learned.inputs.iter().enumerate() {
            let place = self.places[at];
            let column = Column { table, place, rows: rows.clone(), start, width };
            match (&input.encoding, &table.columns()[place]) {
                (Encoding::Numeric(scaled) | Encoding::Date(scaled), Values::Numbers(values)) => {
                    column.write(out, |row| R::from_f64(scaled.apply(values[row])));
                }
                (Encoding::Boolean { fill }, Values::Names(names)) => {
                    column.write(out, |row| {
                        R::from_f64(names.get(row).and_then(truth).map_or(*fill, f64::from))
                    });
                }
                (Encoding::OneHot(categories), Values::Names(names)) => {
                    column.one_hot(out, categories, names, self.learned.unseen, &mut self.unseen[at])?;
                }
                (Encoding::Image { shape }, Values::Images { shape: got, pixels }) if shape == got => {
                    column.image(out, pixels, shape.elements());
                }
                (Encoding::Image { shape }, Values::Images { shape: got, .. }) => {
                    return Err(other_shape(table, shape, got));
                }
                _ => return Err(mismatch(table, place)),
            }
            start += input.width();
        }
        Ok(())
    }

    /// Rows as a data set, whatever form their features have; with their targets, or without.
    ///
    /// # Errors
    /// Those of [`Encoder::features`] and, with targets, of [`Encoder::targets`].
    pub fn dataset<R: Real>(
        &mut self,
        table: &Table,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        labelled: bool,
    ) -> Result<Dataset, DataError> {
        let data = self.unweighted::<R>(table, rows.clone(), labelled)?;
        match if labelled { self.weights(table, &data, rows)? } else { None } {
            Some(weights) => data.with_weights(weights),
            None => Ok(data),
        }
    }

    /// How much each row counts: by the column of weights, times that of its class.
    pub(crate) fn weights(
        &self,
        table: &Table,
        data: &Dataset,
        rows: impl Iterator<Item = usize>,
    ) -> Result<Option<Vec<f32>>, DataError> {
        let of_class = self.learned.target.class_weights.as_deref();
        let place = self.learned.weight.as_ref().and_then(|name| table.schema().find(name));
        if of_class.is_none() && place.is_none() {
            return Ok(None);
        }
        let mut weights = vec![1.0; data.rows()];
        if let Some(of_class) = of_class {
            for (weight, class) in weights.iter_mut().zip(data.classes()) {
                *weight = of_class.get(class as usize).copied().unwrap_or(1.0);
            }
        }
        let Some(place) = place else { return Ok(Some(weights)) };
        let Some(Values::Numbers(values)) = table.columns().get(place) else {
            return Err(mismatch(table, place));
        };
        for (weight, row) in weights.iter_mut().zip(rows) {
            match values[row] {
                value if value.is_nan() => {}
                value if value >= 0.0 && (value as f32).is_finite() => *weight *= value as f32,
                value => {
                    let (cell, raw) = (table.cell(row, place), value.to_string());
                    return Err(DataError::BadWeight { cell, raw });
                }
            }
        }
        Ok(Some(weights))
    }

    fn unweighted<R: Real>(
        &mut self,
        table: &Table,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        labelled: bool,
    ) -> Result<Dataset, DataError> {
        let targets = labelled.then(|| self.targets(table, rows.clone())).transpose()?;
        let (example, learned) = (self.learned.example(), self.learned);
        let scaled = |data: Dataset| data.with_scaling(learned.target.scaling());
        let names = || learned.target.classes().to_vec();
        use EncodedTargets::{Classes, Numbers};
        match learned.form() {
            FeatureForm::Dense | FeatureForm::Sequences | FeatureForm::Tokens | FeatureForm::Words { .. } => {
                let mut features = vec![R::default(); rows.len() * learned.width()];
                self.encode(table, rows.len(), rows, &mut features)?;
                match targets {
                    None => Dataset::unlabelled(example, features),
                    Some(Numbers(values)) => Dataset::regression(example, features, values).map(scaled),
                    Some(Classes(labels)) => Dataset::classification(example, features, labels, names()),
                }
            }
            FeatureForm::Sparse { .. } => {
                let sparse = self.sparse(table, rows)?;
                match targets {
                    None => Dataset::without_targets(example, Features::Sparse(sparse)),
                    Some(Numbers(values)) => Dataset::sparse_regression(sparse, values).map(scaled),
                    Some(Classes(labels)) => Dataset::sparse_classification(sparse, labels, names()),
                }
            }
            FeatureForm::Categories { fields, .. } => {
                let chosen = |data: Dataset| match &learned.history {
                    // Rows that are not trained on draw no random items but those of validation losses.
                    Some(history) => data.with_history(history.clone(), learned.relevant.is_some(), 0),
                    None => data,
                };
                let codes = Codes { fields, codes: self.codes(table, rows)? };
                match targets {
                    None => Dataset::without_targets(example, Features::Codes(codes)).map(chosen),
                    Some(Numbers(values)) => Dataset::ratings(codes, values).map(scaled).map(chosen),
                    Some(Classes(labels)) => Dataset::categories(codes, labels, names()).map(chosen),
                }
            }
        }
    }

    /// The sparse features of rows: the words of a text, or the entries of a sparse file.
    fn sparse(&mut self, table: &Table, rows: impl Iterator<Item = usize>) -> Result<SparseRows, DataError> {
        let (Some(input), Some(&place)) = (self.learned.inputs.first(), self.places.first()) else {
            return Ok(SparseRows::new(0));
        };
        let known = self.learned.width();
        let mut sparse = SparseRows::new(known);
        if let Encoding::Hashed { .. } = input.encoding {
            self.hashed(table, rows, &mut sparse)?;
            return Ok(sparse);
        }
        for row in rows {
            match (&input.encoding, &table.columns()[place]) {
                (Encoding::Text(terms), Values::Names(names)) => {
                    sparse.push(names.get(row).map(|text| terms.entries(text)).unwrap_or_default())?;
                }
                (Encoding::Sparse { .. }, Values::Sparse(source)) => {
                    let (columns, values) = source.row(row);
                    let inside = columns.partition_point(|&column| (column as usize) < known);
                    if let (Some(&column), Unseen::Error) = (columns.get(inside), self.learned.unseen) {
                        let (cell, raw) = (table.cell(row, place), format!("feature {column}"));
                        return Err(DataError::UnseenCategory { cell, raw, known: Vec::new() });
                    }
                    self.unseen[0].0 += (columns.len() - inside) as u64;
                    sparse.push(columns.iter().copied().zip(values.iter().copied()).take(inside))?;
                }
                _ => return Err(mismatch(table, place)),
            }
        }
        Ok(sparse)
    }

    /// The features of rows whose columns are hashed.
    fn hashed(
        &self,
        table: &Table,
        rows: impl Iterator<Item = usize>,
        into: &mut SparseRows,
    ) -> Result<(), DataError> {
        let inputs = self.learned.inputs.iter().zip(&self.places);
        let columns = inputs.map(|(input, &place)| match &input.encoding {
            Encoding::Hashed { bits, of } => {
                let column = of.column(&input.column, *bits, &table.columns()[place]);
                column.ok_or_else(|| mismatch(table, place))
            }
            _ => Err(mismatch(table, place)),
        });
        let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
        for row in rows {
            columns.iter().for_each(|column| column.append(row, into));
            into.end_row();
        }
        Ok(())
    }

    /// The categories of rows, an index for each column, one row after the other.
    fn codes(
        &mut self,
        table: &Table,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Result<Vec<u32>, DataError> {
        let width = self.learned.inputs.len();
        let mut codes = vec![NO_ROW; rows.clone().count() * width];
        for (at, input) in self.learned.inputs.iter().enumerate() {
            let (place, unseen) = (self.places[at], &mut self.unseen[at]);
            let (Encoding::Embed(categories), Values::Names(names)) =
                (&input.encoding, &table.columns()[place])
            else {
                return Err(mismatch(table, place));
            };
            let slots: Vec<Slot> = names.names().iter().map(|name| categories.slot(name)).collect();
            for (slot, row) in codes.iter_mut().skip(at).step_by(width).zip(rows.clone()) {
                let code = names.codes()[row];
                let found = if code == MISSING { categories.missing_slot() } else { slots[code as usize] };
                match (found, self.learned.unseen) {
                    (Slot::Input(index), _) => *slot = index,
                    (Slot::Unseen, Unseen::Error) => {
                        let (cell, raw) =
                            (table.cell(row, place), names.get(row).unwrap_or_default().to_owned());
                        return Err(DataError::UnseenCategory {
                            cell,
                            raw,
                            known: categories.categories.clone(),
                        });
                    }
                    (Slot::Zeros, _) => {}
                    (Slot::Unseen, _) => {
                        if unseen.0 == 0 {
                            unseen.1 = names.get(row).unwrap_or_default().to_owned();
                        }
                        unseen.0 += 1;
                    }
                }
            }
        }
        Ok(codes)
    }

    /// The targets of rows: class indices or standardized numbers.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`] without the target column; [`DataError::UnseenClass`];
    /// [`DataError::BadNumber`] where a target is missing.
    pub fn targets(
        &self,
        table: &Table,
        rows: impl Iterator<Item = usize>,
    ) -> Result<EncodedTargets, DataError> {
        let target = &self.learned.target;
        let place = self.target.ok_or_else(|| DataError::UnknownColumn {
            path: table.path().into(),
            name: target.column.clone(),
            role: Role::Target,
            nearest: Nearest::find(&target.column, table.schema().names()),
        })?;
        let values = &table.columns()[place];
        match (&target.encoding, values) {
            (TargetEncoding::Regression(scaling), Values::Numbers(values)) => {
                let number = |row: usize| match values[row] {
                    value if value.is_nan() => {
                        Err(DataError::BadNumber { cell: table.cell(row, place), raw: String::new() })
                    }
                    value => Ok(scaling.apply(value)),
                };
                rows.map(number).collect::<Result<_, _>>().map(EncodedTargets::Numbers)
            }
            (TargetEncoding::Classification { classes, .. }, Values::Numbers(_) | Values::Names(_)) => {
                let class = |row: usize| {
                    target.class(values, row).ok_or_else(|| DataError::UnseenClass {
                        cell: table.cell(row, place),
                        raw: raw(values, row),
                        known: classes.clone(),
                    })
                };
                rows.map(class).collect::<Result<_, _>>().map(EncodedTargets::Classes)
            }
            _ => Err(mismatch(table, place)),
        }
    }

    /// The categories that were met and not known, one finding per column that has any.
    pub fn findings(&self) -> Vec<Finding> {
        let columns = self.learned.inputs.iter().zip(&self.unseen).filter(|(_, (cells, _))| *cells > 0);
        let report = |(input, (cells, example)): (&Input, &(u64, String))| {
            let column = input.column.clone();
            match input.encoding {
                Encoding::Sparse { columns: known } => {
                    Finding::UnseenFeatures { column, entries: *cells, known }
                }
                _ => Finding::UnseenCategories { column, cells: *cells, example: example.clone() },
            }
        };
        columns.map(report).collect()
    }
}

/// Targets in the form that a model learns from.
#[derive(Clone, Debug, PartialEq)]
pub enum EncodedTargets {
    /// Numbers in the standardized unit.
    Numbers(Vec<f64>),
    /// Class indices.
    Classes(Vec<u32>),
}

/// The inputs of one column within the features of some rows.
struct Column<'t, I> {
    table: &'t Table,
    place: usize,
    rows: I,
    start: usize,
    width: usize,
}

impl<I: Iterator<Item = usize> + Clone> Column<'_, I> {
    fn write<R: Real>(&self, out: &mut [R], value: impl Fn(usize) -> R) {
        let slots = out.iter_mut().skip(self.start).step_by(self.width);
        slots.zip(self.rows.clone()).for_each(|(slot, row)| *slot = value(row));
    }

    fn one_hot<R: Real>(
        &self,
        out: &mut [R],
        categories: &Categories,
        names: &Names,
        policy: Unseen,
        unseen: &mut (u64, String),
    ) -> Result<(), DataError> {
        let slots: Vec<Slot> = names.names().iter().map(|name| categories.slot(name)).collect();
        let one = R::from_f64(1.0);
        for (features, row) in out.chunks_exact_mut(self.width).zip(self.rows.clone()) {
            let code = names.codes()[row];
            let slot = if code == MISSING { categories.missing_slot() } else { slots[code as usize] };
            match (slot, policy) {
                (Slot::Input(at), _) => features[self.start + at as usize] = one,
                (Slot::Zeros, _) => {}
                (Slot::Unseen, Unseen::Ignore) => {
                    if unseen.0 == 0 {
                        unseen.1 = names.get(row).unwrap_or_default().to_owned();
                    }
                    unseen.0 += 1;
                }
                (Slot::Unseen, Unseen::Error) => {
                    return Err(DataError::UnseenCategory {
                        cell: self.table.cell(row, self.place),
                        raw: names.get(row).unwrap_or_default().to_owned(),
                        known: categories.categories.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn image<R: Real>(&self, out: &mut [R], pixels: &[u8], size: usize) {
        for (features, row) in out.chunks_exact_mut(self.width).zip(self.rows.clone()) {
            let bytes = &pixels[row * size..(row + 1) * size];
            features
                .iter_mut()
                .zip(bytes)
                .for_each(|(slot, &byte)| *slot = R::from_f32(f32::from(byte) * PIXEL_SCALE));
        }
    }
}

fn raw(values: &Values, row: usize) -> String {
    match values {
        Values::Numbers(values) if !values[row].is_nan() => values[row].to_string(),
        Values::Names(names) => names.get(row).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn other_shape(table: &Table, expected: &Shape, got: &Shape) -> DataError {
    DataError::ImageShape { path: table.path().into(), expected: expected.to_vec(), got: got.to_vec() }
}

fn mismatch(table: &Table, place: usize) -> DataError {
    let column = table.schema().columns.get(place);
    DataError::BadKind {
        path: table.path().into(),
        name: column.map(|c| c.name.clone()).unwrap_or_default(),
        kind: column.map_or(ColumnKind::Ignored, |c| c.kind),
    }
}

impl Preprocessor {
    /// The rows of a table as a data set, features stored in `R`.
    ///
    /// # Errors
    /// Those of [`Encoder`].
    pub fn dataset<R: Real>(&self, table: &Table, rows: &[u32]) -> Result<Dataset, DataError> {
        self.dataset_noting::<R>(table, rows, &mut Vec::new())
    }

    /// The same, noting the categories that training never saw.
    pub(crate) fn dataset_noting<R: Real>(
        &self,
        table: &Table,
        rows: &[u32],
        findings: &mut Vec<Finding>,
    ) -> Result<Dataset, DataError> {
        let mut encoder = Encoder::new(self, table)?;
        let picked = || rows.iter().map(|&row| row as usize);
        if let Some(row) = picked().find(|&row| row >= table.rows()) {
            return Err(DataError::RowOutOfRange { row, rows: table.rows() });
        }
        let data = encoder.dataset::<R>(table, picked(), true)?;
        findings.extend(encoder.findings());
        Ok(data)
    }

    /// A table of images as one data set that keeps their bytes; the table is left without them.
    ///
    /// # Errors
    /// Those of [`Encoder`].
    pub(crate) fn images(&self, table: &mut Table) -> Result<Option<Dataset>, DataError> {
        let [Input { encoding: Encoding::Image { shape: expected }, .. }] = &self.inputs[..] else {
            return Ok(None);
        };
        let encoder = Encoder::new(self, table)?;
        let EncodedTargets::Classes(labels) = encoder.targets(table, 0..table.rows())? else {
            return Ok(None);
        };
        let place = encoder.places[0];
        let weights = self.target.class_weights.as_ref().map(|of_class| {
            let weight = |&class: &u32| of_class.get(class as usize).copied().unwrap_or(1.0);
            labels.iter().map(weight).collect()
        });
        let Some((shape, pixels)) = table.take_pixels(place) else { return Err(mismatch(table, place)) };
        if shape != *expected {
            return Err(other_shape(table, expected, &shape));
        }
        let images = Dataset::images(shape, pixels, labels, self.target.classes().to_vec())?;
        match weights {
            Some(weights) => images.with_weights(weights).map(Some),
            None => Ok(Some(images)),
        }
    }
}
