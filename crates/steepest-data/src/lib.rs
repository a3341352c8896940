//! Data sources, splits, shuffling, preprocessing and batches.
#![forbid(unsafe_code)]
