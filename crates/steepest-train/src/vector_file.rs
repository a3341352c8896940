//! Word vectors as files: the text and binary formats of word2vec.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::{TrainError, Vectors};

/// A way to write word vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFormat {
    /// A line `words size`, then a line for each word with its numbers in decimal.
    Text,
    /// A line `words size`, then for each word its name, a space, its numbers as little-endian 32-bit floats, and a
    /// line feed.
    Binary,
}

/// What is wrong with a file of word vectors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VectorFileFault {
    /// The first line is none of the format.
    #[error("line 1: expected the number of words and the size of their vectors, got `{got}`")]
    Header {
        /// The line.
        got: String,
    },
    /// A line that does not have as many numbers as it should.
    #[error("line {line}: `{word}` has a vector of length {got}, expected {expected}")]
    Width {
        /// The line.
        line: u64,
        /// The word that it begins with.
        word: String,
        /// The size of vectors.
        expected: usize,
        /// Numbers there are.
        got: usize,
    },
    /// Something that is no finite number.
    #[error("line {line}: `{word}` has `{got}` where a finite number should be")]
    Number {
        /// The line, or the number of the word in a binary file.
        line: u64,
        /// The word.
        word: String,
        /// What stands there.
        got: String,
    },
    /// The file has fewer words than its first line says.
    #[error("it ends after {got} of {expected} words")]
    Truncated {
        /// Words that the first line tells.
        expected: usize,
        /// Whole ones.
        got: usize,
    },
    /// A word that stands there twice.
    #[error("`{word}` has two vectors")]
    Duplicate {
        /// The word.
        word: String,
    },
    /// A word that is no text.
    #[error("word {number} is not UTF-8")]
    NotUtf8 {
        /// Counted from 1.
        number: usize,
    },
    /// A name that the format cannot hold.
    #[error("`{word}` has white space in it, which parts names from numbers in this format")]
    Name {
        /// The name.
        word: String,
    },
}

impl Vectors {
    /// Reads word vectors in word2vec's text or binary format, found out by the first entry; also texts without the
    /// first line, as GloVe writes them.
    ///
    /// ```
    /// use steepest_train::Vectors;
    /// let path = std::env::temp_dir().join(format!("vectors-{}.txt", std::process::id()));
    /// std::fs::write(&path, "3 2\nking 1 0.5\nqueen 1 0.4\ncat -1 0\n")?;
    /// let vectors = Vectors::load(&path)?;
    /// assert_eq!(vectors.get("queen")?, [1.0, 0.4f32 as f64]);
    /// assert_eq!(vectors.neighbors("king", 1)?[0].name, "queen");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TrainError::VectorFile`] with what is wrong; those of reading.
    pub fn load(path: impl AsRef<Path>) -> Result<Vectors, TrainError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(TrainError::io("read", path))?;
        parse(&bytes).map_err(|fault| TrainError::VectorFile { path: path.to_owned(), fault })
    }

    /// Writes the vectors in one of word2vec's formats, as 32-bit numbers.
    ///
    /// # Errors
    /// If a name has white space in it, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, format: VectorFormat) -> Result<(), TrainError> {
        let path = path.as_ref();
        if let Some(word) =
            self.names.iter().find(|name| name.is_empty() || name.contains(char::is_whitespace))
        {
            let fault = VectorFileFault::Name { word: word.clone() };
            return Err(TrainError::VectorFile { path: path.to_owned(), fault });
        }
        let file = std::fs::File::create(path).map_err(TrainError::io("write", path))?;
        self.write(&mut BufWriter::new(file), format).map_err(TrainError::io("write", path))
    }

    fn write(&self, out: &mut dyn Write, format: VectorFormat) -> std::io::Result<()> {
        writeln!(out, "{} {}", self.names.len(), self.width)?;
        for (name, vector) in self.names.iter().zip(self.values().chunks(self.width.max(1))) {
            write!(out, "{name}")?;
            match format {
                VectorFormat::Text => vector.iter().try_for_each(|&x| write!(out, " {}", x as f32))?,
                VectorFormat::Binary => {
                    out.write_all(b" ")?;
                    vector.iter().try_for_each(|&x| out.write_all(&(x as f32).to_le_bytes()))?;
                }
            }
            writeln!(out)?;
        }
        out.flush()
    }
}

/// Words and vectors in the order of the file.
type Entries = Vec<(String, Vec<f64>)>;

fn parse(bytes: &[u8]) -> Result<Vectors, VectorFileFault> {
    let line = |bytes: &[u8]| bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let end = line(bytes);
    let first = String::from_utf8_lossy(&bytes[..end]).trim().to_owned();
    let header = || VectorFileFault::Header { got: first.chars().take(60).collect() };
    let fields: Vec<&str> = first.split_whitespace().collect();
    let (words, width) = match fields[..] {
        [words, width] => (words.parse().ok(), width.parse().ok()),
        // Without a first line, the first entry tells the size.
        [_, ref numbers @ ..] if numbers.iter().all(|number| number.parse::<f32>().is_ok()) => {
            (None, Some(numbers.len()))
        }
        _ => (None, None),
    };
    let width: usize = width.filter(|&width| width > 0).ok_or_else(header)?;
    let Some(words) = words else {
        return if fields.len() > 2 { sorted(text(bytes, 1, width, None)?, width) } else { Err(header()) };
    };
    let rest = bytes.get(end + 1..).unwrap_or_default();
    let second = std::str::from_utf8(&rest[..line(rest)]).unwrap_or_default();
    let mut fields = second.split_whitespace().skip(1);
    let is_text = fields.clone().count() > 0 && fields.all(|field| field.parse::<f32>().is_ok());
    let entries = if is_text { text(rest, 2, width, Some(words))? } else { binary(rest, width, words)? };
    sorted(entries, width)
}

fn text(bytes: &[u8], first: u64, width: usize, words: Option<usize>) -> Result<Entries, VectorFileFault> {
    let mut entries = Vec::new();
    let lines = bytes.split(|&byte| byte == b'\n');
    for (line, bytes) in (first..).zip(lines).filter(|(_, bytes)| !bytes.trim_ascii().is_empty()) {
        let text =
            std::str::from_utf8(bytes).map_err(|_| VectorFileFault::NotUtf8 { number: entries.len() + 1 })?;
        let mut fields = text.split_whitespace();
        let word = fields.next().unwrap_or_default().to_owned();
        let mut vector = Vec::with_capacity(width);
        for field in fields {
            match field.parse::<f32>() {
                Ok(number) if number.is_finite() => vector.push(f64::from(number)),
                _ => return Err(VectorFileFault::Number { line, word, got: field.to_owned() }),
            }
        }
        if vector.len() != width {
            return Err(VectorFileFault::Width { line, word, expected: width, got: vector.len() });
        }
        entries.push((word, vector));
    }
    match words {
        Some(expected) if entries.len() < expected => {
            Err(VectorFileFault::Truncated { expected, got: entries.len() })
        }
        _ => Ok(entries),
    }
}

fn binary(mut rest: &[u8], width: usize, words: usize) -> Result<Entries, VectorFileFault> {
    let mut entries: Entries = Vec::new();
    for number in 1..=words {
        let truncated = || VectorFileFault::Truncated { expected: words, got: number - 1 };
        rest = rest.trim_ascii_start();
        let space = rest.iter().position(|&byte| byte == b' ').ok_or_else(truncated)?;
        let word =
            std::str::from_utf8(&rest[..space]).map_err(|_| VectorFileFault::NotUtf8 { number })?.to_owned();
        let size = width.checked_mul(4).ok_or_else(truncated)?;
        let numbers = rest.get(space + 1..).and_then(|rest| rest.get(..size)).ok_or_else(truncated)?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let vector: Vec<f64> = numbers.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
        if let Some(bad) = vector.iter().find(|number| !number.is_finite()) {
            return Err(VectorFileFault::Number { line: number as u64, word, got: bad.to_string() });
        }
        entries.push((word, vector));
        rest = &rest[space + 1 + size..];
    }
    Ok(entries)
}

fn sorted(mut entries: Entries, width: usize) -> Result<Vectors, VectorFileFault> {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(VectorFileFault::Duplicate { word: pair[0].0.clone() });
    }
    let (names, vectors): (Vec<String>, Vec<Vec<f64>>) = entries.into_iter().unzip();
    Ok(Vectors::new("word", names, width, vectors.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn both_formats_give_back_what_was_written() {
        let vectors =
            Vectors::new("word", vec!["a".into(), "ä".into()], 2, vec![0.25, -1.5e-7f32 as f64, 3.0, 10.0]);
        for format in [VectorFormat::Text, VectorFormat::Binary] {
            let mut bytes = Vec::new();
            vectors.write(&mut bytes, format).unwrap();
            assert_eq!(parse(&bytes).unwrap(), vectors, "{format:?}");
        }
        assert_eq!(parse(b"b 1 2 3\na 4 5 6\n").unwrap().get("a").unwrap(), [4.0, 5.0, 6.0]);
    }

    #[test]
    fn bad_files_are_explained() {
        assert_eq!(fault(b""), "line 1: expected the number of words and the size of their vectors, got ``");
        assert_eq!(fault(b"2 2\na 1 2\n"), "it ends after 1 of 2 words");
        assert_eq!(fault(b"2 2\na 1 2\na 1 2\n"), "`a` has two vectors");
        assert_eq!(fault(b"2 2\na 1 2\nb 1\n"), "line 3: `b` has a vector of length 1, expected 2");
        assert_eq!(fault(b"2 2\na 1 2\nb 1 x\n"), "line 3: `b` has `x` where a finite number should be");
        assert_eq!(fault(b"1 2\na 1 NaN\n"), "line 2: `a` has `NaN` where a finite number should be");
        assert_eq!(fault(b"2 2\na \0\0\0\0\0\0\0\0\nb \0\0"), "it ends after 1 of 2 words");
        assert_eq!(fault(b"1 1\na \0\0\xc0\x7f\n"), "line 1: `a` has `NaN` where a finite number should be");
        assert!(fault(b"2 0\n").contains("got `2 0`"));
    }
}
