//! A folder of pictures: PNG and JPEG files, in a folder for each class; or one picture.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use image::{ColorType, DynamicImage, ImageReader};
use steepest_tensor::Shape;

use super::{Cursor, Source, SourceSpec};
use crate::table::Values;
use crate::{Column, ColumnKind, DataError, Fingerprint, ReadOptions, Reason, Schema, Table};

/// The registration of this source.
pub static SPEC: SourceSpec = SourceSpec {
    name: "folder",
    summary: "PNG and JPEG pictures of one size, in a folder for each class",
    reference: "torchvision.datasets.ImageFolder; ISO/IEC 15948 (PNG), ISO/IEC 10918-1 (JPEG)",
    extensions: &["png", "jpg", "jpeg"],
    parameters: &[],
    detect: |path, _| path.is_dir() || is_picture(path),
    open: |path, options| Ok(Box::new(FolderSource::open(path, options)?)),
};

/// Pictures with the names of their folders: columns `image` and `label`.
///
/// Classes are the folders in the order of their names, pictures in the order of theirs; so it is the same on every machine.
/// Where rows are kept as text, a picture is its path within the folder. Pictures that lie in the folder itself have no label. The first picture decides the size, and
/// whether pictures are grey (`[height, width]`) or coloured (`[height, width, 3]`); transparency is dropped.
pub struct FolderSource {
    path: PathBuf,
    schema: Arc<Schema>,
    pictures: Vec<Picture>,
    shape: Shape,
    row: u64,
}

/// A picture that has not been read yet.
struct Picture {
    path: PathBuf,
    class: Option<String>,
}

impl FolderSource {
    /// Lists the pictures and reads the first.
    ///
    /// # Errors
    /// Those of reading folders, [`DataError::NoPictures`], [`DataError::Picture`].
    pub fn open(path: &Path, _: &ReadOptions) -> Result<FolderSource, DataError> {
        let pictures = pictures(path)?;
        let Some(first) = pictures.first() else { return Err(DataError::NoPictures { path: path.into() }) };
        let decoded = decode(&first.path)?;
        let (height, width) = (decoded.height() as usize, decoded.width() as usize);
        let shape = if is_grey(&decoded) { vec![height, width] } else { vec![height, width, 3] };
        let shape = Shape::new(&shape).map_err(|_| DataError::NoPictures { path: path.into() })?;
        let column = |name: &str, kind| Column { name: name.into(), kind, reason: Reason::Format };
        let mut columns = vec![column("image", ColumnKind::Image)];
        if pictures.iter().any(|picture| picture.class.is_some()) {
            columns.push(column("label", ColumnKind::Categorical));
        }
        Ok(FolderSource { path: path.into(), schema: Arc::new(Schema { columns }), pictures, shape, row: 0 })
    }

    /// Appends the bytes of a picture.
    fn read(&self, picture: &Picture, into: &mut Vec<u8>) -> Result<(), DataError> {
        let decoded = decode(&picture.path)?;
        let (height, width) = (decoded.height() as usize, decoded.width() as usize);
        let grey = self.shape.rank() == 2;
        if [height, width] != self.shape[..2] || grey && !is_grey(&decoded) {
            let got = if is_grey(&decoded) { vec![height, width] } else { vec![height, width, 3] };
            return Err(DataError::PictureShape {
                path: picture.path.clone(),
                expected: self.shape.to_vec(),
                got,
                first: self.pictures.first().map(|first| first.path.clone()).unwrap_or_default(),
            });
        }
        if grey {
            into.extend_from_slice(decoded.to_luma8().as_raw());
        } else {
            into.extend_from_slice(decoded.to_rgb8().as_raw());
        }
        Ok(())
    }
}

fn is_grey(picture: &DynamicImage) -> bool {
    matches!(picture.color(), ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16)
}

fn decode(path: &Path) -> Result<DynamicImage, DataError> {
    let failed = |source: image::ImageError| DataError::Picture { path: path.into(), source: source.into() };
    let reader = ImageReader::open(path).map_err(|source| DataError::opening(path, source))?;
    let reader =
        reader.with_guessed_format().map_err(|source| DataError::Io { path: path.into(), source })?;
    reader.decode().map_err(failed)
}

/// All pictures: those in the folder itself, then those of each class, by name; or the one that the path is.
fn pictures(path: &Path) -> Result<Vec<Picture>, DataError> {
    if !path.is_dir() {
        return Ok(vec![Picture { path: path.into(), class: None }]);
    }
    let mut found = Vec::new();
    let mut classes = Vec::new();
    for entry in entries(path)? {
        if entry.is_dir() {
            classes.push(entry);
        } else if is_picture(&entry) {
            found.push(Picture { path: entry, class: None });
        }
    }
    for folder in classes {
        let class = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = entries(&folder)?.into_iter().filter(|file| is_picture(file));
        found.extend(files.map(|path| Picture { path, class: Some(class.clone()) }));
    }
    Ok(found)
}

/// What a folder holds, by name.
fn entries(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Io { path: path.into(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|source| DataError::opening(path, source))? {
        found.push(entry.map_err(failed)?.path());
    }
    found.sort();
    Ok(found)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    SPEC.extensions.contains(&extension.as_str())
}

/// The fingerprint of a file, or of the names and fingerprints of all pictures of a folder.
pub(crate) fn fingerprint(path: &Path) -> Result<Fingerprint, DataError> {
    if !path.is_dir() {
        return Fingerprint::of_file(path);
    }
    let mut all = Vec::new();
    for picture in pictures(path)? {
        let name = picture.path.strip_prefix(path).unwrap_or(&picture.path);
        all.extend_from_slice(name.to_string_lossy().as_bytes());
        all.extend(Fingerprint::of_file(&picture.path)?.0.to_le_bytes());
    }
    Ok(Fingerprint::of_bytes(&all))
}

impl Source for FolderSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn image(&self) -> Shape {
        self.shape
    }

    fn fill(&mut self, table: &mut Table, rows: usize) -> Result<usize, DataError> {
        let start = (self.row as usize).min(self.pictures.len());
        let end = start.saturating_add(rows).min(self.pictures.len());
        let (columns, lines, text) = table.parts();
        if let Some(text) = text {
            let labelled = self.schema.columns.len() > 1;
            text.extend(self.pictures[start..end].iter().map(|picture| {
                let name = picture.path.strip_prefix(&self.path).ok().filter(|name| *name != Path::new(""));
                let name = name.unwrap_or(&picture.path).to_string_lossy();
                let label = labelled.then(|| picture.class.as_deref().unwrap_or_default());
                [&*name].into_iter().chain(label).collect::<StringRecord>()
            }));
        }
        for values in columns {
            for picture in &self.pictures[start..end] {
                match values {
                    Values::Images { pixels, .. } => self.read(picture, pixels)?,
                    Values::Names(names) => names.push(picture.class.as_deref()),
                    _ => {}
                }
            }
        }
        lines.extend((start..end).map(|row| row as u64 + 1));
        self.row = end as u64;
        Ok(end - start)
    }

    fn cursor(&self) -> Cursor {
        Cursor { row: self.row, ..Cursor::default() }
    }

    fn seek(&mut self, cursor: Cursor) -> Result<(), DataError> {
        if cursor.row > self.pictures.len() as u64 {
            return Err(DataError::BadCursor { path: self.path.clone(), row: cursor.row });
        }
        self.row = cursor.row;
        Ok(())
    }
}
