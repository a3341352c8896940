//! From files to data sets that are ready for training, in one call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::corpus::prepare_corpus;
use crate::preprocess::are_classes;
use crate::series::{is_sequences, prepare_sequences};
use crate::stdin::is_stdin;
use crate::table::Values;
use crate::{
    Augmentation, ColumnKind, DataError, Dataset, Encoder, Finding, Fingerprint, Fractions, Parameter,
    PreprocessOptions, Preprocessor, ReadOptions, Schema, Shares, Source, Split, Subwords, Table, Task,
    Tokens, WordOptions, sources,
};

/// Which data to train on, and how: the `[data]` table of a run spec.
///
/// ```
/// let options: steepest_data::DataOptions = serde_json::from_str(
///     r#"{ "train": "digits.csv", "target": "label", "split": { "validation": 0.1, "test": 0.2 } }"#,
/// )?;
/// assert_eq!(options.split.test, Some(0.2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct DataOptions {
    /// The file to train on.
    pub train: PathBuf,
    /// The column to predict.
    pub target: String,
    /// A file to validate on. Default: rows held out from `train`.
    pub validation: Option<PathBuf>,
    /// A file to test on. Default: rows held out from `train`.
    pub test: Option<PathBuf>,
    /// The shares of `train` to hold out. Default: 0.15 each, no validation rows of fewer than 1,000, none for
    /// a part that has its own file.
    pub split: Shares,
    /// Keeps the share of each class in every part. Default: where the target is a class.
    pub stratify: Option<bool>,
    /// What the file, a text, is cut into, to predict each token from those before it. Default: it is a table.
    pub tokens: Option<Tokens>,
    /// Tokens that byte pair encoding learns, the 256 bytes included. Default: 1024.
    pub vocabulary: Option<usize>,
    /// Tokens of a text that a model sees at once. Default: 64.
    pub window: Option<usize>,
    /// Tokens from the beginning of one window to that of the next. Default: `window`.
    pub stride: Option<usize>,
    /// Takes the rows once, in their order, with memory that does not grow with them. Default: where `train` is
    /// standard input, `-`.
    pub stream: Option<bool>,
    /// How a text of words becomes examples.
    pub words: WordOptions,
    /// The n-grams of words that have vectors too. Default: none.
    pub subwords: Option<Subwords>,
    /// How training images are changed at random. Default: not at all.
    pub augment: Augmentation,
    /// How files are read.
    #[serde(flatten)]
    pub read: ReadOptions,
    /// How columns become numbers.
    #[serde(flatten)]
    pub preprocess: PreprocessOptions,
}

/// The bits of hashed features where nobody sets them, as Vowpal Wabbit's `-b`.
const DEFAULT_HASH_BITS: u32 = 18;

/// Every key of the `[data]` table: for help texts, and for naming the nearest when one is unknown.
///
/// ```
/// assert!(steepest_data::data_parameters().any(|parameter| parameter.name == "target"));
/// ```
pub fn data_parameters() -> impl Iterator<Item = &'static Parameter> {
    let sources = sources::SOURCES.iter().filter(|spec| !spec.extensions.is_empty());
    PARAMETERS.iter().chain(sources.flat_map(|spec| spec.parameters)).chain(crate::preprocess::PARAMETERS)
}

/// The keys that belong to no single source.
static PARAMETERS: &[Parameter] = &[
    Parameter { name: "train", summary: "the file to train on", default: "none", range: "a path" },
    Parameter {
        name: "target",
        summary: "the column to predict",
        default: "none",
        range: "a column of the file",
    },
    Parameter {
        name: "validation",
        summary: "a file to validate on",
        default: "rows held out from `train`",
        range: "a path",
    },
    Parameter {
        name: "test",
        summary: "a file to test on",
        default: "rows held out from `train`",
        range: "a path",
    },
    Parameter {
        name: "split",
        summary: "shares of `train` to hold out",
        default: "{ validation = 0.15, test = 0.15 }; no validation of fewer than 1,000 rows",
        range: "each in [0, 1), their sum below 1; or { folds = 5, fold = 0 }",
    },
    Parameter {
        name: "stratify",
        summary: "keeps the share of each class in every part",
        default: "where the target is a class",
        range: "true, false",
    },
    Parameter {
        name: "augment",
        summary: "random changes of training images, anew in every epoch",
        default: "{ shift = 0, flip = false }",
        range: "pixels, 0 and up; true, false",
    },
    Parameter {
        name: "stream",
        summary: "takes the rows once, in their order, with memory that does not grow with them",
        default: "where `train` is standard input, `-`",
        range: "true, false",
    },
    Parameter {
        name: "tokens",
        summary: "what a text is cut into, to predict each token from those before it",
        default: "none: the file is a table",
        range: "characters, bytes, bpe, words",
    },
    Parameter {
        name: "vocabulary",
        summary: "tokens that byte pair encoding learns, the 256 bytes included",
        default: "1024",
        range: "256 and up",
    },
    Parameter {
        name: "words",
        summary: "how a text of words becomes examples",
        default: "{ min-count = 5, sample = 0.001, context = 5, block = 32, negatives = 16 }",
        range: "1 and up; 0 to 1; 1 and up",
    },
    Parameter {
        name: "subwords",
        summary: "the character n-grams of words that have vectors too, which share so many",
        default: "{ shortest = 3, longest = 6, buckets = 0 }: none",
        range: "1 and up; 0 and up",
    },
    Parameter {
        name: "window",
        summary: "tokens of a text that a model sees at once",
        default: "64",
        range: "1 and up",
    },
    Parameter {
        name: "stride",
        summary: "tokens from the beginning of one window to that of the next",
        default: "`window`",
        range: "1 and up",
    },
    Parameter {
        name: "format",
        summary: "the format of the files",
        default: "found out",
        range: "the name of a source",
    },
    Parameter {
        name: "crosses",
        summary: "further columns, each the values of several as one category: `kind*color`",
        default: "none",
        range: "columns of the file with `*` between them",
    },
    Parameter {
        name: "only",
        summary: "ignores every column that `columns` does not name",
        default: "false",
        range: "true, false",
    },
];

/// Data that is ready for training, and all that was learned and noticed on the way.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Rows that gradients come from.
    pub train: Dataset,
    /// Rows that choose the stopping step.
    pub validation: Option<Dataset>,
    /// Rows that are scored once, at the end.
    pub test: Option<Dataset>,
    /// What turns rows into numbers; stored in the model file.
    pub preprocessor: Preprocessor,
    /// What the columns of the training file are.
    pub schema: Arc<Schema>,
    /// What the user should know.
    pub findings: Vec<Finding>,
    /// The files read, with their fingerprints.
    pub files: Vec<(PathBuf, Fingerprint)>,
}

impl DataOptions {
    /// Data from one file, to be split.
    pub fn new(train: impl Into<PathBuf>, target: impl Into<String>) -> DataOptions {
        DataOptions { train: train.into(), target: target.into(), ..DataOptions::default() }
    }

    /// How the training file is read: columns that are named as texts or categories are names, whatever they
    /// look like.
    pub(crate) fn reading(&self) -> ReadOptions {
        let mut read = self.read.clone();
        for name in self.preprocess.embed.iter().chain(&self.preprocess.text) {
            read.columns.entry(name.clone()).or_insert(ColumnKind::Categorical);
        }
        read
    }

    /// Whether rows are taken once, in their order.
    pub fn is_stream(&self) -> bool {
        self.stream.unwrap_or_else(|| is_stdin(&self.train))
    }

    /// How columns become numbers where the source has a say: the weight and the text that its format has, and features that
    /// cannot be numbered because their names are hashed, or because no one has seen them all.
    pub(crate) fn preprocessing(&self, source: &dyn Source) -> PreprocessOptions {
        let mut options = self.preprocess.clone();
        let unnumbered = source.weight().is_some() || self.is_stream();
        let sparse = source.schema().columns.iter().any(|column| column.kind == ColumnKind::Sparse);
        if unnumbered && sparse {
            options.hash_bits = options.hash_bits.or(Some(DEFAULT_HASH_BITS));
        }
        options.weight = options.weight.or(source.weight().map(str::to_owned));
        let texts = source.text().filter(|text| options.embed.is_empty() && *text != self.target);
        options.text = options.text.or(texts.map(str::to_owned));
        options
    }

    /// The shares to hold out from a training file of so many rows.
    pub fn fractions(&self, rows: usize) -> Fractions {
        let given = self.split.of(rows);
        Fractions {
            validation: if self.validation.is_some() { 0.0 } else { given.validation },
            test: if self.test.is_some() { 0.0 } else { given.test },
        }
    }
}

/// Reads, splits and preprocesses: everything between a file's name and training.
///
/// A pure function of the files, the options and the seed.
///
/// ```no_run
/// use steepest_data::{DataOptions, prepare};
/// let data = prepare(&DataOptions::new("iris.csv", "species"), 7)?;
/// assert_eq!(data.train.feature_width(), 4);
/// # Ok::<(), steepest_data::DataError>(())
/// ```
///
/// # Errors
/// Whatever is wrong with the data or the options; see [`DataError`].
pub fn prepare(options: &DataOptions, seed: u64) -> Result<Prepared, DataError> {
    if is_sequences(&options.train) {
        return prepare_sequences(options, seed);
    }
    if let Some(tokens) = options.tokens {
        return prepare_corpus(options, tokens, seed);
    }
    let mut findings = Vec::new();
    let read = options.reading();
    let mut source = sources::open(&options.train, &read)?;
    let preprocess = options.preprocessing(&*source);
    let mut table = Table::read(&mut *source)?;
    findings.extend_from_slice(source.findings());
    drop(source);
    drop_rows_without_target(&mut table, &options.target, &mut findings);
    if let (Some(least), Some(place)) = (options.preprocess.relevant, table.schema().find(&options.target)) {
        table.drop_below(place, least);
    }
    let fractions = options.fractions(table.rows()).check()?;
    let split = split(&table, options, fractions, seed)?;
    if fractions != Fractions::NONE {
        let (train, validation, test) = (split.train.len(), split.validation.len(), split.test.len());
        findings.push(Finding::Split { fractions, train, validation, test });
    }
    let (mut preprocessor, noticed) = Preprocessor::fit(&table, &split.train, &options.target, &preprocess)?;
    preprocessor.missing = options.read.missing.clone();
    findings.extend(noticed);

    let schema = Arc::new(table.schema().clone());
    let [mut train, mut validation, mut test] = parts(&preprocessor, &mut table, &split, &mut findings)?;
    drop(table);
    if (options.preprocess.history || options.preprocess.relevant.is_some())
        && let Some(history) = train.choices_in_rows()
    {
        let ranked = options.preprocess.relevant.is_some();
        [&mut train, &mut validation, &mut test].into_iter().for_each(|part| {
            *part = part.clone().with_history(history.clone(), ranked, seed);
        });
        preprocessor.history = Some(history);
    }
    if options.augment.is_any() && !preprocessor.example_is_image() {
        return Err(DataError::NothingToAugment { path: options.train.clone() });
    }
    let train = train.augmented(options.augment, seed);
    let mut files = vec![(options.train.clone(), sources::folder::fingerprint(&options.train)?)];
    let mut separate = |path: &Option<PathBuf>, held_out: Dataset| {
        let Some(path) = path else { return Ok(Some(held_out).filter(|part| !part.is_empty())) };
        files.push((path.clone(), sources::folder::fingerprint(path)?));
        separate_file(&preprocessor, path, &options.read, &mut findings).map(Some)
    };
    let validation = separate(&options.validation, validation)?;
    let test = separate(&options.test, test)?;
    Ok(Prepared { train, validation, test, preprocessor, schema, findings, files })
}

fn drop_rows_without_target(table: &mut Table, target: &str, findings: &mut Vec<Finding>) {
    let rows = table.rows();
    let Some(place) = table.schema().find(target) else { return };
    let dropped = table.drop_missing(place);
    if (1..rows).contains(&dropped) {
        findings.push(Finding::RowsWithoutTarget { column: target.to_owned(), rows: dropped });
    }
}

fn split(table: &Table, options: &DataOptions, fractions: Fractions, seed: u64) -> Result<Split, DataError> {
    let target = table.schema().find(&options.target).and_then(|place| table.columns().get(place));
    if table.rows() == 0 || fractions == Fractions::NONE {
        // Without rows there is no target either, which is the better thing to complain of.
        return Ok(Split::all_train(table.rows()));
    }
    if let (Some(folds), None) = (options.split.folds, &options.test) {
        return Split::fold(seed, table.rows(), (options.split.fold, folds), fractions.validation);
    }
    if options.stratify == Some(false) {
        return Split::random(seed, table.rows(), fractions);
    }
    match target.and_then(|target| classes(target, options.preprocess.task)) {
        Some(classes) => Split::stratified(seed, &classes, fractions),
        None if options.stratify == Some(true) => {
            Err(DataError::NotStratifiable { name: options.target.clone() })
        }
        None => Split::random(seed, table.rows(), fractions),
    }
}

/// The class of each row, if the target is one.
fn classes(target: &Values, task: Option<Task>) -> Option<Vec<u32>> {
    match target {
        _ if task == Some(Task::Regression) => None,
        Values::Names(names) => Some(names.codes().to_vec()),
        Values::Numbers(values) => {
            let mut distinct = values.clone();
            distinct.sort_unstable_by(f64::total_cmp);
            distinct.dedup();
            if task.is_none() && !are_classes(&distinct) {
                return None;
            }
            let class =
                |v: &f64| distinct.binary_search_by(|d| d.total_cmp(v)).unwrap_or_else(|at| at) as u32;
            Some(values.iter().map(class).collect())
        }
        Values::Ignored | Values::Images { .. } | Values::Sparse(_) => None,
    }
}

/// The parts of the training file. Images stay one block of bytes that the parts share.
fn parts(
    preprocessor: &Preprocessor,
    table: &mut Table,
    split: &Split,
    findings: &mut Vec<Finding>,
) -> Result<[Dataset; 3], DataError> {
    if let Some(whole) = preprocessor.images(table)? {
        if split.train.len() == whole.rows() {
            let none = whole.subset(&[])?;
            return Ok([whole, none.clone(), none]);
        }
        return Ok([
            whole.subset(&split.train)?,
            whole.subset(&split.validation)?,
            whole.subset(&split.test)?,
        ]);
    }
    let mut part = |rows: &[u32]| preprocessor.dataset_noting::<f32>(table, rows, findings);
    Ok([part(&split.train)?, part(&split.validation)?, part(&split.test)?])
}

/// A part that has a file of its own.
fn separate_file(
    preprocessor: &Preprocessor,
    path: &Path,
    options: &ReadOptions,
    findings: &mut Vec<Finding>,
) -> Result<Dataset, DataError> {
    // The labels of the training images are not those of this file.
    let options = ReadOptions { labels: None, ..preprocessor.read_options(options) };
    let mut table = Table::read(&mut *sources::open(path, &options)?)?;
    drop_rows_without_target(&mut table, &preprocessor.target.column, findings);
    if let (Some(least), Some(place)) =
        (preprocessor.relevant, table.schema().find(&preprocessor.target.column))
    {
        table.drop_below(place, least);
    }
    Encoder::new(preprocessor, &table)?.targets(&table, 0..0)?;
    if let Some(images) = preprocessor.images(&mut table)? {
        return Ok(images);
    }
    let rows: Vec<u32> = (0..table.rows() as u32).collect();
    preprocessor.dataset_noting::<f32>(&table, &rows, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented_and_every_documented_key_exists() {
        let serde_json::Value::Object(fields) = serde_json::to_value(DataOptions::default()).unwrap() else {
            panic!("options are a table")
        };
        let mut keys: Vec<&str> = fields.keys().map(String::as_str).collect();
        let mut documented: Vec<&str> = data_parameters().map(|parameter| parameter.name).collect();
        keys.sort_unstable();
        documented.sort_unstable();
        assert_eq!(keys, documented);
    }

    #[test]
    fn a_part_with_a_file_of_its_own_is_not_held_out() {
        let mut options = DataOptions::new("x.csv", "y");
        assert_eq!(options.fractions(2000), Fractions { validation: 0.15, test: 0.15 });
        options.test = Some("test.csv".into());
        assert_eq!(options.fractions(2000), Fractions { validation: 0.15, test: 0.0 });
    }
}
