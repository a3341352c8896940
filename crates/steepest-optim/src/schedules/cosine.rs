//! The rate that falls along half a cosine.

use std::f64::consts::PI;

use steepest_spec::Description;

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};
use crate::schedules::linear::{FINAL, OVER};
use crate::span::{Span, span};

/// Lets the rate fall along half a cosine: f = r + (1 − r)·½(1 + cos(π·min(k/n, 1))), where k updates have
/// been made, the span has n, and r is the final share.
///
/// At the first update f is 1, at the last of the span a little above r, and r after it, as in optax: with
/// r = 0 training then stands still. (PyTorch's `CosineAnnealingLR` climbs again.) While the span is not
/// known, f is 1.
///
/// Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts, eq. 5, without restarts.
///
/// ```
/// use steepest_optim::{Cosine, Progress, Schedule, Span};
/// let cosine = Cosine { over: Span::Percent(100.0), last: 0.2 };
/// let at = |t| cosine.at(Progress { step: t, total: Some(4), steps_per_epoch: None });
/// assert_eq!([at(1), at(5), at(9)], [1.0, 0.2, 0.2]);
/// assert!((at(3) - 0.6).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cosine {
    /// The span of the fall, n.
    pub over: Span,
    /// The share of the base rate that holds after it, r.
    pub last: f64,
}

impl Schedule for Cosine {
    fn at(&self, progress: Progress) -> f64 {
        let share = self.over.share(&progress);
        self.last + (1.0 - self.last) * 0.5 * (1.0 + (PI * share).cos())
    }

    fn lacks(&self, progress: Progress) -> bool {
        self.over.steps(&progress).is_none()
    }
}

/// `kind = "cosine"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "cosine",
        summary: "Lets the rate fall along half a cosine, and holds it after that.",
        formula: "f = r + (1−r)·½(1 + cos(π·min(k/n, 1))), k updates made",
        reference: "Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts, eq. 5",
        hyperparameters: &[OVER, FINAL, WARMUP],
    },
    build: |settings| {
        let cosine = Cosine { over: span(settings, "over")?, last: settings.number("final") };
        warmed_up(settings, cosine)
    },
};
