//! Opening text files: gzip, byte order marks, encodings, and where a bad byte stands.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

use crate::DataError;
use crate::stdin::{Stdin, is_stdin};

/// Bytes looked at before the rest of a file is read.
pub(crate) const HEAD_BYTES: usize = 1 << 16;
const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// An open file, decompressed, with its first bytes already read.
pub(crate) struct Opened {
    /// The first bytes (at most [`HEAD_BYTES`]).
    pub head: Vec<u8>,
    /// The bytes after the head.
    pub rest: Box<dyn Read + Send>,
    /// Whether the file is compressed.
    pub gzip: bool,
}

/// A text file as UTF-8 without a byte order mark.
pub(crate) struct Text {
    pub reader: Box<dyn Read + Send>,
    /// The first bytes of the text, in UTF-8 as far as they are valid.
    pub head: String,
    /// Whether byte offsets of the text are byte offsets of the file, after `skipped`.
    pub plain: bool,
    pub gzip: bool,
    /// Bytes of the byte order mark.
    pub skipped: u64,
}

/// Opens a file and decompresses it if it starts like gzip.
pub(crate) fn open(path: &Path) -> Result<Opened, DataError> {
    let failed = |source| DataError::Io { path: path.into(), source };
    let mut raw: Box<dyn Read + Send> = match is_stdin(path) {
        true => Box::new(Stdin::default()),
        false => {
            let file = File::open(path).map_err(|source| DataError::opening(path, source))?;
            if file.metadata().map_err(failed)?.is_dir() {
                return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            Box::new(file)
        }
    };
    let head = read_up_to(&mut raw, HEAD_BYTES).map_err(failed)?;
    if !head.starts_with(&[0x1F, 0x8B]) {
        return Ok(Opened { head, rest: raw, gzip: false });
    }
    let mut rest: Box<dyn Read + Send> = Box::new(MultiGzDecoder::new(Cursor::new(head).chain(raw)));
    let head =
        read_up_to(&mut rest, HEAD_BYTES).map_err(|source| DataError::Gzip { path: path.into(), source })?;
    Ok(Opened { head, rest, gzip: true })
}

/// Opens a text file, in UTF-8 or in the encoding named.
pub(crate) fn open_text(path: &Path, encoding: Option<&str>) -> Result<Text, DataError> {
    let encoding = match encoding {
        Some(label) => Encoding::for_label(label.as_bytes())
            .ok_or_else(|| DataError::UnknownEncoding { label: label.to_owned() })?,
        None => UTF_8,
    };
    let Opened { head, rest, gzip } = open(path)?;
    if head.iter().all(u8::is_ascii_whitespace) && head.len() < HEAD_BYTES {
        return Err(DataError::Empty { path: path.into() });
    }
    if encoding != UTF_8 {
        let reader = Cursor::new(head).chain(rest);
        let decoder = encoding.new_decoder_with_bom_removal();
        let mut reader: Box<dyn Read + Send> = Box::new(Transcoder::new(reader, decoder));
        let head = read_up_to(&mut reader, HEAD_BYTES)
            .map_err(|source| DataError::Io { path: path.into(), source })?;
        let text = lossless(&head).to_owned();
        return Ok(Text {
            reader: Box::new(Cursor::new(head).chain(reader)),
            head: text,
            plain: false,
            gzip,
            skipped: 0,
        });
    }
    reject_other_encodings(path, &head)?;
    let skipped = if head.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
    let text = lossless(&head[skipped..]).to_owned();
    if text.trim().is_empty() && head.len() < HEAD_BYTES && skipped > 0 {
        return Err(DataError::Empty { path: path.into() });
    }
    let mut head = Cursor::new(head);
    head.set_position(skipped as u64);
    Ok(Text {
        reader: Box::new(head.chain(rest)),
        head: text,
        plain: !gzip && !is_stdin(path),
        gzip,
        skipped: skipped as u64,
    })
}

/// Why a text could not be read: the first byte that is not UTF-8, if that is it.
pub(crate) fn unreadable(path: &Path, source: io::Error) -> DataError {
    match source.kind() {
        io::ErrorKind::InvalidData => find_bad_byte(path).unwrap_or_else(|error| error),
        _ => DataError::Io { path: path.into(), source },
    }
}

/// Finds the first byte of a file that is not UTF-8.
pub(crate) fn find_bad_byte(path: &Path) -> Result<DataError, DataError> {
    let Opened { head, rest, .. } = open(path)?;
    let mut reader = Cursor::new(head).chain(rest);
    let (mut line, mut offset, mut window) = (1u64, 0u64, Vec::new());
    loop {
        let read = read_up_to(&mut reader, HEAD_BYTES)
            .map_err(|source| DataError::Io { path: path.into(), source })?;
        let end = read.is_empty();
        window.extend_from_slice(&read);
        let (valid, bad) = match std::str::from_utf8(&window) {
            Ok(_) => (window.len(), false),
            Err(error) => (error.valid_up_to(), error.error_len().is_some() || end),
        };
        line += window[..valid].iter().filter(|&&b| b == b'\n').count() as u64;
        offset += valid as u64;
        window.drain(..valid);
        if bad || end {
            let value = window.first().copied().unwrap_or_default();
            return Ok(DataError::NotUtf8 { path: path.into(), line, offset, value });
        }
    }
}

fn reject_other_encodings(path: &Path, head: &[u8]) -> Result<(), DataError> {
    let utf16 = |label| Err(DataError::Utf16 { path: path.into(), label });
    match head {
        [0xFF, 0xFE, ..] => return utf16("utf-16le"),
        [0xFE, 0xFF, ..] => return utf16("utf-16be"),
        _ => {}
    }
    let Some(offset) = head.iter().position(|&b| b == 0) else { return Ok(()) };
    // ASCII text in UTF-16 has a zero in every second byte.
    let zeros = |phase: usize| head.iter().skip(phase).step_by(2).take(64).filter(|&&b| b == 0).count();
    let texts = head.len().min(128) / 2;
    match (zeros(0), zeros(1)) {
        (0, odd) if odd * 2 > texts => utf16("utf-16le"),
        (even, 0) if even * 2 > texts => utf16("utf-16be"),
        _ => Err(DataError::Binary { path: path.into(), offset: offset as u64 }),
    }
}

fn lossless(bytes: &[u8]) -> &str {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    std::str::from_utf8(&bytes[..valid]).unwrap_or_default()
}

pub(crate) fn read_up_to(reader: &mut impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::new();
    reader.take(bytes as u64).read_to_end(&mut buffer)?;
    Ok(buffer)
}

/// Reads another encoding as UTF-8.
struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    output: Cursor<Vec<u8>>,
    done: bool,
}

impl<R: Read> Transcoder<R> {
    fn new(inner: R, decoder: Decoder) -> Transcoder<R> {
        Transcoder { inner, decoder, input: Vec::new(), output: Cursor::new(Vec::new()), done: false }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let before = self.input.len();
        (&mut self.inner).take(1 << 14).read_to_end(&mut self.input)?;
        self.done = self.input.len() == before;
        let room = self.decoder.max_utf8_buffer_length(self.input.len()).unwrap_or(1 << 16);
        let mut output = vec![0; room];
        let (result, read, written, bad) = self.decoder.decode_to_utf8(&self.input, &mut output, self.done);
        if bad || result == CoderResult::OutputFull {
            let name = self.decoder.encoding().name();
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("its bytes are not {name}")));
        }
        output.truncate(written);
        self.input.drain(..read);
        self.output = Cursor::new(output);
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.output.read(buffer)?;
            if read > 0 || self.done || buffer.is_empty() {
                return Ok(read);
            }
            self.decode_more()?;
        }
    }
}
