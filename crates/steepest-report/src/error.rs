use std::path::PathBuf;

/// What can go wrong while pictures are made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The operating system refused to read or write.
    #[error("cannot {action} {}: {source}\n  help: check that the folder exists, is yours and has room", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the log is not a JSON object.
    #[error("{}:{line}: not a record of a run: {source}\n  help: the file should hold one JSON object a line, as training writes it", path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The picture could not be drawn as PNG.
    #[error("cannot draw {width}×{height} pixels\n  help: choose a size from 1 to 16384")]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The PNG encoder refused.
    #[error("cannot encode the picture as PNG: {reason}")]
    Encode {
        /// What the encoder said.
        reason: String,
    },
}
