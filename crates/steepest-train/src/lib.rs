//! The trainer: events, stopping rules, checkpoints and diagnostics.
#![forbid(unsafe_code)]
#![allow(clippy::result_large_err)]

mod error;
mod evaluation;
mod event;
mod exact;
mod finding;
mod model_file;
mod predictor;
mod spec;
mod trainer;

pub use error::TrainError;
pub use evaluation::{Confusion, Evaluation};
pub use event::{Best, EvalReport, Event, StepReport, StopReason};
pub use finding::Finding;
pub use model_file::{Fault, SavedModel};
pub use predictor::{Predicted, Predictor};
pub use spec::{
    Choice, Place, Precision, ROOT, RunOptions, RunSpec, SECTIONS, Section, SpecError, SpecProblem,
    StopOptions, schema,
};
pub use trainer::{Overview, Run, Trainer};
