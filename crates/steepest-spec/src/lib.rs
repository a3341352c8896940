//! What a registered thing says of itself: name, formula, hyperparameters and where their defaults
//! come from.
//!
//! An optimizer, schedule, layer, loss, initializer, metric, model or data format is described once, in
//! its own file, by a [`Description`]. The config parser, `steepest list`, `--help`, the JSON schema of a
//! spec and the conformance tests all read it; nothing is written twice.
#![forbid(unsafe_code)]

mod settings;

pub use settings::{SettingError, Settings, Value};

/// What a registered thing says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The name in a spec: `kind = "adam"`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The rule in the paper's symbols.
    pub formula: &'static str,
    /// Authors, year, title or equation; empty only where there is nothing to cite.
    pub reference: &'static str,
    /// What can be set.
    pub hyperparameters: &'static [Hyperparameter],
}

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub struct Hyperparameter {
    /// The key in a spec, in kebab-case: `learning-rate`.
    pub name: &'static str,
    /// The paper's symbol (`β₁`), or empty.
    pub symbol: &'static str,
    /// One sentence, with the unit.
    pub summary: &'static str,
    /// What values are accepted.
    pub accepts: Accepts,
    /// What holds if it is not set.
    pub default: Default,
    /// Where the default comes from: a paper, a library, or our own measurement.
    pub source: &'static str,
}

/// What values a hyperparameter accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accepts {
    /// A real number within bounds.
    Number {
        /// Smallest value.
        min: f64,
        /// Whether the smallest value itself is excluded.
        above: bool,
        /// Largest value.
        max: f64,
        /// Whether the largest value itself is excluded.
        below: bool,
    },
    /// A whole number within bounds.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A whole number, or two of them in a list: of the height and of the width.
    Pair {
        /// Smallest value of both.
        min: u64,
    },
    /// `true` or `false`.
    Bool,
    /// One of some names.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// A list of whole numbers, each at least 1.
    Integers,
    /// A list of real numbers.
    Numbers,
    /// A list of texts.
    Texts,
    /// A list of layers, each a table with its `kind` and its settings.
    Layers,
    /// A whole number of at least 1, or one word such as `"full"`.
    CountOr(&'static str),
    /// A span of training, with its unit: `"500 steps"`, `"3 epochs"` or `"5%"`.
    Span,
}

impl Accepts {
    /// A number above 0.
    pub const POSITIVE: Accepts = Accepts::Number { min: 0.0, above: true, max: f64::INFINITY, below: true };
    /// A number of at least 0.
    pub const NON_NEGATIVE: Accepts =
        Accepts::Number { min: 0.0, above: false, max: f64::INFINITY, below: true };
    /// A number in `[0, 1)`: decay rates, dropout.
    pub const FRACTION: Accepts = Accepts::Number { min: 0.0, above: false, max: 1.0, below: true };
    /// Any finite number.
    pub const ANY_NUMBER: Accepts =
        Accepts::Number { min: f64::NEG_INFINITY, above: true, max: f64::INFINITY, below: true };
    /// A whole number of at least 1.
    pub const COUNT: Accepts = Accepts::Integer { min: 1, max: u64::MAX };
    /// A number of units, rows or repetitions of a part of a model.
    pub const SIZE: Accepts = Accepts::Integer { min: 1, max: 1 << 24 };
}

impl std::fmt::Display for Accepts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Accepts::Number { min, above, max, below } => match (min.is_finite(), max.is_finite()) {
                (true, true) => {
                    let (open, close) = (if above { '(' } else { '[' }, if below { ')' } else { ']' });
                    write!(f, "a number in {open}{min}, {max}{close}")
                }
                (true, false) => write!(f, "a number {} {min}", if above { "above" } else { "of at least" }),
                (false, true) => write!(f, "a number {} {max}", if below { "below" } else { "of at most" }),
                (false, false) => write!(f, "a number"),
            },
            Accepts::Integer { min, max: u64::MAX } => write!(f, "a whole number of at least {min}"),
            Accepts::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Accepts::Pair { min } => {
                write!(f, "a whole number of at least {min}, or two of them, `[height, width]`")
            }
            Accepts::Bool => write!(f, "true or false"),
            Accepts::Choice(names) => write!(f, "one of {}", names.join(", ")),
            Accepts::Text => write!(f, "text"),
            Accepts::Integers => write!(f, "a list of whole numbers of at least 1"),
            Accepts::Numbers => write!(f, "a list of numbers"),
            Accepts::Texts => write!(f, "a list of texts"),
            Accepts::Layers => write!(f, "a list of tables, each with the `kind` of a layer"),
            Accepts::CountOr(word) => write!(f, "a whole number of at least 1, or {word:?}"),
            Accepts::Span => write!(f, "a span such as \"500 steps\", \"3 epochs\" or \"5%\""),
        }
    }
}

/// What holds if a hyperparameter is not set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// It must be set.
    Required,
    /// It stays unset; the thing decides by itself.
    Unset,
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(u64),
    /// A truth value.
    Bool(bool),
    /// A text or choice.
    Text(&'static str),
    /// A list of whole numbers.
    Integers(&'static [u64]),
    /// A list of numbers.
    Numbers(&'static [f64]),
    /// A list of texts.
    Texts(&'static [&'static str]),
}

/// A name as a TOML key: in quotes unless it is plain.
///
/// ```
/// assert_eq!(steepest_spec::toml_key("learning-rate"), "learning-rate");
/// assert_eq!(steepest_spec::toml_key("area m2"), "\"area m2\"");
/// ```
pub fn toml_key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("{name:?}"),
    }
}

/// A whole number with its thousands set apart.
///
/// ```
/// assert_eq!(steepest_spec::grouped(1_234_567u64), "1,234,567");
/// ```
pub fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of something: a number and its noun, in the plural unless there is one.
///
/// ```
/// assert_eq!([1, 2000].map(|rows| steepest_spec::counted(rows as u64, "row")), ["1 row", "2,000 rows"]);
/// ```
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The name among `known` that is nearest to `name`, if any is near enough to be what was meant.
///
/// ```
/// assert_eq!(steepest_spec::nearest("learning-rat", ["momentum", "learning-rate"]), Some("learning-rate"));
/// assert_eq!(steepest_spec::nearest("xyz", ["momentum"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &'a str| (strsim::normalized_damerau_levenshtein(name, candidate), candidate);
    let best = known.into_iter().map(near).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.5).then_some(best.1)
}
