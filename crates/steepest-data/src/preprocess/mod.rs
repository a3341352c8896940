//! From typed columns to the numbers a model sees, learned on the training rows only.

mod category;
mod encoder;
mod fitter;
mod hashed;
mod numeric;
mod target;
mod text;

use serde::{Deserialize, Serialize};
use steepest_tensor::Shape;

use crate::error::DataError;
use crate::table::Table;
use crate::{
    ColumnKind, FeatureForm, Finding, History, Parameter, ReadOptions, Sequences, Subwords, Tokenizer,
};

pub use category::{Categories, Unseen};
pub use encoder::{EncodedTargets, Encoder};
pub use fitter::Fitter;
pub use hashed::Hashed;
pub(crate) use hashed::{fold, hash_bytes};
pub use numeric::Scaled;
pub use target::{ClassWeight, Target, TargetEncoding, Task};
pub(crate) use target::{MOST_CLASSES, are_classes};
pub use text::Terms;

/// How columns are turned into numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PreprocessOptions {
    /// What to predict. Default: found out from the target.
    pub task: Option<Task>,
    /// Gives numeric columns mean 0 and standard deviation 1. Default: true.
    pub standardize: bool,
    /// The same for a regression target; predictions are turned back. Default: true.
    pub standardize_target: bool,
    /// What to do with a category that training never saw. Default: ignore.
    pub unseen: Unseen,
    /// Categories of a column that get an input of their own, the most frequent first. Range: 1 and up. Default: 256.
    pub max_categories: usize,
    /// Columns of categories that each become an index, for models that keep a vector for each: a user, an item.
    /// They are then the only inputs. Default: none.
    pub embed: Vec<String>,
    /// A column of text that becomes sparse features, its words. It is then the only input. Default: none.
    pub text: Option<String>,
    /// The longest run of words that is a feature of a text. Range: 1 to 5. Default: 1.
    pub ngrams: usize,
    /// Words of fewer training rows are left out. Range: 1 and up. Default: 1.
    pub min_rows: usize,
    /// Different words and runs that get a feature, the most frequent first. Range: 1 and up. Default: 2²⁰.
    pub max_terms: usize,
    /// Words share 2 to this power features by their hash, instead of having one each. Range: 1 to 26.
    /// Default: they have one each.
    pub hash_bits: Option<u32>,
    /// Weighs words by how telling they are, and scales each text to length 1. Default: true.
    pub tf_idf: bool,
    /// A column of numbers, at least 0, that say how much each row counts in training. It is no input. A missing one
    /// counts as 1. Default: none; `weight` in Vowpal Wabbit's format.
    pub weight: Option<String>,
    /// How much the rows of each class count in training. Default: all the same.
    pub class_weight: Option<ClassWeight>,
    /// Keeps the items of each user in the training rows, for models that learn from them (SVD++). Default: false.
    pub history: bool,
    /// Rows whose target is at least this are items that the user has chosen; the others are left out. The task is
    /// then to rank items (BPR), and the user's items are kept. Default: the target is to be predicted.
    pub relevant: Option<f64>,
}

impl Default for PreprocessOptions {
    fn default() -> PreprocessOptions {
        PreprocessOptions {
            task: None,
            standardize: true,
            standardize_target: true,
            unseen: Unseen::Ignore,
            max_categories: 256,
            embed: Vec::new(),
            text: None,
            ngrams: 1,
            min_rows: 1,
            max_terms: 1 << 20,
            hash_bits: None,
            tf_idf: true,
            weight: None,
            class_weight: None,
            history: false,
            relevant: None,
        }
    }
}

/// The settings, for help texts and configuration files.
pub(crate) static PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "task",
        summary: "what to predict",
        default: "classification for text, truth values and up to 20 distinct whole numbers; else regression",
        range: "regression, classification",
    },
    Parameter {
        name: "standardize",
        summary: "gives numeric columns mean 0 and standard deviation 1",
        default: "true",
        range: "true, false",
    },
    Parameter {
        name: "standardize-target",
        summary: "the same for a regression target; predictions are turned back",
        default: "true",
        range: "true, false",
    },
    Parameter {
        name: "unseen",
        summary: "what to do with a category that training never saw",
        default: "ignore",
        range: "ignore (all inputs 0, counted), error",
    },
    Parameter {
        name: "max-categories",
        summary: "categories of a column that get an input of their own",
        default: "256",
        range: "1 and up",
    },
    Parameter {
        name: "embed",
        summary: "columns of categories that become indices, for models with a vector for each category",
        default: "none",
        range: "columns of the file",
    },
    Parameter {
        name: "text",
        summary: "a column of text whose words become sparse features",
        default: "none",
        range: "a column of the file",
    },
    Parameter {
        name: "ngrams",
        summary: "the longest run of words that is a feature of a text",
        default: "1",
        range: "1 to 5",
    },
    Parameter {
        name: "min-rows",
        summary: "words of fewer training rows are left out",
        default: "1",
        range: "1 and up",
    },
    Parameter {
        name: "max-terms",
        summary: "different words and runs that get a feature, the most frequent first",
        default: "1048576",
        range: "1 and up",
    },
    Parameter {
        name: "hash-bits",
        summary: "words, or without `text` all columns, share 2 to this power features by their hash",
        default: "they have one each; 18 in Vowpal Wabbit's format and in streams of sparse rows",
        range: "1 to 26",
    },
    Parameter {
        name: "tf-idf",
        summary: "weighs words by how telling they are, and scales each text to length 1",
        default: "true",
        range: "true, false",
    },
    Parameter {
        name: "weight",
        summary: "a column of numbers that say how much each row counts in training",
        default: "none; `weight` in Vowpal Wabbit's format",
        range: "a column of the file",
    },
    Parameter {
        name: "class-weight",
        summary: "how much the rows of each class count in training",
        default: "all the same",
        range: "balanced",
    },
    Parameter {
        name: "history",
        summary: "keeps the items of each user in the training rows, for models that learn from them",
        default: "false",
        range: "true, false",
    },
    Parameter {
        name: "relevant",
        summary: "the least target of a row whose item the user has chosen; the task is then to rank items",
        default: "none: the target is to be predicted",
        range: "a number",
    },
];

/// How one column becomes inputs of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "encoding")]
pub enum Encoding {
    /// One input, shifted and scaled.
    Numeric(Scaled),
    /// A date, as a number of days: shifted and scaled.
    Date(Scaled),
    /// One input, 0 or 1; the share of ones among the training rows where missing.
    Boolean {
        /// What a missing value becomes.
        fill: f64,
    },
    /// One input per category: 1 for the row's own, 0 for the others.
    OneHot(Categories),
    /// An index, for models that keep a vector for each category.
    Embed(Categories),
    /// Sparse features, the words of a text.
    Text(Terms),
    /// Sparse features as they stand in the file.
    Sparse {
        /// The number of columns.
        columns: usize,
    },
    /// Sparse features that all hashed columns of the table share.
    Hashed {
        /// There are 2 to this power.
        bits: u32,
        /// What is hashed.
        #[serde(flatten)]
        of: Hashed,
    },
    /// Bytes divided by 255.
    Image {
        /// The shape of an image.
        shape: Shape,
    },
}

/// A column that the model reads, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The column's name.
    pub column: String,
    /// How it becomes inputs.
    #[serde(flatten)]
    pub encoding: Encoding,
}

impl Input {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        match &self.encoding {
            Encoding::Numeric(_) | Encoding::Date(_) | Encoding::Boolean { .. } => 1,
            Encoding::OneHot(categories) => categories.width(),
            Encoding::Embed(_) => 1,
            Encoding::Text(terms) => terms.width(),
            Encoding::Sparse { columns } => *columns,
            Encoding::Hashed { bits, .. } => 1 << bits,
            Encoding::Image { shape } => shape.elements(),
        }
    }

    fn kind(&self) -> ColumnKind {
        match self.encoding {
            Encoding::Numeric(_) => ColumnKind::Numeric,
            Encoding::Date(_) => ColumnKind::Date,
            Encoding::Boolean { .. } => ColumnKind::Boolean,
            Encoding::OneHot(_) | Encoding::Embed(_) | Encoding::Text(_) => ColumnKind::Categorical,
            Encoding::Sparse { .. } | Encoding::Hashed { of: Hashed::Sparse, .. } => ColumnKind::Sparse,
            Encoding::Hashed { of: Hashed::Number(_), .. } => ColumnKind::Numeric,
            Encoding::Hashed { of: Hashed::Names, .. } => ColumnKind::Categorical,
            Encoding::Image { .. } => ColumnKind::Image,
        }
    }
}

/// What some inputs are: dense, sparse, or categories.
fn form_of(inputs: &[Input]) -> FeatureForm {
    match inputs.first().map(|input| &input.encoding) {
        Some(Encoding::Hashed { bits, .. }) => FeatureForm::Sparse { columns: 1 << bits },
        Some(Encoding::Text(_) | Encoding::Sparse { .. }) => {
            FeatureForm::Sparse { columns: inputs.iter().map(Input::width).sum() }
        }
        Some(Encoding::Embed(_)) => {
            let size = |input: &Input| match &input.encoding {
                Encoding::Embed(categories) => categories.width(),
                _ => 0,
            };
            let fields = inputs.iter().map(|input| (input.column.clone(), size(input)));
            FeatureForm::Categories { fields: fields.collect(), history: false, ranked: false }
        }
        _ => FeatureForm::Dense,
    }
}

/// Everything learned about the columns: what turns a row into numbers and predictions into words.
///
/// Learned from the training rows only, so that no number of the validation or test rows leaks into
/// training (class *names* are taken from all rows). Stored in the model file.
///
/// Formulas, per training column of n present values: mean μ = Σx / n, standard deviation
/// σ = √(Σ(x − μ)² / n), input (x − μ) / σ, and 0 where missing. As scikit-learn's `StandardScaler`
/// (divisor n), `SimpleImputer(mean)` and `OneHotEncoder`, with missing as a category of its own.
///
/// ```
/// use steepest_data::{MemorySource, Preprocessor, PreprocessOptions, Table};
/// let table = Table::read(&mut MemorySource::new(["x", "y"], vec![1.0, 10.0, 3.0, 30.0, 5.0, 44.5])?)?;
/// let (prepared, _) = Preprocessor::fit(&table, &[0, 1], "y", &PreprocessOptions::default())?;
/// let data = prepared.dataset::<f64>(&table, &[0, 1, 2])?;
/// let mut x = [0.0; 3];
/// data.fill(0..3, &mut x, steepest_data::TargetsMut::None)?;
/// assert_eq!(x, [-1.0, 1.0, 3.0]); // mean 2, deviation 1: row 2 was not looked at
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessor {
    /// The columns that the model reads, in the order of its inputs.
    pub inputs: Vec<Input>,
    /// What it predicts.
    pub target: Target,
    /// What to do with a category that training never saw.
    pub unseen: Unseen,
    /// The texts that count as missing.
    pub missing: Vec<String>,
    /// The column that says how much each row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// What turns a text into tokens; none for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
    /// How sequences become inputs; none for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequences: Option<Sequences>,
    /// The items of each user in the training rows; none where they are not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Rows whose target is at least this are choices, and items are to be ranked; none for other tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevant: Option<f64>,
    /// The n-grams of words that have vectors too; none for words that have vectors of their own alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subwords: Option<Subwords>,
}

impl Preprocessor {
    /// Learns from the rows `train` of a table how to turn its columns into numbers.
    ///
    /// Columns that are ignored, constant or all missing are left out, and said so in the findings.
    /// To learn from more rows than fit in memory, use a [`Fitter`].
    ///
    /// # Errors
    /// Those of [`Fitter`].
    pub fn fit(
        table: &Table,
        train: &[u32],
        target: &str,
        options: &PreprocessOptions,
    ) -> Result<(Preprocessor, Vec<Finding>), DataError> {
        let mut training = vec![false; table.rows()];
        for &row in train {
            let rows = table.rows();
            *training.get_mut(row as usize).ok_or(DataError::RowOutOfRange { row: row as usize, rows })? =
                true;
        }
        let mut fitter = Fitter::new(table, target, options)?;
        fitter.observe(table, &training);
        fitter.finish()
    }

    /// The number of inputs of the model.
    pub fn width(&self) -> usize {
        match self.form() {
            FeatureForm::Sparse { columns } => columns,
            _ => self.inputs.iter().map(Input::width).sum(),
        }
    }

    /// The shape of one row's features: `[width]`, or the shape of an image.
    pub fn example(&self) -> Shape {
        match self.inputs.first().map(|input| &input.encoding) {
            Some(Encoding::Image { shape }) => *shape,
            _ => Shape::from([self.width()]),
        }
    }

    /// What the features are: dense, sparse, or categories.
    pub fn form(&self) -> FeatureForm {
        form_of(&self.inputs)
    }

    pub(crate) fn example_is_image(&self) -> bool {
        matches!(self.inputs.first().map(|input| &input.encoding), Some(Encoding::Image { .. }))
    }

    /// The name of every input, in order: `age`, `color=red`, …. Those that are hashed share theirs.
    pub fn input_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(Encoding::Hashed { .. }) = self.inputs.first().map(|input| &input.encoding) {
            return (0..self.width()).map(|at| format!("hash[{at}]")).collect();
        }
        for input in &self.inputs {
            match &input.encoding {
                Encoding::OneHot(categories) => names.extend(categories.names(&input.column)),
                Encoding::Text(Terms { vocabulary: Some(terms), .. }) => names.extend_from_slice(terms),
                _ if input.width() == 1 => names.push(input.column.clone()),
                _ => names.extend((0..input.width()).map(|at| format!("{}[{at}]", input.column))),
            }
        }
        names
    }

    /// How to open a file so that its columns are read as those of the training data were.
    pub fn read_options(&self, base: &ReadOptions) -> ReadOptions {
        let mut options = base.clone();
        options.columns = self.inputs.iter().map(|input| (input.column.clone(), input.kind())).collect();
        // The columns of a sparse text file are what its format says.
        options.columns.retain(|_, kind| *kind != ColumnKind::Sparse);
        options.columns.insert(self.target.column.clone(), self.target.kind);
        options.columns.extend(self.weight.iter().map(|name| (name.clone(), ColumnKind::Numeric)));
        options.missing = self.missing.clone();
        options.only = true;
        options
    }

    /// The same for rows to predict: what stands in the columns of target and weight does not matter.
    pub fn input_options(&self, base: &ReadOptions) -> ReadOptions {
        let mut options = self.read_options(base);
        options.columns.retain(|name, _| *name != self.target.column && self.weight.as_ref() != Some(name));
        options
    }
}
