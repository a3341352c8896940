//! Matrix products of every size and layout.
