//! Schedules one after the other, and the warm-up before any of them.

use steepest_spec::{Accepts, Default, Hyperparameter, SettingError, Settings};

use crate::schedule::{Progress, Schedule};
use crate::span::{Span, span};

/// Schedules one after the other.
///
/// Each part has a clock of its own: its first update is 1, its whole training is its span (for the last,
/// what is left). Spans of the parts are measured on the whole training. PyTorch's `SequentialLR`, optax's
/// `join_schedules`. A part whose span is not known is the last.
///
/// ```
/// use steepest_optim::{Constant, Join, Linear, Progress, Schedule, Span};
/// // Half of the training at the full rate, then a fall to 0 over the other half.
/// let fall = Linear { over: Span::Percent(100.0), last: 0.0 };
/// let join = Join::new(fall).before(Span::Percent(50.0), Constant);
/// let at = |t| join.at(Progress { step: t, total: Some(8), steps_per_epoch: None });
/// assert_eq!([at(1), at(4), at(5), at(6), at(8), at(9)], [1.0, 1.0, 1.0, 0.75, 0.25, 0.0]);
/// ```
#[derive(Debug)]
pub struct Join {
    parts: Vec<(Span, Box<dyn Schedule>)>,
    last: Box<dyn Schedule>,
}

impl Join {
    /// A single part.
    pub fn new(last: impl Schedule + 'static) -> Join {
        Join { parts: Vec::new(), last: Box::new(last) }
    }

    /// Adds a part of some span before the last, after those added before.
    #[must_use]
    pub fn before(mut self, over: Span, part: impl Schedule + 'static) -> Join {
        self.parts.push((over, Box::new(part)));
        self
    }

    /// A linear warm-up, then a schedule: fₜ = t/n at the updates t = 1 … n of the warm-up.
    ///
    /// The first update has 1/n of the rate, not 0, which would waste it; update n has all of it, and the
    /// schedule begins with the update after.
    ///
    /// Goyal et al. 2017, Accurate, large minibatch SGD, section 2.2.
    ///
    /// ```
    /// use steepest_optim::{Constant, Join, Progress, Schedule, Span};
    /// let warm = Join::warm_up(Span::Steps(4), Constant);
    /// let at = |t| warm.at(Progress { step: t, total: None, steps_per_epoch: None });
    /// assert_eq!([at(1), at(2), at(4), at(5)], [0.25, 0.5, 1.0, 1.0]);
    /// ```
    pub fn warm_up(over: Span, then: impl Schedule + 'static) -> Join {
        Join::new(then).before(over, Ramp)
    }

    /// The part that holds at this progress, and the progress on its clock.
    fn part(&self, progress: Progress) -> (&dyn Schedule, Progress) {
        let mut begin = 0_u64;
        for (over, part) in &self.parts {
            let local = progress.after(begin);
            let Some(n) = over.steps(&progress) else {
                return (&**part, Progress { total: None, ..local });
            };
            let end = n.saturating_add(begin);
            if progress.done() < end {
                return (&**part, Progress { total: Some(n), ..local });
            }
            begin = end;
        }
        (&*self.last, progress.after(begin))
    }
}

impl Schedule for Join {
    fn at(&self, progress: Progress) -> f64 {
        let (part, local) = self.part(progress);
        part.at(local)
    }

    fn lacks(&self, progress: Progress) -> bool {
        let known = |part: &dyn Schedule, n| !part.lacks(Progress { total: n, ..progress });
        let parts = |(over, part): &(Span, Box<dyn Schedule>)| {
            over.steps(&progress).is_some_and(|n| known(&**part, Some(n)))
        };
        !(self.parts.iter().all(parts) && known(&*self.last, progress.total))
    }
}

/// f = t/n over n updates; 1 if n is not known.
#[derive(Clone, Copy, Debug)]
struct Ramp;

impl Schedule for Ramp {
    fn at(&self, progress: Progress) -> f64 {
        progress.total.map_or(1.0, |n| (progress.step as f64 / n.max(1) as f64).min(1.0))
    }

    fn lacks(&self, progress: Progress) -> bool {
        progress.total.is_none()
    }
}

/// The warm-up, a setting of every schedule.
pub(crate) const WARMUP: Hyperparameter = Hyperparameter {
    name: "warmup",
    symbol: "",
    summary: "A span before the schedule in which the rate rises along a line, from 1/n at the first update.",
    accepts: Accepts::Span,
    default: Default::Unset,
    source: "off, as in PyTorch",
};

/// A schedule, after a warm-up if the settings ask for one.
pub(crate) fn warmed_up(
    settings: &Settings,
    then: impl Schedule + 'static,
) -> Result<Box<dyn Schedule>, SettingError> {
    match settings.get(WARMUP.name) {
        Some(_) => Ok(Box::new(Join::warm_up(span(settings, WARMUP.name)?, then))),
        None => Ok(Box::new(then)),
    }
}
