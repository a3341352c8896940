//! How the learning rate changes in the course of training.

use std::fmt::Debug;

use steepest_spec::{Description, SettingError, Settings};

/// Where training stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of the update about to be made, 1 at the first.
    pub step: u64,
    /// The number of updates of the whole training, if it is known.
    pub total: Option<u64>,
    /// The number of updates in a pass over the data, if it is known.
    pub steps_per_epoch: Option<u64>,
}

impl Progress {
    /// The updates made before this one: 0 at the first.
    pub fn done(&self) -> u64 {
        self.step.saturating_sub(1)
    }

    /// Progress as seen by a schedule that begins after some steps: its own first step is 1.
    pub fn after(&self, steps: u64) -> Progress {
        Progress {
            step: self.step.saturating_sub(steps).max(1),
            total: self.total.map(|total| total.saturating_sub(steps)),
            steps_per_epoch: self.steps_per_epoch,
        }
    }
}

/// How the learning rate changes in the course of training.
///
/// The rate of a step is the base rate times [`at`](Schedule::at). A schedule is a pure function, defined
/// for every progress: training resumed at step t has the rate it would have had, and a run that goes on
/// past the planned end has a rate.
pub trait Schedule: Debug + Send + Sync {
    /// What the base rate is multiplied by at this step.
    fn at(&self, progress: Progress) -> f64;

    /// Whether the schedule needs to know how long training or an epoch is, and does not from this
    /// progress. Until it knows, [`at`](Schedule::at) is that of an endless training.
    fn lacks(&self, progress: Progress) -> bool;
}

/// A schedule, by name.
#[derive(Debug)]
pub struct ScheduleSpec {
    /// What it says of itself.
    pub about: Description,
    /// Makes it from checked settings.
    pub build: fn(&Settings) -> Result<Box<dyn Schedule>, SettingError>,
}
