//! The folder a workload lies in: `workload.json` and one raw little-endian file per array.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::Workload;

/// A workload's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// What `workload.json` says.
    pub workload: Workload,
}

/// A folder that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file could not be read or written.
    #[error("cannot access {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// `workload.json` does not describe a workload.
    #[error("{} does not describe a workload: {source}", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// An array's file has the wrong size.
    #[error("array `{name}` has {values} values, {expected} expected; prepare the workload again")]
    Length {
        /// The array.
        name: String,
        /// Values found in the file.
        values: usize,
        /// Values in its described shape.
        expected: usize,
    },
}

impl Folder {
    /// Opens a folder written by [`Folder::create`].
    pub fn open(path: &Path) -> Result<Folder, FolderError> {
        let file = path.join("workload.json");
        let text = fs::read(&file).map_err(|source| FolderError::File { path: file.clone(), source })?;
        let workload = serde_json::from_slice(&text)
            .map_err(|source| FolderError::Description { path: file, source })?;
        Ok(Folder { path: path.to_path_buf(), workload })
    }

    /// Makes the folder of a workload. The description is written last, by [`Folder::seal`].
    pub fn create(path: &Path, workload: Workload) -> Result<Folder, FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError::File { path: path.to_path_buf(), source })?;
        Ok(Folder { path: path.to_path_buf(), workload })
    }

    /// Writes `workload.json`: the folder is complete.
    pub fn seal(&self) -> Result<(), FolderError> {
        let path = self.path.join("workload.json");
        let text = serde_json::to_vec_pretty(&self.workload)
            .map_err(|source| FolderError::Description { path: path.clone(), source })?;
        fs::write(&path, text).map_err(|source| FolderError::File { path, source })
    }

    /// Reads an array of floats.
    pub fn f32(&self, name: &str) -> Result<Vec<f32>, FolderError> {
        self.words(name, f32::from_le_bytes)
    }

    /// Reads an array of indices.
    pub fn u32(&self, name: &str) -> Result<Vec<u32>, FolderError> {
        self.words(name, u32::from_le_bytes)
    }

    /// Writes an array, given as the little-endian words of its elements.
    pub fn write(&self, name: &str, words: impl Iterator<Item = [u8; 4]>) -> Result<(), FolderError> {
        let path = self.file(name);
        let bytes: Vec<u8> = words.flatten().collect();
        fs::write(&path, bytes).map_err(|source| FolderError::File { path, source })
    }

    /// Reads words a few at a time: an array is never in memory twice.
    fn words<T>(&self, name: &str, from: impl Fn([u8; 4]) -> T) -> Result<Vec<T>, FolderError> {
        let path = self.file(name);
        let failed = |source| FolderError::File { path: path.clone(), source };
        let mut file = fs::File::open(&path).map_err(failed)?;
        let expected = self.workload.arrays.get(name).map_or(0, |array| array.shape.iter().product());
        let len = file.metadata().map_err(failed)?.len() as usize;
        if len != 4 * expected {
            return Err(FolderError::Length { name: name.to_owned(), values: len / 4, expected });
        }
        let mut words = Vec::with_capacity(expected);
        let mut bytes = [0; 1 << 14];
        while words.len() < expected {
            let part = &mut bytes[..(4 * (expected - words.len())).min(1 << 14)];
            file.read_exact(part).map_err(failed)?;
            words.extend(part.as_chunks::<4>().0.iter().map(|word| from(*word)));
        }
        Ok(words)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.bin"))
    }
}
