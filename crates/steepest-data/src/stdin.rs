//! Standard input as a file: called `-`, its beginning can be read again until a pass begins.
//!
//! A source is opened more than once: its first bytes tell the format, its first rows the kinds of columns. What was
//! read of standard input is therefore kept, until [`pass_begins`]: from then on memory does not grow.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was read and may be read again.
struct Kept {
    bytes: Vec<u8>,
    keeping: bool,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { bytes: Vec::new(), keeping: true });

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a path means standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// From now on nothing more is kept: the reader that was opened last goes on.
pub(crate) fn pass_begins() {
    kept().keeping = false;
}

/// Standard input from its beginning.
#[derive(Default)]
pub(crate) struct Stdin {
    at: usize,
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut kept = kept();
        if let Some(again) = kept.bytes.get(self.at..).filter(|again| !again.is_empty()) {
            let length = again.len().min(buffer.len());
            buffer[..length].copy_from_slice(&again[..length]);
            self.at += length;
            return Ok(length);
        }
        let read = io::stdin().lock().read(buffer)?;
        if kept.keeping {
            kept.bytes.extend_from_slice(&buffer[..read]);
            self.at += read;
        } else {
            (kept.bytes, self.at) = (Vec::new(), 0);
        }
        Ok(read)
    }
}
