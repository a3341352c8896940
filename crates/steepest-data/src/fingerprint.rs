//! A 64-bit fingerprint of a file's bytes, to tell whether a run's data has changed.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::DataError;

const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;

/// A 64-bit hash of bytes; equal bytes give equal fingerprints on every machine and version.
///
/// It detects accidents, not adversaries: two different files collide with probability 2⁻⁶⁴.
/// Written as 16 hexadecimal digits.
///
/// ```
/// use steepest_data::Fingerprint;
/// assert_eq!(Fingerprint::of_bytes(b"a,b\n1,2\n"), Fingerprint::of_bytes(b"a,b\n1,2\n"));
/// assert_ne!(Fingerprint::of_bytes(b"a,b\n1,2\n"), Fingerprint::of_bytes(b"a,b\n1,3\n"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of a file's contents, read in small pieces.
    ///
    /// # Errors
    /// [`DataError::NotFound`] or [`DataError::Io`].
    pub fn of_file(path: &Path) -> Result<Fingerprint, DataError> {
        let mut file = File::open(path).map_err(|source| DataError::opening(path, source))?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer).map_err(|source| DataError::Io { path: path.into(), source })? {
                0 => return Ok(hasher.finish()),
                read => hasher.write(&buffer[..read]),
            }
        }
    }

    /// The fingerprint of bytes in memory.
    pub fn of_bytes(bytes: &[u8]) -> Fingerprint {
        let mut hasher = Hasher::new();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Fingerprint, Self::Error> {
        u64::from_str_radix(&text, 16).map(Fingerprint)
    }
}

/// Eight bytes at a time through a folded 128-bit product, with the length mixed in at the end.
struct Hasher {
    state: u64,
    length: u64,
    pending: [u8; 8],
}

impl Hasher {
    fn new() -> Hasher {
        Hasher { state: PRIME, length: 0, pending: [0; 8] }
    }

    fn write(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 8) as usize;
        self.length += bytes.len() as u64;
        if held > 0 {
            let taken = bytes.len().min(8 - held);
            self.pending[held..held + taken].copy_from_slice(&bytes[..taken]);
            if held + taken < 8 {
                return;
            }
            self.mix(u64::from_le_bytes(self.pending));
            bytes = &bytes[taken..];
        }
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        self.pending[..rest.len()].copy_from_slice(rest);
    }

    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(PRIME);
        self.state = (product >> 64) as u64 ^ (product as u64).rotate_left(23);
    }

    fn finish(mut self) -> Fingerprint {
        let held = (self.length % 8) as usize;
        let mut last = [0; 8];
        last[..held].copy_from_slice(&self.pending[..held]);
        self.mix(u64::from_le_bytes(last));
        self.mix(self.length);
        self.mix(PRIME.rotate_left(31));
        Fingerprint(self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * 7 % 251) as u8).collect();
        let whole = Fingerprint::of_bytes(&bytes);
        for piece in [1, 2, 3, 7, 8, 9, 64, 999] {
            let mut hasher = Hasher::new();
            bytes.chunks(piece).for_each(|chunk| hasher.write(chunk));
            assert_eq!(hasher.finish(), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn every_bit_and_the_length_count() {
        let mut seen = std::collections::HashSet::new();
        assert!(seen.insert(Fingerprint::of_bytes(b"")));
        for length in 1..40 {
            assert!(seen.insert(Fingerprint::of_bytes(&vec![0; length])), "{length} zeros");
            for bit in 0..length * 8 {
                let mut bytes = vec![0u8; length];
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(seen.insert(Fingerprint::of_bytes(&bytes)), "length {length}, bit {bit}");
            }
        }
    }

    #[test]
    fn text_form_round_trips() {
        let fingerprint = Fingerprint(0x00ab_cdef_0123_4567);
        assert_eq!(fingerprint.to_string(), "00abcdef01234567");
        assert_eq!(Fingerprint::try_from(fingerprint.to_string()), Ok(fingerprint));
    }
}
