//! The workloads of the benchmark, and how a peer written in Rust answers the harness.
//!
//! Every peer reads the same description and arrays from a folder, so that all start from the same weights
//! and take the same batches in the same order.
#![forbid(unsafe_code)]

mod folder;
mod networks;
mod serve;
mod workloads;

pub use folder::{Folder, FolderError};
pub use networks::parameters;
pub use serve::{Message, Peer, ServeError, serve};
pub use workloads::{Array, Model, Optimizer, Workload, find, workload, workloads};
