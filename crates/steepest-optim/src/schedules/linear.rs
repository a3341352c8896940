//! The rate that falls along a line.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};
use crate::span::{Span, span};

/// Lets the rate fall along a line: f = r + (1 − r)·(1 − min(k/n, 1)), where k updates have been made, the span
/// has n, and r is the final share.
///
/// At the first update f is 1, at the last of the span a little above r, and r after it: with r = 0
/// training then stands still. While the span is not known, f is 1.
///
/// ```
/// use steepest_optim::{Linear, Progress, Schedule, Span};
/// let linear = Linear { over: Span::Percent(100.0), last: 0.5 };
/// let at = |t| linear.at(Progress { step: t, total: Some(4), steps_per_epoch: None });
/// assert_eq!([at(1), at(3), at(4), at(5), at(9)], [1.0, 0.75, 0.625, 0.5, 0.5]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// The span of the fall, n.
    pub over: Span,
    /// The share of the base rate that holds after it, r.
    pub last: f64,
}

impl Schedule for Linear {
    fn at(&self, progress: Progress) -> f64 {
        self.last + (1.0 - self.last) * (1.0 - self.over.share(&progress))
    }

    fn lacks(&self, progress: Progress) -> bool {
        self.over.steps(&progress).is_none()
    }
}

pub(crate) const OVER: Hyperparameter = Hyperparameter {
    name: "over",
    symbol: "n",
    summary: "The span of the fall; warm-up, if any, comes before and is not part of it.",
    accepts: Accepts::Span,
    default: Default::Text("100%"),
    source: "the whole training, as is usual",
};

pub(crate) const FINAL: Hyperparameter = Hyperparameter {
    name: "final",
    symbol: "r",
    summary: "The share of the base rate that holds after the span.",
    accepts: Accepts::Number { min: 0.0, above: false, max: 1.0, below: false },
    default: Default::Number(0.0),
    source: "PyTorch `CosineAnnealingLR`, optax",
};

/// `kind = "linear"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "linear",
        summary: "Lets the rate fall along a line, and holds it after that.",
        formula: "f = r + (1−r)·(1 − min(k/n, 1)), k updates made",
        reference: "",
        hyperparameters: &[OVER, FINAL, WARMUP],
    },
    build: |settings| {
        let linear = Linear { over: span(settings, "over")?, last: settings.number("final") };
        warmed_up(settings, linear)
    },
};
