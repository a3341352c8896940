//! Everything that can be wrong with data, each with its place and its remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use crate::nearest::Nearest;
use crate::remedy::{key, latin, near_files, number_help, quoted, ragged_help, rows_to_give, shorten, shown};
use crate::split::Part;

/// Where a cell stands in a text file: `file:line`, column number (from 1) and column name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: usize,
    /// The name of the column.
    pub name: String,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, column {} `{}`", self.path.display(), self.line, self.column, self.name)
    }
}

/// What is wrong with a field of a sparse text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SparseProblem {
    /// The line's label is not a number.
    #[error(
        "is not a number, expected the row's label\n  help: begin each line with a number: `1 3:0.5 7:2`, or `1 | height:1.5` in Vowpal Wabbit's format"
    )]
    Label,
    /// A field is no pair.
    #[error(
        "is not a pair of a feature's number and its value\n  help: write `number:value`, such as `3:0.5`"
    )]
    Pair,
    /// A feature's number is no whole number.
    #[error("does not begin with a feature's number\n  help: number features by whole numbers from 0 or 1")]
    Index,
    /// A feature's number is too large.
    #[error(
        "has a feature above {limit}\n  help: number features one after the other, or hash them to fewer"
    )]
    LargeIndex {
        /// The largest there may be.
        limit: u32,
    },
    /// A feature stands twice in a row.
    #[error(
        "is the second value of feature {index} in this row\n  help: give each feature once, or add the values up"
    )]
    Duplicate {
        /// The feature.
        index: u32,
    },
    /// A value is not a finite number.
    #[error("has a value that is not a finite number\n  help: leave the feature out, or give it a number")]
    Value,
    /// A line of Vowpal Wabbit's format without a bar.
    #[error("has no `|`\n  help: put one before the features: `1 | height:1.5 age:3`")]
    NoBar,
    /// A feature of Vowpal Wabbit's format without a name.
    #[error("has a value but no name\n  help: write `name:value` without a space before the colon")]
    Nameless,
    /// A row's importance is no number of at least 0.
    #[error("is no weight, a number of at least 0\n  help: write `label weight | …`, or `label | …` for 1")]
    Weight,
    /// More than label, weight and base before the bar.
    #[error(
        "is neither label, weight nor base\n  help: write `label weight | …`, and begin a tag with a quote: `'tag`"
    )]
    Head,
}

/// What can be wrong with data. The message says what, where, expected and got, and what to do.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file does not exist.
    #[error("no such file: {}\n  help: {}", path.display(), near_files(path, nearest))]
    NotFound {
        /// The file asked for.
        path: PathBuf,
        /// A file of a similar name in the same folder.
        nearest: Nearest,
    },
    /// The operating system refused.
    #[error("cannot read {}: {source}\n  help: check that it is a file you may read, and that the disk is well", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The compressed stream is damaged.
    #[error("{} is not a whole gzip file: {source}\n  help: download or compress it again; `gzip -t` checks it", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// The file has no bytes, or only blank lines.
    #[error("{} is empty\n  help: give {}", shown(path), rows_to_give(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("{} holds no text\n  help: give a text, or a folder of texts", path.display())]
    NoText {
        /// The file or folder.
        path: PathBuf,
    },
    /// A text has a character that the training text did not have.
    #[error("character {position} of the text is `{}`, which is not among the {known} characters of the training text\n  help: leave it out; with `data.tokens = \"bytes\"` any text can be read", visible(*character))]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Where it stands, in characters from 1.
        position: usize,
        /// How many characters are known.
        known: usize,
    },
    /// A file of sequences with a line that cannot be read.
    #[error("{}:{line}: {what}\n  help: write each sequence as `a,b,c:d,e,f:label`, a list of as many steps for each channel, then its label", path.display())]
    BadSequence {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        what: String,
    },
    /// A text that does not fill one window.
    #[error("{} has {got} tokens in this part, and a window needs {}\n  help: give a longer text, a larger share, or a smaller `data.window`", path.display(), window + 1)]
    ShortCorpus {
        /// The file.
        path: PathBuf,
        /// Tokens of a window.
        window: usize,
        /// Tokens there are.
        got: usize,
    },
    /// No word of a text occurs often enough.
    #[error("no word of {} occurs {min_count} times: there are {different} different ones, the most frequent occurs {most} times\n  help: set `data.words.min-count` to {most} or less, or give a longer text", path.display())]
    EmptyVocabulary {
        /// The file or folder.
        path: PathBuf,
        /// How often a word must occur.
        min_count: usize,
        /// Different words there are.
        different: usize,
        /// How often the most frequent one occurs.
        most: u64,
    },
    /// Character n-grams that there cannot be.
    #[error(
        "there are no n-grams of {shortest} to {longest} characters in {buckets} buckets\n  help: set `data.subwords.shortest` to 1 or more, `data.subwords.longest` to no less than that, and `data.subwords.buckets` to 1 to 1,073,741,824"
    )]
    BadSubwords {
        /// Characters of the shortest ones.
        shortest: usize,
        /// Characters of the longest ones.
        longest: usize,
        /// Vectors that they share.
        buckets: usize,
    },
    /// A text of words without words.
    #[error(
        "there is no word to learn from: no sentence has a word of the vocabulary\n  help: give a longer text, or a larger share of it for training"
    )]
    NoWords,
    /// A part of the rows that there is not.
    #[error(
        "there is no part {fold} of {folds} for cross-validation\n  help: set `data.split.folds` to 2 or more, and `data.split.fold` to 0 or more but less than that"
    )]
    BadFold {
        /// The part asked for, from 0.
        fold: usize,
        /// Parts there are.
        folds: usize,
    },
    /// A cross of fewer than two columns.
    #[error(
        "`data.crosses` has `{cross}`, and a cross is of two columns or more: `kind*color`\n  help: to take one column's numbers as names, set `data.columns.{cross} = \"categorical\"`"
    )]
    LoneCross {
        /// The cross.
        cross: String,
    },
    /// There is a header line and nothing below.
    #[error("{} has a header line but no rows\n  help: add rows; if the first line is data, set `data.header = false`", path.display())]
    HeaderOnly {
        /// The file.
        path: PathBuf,
    },
    /// A row has more or fewer fields than the first line.
    #[error("{}:{line}: this row has {got} fields, the first line has {expected}\n  help: {}", path.display(), ragged_help(*got, *expected))]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Fields of the first line.
        expected: usize,
        /// Fields of this row.
        got: usize,
    },
    /// A line of a sparse text file that cannot be read.
    #[error("{}:{line}: `{}` {problem}", path.display(), shorten(raw))]
    SparseLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The field.
        raw: String,
        /// What is wrong with it.
        problem: SparseProblem,
    },
    /// Columns of a sparse row that are not ascending, or one that is not there.
    #[error(
        "row {row}: column {column} is out of order, or not below {columns}\n  help: give each row's columns once, in ascending order"
    )]
    SparseColumn {
        /// The row.
        row: usize,
        /// The column.
        column: u32,
        /// How many columns there are.
        columns: usize,
    },
    /// A cell of a numeric column is not a number.
    #[error("{cell}: `{}` is not a number\n  help: {}, add it to `data.missing`, or set `data.columns.{} = \"categorical\"`", shorten(raw), number_help(raw), key(&cell.name))]
    BadNumber {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
    },
    /// How much a row counts is no number of at least 0.
    #[error(
        "{cell}: `{}` is no weight\n  help: weights say how much rows count: mend the cell, or name a column of numbers of at least 0 in `data.weight`",
        shorten(raw)
    )]
    BadWeight {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
    },
    /// A cell of a column of dates is not one.
    #[error("{cell}: `{}` is not a date\n  help: write it as 2024-03-31 or 2024-03-31 18:30, add it to `data.missing`, or set `data.columns.{} = \"categorical\"`", shorten(raw), key(&cell.name))]
    BadDate {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
    },
    /// A cell of a boolean column is not a truth value.
    #[error("{cell}: `{}` is neither true nor false\n  help: mend the cell, add it to `data.missing`, or set `data.columns.{} = \"categorical\"`", shorten(raw), key(&cell.name))]
    BadBoolean {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
    },
    /// A cell is NaN or infinite.
    #[error(
        "{cell}: `{}` is not a finite number\n  help: mend the cell, or add it to `data.missing` to have it filled in",
        shorten(raw)
    )]
    NonFinite {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
    },
    /// A value given in memory is NaN or infinite.
    #[error(
        "{what} {column} of row {row} is {value}\n  help: remove the row or replace the value; training on it would make every weight NaN"
    )]
    NonFiniteValue {
        /// `feature` or `target`.
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A column that was named does not exist.
    #[error("{} has no column `{name}`, wanted as {role}\n  help: {nearest}", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// What it was wanted for.
        role: Role,
        /// A suggestion.
        nearest: Nearest,
    },
    /// Two columns have one name.
    #[error("{}:1: columns {first} and {second} are both called `{name}`\n  help: rename one of them", path.display())]
    DuplicateHeader {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Number of the first, from 1.
        first: usize,
        /// Number of the second, from 1.
        second: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("{}:{line}: byte {value:#04X} at offset {offset} is not UTF-8{}\n  help: set `data.encoding = \"windows-1252\"` (or what the file is in), or convert it: iconv -f WINDOWS-1252 -t UTF-8", path.display(), latin(*value))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Bytes before it.
        offset: u64,
        /// The byte.
        value: u8,
    },
    /// The file is in UTF-16.
    #[error("{} is in {}, expected UTF-8\n  help: set `data.encoding = \"{label}\"`, or convert it: iconv -f {} -t UTF-8", path.display(), label.to_uppercase(), label.to_uppercase())]
    Utf16 {
        /// The file.
        path: PathBuf,
        /// `utf-16le` or `utf-16be`.
        label: &'static str,
    },
    /// The file is not text.
    #[error("{} holds binary data (a NUL byte at offset {offset}), expected text\n  help: give a CSV, TSV or IDX file; export spreadsheets and Parquet files as CSV", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// Bytes before the first NUL.
        offset: u64,
    },
    /// No such text encoding.
    #[error(
        "`{label}` is not a text encoding\n  help: use a name such as `utf-8`, `windows-1252`, `utf-16le`, `shift_jis` or `gb18030`"
    )]
    UnknownEncoding {
        /// The name given.
        label: String,
    },
    /// No such data format.
    #[error("`{name}` is not a data format\n  help: {nearest}")]
    UnknownFormat {
        /// The name given.
        name: String,
        /// A suggestion.
        nearest: Nearest,
    },
    /// A delimiter that cannot delimit.
    #[error(
        "{got:?} cannot separate fields\n  help: use one ASCII character that is not a quote or a line end, such as `,` `;` `|` or a tab"
    )]
    BadDelimiter {
        /// The character given.
        got: char,
    },
    /// A kind that the source cannot read a column as.
    #[error("{}: column `{name}` cannot be read as {kind}\n  help: use numeric, boolean, categorical or ignored", path.display())]
    BadKind {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// The kind asked for.
        kind: crate::ColumnKind,
    },
    /// Every row has the same target.
    #[error(
        "target `{name}` is {value} in every row: there is nothing to learn\n  help: name another target, or check how the file was made"
    )]
    ConstantTarget {
        /// The target column.
        name: String,
        /// Its only value.
        value: f64,
    },
    /// Every row has the same class.
    #[error(
        "target `{name}` has a single class, `{class}`: there is nothing to tell apart\n  help: name another target, or check how the file was made"
    )]
    SingleClass {
        /// The target column.
        name: String,
        /// The class.
        class: String,
    },
    /// A target that is no class cannot keep the shares of classes.
    #[error(
        "`data.stratify` keeps the shares of classes, and target `{name}` is a number\n  help: leave `data.stratify` away, or set `data.task = \"classification\"`"
    )]
    NotStratifiable {
        /// The target column.
        name: String,
    },
    /// More classes than anyone can mean.
    #[error(
        "target `{name}` has more than {most} distinct numbers, too many for classes\n  help: use `data.task = \"regression\"`, or name another target"
    )]
    TooManyClasses {
        /// The target column.
        name: String,
        /// The most there may be.
        most: usize,
    },
    /// No row has a target.
    #[error(
        "target `{name}` is missing in every row\n  help: name another target; these texts count as missing: {}",
        quoted(missing)
    )]
    MissingTarget {
        /// The target column.
        name: String,
        /// The texts that count as missing.
        missing: Vec<String>,
    },
    /// The target column is not usable.
    #[error(
        "target `{name}` cannot be learned: {reason}\n  help: name another target, or set `data.columns.{}` to \"numeric\" or \"categorical\"",
        key(name)
    )]
    BadTarget {
        /// The target column.
        name: String,
        /// What it is.
        reason: crate::Reason,
    },
    /// Regression was asked for on a target that is text.
    #[error(
        "target `{name}` is text, expected numbers for regression\n  help: use `data.task = \"classification\"`, or set `data.columns.{name} = \"numeric\"` to find the bad cells"
    )]
    TextTarget {
        /// The target column.
        name: String,
    },
    /// A category that training never saw.
    #[error(
        "{cell}: `{}` was not seen in training, expected {}\n  help: mend the cell, train again with it, or set `data.unseen = \"ignore\"`",
        shorten(raw),
        quoted(known)
    )]
    UnseenCategory {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
        /// Some of the categories known.
        known: Vec<String>,
    },
    /// A target class that training never saw.
    #[error(
        "{cell}: class `{}` was not seen in training, expected {}\n  help: mend the cell, or train again with it",
        shorten(raw),
        quoted(known)
    )]
    UnseenClass {
        /// Where.
        cell: Box<Cell>,
        /// The cell's text.
        raw: String,
        /// Some of the classes known.
        known: Vec<String>,
    },
    /// No column is left to learn from.
    #[error("{}: no column is left to predict `{target}` from\n  help: every other column is constant, missing or ignored; set `data.columns.NAME` to use one", path.display())]
    NoFeatures {
        /// The file.
        path: PathBuf,
        /// The target column.
        target: String,
    },
    /// No text has a term to learn from.
    #[error("{}: no text of column `{column}` has a word that could be learned from\n  help: a word is two or more letters or digits, and is in at least `data.min-rows` texts: give more texts, or set it to 1", path.display())]
    NoTerms {
        /// The file.
        path: PathBuf,
        /// The column of texts.
        column: String,
    },
    /// An image column stands beside other columns.
    #[error("{}: an image column cannot be combined with other features\n  help: set the other columns to \"ignored\" in `data.columns`", path.display())]
    MixedImage {
        /// The file.
        path: PathBuf,
    },
    /// A batch size nobody can mean.
    #[error(
        "a batch cannot hold {got} rows\n  help: use \"full\" or a whole number from 1 to 2147483648; 32 to 256 suits most models"
    )]
    BadBatchSize {
        /// What was given.
        got: String,
    },
    /// Fractions that cannot split anything.
    #[error(
        "cannot hold out {validation} for validation and {test} for test\n  help: each must be at least 0, and together below 1, for example 0.15 and 0.15"
    )]
    BadFractions {
        /// Share for validation.
        validation: f64,
        /// Share for test.
        test: f64,
    },
    /// A part of a split has no row.
    #[error(
        "the {part} part of {rows} rows would be empty\n  help: give more rows, or change its share, `data.split.validation` or `data.split.test`"
    )]
    EmptyPart {
        /// The part.
        part: Part,
        /// Rows in all.
        rows: usize,
    },
    /// More rows than a row index can hold.
    #[error(
        "{rows} rows do not fit in memory as one data set (at most 4294967295)\n  help: split the data into several files"
    )]
    TooManyRows {
        /// The number of rows.
        rows: u64,
    },
    /// The file does not start like an IDX file.
    #[error("{} does not start with an IDX magic number: bytes {got:02X?}, expected 00 00, a type from 08 to 0E, and 1 to 4 axes\n  help: give an IDX file such as train-images-idx3-ubyte, gzipped or not", path.display())]
    IdxMagic {
        /// The file.
        path: PathBuf,
        /// The first four bytes.
        got: Vec<u8>,
    },
    /// The IDX file holds something other than unsigned bytes.
    #[error("{} holds IDX element type {code:#04X}, expected 0x08 (unsigned byte)\n  help: convert the file to unsigned bytes", path.display())]
    IdxType {
        /// The file.
        path: PathBuf,
        /// The type code.
        code: u8,
    },
    /// The IDX file ends early, or goes on too long.
    #[error("{} {} its header announces: sizes {sizes:?} need {expected} bytes, got {got}\n  help: download the file again", path.display(), if got < expected { "is shorter than" } else { "is longer than" })]
    IdxLength {
        /// The file.
        path: PathBuf,
        /// The sizes of the axes.
        sizes: Vec<u64>,
        /// Bytes of data announced.
        expected: u64,
        /// Bytes of data found.
        got: u64,
    },
    /// The IDX header announces more than can be addressed.
    #[error("{} announces sizes {sizes:?}, more than can be addressed\n  help: the header is damaged; download the file again", path.display())]
    IdxTooLarge {
        /// The file.
        path: PathBuf,
        /// The sizes of the axes.
        sizes: Vec<u64>,
    },
    /// The images and the labels do not match.
    #[error("{} holds {images} images, {} holds {labels} labels\n  help: give the labels that belong to the images with `data.labels`", path.display(), labels_path.display())]
    IdxCounts {
        /// The images.
        path: PathBuf,
        /// The labels.
        labels_path: PathBuf,
        /// Number of images.
        images: u64,
        /// Number of labels.
        labels: u64,
    },
    /// Changes of images asked for where there are none.
    #[error("`data.augment` changes images, but {} has none\n  help: leave `data.augment` out", path.display())]
    NothingToAugment {
        /// The file.
        path: PathBuf,
    },
    /// A folder without pictures.
    #[error("{} holds no pictures\n  help: put PNG or JPEG files into a folder for each class: `{}/cat/1.png`", path.display(), path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// A picture that cannot be decoded.
    #[error("cannot decode {}: {source}\n  help: open it in a picture viewer; save it again as PNG or JPEG, or remove it", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What the decoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Pictures of several sizes, or coloured ones among grey ones.
    #[error("{} is {got:?}, but {} is {expected:?}\n  help: bring all pictures to one size, and make all of them grey or all coloured", path.display(), first.display())]
    PictureShape {
        /// The picture.
        path: PathBuf,
        /// Height, width and, for coloured ones, channels of the first picture.
        expected: Vec<usize>,
        /// Those of this one.
        got: Vec<usize>,
        /// The first picture.
        first: PathBuf,
    },
    /// Numbers to be predicted from sequences.
    #[error("{}: sequences have classes, not numbers, to predict\n  help: leave `data.task` out, or put the numbers into classes", path.display())]
    SequenceTargets {
        /// The file.
        path: PathBuf,
    },
    /// Sequences where the rows of a table are expected.
    #[error("{} holds sequences, which are not rows of a table\n  help: train on them by a spec with `data.train` and `model.kind = \"gru\"`, or another model for sequences; `predict` and `evaluate` read them with such a model", path.display())]
    Sequences {
        /// The file.
        path: PathBuf,
    },
    /// Images of another size than those that were learned from.
    #[error("{}: images are {got:?} (height, width and, if coloured, channels), but the model learned from {expected:?}\n  help: scale them to that size, and make them grey or coloured as those were", path.display())]
    ImageShape {
        /// The file or folder.
        path: PathBuf,
        /// The shape that was learned from.
        expected: Vec<usize>,
        /// The shape of these.
        got: Vec<usize>,
    },
    /// Arrays given in memory do not fit together.
    #[error("{what}: expected {expected} values, got {got}\n  help: give {expected}, or change the shape")]
    Length {
        /// Which array.
        what: &'static str,
        /// Values expected.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A class index has no name.
    #[error("row {row} has class {class}, but there are {classes} classes (0 to {})\n  help: number the classes from 0 and name every one", classes.saturating_sub(1))]
    BadClass {
        /// The row, from 0.
        row: usize,
        /// Its class.
        class: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A row that does not exist was asked for.
    #[error("row {row} was asked for, but there are {rows}\n  help: use rows below {rows}")]
    RowOutOfRange {
        /// The row, from 0.
        row: usize,
        /// The number of rows.
        rows: usize,
    },
    /// The targets were asked for in a form that they do not have.
    #[error(
        "the targets are {got}, asked for as {wanted}\n  help: check the task; a regression target has no class indices"
    )]
    TargetForm {
        /// The form asked for.
        wanted: &'static str,
        /// The form they have.
        got: &'static str,
    },
    /// A cursor of another source.
    #[error("{}: row {row} cannot be returned to\n  help: the file has changed since the position was saved; start the run again", path.display())]
    BadCursor {
        /// The file.
        path: PathBuf,
        /// The row of the cursor.
        row: u64,
    },
}

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a column that does not exist was wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is to be predicted.
    Target,
    /// What is predicted from.
    Feature,
    /// A setting of `columns`.
    Setting,
    /// How much each row counts.
    Weight,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Target => "the target",
            Role::Feature => "an input of the model",
            Role::Setting => "named in `data.columns`, `data.crosses`, `data.embed` or `data.text`",
            Role::Weight => "the weight of each row",
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Train => "training",
            Part::Validation => "validation",
            Part::Test => "test",
        })
    }
}

impl DataError {
    /// The error for a file that would not open.
    pub(crate) fn opening(path: &Path, source: io::Error) -> DataError {
        if source.kind() != io::ErrorKind::NotFound {
            return DataError::Io { path: path.into(), source };
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
            .unwrap_or_default();
        names.sort_unstable();
        let wanted = path.file_name().unwrap_or_default().to_string_lossy();
        let nearest = Nearest::find(&wanted, names.iter().map(String::as_str));
        DataError::NotFound { path: path.into(), nearest }
    }
}

/// A character as people write it, but for those that cannot be seen.
fn visible(character: char) -> String {
    if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
}
