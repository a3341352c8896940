//! One pass over rows in their order, a window at a time, read and encoded on a thread of its own.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde::{Deserialize, Serialize};

use crate::stdin::{is_stdin, pass_begins};
use crate::{
    Cursor, DataError, DataOptions, Dataset, Encoder, Finding, Fitter, Preprocessor, Source, Table, sources,
};

/// Rows of a window, about.
const WINDOW: usize = 4096;
/// Windows that are ready before they are asked for.
const AHEAD: usize = 2;

/// Some rows of a stream, ready for training, and where the next ones begin.
#[derive(Clone, Debug)]
pub struct Window {
    /// The rows, in their order.
    pub data: Dataset,
    /// Where the row behind them stands.
    pub cursor: Cursor,
    /// Rows so far without a target: they are read over.
    pub unlabelled: u64,
}

/// Where a pass goes on that was interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStart {
    /// Where it stood.
    pub cursor: Cursor,
    /// Rows without a target before that.
    pub unlabelled: u64,
}

/// One pass over a file or standard input, whose memory does not grow with the rows.
///
/// What has to be known of columns before training (means, deviations, categories, classes, how telling words are)
/// is learned on the first `infer-rows` rows, which are then trained on like all others. Nothing is held out: in one
/// pass every row is predicted before it is learned from. Each window has a whole number of batches, except for the
/// last, so that batches do not depend on where a pass was interrupted.
///
/// ```
/// use std::num::NonZeroUsize;
/// use steepest_data::{DataOptions, Stream};
/// # let path = std::env::temp_dir().join("steepest-stream-example.csv");
/// # std::fs::write(&path, "x,y\n1,2.5\n2,3.5\n3,5\n").unwrap();
/// let options = DataOptions { stream: Some(true), ..DataOptions::new(&path, "y") };
/// let mut stream = Stream::open(&options, NonZeroUsize::MIN)?;
/// let window = stream.next().unwrap()?;
/// assert_eq!((window.data.rows(), window.cursor.row), (3, 3));
/// # Ok::<(), steepest_data::DataError>(())
/// ```
pub struct Stream {
    preprocessor: Preprocessor,
    sample: Dataset,
    findings: Vec<Finding>,
    first: Option<Window>,
    /// What reads on, until the pass begins.
    reader: Option<(Box<dyn Source>, Rows)>,
    path: PathBuf,
    /// Rows of a window.
    rows: usize,
    rest: Option<Receiver<Result<Window, DataError>>>,
}

impl Stream {
    /// Opens a stream of batches of so many rows. The pass begins with the first window that is asked for.
    ///
    /// # Errors
    /// Whatever is wrong with the file, its first rows or the options.
    pub fn open(options: &DataOptions, batch: NonZeroUsize) -> Result<Stream, DataError> {
        let read = options.reading();
        let mut source = sources::open(&options.train, &read)?;
        let mut reader = Rows { target: options.target.clone(), unlabelled: 0 };
        let mut findings = source.findings().to_vec();
        let whole = |rows: usize| rows.next_multiple_of(batch.get());
        let look = usize::try_from(options.read.infer_rows).unwrap_or(usize::MAX).clamp(1, 1 << 20);
        let mut table = source.table();
        reader.fill(&mut *source, &mut table, whole(look))?;
        let mut fitter = Fitter::new(&table, &options.target, &options.preprocessing(&*source))?;
        fitter.observe(&table, &vec![true; table.rows()]);
        let (mut preprocessor, noticed) = fitter.finish()?;
        preprocessor.missing = options.read.missing.clone();
        findings.extend(noticed);
        let sample = Encoder::new(&preprocessor, &table)?.dataset::<f32>(&table, 0..table.rows(), true)?;
        drop(table);
        let (data, unlabelled) = (sample.clone(), reader.unlabelled);
        let first = Some(Window { data, cursor: source.cursor(), unlabelled });
        let (path, rows) = (options.train.clone(), whole(WINDOW));
        let reader = Some((source, reader));
        Ok(Stream { preprocessor, sample, findings, first, reader, path, rows, rest: None })
    }

    /// Goes on where another pass stopped. What was learned of the first rows follows from them, to the last bit; they
    /// are not taken again. To be called before the first window is asked for.
    ///
    /// # Errors
    /// If the rows before it cannot be read.
    pub fn go_on(&mut self, start: StreamStart) -> Result<(), DataError> {
        if let Some((source, reader)) = &mut self.reader {
            source.seek(start.cursor)?;
            reader.unlabelled = start.unlabelled;
            self.first = None;
        }
        Ok(())
    }

    /// Starts the thread that reads.
    fn begin(
        &self,
        source: Box<dyn Source>,
        reader: Rows,
    ) -> Result<Receiver<Result<Window, DataError>>, DataError> {
        if is_stdin(&self.path) {
            pass_begins();
        }
        let (sender, rest) = sync_channel(AHEAD);
        let (learned, rows) = (self.preprocessor.clone(), self.rows);
        let work = move || reader.run(source, &learned, rows, &sender);
        let failed = |source| DataError::Io { path: self.path.clone(), source };
        thread::Builder::new().name("reader".to_owned()).spawn(work).map_err(failed)?;
        Ok(rest)
    }

    /// What was learned of the columns.
    pub fn preprocessor(&self) -> &Preprocessor {
        &self.preprocessor
    }

    /// The first rows, which it was learned from.
    pub fn sample(&self) -> &Dataset {
        &self.sample
    }

    /// What was noticed on opening.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Iterator for Stream {
    type Item = Result<Window, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((source, reader)) = self.reader.take() {
            match self.begin(source, reader) {
                Ok(rest) => self.rest = Some(rest),
                Err(error) => return Some(Err(error)),
            }
        }
        // The reader hangs up after the last window, and after an error.
        self.first.take().map(Ok).or_else(|| self.rest.as_ref()?.recv().ok())
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("findings", &self.findings).finish_non_exhaustive()
    }
}

/// Reads rows that have a target.
struct Rows {
    target: String,
    unlabelled: u64,
}

impl Rows {
    /// Fills an empty table with so many rows, fewer at the end.
    fn fill(&mut self, source: &mut dyn Source, table: &mut Table, rows: usize) -> Result<(), DataError> {
        let place = table.schema().find(&self.target);
        while table.rows() < rows && source.fill(table, rows - table.rows())? > 0 {
            if let Some(place) = place {
                self.unlabelled += table.drop_missing(place) as u64;
            }
        }
        Ok(())
    }

    /// Sends window after window, until there are no more rows or nobody listens.
    fn run(
        mut self,
        mut source: Box<dyn Source>,
        learned: &Preprocessor,
        rows: usize,
        sender: &SyncSender<Result<Window, DataError>>,
    ) {
        let mut table = source.table();
        let mut encoder = match Encoder::new(learned, &table) {
            Ok(encoder) => encoder,
            Err(error) => return drop(sender.send(Err(error))),
        };
        loop {
            table.clear();
            let window = self.fill(&mut *source, &mut table, rows).and_then(|()| {
                let data = encoder.dataset::<f32>(&table, 0..table.rows(), true)?;
                Ok(Window { data, cursor: source.cursor(), unlabelled: self.unlabelled })
            });
            let last = table.rows() == 0 || window.is_err();
            if table.rows() == 0 && window.is_ok() || sender.send(window).is_err() || last {
                return;
            }
        }
    }
}
