//! The rate that falls in steps.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};
use crate::span::{Span, span};

/// Multiplies the rate by a factor after every span: f = γ^⌊k/n⌋, where k updates have been made and the
/// span has n.
///
/// At the first update f is 1; it never ends. A span of no steps counts as one of one step. PyTorch's
/// `StepLR` is the same where its scheduler is stepped at each update, or each epoch with
/// `every = "n epochs"`.
///
/// ```
/// use steepest_optim::{Progress, Schedule, Span, Step};
/// let step = Step { every: Span::Steps(10), factor: 0.5 };
/// let at = |t| step.at(Progress { step: t, total: None, steps_per_epoch: None });
/// assert_eq!([at(1), at(10), at(11), at(21)], [1.0, 1.0, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The span between two falls, n.
    pub every: Span,
    /// What remains of the rate after a fall, γ.
    pub factor: f64,
}

impl Schedule for Step {
    fn at(&self, progress: Progress) -> f64 {
        let falls = self.every.steps(&progress).map_or(0, |n| progress.done() / n.max(1));
        self.factor.powf(falls as f64)
    }

    fn lacks(&self, progress: Progress) -> bool {
        self.every.steps(&progress).is_none()
    }
}

pub(crate) const FACTOR: Hyperparameter = Hyperparameter {
    name: "factor",
    symbol: "γ",
    summary: "What remains of the rate after each span.",
    accepts: Accepts::Number { min: 0.0, above: true, max: 1.0, below: false },
    default: Default::Number(0.1),
    source: "PyTorch `StepLR`",
};

/// `kind = "step"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "step",
        summary: "Multiplies the rate by a factor after every span.",
        formula: "f = γ^⌊k/n⌋, k updates made",
        reference: "He et al. 2016, Deep residual learning for image recognition, section 3.4",
        hyperparameters: &[
            Hyperparameter {
                name: "every",
                symbol: "n",
                summary: "The span between two falls.",
                accepts: Accepts::Span,
                default: Default::Required,
                source: "",
            },
            FACTOR,
            WARMUP,
        ],
    },
    build: |settings| {
        let step = Step { every: span(settings, "every")?, factor: settings.number("factor") };
        warmed_up(settings, step)
    },
};
