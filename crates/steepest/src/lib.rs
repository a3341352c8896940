//! Steepest is a gradient-descent engine: exact, fast on a CPU, and readable.
//!
//! A training step (forward, loss, backward, optimizer) is mathematics on graph variables that is
//! differentiated graph to graph and compiled once into one program. The same program gives the same bits
//! on any number of threads, and a run that was killed goes on as if it had not been.
//!
//! # Train on a file
//!
//! ```
//! use steepest::prelude::*;
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/iris.csv");
//! // let file = "iris.csv";
//! let spec = RunSpec::new(file, "species")?.with("optimizer.learning-rate", 0.01)?;
//! let mut trainer = Trainer::new(&spec)?;
//! println!("{}", trainer.train()?);
//! let test = trainer.evaluate(Part::Test)?.ok_or("no rows were held out")?;
//! assert!(test.metric("accuracy") > Some(0.9), "{test}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Minimize any function
//!
//! ```
//! use steepest::prelude::*;
//! let minimum = Minimize::new(|x| (1.0 - x[0]).square() + 100.0 * (x[1] - x[0].square()).square())
//!     .from(&[Tensor::scalar(-1.2), Tensor::scalar(1.0)])
//!     .run()?;
//! assert!(minimum.value < 1e-12, "{minimum:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Your own layer, loss or optimizer
//!
//! A [`Layer`](nn::Layer) is a struct whose `forward` writes mathematics on [`Var`](graph::Var)s; a
//! [`Loss`](nn::Loss) is a function of prediction and target; a [`Transform`](optim::Transform) turns
//! gradients into updates. None of them writes a derivative. [`Training`](train::Training) puts them
//! together; the folder `examples` has one program for each.
//!
//! # Where things are
//!
//! | module | what is in it |
//! |---|---|
//! | [`train`] | [`RunSpec`](train::RunSpec), [`Trainer`](train::Trainer), events, checkpoints, [`SavedModel`](train::SavedModel) |
//! | [`nn`] | layers, losses, initializers, metrics, ready-made models |
//! | [`optim`] | gradient transforms and schedules |
//! | [`data`] | sources, splits, preprocessing, [`Dataset`](data::Dataset) |
//! | [`graph`] | [`Var`](graph::Var), [`gradients`](graph::gradients()), plans and their executor |
//! | [`report`] | pictures of a run |
//! | [`registry`] | what every registered thing says of itself |
//! | [`tensor`] | shapes, buffers, random numbers, the thread pool |
#![forbid(unsafe_code)]

pub use steepest_data as data;
pub use steepest_graph as graph;
pub use steepest_nn as nn;
pub use steepest_optim as optim;
pub use steepest_report as report;
pub use steepest_spec as registry;
pub use steepest_tensor as tensor;
pub use steepest_train as train;

/// What most programs need.
pub mod prelude {
    pub use steepest_data::{BatchSize, Dataset, Part, Prepared, prepare};
    pub use steepest_graph::{Graph, Initial, Var, gradients};
    pub use steepest_nn::{
        Activation, CrossEntropy, Dense, Dropout, Flatten, Init, Layer, Loss, Mlp, Model, Phase, Scope,
        Sequential, Target, Task,
    };
    pub use steepest_optim::{
        Adam, Chain, ClipGlobalNorm, Cosine, L2, Momentum, Progress, ScaleByRate, Schedule, Span, Transform,
        UpdateScope, Updates, WeightDecay,
    };
    pub use steepest_tensor::{Key, Shape, Tensor};
    pub use steepest_train::{
        Evaluation, Event, Minimize, Prediction, Predictor, RunOptions, RunSpec, SavedModel, StopOptions,
        StopReason, Trainer, Training,
    };
}
