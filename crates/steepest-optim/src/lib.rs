//! Gradient transforms and learning-rate schedules, written as mathematics on graph variables.
//!
//! A [`Transform`] turns gradients into updates; a [`Chain`] joins transforms; [`apply_updates`] writes
//! the only mutation of a training step, θ ← θ − u. [`OPTIMIZERS`] names the chains that people know
//! (`"adam"`, `"sgd-momentum"`), [`TRANSFORMS`] the links to build others from, and [`SCHEDULES`] the
//! [`Schedule`]s that the host multiplies the learning rate by.
//!
//! ```
//! use steepest_graph::{Feeds, Graph, Initial, VariableKind, advance, evaluate};
//! use steepest_optim::{Adam, Chain, Parameter, ScaleByRate, minimize};
//! let graph = Graph::new();
//! let x = graph.variable("x", VariableKind::Parameter, [2], Initial::Constant(3.0));
//! let loss = x.square().sum();
//! let adam = Chain::new().then(Adam::default()).then(ScaleByRate);
//! minimize(loss, &[Parameter::new("x", x)], &adam);
//!
//! let mut feeds = Feeds::new().scalar("learning-rate", 0.1);
//! for step in 1..=100 {
//!     feeds = feeds.scalar("step", f64::from(step));
//!     advance(&graph, &[], &mut feeds)?;
//! }
//! let loss = evaluate(&graph, &[loss], &feeds)?[0].to_f64()[0];
//! assert!(loss < 0.01, "from 18 to {loss} in 100 steps");
//! # Ok::<(), steepest_graph::PlanErrors>(())
//! ```
#![forbid(unsafe_code)]

mod apply;
mod average;
mod chain;
mod join;
mod schedule;
pub mod schedules;
mod scope;
mod span;
mod spec;
mod transform;
pub mod transforms;
mod updates;

pub use apply::{Applied, apply_updates, minimize};
pub use average::Average;
pub use chain::Chain;
pub use join::Join;
pub use schedule::{Progress, Schedule, ScheduleSpec};
pub use schedules::{Constant, Cosine, Exponential, Linear, Piecewise, SCHEDULES, Step};
pub use scope::{ParameterScope, UpdateScope};
pub use span::{Span, SpanError};
pub use spec::{Build, OptimizerSpec, TransformSpec};
pub use transform::Transform;
pub use transforms::{
    Adagrad, Adam, ClipGlobalNorm, ClipValue, Decaying, L2, Momentum, Nesterov, OPTIMIZERS, ProximalL1,
    RmsProp, RmsPropCentered, ScaleByRate, TRANSFORMS, WeightDecay,
};
pub use updates::{Parameter, Updates};

/// The host scalar that holds the number of the update, 1 at the first.
pub const STEP: &str = "step";
/// The host scalar that holds the learning rate of the update.
pub const LEARNING_RATE: &str = "learning-rate";
