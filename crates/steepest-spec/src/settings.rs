//! Checked settings: what a user wrote for one thing, completed by its defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Accepts, Default, Description, Hyperparameter, nearest};

/// A value as written in a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Names and values: `{ kind = "dense", outputs = 8 }`.
    Table(BTreeMap<String, Value>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value:?}"),
            Value::Text(value) => write!(f, "{value:?}"),
            Value::List(values) => {
                let parts: Vec<String> = values.iter().map(Value::to_string).collect();
                write!(f, "[{}]", parts.join(", "))
            }
            Value::Table(entries) => {
                // What a thing is comes before how it is set.
                let mut parts: Vec<_> = entries.iter().collect();
                parts.sort_by_key(|(key, _)| *key != "kind");
                let parts: Vec<String> =
                    parts.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                write!(f, "{{ {} }}", parts.join(", "))
            }
        }
    }
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(*value as f64),
            Value::Number(value) => Some(*value),
            _ => None,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// A key that the thing does not have.
    #[error("`{owner}` has no setting `{key}`")]
    Unknown {
        /// The thing's name.
        owner: String,
        /// The key as written.
        key: String,
        /// The nearest key it does have.
        nearest: Option<String>,
        /// All keys it has.
        known: Vec<String>,
    },
    /// A value of the wrong type or outside the range.
    #[error("`{key}` must be {accepts}, got {got}")]
    Unacceptable {
        /// The key.
        key: String,
        /// What is accepted, in words.
        accepts: String,
        /// The value as written.
        got: String,
    },
    /// A key that must be set and is not.
    #[error("`{owner}` needs `{key}`: {accepts}")]
    Missing {
        /// The thing's name.
        owner: String,
        /// The key.
        key: String,
        /// What is accepted, in words.
        accepts: String,
    },
}

impl SettingError {
    /// The key it is about.
    pub fn key(&self) -> &str {
        match self {
            SettingError::Unknown { key, .. }
            | SettingError::Unacceptable { key, .. }
            | SettingError::Missing { key, .. } => key,
        }
    }

    /// What the user can do.
    pub fn help(&self) -> Option<String> {
        match self {
            SettingError::Unknown { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            SettingError::Unknown { known, .. } if known.is_empty() => Some("it has no settings".to_owned()),
            SettingError::Unknown { known, .. } => Some(format!("its settings are {}", known.join(", "))),
            SettingError::Unacceptable { accepts, got, .. }
                if accepts.starts_with("a list") && !got.starts_with('[') =>
            {
                Some(format!("a list is written in brackets: [{}]", got.trim_matches('"')))
            }
            _ => None,
        }
    }
}

/// The settings of one thing: every hyperparameter that is set or has a default, checked.
///
/// ```
/// use steepest_spec::*;
/// static ABOUT: Description = Description {
///     name: "sgd", summary: "", formula: "θ ← θ − αg", reference: "",
///     hyperparameters: &[Hyperparameter {
///         name: "learning-rate", symbol: "α", summary: "", accepts: Accepts::POSITIVE,
///         default: Default::Number(0.01), source: "ours",
///     }],
/// };
/// assert_eq!(Settings::new(&ABOUT, [])?.number("learning-rate"), 0.01);
/// let error = Settings::new(&ABOUT, [("learning-rate".to_string(), Value::Integer(0))]).unwrap_err();
/// assert_eq!(error.to_string(), "`learning-rate` must be a number above 0, got 0");
/// # Ok::<(), SettingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
}

impl Settings {
    /// Checks what a user wrote against a description and fills in the defaults.
    ///
    /// # Errors
    /// The first unknown key, unacceptable value or missing required key.
    pub fn new(
        about: &Description,
        written: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Settings, SettingError> {
        let mut values = BTreeMap::new();
        for (key, value) in written {
            let known = about.hyperparameters.iter().find(|h| h.name == key);
            let hyper = known.ok_or_else(|| unknown(about, &key))?;
            values.insert(hyper.name, check(hyper, value)?);
        }
        for hyper in about.hyperparameters {
            if values.contains_key(hyper.name) {
                continue;
            }
            if let Some(value) = default(hyper, about)? {
                values.insert(hyper.name, value);
            }
        }
        Ok(Settings { values })
    }

    /// All settings by key, defaults included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(key, value)| (*key, value))
    }

    /// Sets a key that the described thing has and that is unset; others stay as they are.
    pub fn set_default(&mut self, about: &Description, key: &str, value: Value) {
        if let Some(hyper) = about.hyperparameters.iter().find(|hyper| hyper.name == key)
            && let Ok(value) = check(hyper, value)
        {
            self.values.entry(hyper.name).or_insert(value);
        }
    }

    /// The value under a key, if it is set or has a default.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// A number; NaN if unset, which no default of a number is.
    pub fn number(&self, key: &str) -> f64 {
        self.get(key).and_then(Value::number).unwrap_or(f64::NAN)
    }

    /// A number that may be unset.
    pub fn optional_number(&self, key: &str) -> Option<f64> {
        self.get(key).and_then(Value::number)
    }

    /// A whole number; 0 if unset.
    pub fn integer(&self, key: &str) -> u64 {
        match self.get(key) {
            Some(Value::Integer(value)) => u64::try_from(*value).unwrap_or(0),
            _ => 0,
        }
    }

    /// A whole number that may be unset.
    pub fn optional_integer(&self, key: &str) -> Option<u64> {
        self.get(key).map(|_| self.integer(key))
    }

    /// A truth value; `false` if unset.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Value::Bool(true)))
    }

    /// A text or choice; empty if unset.
    pub fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A list of whole numbers; empty if unset.
    pub fn integers(&self, key: &str) -> Vec<usize> {
        self.numbers(key).into_iter().map(|x| x as usize).collect()
    }

    /// A list of texts; empty if unset.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(Value::List(values)) = self.get(key) else { return Vec::new() };
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        values.iter().filter_map(text).collect()
    }

    /// A list of tables; empty if unset.
    pub fn tables(&self, key: &str) -> Vec<BTreeMap<String, Value>> {
        let Some(Value::List(values)) = self.get(key) else { return Vec::new() };
        let table = |value: &Value| match value {
            Value::Table(entries) => Some(entries.clone()),
            _ => None,
        };
        values.iter().filter_map(table).collect()
    }

    /// A list of numbers; empty if unset.
    pub fn numbers(&self, key: &str) -> Vec<f64> {
        match self.get(key) {
            Some(Value::List(values)) => values.iter().filter_map(Value::number).collect(),
            _ => Vec::new(),
        }
    }
}

/// What other frameworks call a setting, and what it is called here; the first that a thing has is meant.
static ELSEWHERE: &[(&str, &[&str])] = &[
    ("lr", &["learning-rate"]),
    ("eps", &["epsilon"]),
    ("betas", &["beta1"]),
    ("alpha", &["l2", "weight-decay"]),
    ("weight-decay", &["l2"]),
    ("l2", &["weight-decay"]),
    ("max-norm", &["clip-norm"]),
    ("layers", &["hidden"]),
    ("hidden-layer-sizes", &["hidden"]),
    ("units", &["hidden", "outputs"]),
    ("batch-size", &["size"]),
    ("max-iter", &["epochs"]),
];

fn unknown(about: &Description, key: &str) -> SettingError {
    let names = about.hyperparameters.iter().map(|h| h.name);
    let plain = key.replace('_', "-").to_lowercase();
    let here = ELSEWHERE.iter().filter(|(there, _)| *there == plain).flat_map(|(_, here)| *here);
    let known = here.copied().find(|here| names.clone().any(|name| name == *here));
    SettingError::Unknown {
        owner: about.name.to_owned(),
        key: key.to_owned(),
        nearest: known.or_else(|| nearest(&plain, names.clone())).map(str::to_owned),
        known: names.map(str::to_owned).collect(),
    }
}

fn default(hyper: &Hyperparameter, about: &Description) -> Result<Option<Value>, SettingError> {
    Ok(Some(match hyper.default {
        Default::Required => {
            return Err(SettingError::Missing {
                owner: about.name.to_owned(),
                key: hyper.name.to_owned(),
                accepts: hyper.accepts.to_string(),
            });
        }
        Default::Unset => return Ok(None),
        Default::Number(x) => Value::Number(x),
        Default::Integer(x) => Value::Integer(i64::try_from(x).unwrap_or(i64::MAX)),
        Default::Bool(x) => Value::Bool(x),
        Default::Text(x) => Value::Text(x.to_owned()),
        Default::Integers(xs) => {
            Value::List(xs.iter().map(|&x| Value::Integer(i64::try_from(x).unwrap_or(i64::MAX))).collect())
        }
        Default::Numbers(xs) => Value::List(xs.iter().map(|&x| Value::Number(x)).collect()),
        Default::Texts(xs) => Value::List(xs.iter().map(|&x| Value::Text(x.to_owned())).collect()),
    }))
}

/// The largest number of a pair.
const MOST_PIXELS: u64 = 1 << 24;

fn check(hyper: &Hyperparameter, value: Value) -> Result<Value, SettingError> {
    let fits = match (hyper.accepts, &value) {
        (Accepts::Number { min, above, max, below }, value) => value.number().is_some_and(|x| {
            x.is_finite()
                && (if above { x > min } else { x >= min })
                && (if below { x < max } else { x <= max })
        }),
        (Accepts::Integer { min, max }, Value::Integer(x)) => {
            u64::try_from(*x).is_ok_and(|x| (min..=max).contains(&x))
        }
        (Accepts::Pair { min }, value) => {
            let size = |value: &Value| match value {
                Value::Integer(x) => u64::try_from(*x).is_ok_and(|x| (min..=MOST_PIXELS).contains(&x)),
                _ => false,
            };
            match value {
                Value::List(sizes) => sizes.len() == 2 && sizes.iter().all(size),
                value => size(value),
            }
        }
        (Accepts::Bool, Value::Bool(_)) | (Accepts::Text, Value::Text(_)) => true,
        (Accepts::Choice(names), Value::Text(text)) => names.contains(&text.as_str()),
        (Accepts::Integers, Value::List(list)) => list.iter().all(|v| matches!(v, Value::Integer(1..))),
        (Accepts::Numbers, Value::List(list)) => list.iter().all(|v| v.number().is_some_and(f64::is_finite)),
        (Accepts::Layers, Value::List(list)) => list.iter().all(|v| match v {
            Value::Table(entries) => matches!(entries.get("kind"), Some(Value::Text(_))),
            _ => false,
        }),
        (Accepts::Texts, Value::List(list)) => list.iter().all(|v| matches!(v, Value::Text(_))),
        (Accepts::CountOr(_), Value::Integer(1..)) => true,
        (Accepts::CountOr(word), Value::Text(text)) => text == word,
        (Accepts::Span, Value::Text(text)) => is_span(text),
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    Err(SettingError::Unacceptable {
        key: hyper.name.to_owned(),
        accepts: hyper.accepts.to_string(),
        got: value.to_string(),
    })
}

fn is_span(text: &str) -> bool {
    let number = |s: &str| s.trim().parse::<f64>().is_ok_and(|x| x.is_finite() && x >= 0.0);
    match text.trim().strip_suffix('%') {
        Some(percent) => number(percent),
        None => text.trim().rsplit_once(' ').is_some_and(|(count, unit)| {
            number(count) && matches!(unit, "step" | "steps" | "epoch" | "epochs")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ABOUT: Description = Description {
        name: "thing",
        summary: "",
        formula: "",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "rate",
                symbol: "α",
                summary: "",
                accepts: Accepts::POSITIVE,
                default: Default::Required,
                source: "",
            },
            Hyperparameter {
                name: "hidden",
                symbol: "",
                summary: "",
                accepts: Accepts::Integers,
                default: Default::Integers(&[64]),
                source: "",
            },
            Hyperparameter {
                name: "warmup",
                symbol: "",
                summary: "",
                accepts: Accepts::Span,
                default: Default::Unset,
                source: "",
            },
        ],
    };

    fn settings(written: &[(&str, Value)]) -> Result<Settings, SettingError> {
        Settings::new(&ABOUT, written.iter().map(|(k, v)| (k.to_string(), v.clone())))
    }

    #[test]
    fn defaults_complete_what_is_written() {
        let s = settings(&[("rate", Value::Number(0.5))]).unwrap();
        assert_eq!((s.number("rate"), s.integers("hidden"), s.get("warmup")), (0.5, vec![64], None));
    }

    #[test]
    fn what_is_unset_can_be_given_a_default_once() {
        let mut s = settings(&[("rate", Value::Number(0.5))]).unwrap();
        for value in ["5%", "6%", "unusable"] {
            s.set_default(&ABOUT, "warmup", Value::Text(value.into()));
        }
        s.set_default(&ABOUT, "rate", Value::Number(2.0));
        s.set_default(&ABOUT, "unknown", Value::Number(2.0));
        assert_eq!((s.text("warmup"), s.number("rate"), s.get("unknown")), ("5%", 0.5, None));
    }

    #[test]
    fn each_mistake_has_its_message() {
        let say = |written: &[(&str, Value)]| {
            let error = settings(written).unwrap_err();
            format!("{error}; {}", error.help().unwrap_or_default())
        };
        assert_eq!(say(&[]), "`thing` needs `rate`: a number above 0; ");
        assert_eq!(say(&[("rat", Value::Number(1.0))]), "`thing` has no setting `rat`; did you mean `rate`?");
        assert_eq!(
            say(&[("lr", Value::Number(1.0))]),
            "`thing` has no setting `lr`; its settings are rate, hidden, warmup"
        );
        assert_eq!(
            say(&[("hidden_layer_sizes", Value::Integer(1))]),
            "`thing` has no setting `hidden_layer_sizes`; did you mean `hidden`?"
        );
        assert_eq!(
            say(&[("hidden", Value::Integer(9))]),
            "`hidden` must be a list of whole numbers of at least 1, got 9; a list is written in brackets: [9]"
        );
        assert_eq!(say(&[("rate", Value::Number(f64::NAN))]), "`rate` must be a number above 0, got NaN; ");
        assert_eq!(
            say(&[("hidden", Value::List(vec![Value::Integer(0)]))]),
            "`hidden` must be a list of whole numbers of at least 1, got [0]; "
        );
        assert_eq!(
            say(&[("warmup", Value::Text("5".into()))]),
            "`warmup` must be a span such as \"500 steps\", \"3 epochs\" or \"5%\", got \"5\"; "
        );
    }
}
