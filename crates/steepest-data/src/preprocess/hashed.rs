//! Feature hashing: columns that share a fixed number of inputs by the hash of their names and values.

use serde::{Deserialize, Serialize};

use super::numeric::Scaled;
use crate::SparseRows;
use crate::table::{Names, Values};

/// 64-bit FNV-1a, begun from a seed.
pub(crate) fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, step)
}

/// The halves of a hash in one.
pub(crate) fn fold(hash: u64) -> u32 {
    ((hash >> 32) ^ hash) as u32
}

/// What of a column is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of")]
pub enum Hashed {
    /// The numbers of the features of a sparse column: their lowest bits.
    Sparse,
    /// A number, at the hash of the column's name.
    Number(Scaled),
    /// 1 at the hash of the column's name and the row's own.
    Names,
}

impl Hashed {
    /// Appends the entries of each row of a column, to which `entries` gives the row's list.
    pub(super) fn column<'v>(&self, name: &str, bits: u32, values: &'v Values) -> Option<HashedColumn<'v>> {
        let mask = (1u32 << bits) - 1;
        let of_name = hash_bytes(0, name.as_bytes());
        Some(match (self, values) {
            (Hashed::Sparse, Values::Sparse(rows)) => HashedColumn::Sparse { rows, mask },
            (Hashed::Number(scaled), Values::Numbers(values)) => {
                HashedColumn::Number { values, scaled: *scaled, column: fold(of_name) & mask }
            }
            (Hashed::Names, Values::Names(names)) => {
                let of = |value: &String| fold(hash_bytes(of_name | 1, value.as_bytes())) & mask;
                let columns = names.names().iter().map(of).collect();
                HashedColumn::Names { names, columns, missing: fold(of_name) & mask }
            }
            _ => return None,
        })
    }
}

/// A column of a table with the hashes of its names.
pub(super) enum HashedColumn<'v> {
    Sparse { rows: &'v SparseRows, mask: u32 },
    Number { values: &'v [f64], scaled: Scaled, column: u32 },
    Names { names: &'v Names, columns: Vec<u32>, missing: u32 },
}

impl HashedColumn<'_> {
    /// Appends a row's entries to the row that is being made.
    pub fn append(&self, row: usize, into: &mut SparseRows) {
        match self {
            HashedColumn::Sparse { rows, mask } => {
                let ((columns, values), mask) = (rows.row(row), *mask);
                into.extend(columns.iter().map(|column| column & mask), values);
            }
            HashedColumn::Number { values, scaled, column } => {
                let value = values.get(row).map_or(0.0, |&value| scaled.apply(value) as f32);
                if value != 0.0 && value.is_finite() {
                    into.add(*column, value);
                }
            }
            HashedColumn::Names { names, columns, missing } => {
                let code = names.codes().get(row).map_or(usize::MAX, |&code| code as usize);
                into.add(columns.get(code).copied().unwrap_or(*missing), 1.0);
            }
        }
    }
}
