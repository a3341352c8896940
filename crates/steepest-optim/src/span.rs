//! Spans of training, with their unit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use steepest_spec::{Accepts, SettingError, Settings};

use crate::schedule::Progress;

/// A span of training: so many steps, epochs, or a share of the whole.
///
/// ```
/// use steepest_optim::{Progress, Span};
/// let training = Progress { step: 1, total: Some(2000), steps_per_epoch: Some(100) };
/// let steps = |text: &str| text.parse::<Span>().map(|span| span.steps(&training));
/// assert_eq!(steps("500 steps"), Ok(Some(500)));
/// assert_eq!(steps("2.5 epochs"), Ok(Some(250)));
/// assert_eq!(steps("5%"), Ok(Some(100)));
/// assert_eq!("5".parse::<Span>().unwrap_err().to_string(),
///     "\"5\" is not a span of training; write \"500 steps\", \"3 epochs\" or \"5%\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Span {
    /// A number of updates.
    Steps(u64),
    /// A number of passes over the data.
    Epochs(f64),
    /// A share of the whole training, in percent.
    Percent(f64),
}

/// A text that is not a span of training.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a span of training; write \"500 steps\", \"3 epochs\" or \"5%\"")]
pub struct SpanError {
    /// The text as written.
    pub text: String,
}

impl Span {
    /// The length in steps, rounded to nearest; none if it depends on what is not known (yet): the length
    /// of an epoch, or of the whole training.
    pub fn steps(&self, progress: &Progress) -> Option<u64> {
        match *self {
            Span::Steps(steps) => Some(steps),
            Span::Epochs(epochs) => progress.steps_per_epoch.map(|n| (epochs * n as f64).round() as u64),
            Span::Percent(percent) => progress.total.map(|n| (percent / 100.0 * n as f64).round() as u64),
        }
    }

    /// The share of the span that lies behind, from 0 at the first update to 1 at its end and after.
    /// While the length is not known, 0; a span of no steps lies behind from the start.
    pub(crate) fn share(&self, progress: &Progress) -> f64 {
        match self.steps(progress) {
            None => 0.0,
            Some(n) if progress.done() >= n => 1.0,
            Some(n) => progress.done() as f64 / n as f64,
        }
    }
}

/// The span that a setting holds.
pub(crate) fn span(settings: &Settings, key: &str) -> Result<Span, SettingError> {
    settings.text(key).parse().map_err(|_| SettingError::Unacceptable {
        key: key.to_owned(),
        accepts: Accepts::Span.to_string(),
        got: settings.get(key).map(ToString::to_string).unwrap_or_default(),
    })
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let error = || SpanError { text: text.to_owned() };
        let real = |number: &str| number.trim().parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
        if let Some(percent) = text.trim().strip_suffix('%') {
            return real(percent).filter(|x| *x <= 100.0).map(Span::Percent).ok_or_else(error);
        }
        let (number, unit) = text.trim().rsplit_once(' ').ok_or_else(error)?;
        let span = match unit {
            "step" | "steps" => number.trim().parse().ok().map(Span::Steps),
            "epoch" | "epochs" => real(number).map(Span::Epochs),
            _ => None,
        };
        span.ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |one: bool| if one { "" } else { "s" };
        match self {
            Span::Steps(steps) => write!(f, "{steps} step{}", plural(*steps == 1)),
            Span::Epochs(epochs) => write!(f, "{epochs} epoch{}", plural(*epochs == 1.0)),
            Span::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Span, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_what_they_write() {
        for text in ["1 step", "500 steps", "1 epoch", "2.5 epochs", "0%", "5%", "12.5%"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_span_is_an_error() {
        for text in ["", "5", "%", "0.5 steps", "-1 epochs", "101%", "NaN%", "inf epochs", "3 days", "steps"]
        {
            assert_eq!(text.parse::<Span>(), Err(SpanError { text: text.to_owned() }));
        }
    }

    #[test]
    fn unknown_lengths_have_no_steps() {
        let unknown = Progress { step: 1, total: None, steps_per_epoch: None };
        assert_eq!(Span::Epochs(1.0).steps(&unknown), None);
        assert_eq!(Span::Percent(1.0).steps(&unknown), None);
        assert_eq!(Span::Steps(3).steps(&unknown), Some(3));
    }
}
