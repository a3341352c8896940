//! Learning how to turn columns into numbers, a window of rows at a time.

use std::path::PathBuf;

use super::category::Counts;
use super::numeric::{Numbers, Truths};
use super::target::TargetFit;
use super::text::{TextFit, TextOptions};
use super::{Encoding, Hashed, Input, PreprocessOptions, Preprocessor};
use crate::error::{DataError, Nearest, Role};
use crate::table::{Table, Values};
use crate::{Column, ColumnKind, FeatureForm, Finding, ReadOptions};

/// Learns a [`Preprocessor`] from windows of rows, in one pass.
///
/// Takes memory for the distinct names of each categorical column, and none that grows with the
/// rows. The result does not depend on how the rows are cut into windows, to the last bit.
///
/// ```
/// use steepest_data::{Fitter, MemorySource, Source};
/// let mut source = MemorySource::new(["x", "y"], vec![1.0, 10.0, 3.0, 30.5, 9.0, 8.5])?;
/// let mut window = source.table();
/// let mut fitter = Fitter::new(&window, "y", &Default::default())?;
/// while source.fill(&mut window, 2)? > 0 {
///     fitter.observe(&window, &vec![true; window.rows()]);
///     window.clear();
/// }
/// let (learned, _) = fitter.finish()?;
/// assert_eq!(learned.target.scaling().shift, 49.0 / 3.0);
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fitter {
    path: PathBuf,
    options: PreprocessOptions,
    place: usize,
    target: TargetFit,
    columns: Vec<(Column, Seen)>,
}

/// What was seen of a column.
#[derive(Clone, Debug)]
enum Seen {
    Numbers(Numbers),
    Truths(Truths),
    Names(Counts),
    Embedded(Counts),
    Text(TextFit),
    Sparse {
        columns: usize,
    },
    /// Needs no look.
    Hashed(Hashed),
    Image(Encoding),
    /// How much each row counts.
    Weight,
    Ignored,
}

fn text_options(options: &PreprocessOptions) -> TextOptions {
    TextOptions {
        ngrams: options.ngrams.clamp(1, 5),
        hash_bits: options.hash_bits.map(|bits| bits.clamp(1, 26)),
        min_rows: options.min_rows.max(1),
        max_terms: options.max_terms.max(1),
        tf_idf: options.tf_idf,
    }
}

impl Fitter {
    /// Prepares to learn from windows of this table's file; the table may be empty.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`] for the target.
    pub fn new(table: &Table, target: &str, options: &PreprocessOptions) -> Result<Fitter, DataError> {
        let schema = table.schema();
        let unknown = || DataError::UnknownColumn {
            path: table.path().into(),
            name: target.to_owned(),
            role: Role::Target,
            nearest: Nearest::find(target, schema.names()),
        };
        let (place, column) = schema
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == target)
            .ok_or_else(unknown)?;
        let special: Vec<&String> = options.embed.iter().chain(&options.text).collect();
        for name in special.iter().copied().chain(&options.weight) {
            if schema.find(name).is_none() || *name == target {
                let (path, name) = (table.path().into(), name.clone());
                let nearest = Nearest::find(&name, schema.names());
                let role = if special.contains(&&name) { Role::Feature } else { Role::Weight };
                return Err(DataError::UnknownColumn { path, name, role, nearest });
            }
        }
        let hashes = options.hash_bits.is_some() && special.is_empty();
        let start = |column: &Column, values: &Values| match (column.kind, values) {
            _ if options.weight.as_ref() == Some(&column.name) => Seen::Weight,
            _ if !special.is_empty() && !special.contains(&&column.name) => Seen::Ignored,
            (_, Values::Names(_)) if options.text.as_ref() == Some(&column.name) => {
                Seen::Text(TextFit::new(text_options(options)))
            }
            (_, Values::Names(_)) if options.embed.contains(&column.name) => {
                Seen::Embedded(Counts::default())
            }
            (_, Values::Sparse(_)) if hashes => Seen::Hashed(Hashed::Sparse),
            (_, Values::Names(_)) if hashes => Seen::Hashed(Hashed::Names),
            (_, Values::Sparse(_)) => Seen::Sparse { columns: 0 },
            (_, Values::Numbers(_)) => Seen::Numbers(Numbers::new()),
            (ColumnKind::Boolean, Values::Names(_)) => Seen::Truths(Truths::default()),
            (_, Values::Names(_)) => Seen::Names(Counts::default()),
            (_, Values::Images { shape, .. }) => Seen::Image(Encoding::Image { shape: *shape }),
            (_, Values::Ignored) => Seen::Ignored,
        };
        let columns = schema.columns.iter().zip(table.columns());
        Ok(Fitter {
            path: table.path().into(),
            options: options.clone(),
            place,
            target: TargetFit::new(column.clone()),
            columns: columns.map(|(column, values)| (column.clone(), start(column, values))).collect(),
        })
    }

    /// Looks at a window of rows; `training` says of each whether it may be learned from.
    ///
    /// Rows without an entry in `training` are not looked at. Only the names of classes are taken
    /// from all rows.
    pub fn observe(&mut self, table: &Table, training: &[bool]) {
        for (place, (values, (_, seen))) in table.columns().iter().zip(&mut self.columns).enumerate() {
            match (seen, values) {
                _ if place == self.place => self.target.observe(values, training),
                (Seen::Numbers(numbers), Values::Numbers(values)) => numbers.observe(values, training),
                (Seen::Truths(truths), Values::Names(names)) => truths.observe(names, training),
                (Seen::Names(counts) | Seen::Embedded(counts), Values::Names(names)) => {
                    counts.observe(names, training)
                }
                (Seen::Text(text), Values::Names(names)) => text.observe(names, training),
                (Seen::Sparse { columns }, Values::Sparse(rows)) => {
                    let training = (0..rows.rows()).filter(|&row| training.get(row) == Some(&true));
                    let last = training.filter_map(|row| rows.row(row).0.last().copied()).max();
                    *columns = (*columns).max(last.map_or(0, |last| last as usize + 1));
                }
                _ => {}
            }
        }
    }

    /// What was learned, and what the user should know of it.
    ///
    /// # Errors
    /// An unusable target; [`DataError::NoFeatures`] or [`DataError::NoTerms`] if nothing is left to learn from.
    pub fn finish(self) -> Result<(Preprocessor, Vec<Finding>), DataError> {
        let Fitter { path, options, place, target, columns } = self;
        let mut findings = Vec::new();
        let target = target.finish(&options, &mut findings)?;
        let bits =
            text_options(&options).hash_bits.filter(|_| options.text.is_none() && options.embed.is_empty());
        let (mut inputs, mut wordless) = (Vec::new(), None);
        for (at, (Column { name, reason, kind }, seen)) in columns.into_iter().enumerate() {
            let column = name.clone();
            let encoding = match seen {
                _ if at == place => continue,
                Seen::Numbers(numbers) => numbers.finish(column, options.standardize, &mut findings),
                Seen::Truths(truths) => truths.finish(column, &mut findings),
                Seen::Names(counts) => counts.finish(column, options.max_categories, &mut findings),
                Seen::Embedded(counts) => counts.finish_embedded(column, &mut findings),
                Seen::Text(text) => {
                    let encoding = text.finish(column.clone(), &mut findings);
                    wordless = wordless.or_else(|| encoding.is_none().then_some(column));
                    encoding
                }
                Seen::Sparse { columns: 0 } => {
                    findings.push(Finding::AllMissingColumn { column });
                    None
                }
                Seen::Sparse { columns } => Some(Encoding::Sparse { columns }),
                Seen::Hashed(of) => bits.map(|bits| Encoding::Hashed { bits, of }),
                Seen::Image(encoding) => Some(encoding),
                Seen::Weight => None,
                // Where some columns are named as the only inputs, the others need no excuse.
                Seen::Ignored if !options.embed.is_empty() || options.text.is_some() => None,
                Seen::Ignored => {
                    findings.push(Finding::IgnoredColumn { column, reason });
                    None
                }
            };
            let encoding = match encoding {
                Some(Encoding::Numeric(scaled)) if bits.is_some() => {
                    bits.map(|bits| Encoding::Hashed { bits, of: Hashed::Number(scaled) })
                }
                Some(Encoding::Numeric(days)) if kind == ColumnKind::Date => Some(Encoding::Date(days)),
                encoding => encoding,
            };
            inputs.extend(encoding.map(|encoding| Input { column: name, encoding }));
        }
        // The order in which they were named is that of their roles: the user, the item.
        let place_of = |input: &Input| options.embed.iter().position(|name| *name == input.column);
        inputs.sort_by_key(place_of);
        if let FeatureForm::Categories { fields, .. } = super::form_of(&inputs) {
            findings.push(Finding::Embedded { columns: fields });
        }
        if let (true, Some(column)) = (inputs.is_empty(), wordless) {
            return Err(DataError::NoTerms { path, column });
        }
        if inputs.is_empty() {
            return Err(DataError::NoFeatures { path, target: target.column });
        }
        if inputs.len() > 1 && inputs.iter().any(|input| input.kind() == ColumnKind::Image) {
            return Err(DataError::MixedImage { path });
        }
        let missing = ReadOptions::default().missing;
        Ok((
            Preprocessor {
                inputs,
                target,
                unseen: options.unseen,
                missing,
                weight: options.weight,
                tokenizer: None,
                sequences: None,
                history: None,
                relevant: options.relevant,
                subwords: None,
            },
            findings,
        ))
    }
}
