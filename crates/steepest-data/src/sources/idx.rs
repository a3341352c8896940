//! IDX, the format of MNIST: a magic number, the sizes of the axes, and bytes.

use std::io::{Cursor as Bytes, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use steepest_tensor::Shape;

use super::{Cursor, Parameter, Source, SourceSpec};
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, ReadOptions, Reason, Schema, Table, text};

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "idx",
    summary: "images and labels in the format of MNIST, gzipped or not",
    reference: "LeCun, Cortes and Burges, The MNIST database of handwritten digits (1998), \"file formats\"",
    extensions: &["idx", "idx3-ubyte", "idx3"],
    parameters: &[Parameter {
        name: "labels",
        summary: "the file of labels",
        default: "the images' name with `images` → `labels`, `idx3` → `idx1`",
        range: "a path",
    }],
    detect: |path, head| matches!(head, [0, 0, 0x08..=0x0E, 1..=4, ..]) || is_named_idx(path),
    open: |path, options| Ok(Box::new(IdxSource::open(path, options)?)),
};

/// Images of unsigned bytes with a label each: columns `image` and `label`.
///
/// Bytes stay bytes until a batch is filled, so MNIST takes 47 MB rather than 188. Where rows are kept as text, an image is
/// its number.
pub struct IdxSource {
    images: IdxReader,
    labels: Option<IdxReader>,
    schema: Arc<Schema>,
    shape: Shape,
}

/// One open IDX file.
struct IdxReader {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    gzip: bool,
    sizes: Vec<u64>,
    /// Bytes of one item: the product of all sizes but the first.
    item: usize,
    row: u64,
}

impl IdxReader {
    fn open(path: &Path) -> Result<IdxReader, DataError> {
        let opened = text::open(path)?;
        let mut reader: Box<dyn Read + Send> = Box::new(Bytes::new(opened.head).chain(opened.rest));
        let gzip = opened.gzip;
        let mut take =
            |count| text::read_up_to(&mut reader, count).map_err(|source| failed(path, gzip, source));
        let magic = take(4)?;
        let &[0, 0, code @ 0x08..=0x0E, axes @ 1..=4] = &magic[..] else {
            return match magic.is_empty() {
                true => Err(DataError::Empty { path: path.into() }),
                false => Err(DataError::IdxMagic { path: path.into(), got: magic }),
            };
        };
        if code != 0x08 {
            return Err(DataError::IdxType { path: path.into(), code });
        }
        let header = take(4 * axes as usize)?;
        let (words, _) = header.as_chunks::<4>();
        let sizes: Vec<u64> = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect();
        if sizes.len() < axes as usize {
            let (expected, got) = (4 * u64::from(axes), header.len() as u64);
            return Err(DataError::IdxLength { path: path.into(), sizes, expected, got });
        }
        // Counting empty axes as 1 keeps every partial product within the checked bound.
        let bytes = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size.max(1)));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as u64 / 8) {
            return Err(DataError::IdxTooLarge { path: path.into(), sizes });
        }
        let item = sizes.iter().skip(1).product::<u64>() as usize;
        Ok(IdxReader { path: path.into(), reader, gzip, sizes, item, row: 0 })
    }

    fn rows(&self) -> u64 {
        self.sizes.first().copied().unwrap_or(0)
    }

    /// Appends the bytes of up to `rows` items; checks that the file ends where its header says.
    fn read(&mut self, rows: usize, into: &mut Vec<u8>) -> Result<usize, DataError> {
        let rows = (rows as u64).min(self.rows() - self.row) as usize;
        let before = into.len();
        let wanted = (rows * self.item) as u64;
        let failed = |source| failed(&self.path, self.gzip, source);
        (&mut self.reader).take(wanted).read_to_end(into).map_err(failed)?;
        let got = (into.len() - before) as u64;
        let done = self.row * self.item as u64;
        if got < wanted {
            return Err(self.length(done + got));
        }
        self.row += rows as u64;
        if rows > 0 && self.row == self.rows() {
            let beyond = text::read_up_to(&mut self.reader, 1 << 16);
            let beyond = beyond.map_err(|source| self::failed(&self.path, self.gzip, source))?.len() as u64;
            if beyond > 0 {
                return Err(self.length(done + got + beyond));
            }
        }
        Ok(rows)
    }

    fn length(&self, got: u64) -> DataError {
        let expected = self.rows() * self.item as u64;
        DataError::IdxLength { path: self.path.clone(), sizes: self.sizes.clone(), expected, got }
    }

    fn skip(&mut self, rows: u64) -> Result<(), DataError> {
        let bytes = rows * self.item as u64;
        let failed = |source| failed(&self.path, self.gzip, source);
        let read =
            std::io::copy(&mut (&mut self.reader).take(bytes), &mut std::io::sink()).map_err(failed)?;
        self.row += rows;
        if read < bytes { Err(self.length((self.row - rows) * self.item as u64 + read)) } else { Ok(()) }
    }
}

fn failed(path: &Path, gzip: bool, source: std::io::Error) -> DataError {
    match gzip {
        true => DataError::Gzip { path: path.into(), source },
        false => DataError::Io { path: path.into(), source },
    }
}

/// Whether a file's name says that it is in this format.
fn is_named_idx(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with("-ubyte") || SPEC.names(path)
}

/// The name of the labels that belong to images, if the images' name follows MNIST's custom.
fn labels_of(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    (labels != name).then(|| images.with_file_name(labels)).filter(|path| path.exists())
}

impl IdxSource {
    /// Opens the images and, if there are any, their labels.
    ///
    /// # Errors
    /// Those of opening, and of headers that are damaged or do not match.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<IdxSource, DataError> {
        let images = IdxReader::open(path)?;
        let sizes: Vec<usize> = images.sizes.iter().skip(1).map(|&size| size as usize).collect();
        let shape = Shape::new(&sizes)
            .map_err(|_| DataError::IdxTooLarge { path: path.into(), sizes: images.sizes.clone() })?;
        if images.rows() == 0 || images.item == 0 {
            return Err(DataError::HeaderOnly { path: path.into() });
        }
        let labels = options.labels.clone().or_else(|| labels_of(path));
        let labels = labels.map(|path| IdxReader::open(&path)).transpose()?;
        if let Some(labels) = &labels
            && (labels.rows() != images.rows() || labels.item != 1)
        {
            let (path, labels_path) = (path.into(), labels.path.clone());
            let count = labels.rows() * labels.item as u64;
            return Err(DataError::IdxCounts { path, labels_path, images: images.rows(), labels: count });
        }
        let column = |name: &str, kind| Column { name: name.into(), kind, reason: Reason::Format };
        let mut columns = vec![column("image", ColumnKind::Image)];
        if labels.is_some() {
            columns.push(column("label", ColumnKind::Numeric));
        }
        Ok(IdxSource { images, labels, schema: Arc::new(Schema { columns }), shape })
    }
}

impl Source for IdxSource {
    fn path(&self) -> &Path {
        &self.images.path
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn image(&self) -> Shape {
        self.shape
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let start = self.images.row;
        let (columns, lines, text) = table.parts();
        let (mut filled, mut read) = (0, Vec::new());
        for values in columns {
            match (values, &mut self.labels) {
                (Values::Images { pixels, .. }, _) => filled = self.images.read(rows, pixels)?,
                (Values::Numbers(numbers), Some(labels)) => {
                    labels.read(rows, &mut read)?;
                    numbers.extend(read.iter().copied().map(f64::from));
                }
                _ => {}
            }
        }
        let numbers = (0..filled as u64).map(|row| start + row + 1);
        if let Some(text) = text {
            let mut labels = read.iter().map(u8::to_string);
            let record = |number: u64| [number.to_string()].into_iter().chain(labels.next());
            text.extend(numbers.clone().map(record).map(StringRecord::from_iter));
        }
        lines.extend(numbers);
        Ok(filled)
    }

    fn cursor(&self) -> Cursor {
        Cursor { row: self.images.row, ..Cursor::default() }
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        if cursor.row > self.images.rows() {
            return Err(DataError::BadCursor { path: self.images.path.clone(), row: cursor.row });
        }
        for reader in std::iter::once(&mut self.images).chain(&mut self.labels) {
            *reader = IdxReader::open(&reader.path.clone())?;
            reader.skip(cursor.row)?;
        }
        Ok(())
    }
}
