//! What the user should know about the data, though it is no error.

use std::fmt;

use serde::{Deserialize, Serialize};
use steepest_spec::{counted, grouped};
use steepest_tensor::Shape;

use crate::preprocess::MOST_CLASSES;
use crate::remedy::key;
use crate::{Fractions, Reason, Shares, Task};

/// Something that was noticed or decided while reading data.
///
/// Its text (`Display`) is one sentence, with what to set where a setting would change it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
#[non_exhaustive]
pub enum Finding {
    /// The first line was taken for data, so the columns were named by number.
    NoHeader {
        /// The number of columns.
        columns: usize,
    },
    /// Numbers are written with a decimal comma.
    DecimalComma,
    /// A column had no name in the header.
    UnnamedColumn {
        /// The name it was given.
        column: String,
    },
    /// The task was chosen by looking at the target.
    TaskInferred {
        /// The target column.
        column: String,
        /// The task.
        task: Task,
        /// Distinct values of the target, counted up to 65,536.
        distinct: usize,
        /// Whether the target is numeric.
        numeric: bool,
    },
    /// Sequences longer than those of training were cut.
    CutSequences {
        /// How many.
        rows: usize,
        /// The steps that were kept of each.
        steps: usize,
    },
    /// Rows without a target were left out.
    RowsWithoutTarget {
        /// The target column.
        column: String,
        /// How many.
        rows: usize,
    },
    /// Lines have labels besides their first one, which were read over.
    SeveralLabels {
        /// How many lines.
        lines: usize,
        /// The number of the first of them.
        first: u64,
    },
    /// A column with one value was left out.
    ConstantColumn {
        /// The column.
        column: String,
        /// Its value.
        value: String,
    },
    /// A column without values in the training part was left out.
    AllMissingColumn {
        /// The column.
        column: String,
    },
    /// A column was left out because it looks like identifiers, or as declared.
    IgnoredColumn {
        /// The column.
        column: String,
        /// Why.
        reason: Reason,
    },
    /// A text became terms.
    Vocabulary {
        /// The column.
        column: String,
        /// Terms that have a column each.
        terms: usize,
        /// Different terms among the training rows.
        seen: usize,
    },
    /// Columns of categories that become vectors.
    Embedded {
        /// The columns, and how many categories each has.
        columns: Vec<(String, usize)>,
    },
    /// Features of sparse rows that training never saw.
    UnseenFeatures {
        /// The column.
        column: String,
        /// Entries that were left out.
        entries: u64,
        /// The number of features that are known.
        known: usize,
    },
    /// Missing cells were filled in.
    Filled {
        /// The column.
        column: String,
        /// Missing cells among the training rows.
        missing: usize,
        /// Training rows.
        rows: usize,
        /// What they were filled with: the mean, or a category of their own.
        with: Fill,
    },
    /// Only the most frequent categories got an input of their own.
    RareCategories {
        /// The column.
        column: String,
        /// Categories with an input.
        kept: usize,
        /// Categories without.
        folded: usize,
    },
    /// The numbers of a column run on by one from row to row.
    RowNumbers {
        /// The column.
        column: String,
    },
    /// A class does not occur among the training rows.
    ClassNotInTraining {
        /// The class.
        class: String,
    },
    /// A class is so rare that accuracy says little.
    ImbalancedClasses {
        /// The rarest class.
        rarest: String,
        /// Its rows.
        rarest_rows: usize,
        /// The most frequent class.
        commonest: String,
        /// Its rows.
        commonest_rows: usize,
    },
    /// A numeric column has cells that are not numbers; training will stop at the first.
    OddCells {
        /// The column.
        column: String,
        /// How many.
        cells: u64,
        /// The first.
        example: String,
    },
    /// The data are a text, seen through windows.
    Corpus {
        /// Tokens of the training file.
        tokens: usize,
        /// Different tokens.
        vocabulary: usize,
        /// Windows of training, validation and test.
        windows: [usize; 3],
        /// Tokens of a window.
        window: usize,
    },
    /// The file is a text of words.
    Words {
        /// Words of the text.
        words: u64,
        /// Different ones.
        different: usize,
        /// Those that get a vector.
        kept: usize,
        /// How often these occur at least.
        min_count: usize,
    },
    /// The file holds images.
    Images {
        /// The shape of one.
        shape: Shape,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// The data was split, and how.
    Split {
        /// The shares held out.
        fractions: Fractions,
        /// Training rows.
        train: usize,
        /// Validation rows.
        validation: usize,
        /// Test rows.
        test: usize,
    },
    /// Categories that training never saw were read as "none of the known ones".
    UnseenCategories {
        /// The column.
        column: String,
        /// Cells.
        cells: u64,
        /// One of them.
        example: String,
    },
}

/// What missing cells are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// The mean of the training rows.
    Mean(f64),
    /// A category of its own.
    OwnCategory,
    /// None of the categories known, as one that training never saw.
    Unknown,
}

impl Finding {
    /// Whether it deserves attention, rather than being a note.
    pub fn is_warning(&self) -> bool {
        !matches!(
            self,
            Finding::TaskInferred { .. }
                | Finding::Split { .. }
                | Finding::Corpus { .. }
                | Finding::Words { .. }
                | Finding::Filled { .. }
                | Finding::Vocabulary { .. }
                | Finding::Embedded { .. }
                | Finding::NoHeader { .. }
                | Finding::DecimalComma
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::NoHeader { columns } => write!(
                f,
                "the first line holds numbers, so it was read as data; the columns are called column_1 to column_{columns} (set `data.header = true` if it is a header)"
            ),
            Finding::DecimalComma => {
                write!(
                    f,
                    "numbers were read with a decimal comma (set `data.decimal = \".\"` if that is wrong)"
                )
            }
            Finding::UnnamedColumn { column } => {
                write!(f, "a column without a name in the header is called `{column}`")
            }
            Finding::TaskInferred { column, task, distinct, numeric } => match (task, numeric) {
                (Task::Classification, true) => write!(
                    f,
                    "target `{column}` holds {} distinct whole numbers, so this is classification (set `data.task = \"regression\"` to predict the number)",
                    grouped(*distinct)
                ),
                (Task::Classification, false) => {
                    write!(
                        f,
                        "target `{column}` holds {}, so this is classification",
                        counted(*distinct, "name")
                    )
                }
                (Task::Regression, _) => {
                    let more = if *distinct >= MOST_CLASSES { "more than " } else { "" };
                    write!(
                        f,
                        "target `{column}` holds {more}{}, so this is regression",
                        counted(*distinct, "distinct number")
                    )
                }
            },
            Finding::RowsWithoutTarget { column, rows } => {
                let left = if *rows == 1 { "was" } else { "were" };
                write!(f, "{} without a value in target `{column}` {left} left out", counted(*rows, "row"))
            }
            Finding::SeveralLabels { lines, first } => {
                let count = if *lines == 1 { "has" } else { "have" };
                write!(
                    f,
                    "{} {count} more than one label (first in line {first}): only a line's first label counts",
                    counted(*lines, "line")
                )
            }
            Finding::ConstantColumn { column, value } => {
                write!(f, "column `{column}` was left out: it is {value} in every training row")
            }
            Finding::AllMissingColumn { column } => {
                write!(f, "column `{column}` was left out: it is missing in every training row")
            }
            Finding::IgnoredColumn { column, reason: Reason::Declared } => {
                write!(f, "column `{column}` was left out, as declared")
            }
            Finding::IgnoredColumn { column, reason: reason @ Reason::AllMissing } => {
                write!(f, "column `{column}` was left out: {reason}")
            }
            Finding::IgnoredColumn { column, reason } => write!(
                f,
                "column `{column}` was left out: {reason} (set `data.columns.{} = \"categorical\"` to use it)",
                key(column)
            ),
            Finding::Vocabulary { column, terms, seen } => {
                let (terms, seen) = (grouped(*terms as u64), grouped(*seen as u64));
                write!(f, "column `{column}`: {terms} of {seen} different terms have a column each")
            }
            Finding::Embedded { columns } => {
                let listed: Vec<String> = columns
                    .iter()
                    .map(|(name, size)| format!("{} of `{name}`", grouped(*size as u64)))
                    .collect();
                write!(f, "categories that become vectors: {}", listed.join(", "))
            }
            Finding::UnseenFeatures { column, entries, known } => write!(
                f,
                "column `{column}`: left out {} of features that training never saw (it knows {})",
                counted(*entries, "value"),
                grouped(*known as u64)
            ),
            Finding::Filled { column, missing, rows, with } => {
                let (missing, rows) = (grouped(*missing), counted(*rows, "training row"));
                write!(f, "column `{column}` is missing in {missing} of {rows}: ")?;
                match with {
                    Fill::Mean(mean) => write!(f, "filled with the mean, {mean:.6}"),
                    Fill::OwnCategory => write!(f, "a category of their own"),
                    Fill::Unknown => write!(f, "none of the known ones"),
                }
            }
            Finding::RareCategories { column, kept, folded } => write!(
                f,
                "column `{column}`: the {} most frequent categories are inputs, {} count as none (set `data.max-categories` to change this)",
                grouped(*kept as u64),
                counted(*folded as u64, "rarer one")
            ),
            Finding::RowNumbers { column } => write!(
                f,
                "column `{column}` counts the rows; a model can cheat with it (set `data.columns.{} = \"ignored\"`)",
                key(column)
            ),
            Finding::ClassNotInTraining { class } => {
                write!(f, "class `{class}` does not occur among the training rows")
            }
            Finding::ImbalancedClasses { rarest, rarest_rows, commonest, commonest_rows } => write!(
                f,
                "classes are unbalanced: `{commonest}` has {}, `{rarest}` has {}; accuracy alone says little",
                counted(*commonest_rows as u64, "training row"),
                grouped(*rarest_rows as u64)
            ),
            Finding::OddCells { column, cells, example } => write!(
                f,
                "column `{column}` is numeric but {} no number, such as `{example}` (mend the cells, add them to `data.missing`, or set `data.columns.{} = \"categorical\"`)",
                match *cells {
                    1 => "1 cell is".to_owned(),
                    cells => format!("{} cells are", grouped(cells)),
                },
                key(column)
            ),
            Finding::Images { shape, bytes } => {
                write!(f, "images of shape {shape}, {:.1} MB", *bytes as f64 / 1e6)
            }
            Finding::CutSequences { rows, steps } => {
                let (rows, those) = (counted(*rows, "sequence"), if *rows == 1 { "was" } else { "were" });
                write!(f, "{rows} {those} cut to {steps} steps, as many as the model takes")
            }
            Finding::Split { fractions, train, validation, test } => {
                write!(f, "rows were split at random: {} for training", grouped(*train as u64))?;
                let held_out =
                    [("validation", validation, fractions.validation), ("test", test, fractions.test)];
                held_out.iter().filter(|(.., share)| *share > 0.0).try_for_each(|(part, rows, share)| {
                    let percent = (share * 1000.0).round() / 10.0;
                    write!(f, ", {} for {part} ({percent}%)", grouped(**rows as u64))
                })?;
                if fractions.validation == 0.0 && *train < Shares::FEW_ROWS {
                    write!(
                        f,
                        "; so few train better without validation rows (set `data.split.validation` to have some)"
                    )?;
                }
                Ok(())
            }
            Finding::Corpus { tokens, vocabulary, windows: [train, validation, test], window } => write!(
                f,
                "a text of {}, {} different ones, in windows of {window}: the first {} for training, the next {} for \
                 validation, the last {} for test",
                counted(*tokens as u64, "token"),
                grouped(*vocabulary as u64),
                grouped(*train as u64),
                grouped(*validation as u64),
                grouped(*test as u64)
            ),
            Finding::Words { words, different, kept, min_count } => write!(
                f,
                "a text of {}, {} different ones, of which {} occur at least {min_count} times \
                 (`data.words.min-count`) and get a vector",
                counted(*words, "word"),
                grouped(*different as u64),
                grouped(*kept as u64)
            ),
            Finding::UnseenCategories { column, cells, example } => write!(
                f,
                "column `{column}`: {} with a category that training never saw, such as `{example}`, taken for none of the known ones",
                counted(*cells, "cell")
            ),
        }
    }
}
