//! The trainer: events, stopping rules, checkpoints and diagnostics.
//!
//! A [`RunSpec`] (or a [`Training`] put together by hand) becomes a [`Trainer`]; [`Trainer::run`] is an
//! iterator of [`Event`]s; what remains is a [`SavedModel`], which a [`Predictor`] applies to new rows.
#![forbid(unsafe_code)]

mod averaging;
mod blueprint;
mod calibration;
mod checkpoint;
mod container;
mod error;
mod evaluation;
mod evaluator;
mod event;
mod exact;
mod finding;
mod generator;
mod gradient_look;
mod minimize;
mod model_file;
mod predictor;
mod program;
mod pytorch;
mod ranker;
mod run_directory;
mod similarity;
mod spec;
mod stepper;
mod stopping;
mod streaming;
mod trainer;
mod training;
mod vector_file;
mod vectors;
mod watch;

pub use error::TrainError;
pub use evaluation::{Confusion, Evaluation};
pub use event::{Best, Cause, EvalReport, Event, StepReport, StopReason};
pub use finding::Finding;
pub use generator::{Generator, Sampling};
pub use minimize::{Minimize, Minimum};
pub use model_file::{Fault, SavedModel};
pub use predictor::{Predicted, Prediction, Predictor};
pub use pytorch::{Imported, Mismatch, PyTorchFault, PyTorchOptions};
pub use similarity::Similarity;
pub use spec::{
    Choice, Place, Precision, ROOT, RunOptions, RunSpec, SECTIONS, Section, SpecError, SpecProblem,
    StopOptions, schema,
};
pub use streaming::{Passed, Progressive, StreamEvent, Streaming};
pub use trainer::{Overview, Run, Trainer};
pub use training::Training;
pub use vector_file::{VectorFileFault, VectorFormat};
pub use vectors::{Ranked, Vectors, VectorsError};
