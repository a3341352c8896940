//! The file format of models and checkpoints: safetensors, with one JSON document and a checksum over
//! everything in the metadata, written at once or not at all.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use steepest_data::Fingerprint;
use steepest_tensor::{Buffer, Shape, Slice, Tensor};

use crate::Fault;

/// The newest version of the format that this program reads and writes.
pub(crate) const VERSION: u64 = 1;
/// The key of the metadata that holds the envelope.
const KEY: &str = "steepest";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Model,
    Checkpoint,
}

/// What stands in the metadata.
#[derive(Serialize, Deserialize)]
struct Envelope {
    kind: Kind,
    version: u64,
    checksum: Fingerprint,
    contents: Json,
}

/// A named tensor, as bytes in the order of the file.
pub(crate) struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tensor as the format has it.
    pub fn view(&self) -> io::Result<TensorView<'_>> {
        TensorView::new(self.dtype, self.shape.clone(), &self.bytes).map_err(io::Error::other)
    }

    pub fn of_slice(name: String, shape: Shape, values: Slice<'_>) -> Stored {
        let dtype = match values {
            Slice::F32(_) => Dtype::F32,
            Slice::F64(_) => Dtype::F64,
        };
        Stored { name, dtype, shape: shape.to_vec(), bytes: values.to_le_bytes() }
    }

    pub fn of_tensor(name: String, tensor: &Tensor) -> Stored {
        let (dtype, bytes) = match tensor.buffer() {
            Buffer::F32(v) => (Dtype::F32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Buffer::F64(v) => (Dtype::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Buffer::U32(v) => (Dtype::U32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        Stored { name, dtype, shape: tensor.shape().to_vec(), bytes }
    }
}

/// What was read from a file.
#[derive(Debug)]
pub(crate) struct Contents {
    pub document: Json,
    /// In the order of their names.
    pub tensors: Vec<(String, Tensor)>,
}

/// Writes a file so that its name stands for the whole file or for what was there before: a temporary
/// file in the same folder, its bytes on the disk, renamed, and the folder's entry on the disk.
pub(crate) fn write_at_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.writing"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_folder(path.parent().unwrap_or(Path::new("")))
}

/// Puts a folder's entries on the disk, where the system can.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

pub(crate) fn write(path: &Path, kind: Kind, document: Json, tensors: &[Stored]) -> io::Result<()> {
    let parts = tensors.iter().map(|t| (t.name.as_str(), t.dtype, t.shape.as_slice(), t.bytes.as_slice()));
    let checksum = checksum(kind, &document, parts.collect());
    let envelope = Envelope { kind, version: VERSION, checksum, contents: document };
    let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&envelope)?)]);
    let views = tensors.iter().map(|tensor| tensor.view().map(|view| (tensor.name(), view)));
    let views = views.collect::<io::Result<Vec<_>>>()?;
    let bytes = serialize(views, Some(metadata)).map_err(io::Error::other)?;
    write_at_once(path, &bytes)
}

pub(crate) fn read(path: &Path, kind: Kind) -> Result<Contents, Fault> {
    let bytes = fs::read(path).map_err(Fault::Io)?;
    check_length(&bytes)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|_| Fault::NotAModel)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|_| Fault::NotAModel)?;
    let envelope = metadata.metadata().as_ref().and_then(|map| map.get(KEY)).ok_or(Fault::NotAModel)?;
    // The version comes first: a newer envelope may have other fields.
    let envelope: Json = serde_json::from_str(envelope).map_err(|_| Fault::NotAModel)?;
    let version = envelope.get("version").and_then(Json::as_u64).ok_or(Fault::NotAModel)?;
    if version > VERSION {
        return Err(Fault::Newer { got: version, known: VERSION });
    }
    let envelope: Envelope = serde_json::from_value(envelope).map_err(|_| Fault::NotAModel)?;
    if envelope.kind != kind || version == 0 {
        return Err(Fault::NotAModel);
    }
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let parts = tensors.iter().map(|(name, t)| (name.as_str(), t.dtype(), t.shape(), t.data())).collect();
    let got = checksum(kind, &envelope.contents, parts);
    if got != envelope.checksum {
        return Err(Fault::Damaged { got: got.to_string(), expected: envelope.checksum.to_string() });
    }
    let tensors = tensors.into_iter().map(|(name, view)| Some((name, tensor(&view)?)));
    let tensors = tensors.collect::<Option<Vec<_>>>().ok_or(Fault::NotAModel)?;
    Ok(Contents { document: envelope.contents, tensors })
}

/// Whether the file is as long as its header says.
fn check_length(bytes: &[u8]) -> Result<(), Fault> {
    let got = bytes.len() as u64;
    let header = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    let starts = bytes.get(8) == Some(&b'{');
    let header = header.filter(|&length| starts && length < 1 << 30).ok_or(Fault::NotAModel)?;
    let json = usize::try_from(8 + header).ok().and_then(|end| bytes.get(8..end));
    let Some(json) = json else { return Err(Fault::Truncated { got, expected: 8 + header }) };
    let entries: HashMap<String, Json> = serde_json::from_slice(json).map_err(|_| Fault::NotAModel)?;
    let ends = entries.values().filter_map(|entry| entry.get("data_offsets")?.get(1)?.as_u64());
    let expected = 8 + header + ends.max().unwrap_or(0);
    if got < expected { Err(Fault::Truncated { got, expected }) } else { Ok(()) }
}

/// A fingerprint of everything that a file says, whatever the order of its tensors.
fn checksum(kind: Kind, document: &Json, mut parts: Vec<(&str, Dtype, &[usize], &[u8])>) -> Fingerprint {
    parts.sort_by_key(|part| part.0);
    let mut text = format!("{kind:?} {VERSION} {}", Fingerprint::of_bytes(document.to_string().as_bytes()));
    for (name, dtype, shape, bytes) in parts {
        text += &format!("\n{name} {dtype:?} {shape:?} {}", Fingerprint::of_bytes(bytes));
    }
    Fingerprint::of_bytes(text.as_bytes())
}

fn tensor(view: &TensorView<'_>) -> Option<Tensor> {
    let shape = Shape::new(view.shape()).ok()?;
    let (four, _) = view.data().as_chunks::<4>();
    let (eight, _) = view.data().as_chunks::<8>();
    match view.dtype() {
        Dtype::F32 => Tensor::f32(shape, four.iter().map(|b| f32::from_le_bytes(*b)).collect()).ok(),
        Dtype::U32 => Tensor::u32(shape, four.iter().map(|b| u32::from_le_bytes(*b)).collect()).ok(),
        Dtype::F64 => Tensor::f64(shape, eight.iter().map(|b| f64::from_le_bytes(*b)).collect()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let weight = Tensor::f32([2, 3], vec![1.0, -0.0, f32::NAN, f32::INFINITY, 1e-40, 5.5]).unwrap();
        let rate = Tensor::f64([], vec![0.1]).unwrap();
        let tensors = [Stored::of_tensor("b".into(), &weight), Stored::of_tensor("a".into(), &rate)];
        write(&path, Kind::Model, serde_json::json!({ "x": 0.1, "y": "ä" }), &tensors).unwrap();
        (folder, path)
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_bit() {
        let (_folder, path) = written();
        let contents = read(&path, Kind::Model).unwrap();
        assert_eq!(contents.document, serde_json::json!({ "x": 0.1, "y": "ä" }));
        assert_eq!(contents.tensors[0].0, "a");
        let Buffer::F32(values) = contents.tensors[1].1.buffer() else { panic!("another type") };
        let bits: Vec<u32> = values.iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits, [1.0, -0.0, f32::NAN, f32::INFINITY, 1e-40, 5.5f32].map(f32::to_bits));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_noticed() {
        let (_folder, path) = written();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let fault = read(&path, Kind::Model).unwrap_err();
            let expected = if length < 9 { "not a Steepest model" } else { "truncated" };
            assert!(fault.to_string().contains(expected), "{length}: {fault}");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            // Spaces that pad the header carry nothing; all else is checked.
            let padding = whole[at] == b' ';
            assert!(read(&path, Kind::Model).is_err() || padding, "byte {at} of {}", whole.len());
        }
    }

    #[test]
    fn a_newer_version_and_another_kind_are_told_apart() {
        let (_folder, path) = written();
        assert!(matches!(read(&path, Kind::Checkpoint), Err(Fault::NotAModel)));
        let text = fs::read(&path).unwrap();
        let pattern = br#"\"version\":1"#;
        let at = text.windows(pattern.len()).position(|w| w == pattern).unwrap();
        let mut newer = text.clone();
        newer[at + pattern.len() - 1] = b'9';
        fs::write(&path, &newer).unwrap();
        assert!(matches!(read(&path, Kind::Model), Err(Fault::Newer { got: 9, known: VERSION })));
        assert!(matches!(read(&path.with_file_name("none"), Kind::Model), Err(Fault::Io(_))));
    }
}
