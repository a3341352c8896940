//! The facade that users add: re-exports, the prelude and the front-page example.
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
    pub use steepest_data::{BatchSize, Dataset, Part, Prepared};
    pub use steepest_graph::{Graph, Initial, Var, gradients};
    pub use steepest_nn::{Activation, Dense, Dropout, Init, Layer, Loss, Mlp, Scope, Sequential, Task};
    pub use steepest_optim::{Chain, Schedule, Transform, UpdateScope, Updates};
    pub use steepest_tensor::{Key, Shape, Tensor};
    pub use steepest_train::{Evaluation, Event, Predictor, RunSpec, SavedModel, StopReason, Trainer};
}
