//! The rate that stays.

use steepest_spec::Description;

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};

/// The base rate throughout: f = 1.
///
/// ```
/// use steepest_optim::{Constant, Progress, Schedule};
/// let late = Progress { step: 1_000_000, total: Some(10), steps_per_epoch: None };
/// assert_eq!(Constant.at(late), 1.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Constant;

impl Schedule for Constant {
    fn at(&self, _: Progress) -> f64 {
        1.0
    }

    fn lacks(&self, _: Progress) -> bool {
        false
    }
}

/// `kind = "constant"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "constant",
        summary: "The base rate throughout.",
        formula: "f = 1",
        reference: "",
        hyperparameters: &[WARMUP],
    },
    build: |settings| warmed_up(settings, Constant),
};
