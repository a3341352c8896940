//! Data sources, splits, shuffling, preprocessing and batches.
//!
//! The way of a row of data: a [`Source`] reads it from a file into a [`Table`], [`Split`] says which
//! part it belongs to, the [`Preprocessor`] learns from the training part only and turns it into
//! numbers, and a [`Dataset`] copies it into the batch that [`Batches`] picks. [`prepare`] does all
//! of this but the last in one call.
#![forbid(unsafe_code)]

mod augment;
mod batch;
mod bpe;
mod corpus;
mod dataset;
mod date;
mod error;
mod finding;
mod fingerprint;
mod history;
mod inspect;
mod lines;
mod nearest;
mod options;
mod prepare;
mod preprocess;
mod real;
mod remedy;
mod scan;
mod schema;
mod series;
mod shuffle;
pub mod sources;
mod sparse;
mod split;
mod stdin;
mod stream;
mod table;
mod targets;
mod text;
mod tokenizer;
mod words;

pub use augment::Augmentation;
pub use batch::{Batch, BatchIter, BatchSize, Batches, Order, Position};
pub use corpus::read_corpus;
pub use dataset::Dataset;
pub use error::{Cell, DataError, Nearest, Role, SparseProblem};
pub use finding::{Fill, Finding};
pub use fingerprint::Fingerprint;
pub use history::History;
pub use inspect::{ColumnSummary, Inspection, NumberSummary, inspect};
pub use options::{MISSING_TEXTS, ReadOptions};
pub use prepare::{DataOptions, Prepared, data_parameters, prepare};
pub use preprocess::{
    Categories, ClassWeight, EncodedTargets, Encoder, Encoding, Fitter, Hashed, Input, PreprocessOptions,
    Preprocessor, Scaled, Target, TargetEncoding, Task, Terms, Unseen,
};
pub use real::Real;
pub use schema::{Column, ColumnKind, Reason, Schema};
pub use series::{Sequences, read_sequences};
pub use shuffle::Permutation;
pub use sources::csv::CsvSource;
pub use sources::folder::FolderSource;
pub use sources::idx::IdxSource;
pub use sources::label_text::LabelTextSource;
pub use sources::libsvm::LibsvmSource;
pub use sources::memory::MemorySource;
pub use sources::vowpal::VowpalSource;
pub use sources::{Cursor, Parameter, Source, SourceSpec};
pub use sparse::{Capacities, Codes, FeatureForm, NO_ROW, SparseRows};
pub use split::{Fractions, Part, Shares, Split};
pub use stream::{Stream, StreamStart, Window};
pub use table::{MISSING, Names, Table, Values};
pub use targets::{Scaling, TargetKind, TargetsMut};
pub use tokenizer::{Tokenizer, Tokens};
pub use words::{Subwords, WordField, WordOptions, WordRow, read_sentences};
