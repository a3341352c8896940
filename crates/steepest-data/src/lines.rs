//! Lines of a text: as bytes, a block at a time, and as text, one at a time.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{Cursor, DataError, text};

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 18;

/// Reads lines that are not empty, without a copy of each.
pub(crate) struct Lines {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The present line.
    line: (usize, usize),
    /// Where the next one begins, and where what was read ends.
    next: usize,
    end: usize,
    done: bool,
    number: u64,
    bytes: u64,
}

impl Lines {
    pub fn new(reader: Box<dyn Read + Send>) -> Lines {
        Lines::from(reader, Cursor::default())
    }

    /// Goes on where a cursor stands, which the reader has been brought to.
    pub fn from(reader: Box<dyn Read + Send>, cursor: Cursor) -> Lines {
        Lines {
            reader,
            buffer: vec![0; BLOCK],
            line: (0, 0),
            next: 0,
            end: 0,
            done: false,
            number: cursor.line,
            bytes: cursor.byte,
        }
    }

    /// Goes to the next line with something in it; false at the end.
    pub fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some((start, end)) = self.raw()? else { return Ok(false) };
            self.number += 1;
            if self.buffer[start..end].iter().any(|byte| !byte.is_ascii_whitespace()) {
                self.line = (start, end);
                return Ok(true);
            }
        }
    }

    /// The next line, empty or not, without its end.
    fn raw(&mut self) -> io::Result<Option<(usize, usize)>> {
        let mut looked = self.next;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[looked..self.end]) {
                let (start, end) = (self.next, looked + at);
                self.next = end + 1;
                self.bytes += (self.next - start) as u64;
                return Ok(Some((start, end)));
            }
            if self.done {
                let (start, end) = (self.next, self.end);
                self.next = end;
                self.bytes += (end - start) as u64;
                return Ok((start < end).then_some((start, end)));
            }
            looked = self.end - self.next;
            self.more()?;
        }
    }

    /// Moves what is left to the beginning, and reads on behind it.
    fn more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.next..self.end, 0);
        (self.end, self.next) = (self.end - self.next, 0);
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        let read = loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.end += read;
        self.done = read == 0;
        Ok(())
    }

    /// The present line, without its end.
    pub fn line(&self) -> &[u8] {
        &self.buffer[self.line.0..self.line.1]
    }

    /// Its number, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Bytes up to its end.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Reads lines of text, each of which may be a row.
pub(crate) struct TextLines {
    path: PathBuf,
    encoding: Option<String>,
    reader: BufReader<Box<dyn Read + Send>>,
    line: String,
    cursor: Cursor,
}

impl TextLines {
    pub fn open(path: &Path, encoding: Option<&str>) -> Result<TextLines, DataError> {
        Ok(TextLines {
            path: path.into(),
            encoding: encoding.map(str::to_owned),
            reader: BufReader::new(text::open_text(path, encoding)?.reader),
            line: String::new(),
            cursor: Cursor::default(),
        })
    }

    /// Goes to the next line that is a row; false at the end.
    pub fn advance(&mut self, is_row: impl Fn(&str) -> bool) -> Result<bool, DataError> {
        loop {
            self.line.clear();
            let read = self.reader.read_line(&mut self.line);
            let read = read.map_err(|source| text::unreadable(&self.path, source))?;
            if read == 0 {
                return Ok(false);
            }
            self.cursor.line += 1;
            self.cursor.byte += read as u64;
            if is_row(&self.line) {
                self.cursor.row += 1;
                return Ok(true);
            }
        }
    }

    /// Reads over the rows before, because lines differ in length and files may be compressed.
    pub fn seek(&mut self, cursor: Cursor, is_row: impl Fn(&str) -> bool) -> Result<(), DataError> {
        *self = TextLines::open(&self.path, self.encoding.as_deref())?;
        while self.cursor.row < cursor.row {
            if !self.advance(&is_row)? {
                return Err(DataError::BadCursor { path: self.path.clone(), row: cursor.row });
            }
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The present line.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Where the next line begins; its `line` is the number of the present one, from 1.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives few bytes at a time.
    struct Drop(Vec<u8>, usize);

    impl Read for Drop {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0.drain(..length);
            Ok(length)
        }
    }

    #[test]
    fn lines_do_not_depend_on_how_bytes_arrive() {
        let long = "x".repeat(3 * BLOCK);
        let text = format!("one\n\n  \ntwo\r\n{long}\nlast");
        for step in [1, 2, 7, 1 << 20] {
            let step = if step == 1 { BLOCK / 3 + 1 } else { step.max(5000) };
            let mut lines = Lines::new(Box::new(Drop(text.clone().into_bytes(), step)));
            let mut seen = Vec::new();
            while lines.advance().unwrap() {
                seen.push((lines.number(), lines.bytes(), lines.line().len()));
            }
            let long = long.len() as u64;
            let behind = 13 + long + 1;
            let expected = [(1, 4, 3), (4, 13, 4), (5, behind, 3 * BLOCK), (6, behind + 4, 4)];
            assert_eq!(seen, expected, "{step}");
        }
    }
}
