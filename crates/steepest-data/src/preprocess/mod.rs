//! From typed columns to the numbers a model sees, learned on the training rows only.

mod category;
mod encoder;
mod fitter;
mod numeric;
mod target;

use serde::{Deserialize, Serialize};
use steepest_tensor::Shape;

use crate::error::DataError;
use crate::table::Table;
use crate::{ColumnKind, Finding, Parameter, ReadOptions, Tokenizer};

pub use category::{Categories, Unseen};
pub use encoder::{EncodedTargets, Encoder};
pub use fitter::Fitter;
pub use numeric::Scaled;
pub(crate) use target::MOST_CLASSES;
pub use target::{Target, TargetEncoding, Task};

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
}

impl Default for PreprocessOptions {
    fn default() -> PreprocessOptions {
        PreprocessOptions {
            task: None,
            standardize: true,
            standardize_target: true,
            unseen: Unseen::Ignore,
            max_categories: 256,
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
];

/// How one column becomes inputs of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "encoding")]
pub enum Encoding {
    /// One input, shifted and scaled.
    Numeric(Scaled),
    /// One input, 0 or 1; the share of ones among the training rows where missing.
    Boolean {
        /// What a missing value becomes.
        fill: f64,
    },
    /// One input per category: 1 for the row's own, 0 for the others.
    OneHot(Categories),
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
            Encoding::Numeric(_) | Encoding::Boolean { .. } => 1,
            Encoding::OneHot(categories) => categories.width(),
            Encoding::Image { shape } => shape.elements(),
        }
    }

    fn kind(&self) -> ColumnKind {
        match self.encoding {
            Encoding::Numeric(_) => ColumnKind::Numeric,
            Encoding::Boolean { .. } => ColumnKind::Boolean,
            Encoding::OneHot(_) => ColumnKind::Categorical,
            Encoding::Image { .. } => ColumnKind::Image,
        }
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
    /// What turns a text into tokens; none for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
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
        self.inputs.iter().map(Input::width).sum()
    }

    /// The shape of one row's features: `[width]`, or the shape of an image.
    pub fn example(&self) -> Shape {
        match self.inputs.first().map(|input| &input.encoding) {
            Some(Encoding::Image { shape }) => *shape,
            _ => Shape::from([self.width()]),
        }
    }

    /// The name of every input, in order: `age`, `color=red`, ….
    pub fn input_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for input in &self.inputs {
            match &input.encoding {
                Encoding::OneHot(categories) => names.extend(categories.names(&input.column)),
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
        options.columns.insert(self.target.column.clone(), self.target.kind);
        options.missing = self.missing.clone();
        options.only = true;
        options
    }
}
