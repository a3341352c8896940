//! Graph variables, the primitive operations with their derivatives, the compiler passes and the
//! executor.
//!
//! A [`Graph`] records mathematics on [`Var`]s; [`gradients`] extends the graph by the derivative of a
//! scalar; [`Plan::compile`] turns the whole into one program over one arena; an [`Executor`] runs it.
#![forbid(unsafe_code)]
// Shapes are inline values, and an error is made once per plan.
#![allow(clippy::result_large_err)]

mod csr;
mod error;
mod executor;
mod gradient;
mod graph;
mod not_finite;
mod op;
mod ops;
mod passes;
mod plan;
mod reference;
mod scan;
mod var;
mod variables;

pub use csr::{Csr, NO_ROW};
pub use error::{Operand, PlanErrors, Problem, ProblemKind};
pub use executor::{Executor, ExecutorError, InputId, OutputId, ScalarId};
pub use gradient::{Gradient, gradients};
pub use graph::{Graph, Initial, Node, NodeId, VariableId, VariableKind, VariableSpec};
pub use not_finite::{NotFinite, first_not_finite};
pub use op::{Element, Op, Type};
pub use ops::custom_derivative::DerivativeRule;
pub use plan::{Cost, Plan, PlanOptions};
pub use reference::{Feeds, advance, evaluate};
pub use scan::{Direction, ScanInputs, Scanned, StepInputs, StepOutputs};
pub use steepest_tensor::Window;
pub use var::Var;
pub use variables::{Variables, VariablesError};
