//! The rate that falls steadily.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};
use crate::schedules::step::FACTOR;
use crate::span::{Span, span};

/// Lets the rate fall by a factor over every span, a little at each update: f = γ^(k/n), where k updates
/// have been made and the span has n.
///
/// At the first update f is 1; it never ends and never reaches 0. [`Step`](crate::Step) falls at once at
/// the end of each span, as PyTorch's `ExponentialLR` does when it is stepped once in an epoch.
///
/// ```
/// use steepest_optim::{Exponential, Progress, Schedule, Span};
/// let exponential = Exponential { every: Span::Steps(10), factor: 0.25 };
/// let at = |t| exponential.at(Progress { step: t, total: None, steps_per_epoch: None });
/// assert_eq!([at(1), at(6), at(11)], [1.0, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exponential {
    /// The span over which the rate falls by the factor, n.
    pub every: Span,
    /// What remains of the rate after the span, γ.
    pub factor: f64,
}

impl Schedule for Exponential {
    fn at(&self, progress: Progress) -> f64 {
        let spans = self.every.steps(&progress).map_or(0.0, |n| progress.done() as f64 / n.max(1) as f64);
        self.factor.powf(spans)
    }

    fn lacks(&self, progress: Progress) -> bool {
        self.every.steps(&progress).is_none()
    }
}

/// `kind = "exponential"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "exponential",
        summary: "Lets the rate fall by a factor over every span, a little at each update.",
        formula: "f = γ^(k/n), k updates made",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "every",
                symbol: "n",
                summary: "The span over which the rate falls by the factor.",
                accepts: Accepts::Span,
                default: Default::Text("1 epoch"),
                source: "PyTorch `ExponentialLR`, which is stepped once in an epoch",
            },
            Hyperparameter { default: Default::Required, source: "", ..FACTOR },
            WARMUP,
        ],
    },
    build: |settings| {
        let exponential = Exponential { every: span(settings, "every")?, factor: settings.number("factor") };
        warmed_up(settings, exponential)
    },
};
