//! The program as a user meets it: what it prints, where, and its exit code.

mod bad_data;
mod bad_model;
mod bad_spec;
mod harness;
mod help;
mod list;
mod networks;
mod pytorch;
mod recommend;
mod runs;
mod streams;
mod words;
