//! How things are registered, found by name and written as text.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use steepest_spec::{Accepts, Default, Description, Settings, Value, nearest};

use crate::NnError;

/// What a registry's entry builds, or why it cannot.
pub type Built<T> = Result<Box<T>, NnError>;

/// What one kind of registered thing (losses, layers, …) has in common.
pub trait Registered: Sized + 'static {
    /// What one is called in messages: `"loss"`.
    const KIND: &'static str;

    /// Name, formula, hyperparameters.
    fn about(&self) -> &Description;

    /// All of this kind.
    fn all() -> &'static [&'static Self];

    /// The one of this name.
    ///
    /// ```
    /// use steepest_nn::{LossSpec, Registered};
    /// assert_eq!(LossSpec::find("huber")?.about.name, "huber");
    /// let error = LossSpec::find("cross-entropi").err().unwrap();
    /// assert_eq!(error.to_string(), "no loss is called `cross-entropi`");
    /// assert_eq!(error.help().unwrap(), "did you mean `cross-entropy`?");
    /// # Ok::<(), steepest_nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// If there is none; the error carries the nearest name.
    fn find(name: &str) -> Result<&'static Self, NnError> {
        let found = Self::all().iter().find(|spec| spec.about().name == name);
        found.copied().ok_or_else(|| {
            let known: Vec<&'static str> = Self::all().iter().map(|spec| spec.about().name).collect();
            NnError::UnknownName {
                kind: Self::KIND,
                name: name.to_owned(),
                nearest: meant(name, &known).map(str::to_owned),
                known,
            }
        })
    }

    /// Checks written settings against the description and completes them by the defaults.
    ///
    /// # Errors
    /// The first setting that is unknown, unacceptable or missing.
    fn settings(
        &'static self,
        written: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Settings, NnError> {
        let owner = self.about().name;
        Settings::new(self.about(), written).map_err(|source| NnError::Setting { owner, source })
    }
}

/// A registered thing together with its settings: a value that can be stored in a configuration, and
/// that is written `name` or `name(setting=value, …)`.
///
/// ```
/// use steepest_nn::{Activation, Init};
/// let init: Init = "normal(std=0.05)".parse()?;
/// assert_eq!(init, Init::normal().with("std", 0.05)?);
/// assert_eq!(init.to_string(), "normal(std=0.05)");
/// assert_eq!(Activation::relu().to_string(), "relu");
/// assert!("normal(std=-1)".parse::<Init>().is_err());
/// # Ok::<(), steepest_nn::NnError>(())
/// ```
pub struct Configured<S: 'static> {
    spec: &'static S,
    settings: Settings,
}

impl<S: Registered> Configured<S> {
    /// The thing with its default settings.
    pub(crate) fn of(spec: &'static S) -> Configured<S> {
        // Only a wrong entry of this crate's own registries could fail here; the registries' tests
        // build every entry.
        let settings = spec.settings([]).expect("the defaults of a registered entry are acceptable");
        Configured { spec, settings }
    }

    /// The thing with some settings.
    ///
    /// # Errors
    /// If a setting is unknown, unacceptable or missing.
    pub fn new(
        spec: &'static S,
        written: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Configured<S>, NnError> {
        Ok(Configured { spec, settings: spec.settings(written)? })
    }

    /// The same with one setting changed.
    ///
    /// # Errors
    /// If there is no such setting, or if it does not accept the value.
    pub fn with(&self, key: &str, value: f64) -> Result<Configured<S>, NnError> {
        let kept = self.settings.iter().filter(|(known, _)| *known != key);
        let kept = kept.map(|(known, value)| (known.to_owned(), value.clone()));
        Configured::new(self.spec, kept.chain([(key.to_owned(), Value::Number(value))]))
    }

    /// The registry's entry.
    pub fn spec(&self) -> &'static S {
        self.spec
    }

    /// The settings, defaults included.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl<S> Clone for Configured<S> {
    fn clone(&self) -> Self {
        Configured { spec: self.spec, settings: self.settings.clone() }
    }
}

impl<S: Registered> PartialEq for Configured<S> {
    fn eq(&self, other: &Self) -> bool {
        self.spec.about().name == other.spec.about().name && self.settings == other.settings
    }
}

impl<S: Registered> fmt::Debug for Configured<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<S: Registered> fmt::Display for Configured<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.spec.about().name)?;
        let changed: Vec<String> = self
            .settings
            .iter()
            .filter_map(|(key, value)| {
                let hyper = self.spec.about().hyperparameters.iter().find(|h| h.name == key)?;
                let usual = match (hyper.default, value) {
                    (Default::Number(usual), Value::Number(value)) => usual == *value,
                    (Default::Integer(usual), Value::Integer(value)) => i64::try_from(usual) == Ok(*value),
                    (Default::Bool(usual), Value::Bool(value)) => usual == *value,
                    _ => false,
                };
                (!usual).then(|| format!("{key}={value}"))
            })
            .collect();
        if changed.is_empty() { Ok(()) } else { write!(f, "({})", changed.join(", ")) }
    }
}

impl<S: Registered> FromStr for Configured<S> {
    type Err = NnError;

    fn from_str(text: &str) -> Result<Self, NnError> {
        let malformed = || NnError::Malformed { kind: S::KIND, text: text.to_owned() };
        let text = text.trim();
        let (name, inner) = match text.split_once('(') {
            Some((name, rest)) => (name.trim_end(), rest.strip_suffix(')').ok_or_else(malformed)?),
            None => (text, ""),
        };
        let spec = S::find(name)?;
        let mut written = Vec::new();
        for part in inner.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(malformed)?;
            let hyper = spec.about().hyperparameters.iter().find(|hyper| hyper.name == key.trim());
            written.push((key.trim().to_owned(), read_value(value.trim(), hyper.map(|hyper| hyper.accepts))));
        }
        Configured::new(spec, written)
    }
}

/// What other frameworks call things, in small letters without marks, and what they are called here.
static ELSEWHERE: &[(&str, &[&str])] = &[
    ("linear", &["dense"]),
    ("lstm", &["recurrent"]),
    ("gru", &["recurrent"]),
    ("rnn", &["recurrent"]),
    ("transformer", &["transformer-block", "encoder"]),
    ("transformerencoderlayer", &["transformer-block"]),
    ("multiheadattention", &["attention"]),
    ("convolution", &["conv2d"]),
    ("convtranspose2d", &["conv-transpose2d"]),
    ("maxpool2d", &["max-pool"]),
    ("maxpool1d", &["max-pool"]),
    ("avgpool2d", &["avg-pool"]),
    ("avgpool1d", &["avg-pool"]),
    ("adaptiveavgpool2d", &["adaptive-avg-pool"]),
    ("batchnorm2d", &["batch-norm"]),
    ("batchnorm1d", &["batch-norm"]),
    ("relu", &["activation"]),
    ("gelu", &["activation"]),
    ("tanh", &["activation"]),
    ("sigmoid", &["activation"]),
];

/// The name that was meant: written otherwise, another framework's, or the one that looks most like it.
fn meant(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(name);
    let written = known.iter().copied().find(|known| plain(known) == wanted);
    let elsewhere = || {
        let here = ELSEWHERE.iter().filter(|(there, _)| *there == wanted).flat_map(|(_, here)| *here);
        here.copied().find(|here| known.contains(here))
    };
    written.or_else(elsewhere).or_else(|| nearest(name, known.iter().copied()))
}

/// The text as what the setting accepts; what cannot be read so stays text, which the setting refuses.
fn read_value(text: &str, accepts: Option<Accepts>) -> Value {
    let read = match accepts {
        Some(Accepts::Number { .. }) => text.parse().ok().map(Value::Number),
        Some(Accepts::Integer { .. }) => text.parse().ok().map(Value::Integer),
        Some(Accepts::Bool) => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    read.unwrap_or_else(|| Value::Text(text.to_owned()))
}

impl<S: Registered> Serialize for Configured<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, S: Registered> Deserialize<'de> for Configured<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Checks that a setting's text names something of a kind, so that the error can say which setting it was.
pub(crate) fn check_text<S: Registered>(
    about: &'static Description,
    settings: &Settings,
    key: &'static str,
) -> Result<(), NnError> {
    let Some(Value::Text(text)) = settings.get(key) else { return Ok(()) };
    let checked = text.parse::<Configured<S>>();
    checked.map(drop).map_err(|source| NnError::Field {
        owner: about.name,
        key,
        got: format!("{text:?}"),
        source: Box::new(source),
    })
}

/// A configuration from its checked settings and, for models, what the task adds to them.
pub(crate) fn configure<T: DeserializeOwned>(
    about: &'static Description,
    settings: &Settings,
    more: &[(&str, usize)],
) -> Result<T, NnError> {
    let written = settings.iter().map(|(key, value)| Ok((key.to_owned(), serde_json::to_value(value)?)));
    let added = more.iter().map(|(key, value)| Ok(((*key).to_owned(), serde_json::Value::from(*value))));
    let object = written.chain(added).collect::<Result<serde_json::Map<_, _>, serde_json::Error>>();
    let built = object.and_then(|object| serde_json::from_value(serde_json::Value::Object(object)));
    built.map_err(|source| NnError::Configuration { owner: about.name, source })
}

/// Makes a kind of registry entry a [`Registered`] one.
macro_rules! registered {
    ($spec:ty, $kind:literal, $all:expr) => {
        impl crate::Registered for $spec {
            const KIND: &'static str = $kind;

            fn about(&self) -> &steepest_spec::Description {
                &self.about
            }

            fn all() -> &'static [&'static Self] {
                $all
            }
        }
    };
}
pub(crate) use registered;
