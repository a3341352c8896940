//! Vowpal Wabbit's text format.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Cursor, Source, SourceSpec};
use crate::error::SparseProblem;
use crate::lines::Lines;
use crate::preprocess::{fold, hash_bytes};
use crate::stdin::is_stdin;
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, ReadOptions, Reason, Schema, SparseRows, Table, text};

/// Features are hashed to this many bits when they are read; `hash-bits` keeps the lowest of them.
pub(crate) const BITS: u32 = 27;

/// The column of what rows count, 1 in most files.
pub(crate) const WEIGHT: &str = "weight";

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "vowpal-wabbit",
    summary: "lines of a label, a weight and named features in namespaces, Vowpal Wabbit's text format",
    reference: "Vowpal Wabbit, wiki, Input format",
    extensions: &["vw"],
    parameters: &[],
    detect: |path, head| SPEC.names(path) || looks_like_it(head),
    open: |path, _: &ReadOptions| Ok(Box::new(VowpalSource::open(path)?)),
};

/// Whether the first lines have a bar behind nothing but numbers and a tag, and then features.
fn looks_like_it(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().filter(|line| !line.trim().is_empty()).take(5).peekable();
    let fits = |line: &str| {
        let Some((before, behind)) = line.split_once('|') else { return false };
        let numbers = before.split_ascii_whitespace().take(2);
        // A table with bars between its columns has one behind every number.
        let own_words = behind.split_ascii_whitespace().all(|word| !word.starts_with("||"));
        let spaced = before.is_empty() || before.ends_with([' ', '\t']) || before.contains('\'');
        own_words && spaced && { numbers }.all(|word| word.starts_with('\'') || word.parse::<f64>().is_ok())
    };
    lines.peek().is_some() && lines.all(fits)
}

/// A file of lines `label weight 'tag |namespace feature:value … |namespace …`, read in one pass with the memory of
/// one window.
///
/// The columns are `label`, a number, missing where a line begins with its bar; `weight`, the importance, 1 where a
/// line names none; and `features`, sparse. A feature is named by its namespace and its own name. A name of digits in
/// the nameless namespace is its own number; all others have that of their hash, to 27 bits. A value is 1 where it
/// is not written, and times the namespace's own number where that has one (`|price:0.5 …`). The tag and the base
/// are read over, and so are empty lines. What stands twice in a line counts twice, as in Vowpal Wabbit; its hash is
/// another one.
pub struct VowpalSource {
    path: PathBuf,
    schema: Arc<Schema>,
    lines: Lines,
    plain: bool,
    row: u64,
}

impl VowpalSource {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of opening.
    pub fn open(path: &Path) -> Result<VowpalSource, DataError> {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind, reason: Reason::Format };
        let columns = vec![
            column("label", ColumnKind::Numeric),
            column(WEIGHT, ColumnKind::Numeric),
            column("features", ColumnKind::Sparse),
        ];
        let opened = text::open_text(path, None)?;
        let plain = opened.plain && opened.skipped == 0 && !is_stdin(path);
        Ok(VowpalSource {
            path: path.into(),
            schema: Arc::new(Schema { columns }),
            lines: Lines::new(opened.reader),
            plain,
            row: 0,
        })
    }

    fn next_line(&mut self) -> Result<bool, DataError> {
        let found =
            self.lines.advance().map_err(|source| DataError::Io { path: self.path.clone(), source })?;
        self.row += u64::from(found);
        Ok(found)
    }

    fn problem(&self, raw: &[u8], problem: SparseProblem) -> DataError {
        let raw = String::from_utf8_lossy(raw).trim().to_owned();
        DataError::SparseLine { path: self.path.clone(), line: self.lines.number(), raw, problem }
    }

    /// Label and weight of the present line; its features are appended to `into`.
    fn parse(&self, into: &mut SparseRows) -> Result<(f64, f64), DataError> {
        let line = self.lines.line();
        let bad = |(raw, problem): Bad<'_>| self.problem(raw, problem);
        let bar = memchr::memchr(b'|', line).ok_or_else(|| bad((line, SparseProblem::NoBar)))?;
        let head = head(&line[..bar]).map_err(bad)?;
        features(&line[bar..], into).map_err(|problem| {
            into.undo();
            bad(problem)
        })?;
        into.end_row();
        Ok(head)
    }
}

/// What is wrong with which part of a line.
type Bad<'l> = (&'l [u8], SparseProblem);

/// Label and weight: `label [weight [base]] ['tag]`.
fn head(text: &[u8]) -> Result<(f64, f64), Bad<'_>> {
    let (mut label, mut weight) = (f64::NAN, 1.0);
    let mut words =
        text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).enumerate().peekable();
    while let Some((at, word)) = words.next() {
        // A tag begins with a quote, or touches the bar.
        let touches = words.peek().is_none() && text.last().is_some_and(|byte| !byte.is_ascii_whitespace());
        match (at, number(word)) {
            _ if word[0] == b'\'' => {}
            (0, Some(value)) => label = value,
            (1, Some(value)) if value >= 0.0 => weight = value,
            (2, Some(_)) => {}
            (1.., _) if touches => {}
            (0, None) => return Err((word, SparseProblem::Label)),
            (1, _) => return Err((word, SparseProblem::Weight)),
            _ => return Err((word, SparseProblem::Head)),
        }
    }
    Ok((label, weight))
}

/// The namespaces, from the first bar on.
fn features<'l>(text: &'l [u8], into: &mut SparseRows) -> Result<(), Bad<'l>> {
    let (mut at, mut space, mut scale) = (0, 0u64, 1.0f32);
    // Whether numbers are such as can be read many at once.
    let mut short = true;
    while let Some(&byte) = text.get(at) {
        if byte == b'|' {
            let name = word(text, at + 1);
            (space, scale) = namespace(name)?;
            at += 1 + name.len();
            continue;
        }
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if short && space == 0 && scale != 0.0 && byte.is_ascii_digit() {
            let from = at;
            at = short_numbers(text, at, scale, into);
            short = at > from;
            if short {
                continue;
            }
        }
        let start = at;
        let (mut digits, mut plain) = (0u64, true);
        if let Some((number, len)) = text[at..].first_chunk().and_then(short_number) {
            digits = number;
            at += len;
        }
        // Whatever else belongs to the name.
        while let Some(&byte) = text.get(at) {
            if byte <= b' ' || byte == b':' || byte == b'|' {
                break;
            }
            plain &= byte.is_ascii_digit();
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0')));
            at += 1;
        }
        let name = &text[start..at];
        let column = match (plain && name.len() <= 18, space) {
            (true, 0) => digits as u32 & MASK,
            (true, _) => fold(hash_bytes(space, &digits.to_le_bytes())) & MASK,
            (false, _) => fold(hash_bytes(space, name)) & MASK,
        };
        let mut value = scale;
        if text.get(at) == Some(&b':') {
            let raw = word(text, at + 1);
            let number = number(raw).map(|number| number as f32 * scale).filter(|value| value.is_finite());
            value = number.ok_or((&text[start..at + 1 + raw.len()], SparseProblem::Value))?;
            at += 1 + raw.len();
        }
        if name.is_empty() {
            return Err((&text[start..at], SparseProblem::Nameless));
        }
        if value != 0.0 {
            into.add(column, value);
        }
    }
    Ok(())
}

/// The columns that there can be.
const MASK: u32 = (1 << BITS) - 1;

/// Reads on from `at` as long as names are short numbers with one space behind them, and returns where other things begin.
///
/// A block of bytes is looked at as a whole first: where a name begins then does not wait for the one before.
fn short_numbers(text: &[u8], mut at: usize, scale: f32, into: &mut SparseRows) -> usize {
    const BLOCK: usize = 64;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<{ BLOCK + 8 }>()) {
        let words = block[..BLOCK].as_chunks().0.iter().enumerate();
        let mut ends = words.fold(0, |ends, (at, word)| ends | others(word) << (8 * at));
        let mut start = 0;
        while ends != 0 {
            let end = ends.trailing_zeros() as usize;
            let (Some(word), 1..=7) = (block[start..].first_chunk(), end - start) else { return at + start };
            if block[end] != b' ' {
                return at + start;
            }
            into.add(value_of(u64::from_le_bytes(*word), end - start) as u32 & MASK, scale);
            (start, ends) = (end + 1, ends & (ends - 1));
        }
        if start == 0 {
            return at;
        }
        at += start;
    }
    at
}

/// A bit for each of eight bytes that is no digit.
fn others(bytes: &[u8; 8]) -> u64 {
    let digits = u64::from_le_bytes(*bytes) ^ u64::from_le_bytes([b'0'; 8]);
    let low = digits & u64::from_le_bytes([0x7f; 8]);
    let above_nine = ((low + u64::from_le_bytes([0x80 - 10; 8])) | digits) & u64::from_le_bytes([0x80; 8]);
    // From the highest bits of eight bytes to those of one.
    (above_nine >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The number that the first one to seven bytes make, which are digits.
fn value_of(bytes: u64, len: usize) -> u64 {
    // The first digit is in the lowest byte: zeros before it, then pairs, fours, and all eight.
    let digits = (bytes ^ u64::from_le_bytes([b'0'; 8])) << (64 - 8 * len);
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// The number that digits at the beginning make, and how many they are: less than eight, and all of them. Eight bytes
/// at once, since where a short number ends is more than a processor can guess.
fn short_number(text: &[u8; 8]) -> Option<(u64, usize)> {
    let len = others(text).trailing_zeros() as usize;
    (1..8).contains(&len).then(|| (value_of(u64::from_le_bytes(*text), len), len))
}

/// The hash and the number of a namespace; 0 and 1 for the nameless one.
fn namespace(text: &[u8]) -> Result<(u64, f32), Bad<'_>> {
    if text.is_empty() {
        return Ok((0, 1.0));
    }
    let (name, scale) = match memchr::memchr(b':', text) {
        None => (text, 1.0),
        Some(at) => match number(&text[at + 1..]).map(|scale| scale as f32).filter(|s| s.is_finite()) {
            Some(scale) => (&text[..at], scale),
            None => return Err((text, SparseProblem::Value)),
        },
    };
    // Never that of the nameless one.
    Ok((hash_bytes(0, name) | 1, scale))
}

/// What stands before the next space or bar.
fn word(text: &[u8], from: usize) -> &[u8] {
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.iter().position(|&byte| byte <= b' ' || byte == b'|').unwrap_or(rest.len());
    &rest[..end]
}

/// A finite number: the usual short ones by hand, all others by the standard library.
fn number(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut whole, mut behind, mut seen) = (0u64, None, 0);
    let short = digits.len() <= 16;
    for &byte in digits {
        match byte {
            b'0'..=b'9' if short => {
                whole = whole * 10 + u64::from(byte - b'0');
                seen += 1;
                behind = behind.map(|behind: usize| behind + 1);
            }
            b'.' if behind.is_none() && short => behind = Some(0),
            _ => return std::str::from_utf8(text).ok()?.parse().ok().filter(|value: &f64| value.is_finite()),
        }
    }
    if seen == 0 {
        return None;
    }
    // Both are exact, so that the quotient is rounded once.
    let value = whole as f64 / TENS[behind.unwrap_or(0)];
    Some(if negative { -value } else { value })
}

const TENS: [f64; 17] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

impl Source for VowpalSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn weight(&self) -> Option<&'static str> {
        Some(WEIGHT)
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let mut filled = 0;
        while filled < rows && self.next_line()? {
            let (columns, lines, text) = table.parts();
            let (mut numbers, mut sparse) = (Vec::new(), None);
            for values in columns {
                match values {
                    Values::Sparse(rows) => sparse = Some(rows),
                    values => numbers.push(values),
                }
            }
            let (label, weight) = match sparse {
                Some(sparse) => self.parse(sparse)?,
                None => self.parse(&mut SparseRows::new(1 << BITS))?,
            };
            for (values, number) in numbers.into_iter().zip([label, weight]) {
                if let Values::Numbers(numbers) = values {
                    numbers.push(number);
                }
            }
            lines.push(self.lines.number());
            if let Some(text) = text {
                let line = String::from_utf8_lossy(self.lines.line()).trim_end().to_owned();
                text.push(csv::StringRecord::from(vec![line]));
            }
            filled += 1;
        }
        Ok(filled)
    }

    fn cursor(&self) -> Cursor {
        Cursor { row: self.row, byte: self.lines.bytes(), line: self.lines.number() }
    }

    /// Goes to the byte in a plain file; reads over the rows before in a compressed one and standard input.
    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        let lost = || DataError::BadCursor { path: self.path.clone(), row: cursor.row };
        if self.plain {
            let failed = |source| DataError::Io { path: self.path.clone(), source };
            let mut file = File::open(&self.path).map_err(|source| DataError::opening(&self.path, source))?;
            if cursor.byte > file.metadata().map_err(failed)?.len() {
                return Err(lost());
            }
            file.seek(SeekFrom::Start(cursor.byte)).map_err(failed)?;
            let rest: Box<dyn Read + Send> = Box::new(file);
            (self.lines, self.row) = (Lines::from(rest, cursor), cursor.row);
            return Ok(());
        }
        *self = VowpalSource::open(&self.path.clone())?;
        while self.row < cursor.row {
            if !self.next_line()? {
                return Err(DataError::BadCursor { path: self.path.clone(), row: cursor.row });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> (f64, f64, Vec<(u32, f32)>) {
        let bar = line.find('|').unwrap();
        let (label, weight) = head(&line.as_bytes()[..bar]).unwrap();
        let mut rows = SparseRows::new(1 << BITS);
        features(&line.as_bytes()[bar..], &mut rows).unwrap();
        rows.end_row();
        let (columns, values) = rows.row(0);
        (label, weight, columns.iter().copied().zip(values.iter().copied()).collect())
    }

    #[test]
    fn short_numbers_are_those_of_their_digits() {
        for text in ["0 345678", "7:345678", "1234567 ", "12a45678", "0012 999", "9999999|", "5\u{e9}      "]
        {
            let bytes: &[u8; 8] = text.as_bytes().first_chunk().unwrap();
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            assert_eq!(short_number(bytes), Some((digits.parse().unwrap(), digits.len())), "{text}");
        }
        assert_eq!(short_number(b"12345678"), None);
        assert_eq!(short_number(b"a2345678"), None);
        assert_eq!(row("1 | 12a 1234567890 | 00012").2.len(), 3);
        assert_eq!(row("1 | 0001234567890123 7").2[0].0, (1_234_567_890_123u64 as u32) & ((1 << BITS) - 1));
    }

    /// Lines long enough for blocks, of words that are read many at once and others: as if each stood in a line of its own.
    #[test]
    fn words_mean_the_same_wherever_they_stand() {
        let key = steepest_tensor::Key::new(4);
        for case in 0..200 {
            let (mut line, mut words) = ("1 |".to_owned(), Vec::new());
            for at in 0..60 {
                let bits = key.at(case).bits(at);
                let number = bits >> 20 & ((1 << (bits >> 8 & 31)) - 1);
                let word = match bits % 97 {
                    0 => format!("{number}:0.5"),
                    1 => format!("n{number}"),
                    2 => format!("{number}\u{e9}"),
                    3 => format!("{number:09}"),
                    _ => number.to_string(),
                };
                line += [" ", " ", " ", " ", " ", " ", " ", "  ", "\t", " | "][(bits >> 40) as usize % 10];
                line += &word;
                words.push(word);
            }
            let apart: Vec<_> = words.iter().flat_map(|word| row(&format!("1 | {word}")).2).collect();
            assert_eq!(row(&line).2, apart, "{line}");
            assert_eq!(row(&format!("{line}\r\n")).2, apart, "{line}");
        }
    }

    #[test]
    fn lines_are_read_as_the_format_says() {
        assert_eq!(row("1 | 3:0.5 7 12:-2"), (1.0, 1.0, vec![(3, 0.5), (7, 1.0), (12, -2.0)]));
        let (label, weight, entries) = row("-1 2.5 'tag|a x y:3 |b:0.5 x:4 1:0");
        assert_eq!((label, weight, entries.len()), (-1.0, 2.5, 3));
        assert_eq!(entries.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1.0, 3.0, 2.0]);
        assert_ne!(entries[0].0, entries[2].0, "namespaces keep names apart");
        assert!(row("| 1").0.is_nan());
        assert_eq!(row("1 2 0.5 tag| 1 1").2, [(1, 1.0), (1, 1.0)]);
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for text in ["0", "-0.5", "3.25", "1e-3", "123456789.125", "00012", "5.", ".5", "1234567890123456.7"]
        {
            assert_eq!(number(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in ["", "-", ".", "nan", "inf", "1e999", "0x1", "1,5", "--1"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_format_is_known_by_its_first_lines() {
        for text in ["1 | a b\n-1 |x c:2\n", "|a b", "1 0.5 'tag |a b", "\n1 |a"] {
            assert!(looks_like_it(text.as_bytes()), "{text}");
        }
        for text in ["a|b\n1|2\n", "", "1 2:3", "x | y", "1|2|3"] {
            assert!(!looks_like_it(text.as_bytes()), "{text}");
        }
    }
}
