//! Labelled sequences of varied lengths, in the `.ts` format of the UEA and UCR archives.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steepest_tensor::Shape;

use crate::prepare::Prepared;
use crate::{
    Column, ColumnKind, DataError, DataOptions, Dataset, Finding, Fingerprint, Preprocessor, Reason, Scaling,
    Schema, Split, Target, TargetEncoding, Task, Unseen, text,
};

/// How sequences become the inputs of a model: what was learned of the training sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequences {
    /// Steps of an example; shorter sequences are followed by zeros.
    pub steps: usize,
    /// What each channel's values are shifted and scaled by.
    pub channels: Vec<Scaling>,
    /// Whether sequences have several lengths, so that the model is told where each ends.
    #[serde(default = "varied")]
    pub varied: bool,
}

/// What was so before it was told apart.
fn varied() -> bool {
    true
}

/// A file of sequences.
struct SequenceFile {
    path: PathBuf,
    rows: Vec<Row>,
    channels: usize,
    /// The labels that the header names.
    classes: Vec<String>,
    /// Whether each row ends with a label, as it does where the header does not deny it.
    labelled: bool,
}

/// A sequence.
struct Row {
    /// Its line in the file.
    line: u64,
    /// Its channels' values, step by step.
    values: Vec<f32>,
    label: String,
}

/// Whether a file is in this format, by its name.
pub(crate) fn is_sequences(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ts"))
}

impl SequenceFile {
    fn read(path: &Path) -> Result<SequenceFile, DataError> {
        let reader = BufReader::new(text::open_text(path, None)?.reader);
        let (rows, classes) = (Vec::new(), Vec::new());
        let mut file = SequenceFile { path: path.into(), rows, channels: 0, classes, labelled: true };
        // A file without a header is nothing but data.
        let mut in_data = true;
        for (number, line) in reader.lines().enumerate() {
            let line = line.map_err(|source| DataError::Io { path: path.into(), source })?;
            let line = line.trim();
            match line.split_whitespace().next() {
                None => {}
                Some(word) if word.starts_with('#') => {}
                Some(word) if word.eq_ignore_ascii_case("@data") => in_data = true,
                Some(word) if word.eq_ignore_ascii_case("@classLabel") => {
                    let mut words = line.split_whitespace().skip(1);
                    file.labelled = !words.next().is_some_and(|word| word.eq_ignore_ascii_case("false"));
                    file.classes = words.map(str::to_owned).collect();
                    in_data = false;
                }
                Some(word) if word.starts_with('@') => in_data = false,
                Some(_) if in_data => file.row(line, number as u64 + 1)?,
                Some(_) => return Err(file.malformed(number as u64 + 1, "a line before `@data`")),
            }
        }
        if file.rows.is_empty() { Err(DataError::HeaderOnly { path: path.into() }) } else { Ok(file) }
    }

    fn malformed(&self, line: u64, what: impl Into<String>) -> DataError {
        DataError::BadSequence { path: self.path.clone(), line, what: what.into() }
    }

    /// `a,b,c:d,e,f:label`: channels with their steps, then the label.
    fn row(&mut self, line: &str, number: u64) -> Result<(), DataError> {
        let mut parts: Vec<&str> = line.split(':').collect();
        let label = if self.labelled { parts.pop().unwrap_or_default().trim() } else { "" }.to_owned();
        let channel = |part: &&str| part.split(',').map(|value| value.trim().parse::<f32>()).collect();
        let channels: Result<Vec<Vec<f32>>, _> = parts.iter().map(channel).collect();
        let channels = channels.map_err(|_| self.malformed(number, "a value that is not a number"))?;
        let steps = channels.first().map_or(0, Vec::len);
        if steps == 0 || channels.iter().any(|channel| channel.len() != steps) {
            return Err(self.malformed(number, "channels of different lengths, or none"));
        }
        if self.channels != 0 && self.channels != channels.len() {
            return Err(self.malformed(number, "another number of channels than the first row"));
        }
        if channels.iter().flatten().any(|value| !value.is_finite()) {
            return Err(self.malformed(number, "a value that is not finite"));
        }
        self.channels = channels.len();
        let values = (0..steps).flat_map(|step| channels.iter().map(move |channel| channel[step])).collect();
        self.rows.push(Row { line: number, values, label });
        Ok(())
    }

    /// What the header names, or what the rows hold.
    fn classes(&self) -> Vec<String> {
        if !self.classes.is_empty() {
            return self.classes.clone();
        }
        let found: std::collections::BTreeSet<&String> = self.rows.iter().map(|row| &row.label).collect();
        found.into_iter().cloned().collect()
    }

    fn steps(&self, row: usize) -> usize {
        self.rows[row].values.len() / self.channels.max(1)
    }

    /// The classes of the rows by number.
    fn labels(&self, classes: &[String]) -> Result<Vec<u32>, DataError> {
        let class = |Row { line, label, .. }: &Row| {
            let named = self.classes.is_empty() || self.classes.contains(label);
            let what = match named {
                true => format!("a label that training never saw, `{label}`"),
                false => format!("a label that the header does not name, `{label}`"),
            };
            let class = classes.iter().position(|class| class == label).filter(|_| named);
            class.map(|class| class as u32).ok_or_else(|| self.malformed(*line, what))
        };
        self.rows.iter().map(class).collect()
    }

    /// The rows as a model reads them; with their labels, of which `classes` are known, or without any.
    fn dataset(&self, sequences: &Sequences, classes: Option<&[String]>) -> Result<Dataset, DataError> {
        let channels = sequences.channels.len();
        let width = sequences.steps * channels;
        let mut features = vec![0f32; width * self.rows.len()];
        let mut lengths = Vec::with_capacity(self.rows.len());
        if channels != self.channels {
            let line = self.rows.first().map_or(1, |row| row.line);
            return Err(self.malformed(line, "another number of channels than the training sequences"));
        }
        for (row, Row { line, values, .. }) in self.rows.iter().enumerate() {
            // A sequence longer than those of training is cut.
            let steps = self.steps(row).min(sequences.steps);
            if steps < sequences.steps && !sequences.varied {
                let what = format!("{steps} steps, but all training sequences have {}", sequences.steps);
                return Err(self.malformed(*line, what));
            }
            let slot = &mut features[row * width..row * width + steps * channels];
            for (i, (slot, &value)) in slot.iter_mut().zip(values).enumerate() {
                *slot = sequences.channels[i % channels].apply(f64::from(value)) as f32;
            }
            lengths.push(steps as u32);
        }
        let example = Shape::from([sequences.steps, channels]);
        let data = match classes {
            Some(classes) => {
                Dataset::classification(example, features, self.labels(classes)?, classes.iter().cloned())?
            }
            None => Dataset::unlabelled(example, features)?,
        };
        if sequences.varied { data.with_lengths(lengths) } else { Ok(data) }
    }
}

/// The mean and standard deviation of each channel over all steps of some rows.
fn scalings(file: &SequenceFile, rows: &[u32], standardize: bool) -> Vec<Scaling> {
    let channel = |c: usize| {
        let values = || {
            let of_rows = rows.iter().filter_map(|&row| file.rows.get(row as usize));
            of_rows.flat_map(|row| row.values.iter().skip(c).step_by(file.channels)).map(|&v| f64::from(v))
        };
        let count = values().count().max(1) as f64;
        let shift = values().sum::<f64>() / count;
        let deviation = (values().map(|v| (v - shift).powi(2)).sum::<f64>() / count).sqrt();
        Scaling { shift, scale: if deviation > 0.0 { deviation } else { 1.0 } }
    };
    match standardize {
        true => (0..file.channels).map(channel).collect(),
        false => vec![Scaling::IDENTITY; file.channels],
    }
}

/// Sequences as training, validation and test rows.
pub(crate) fn prepare_sequences(options: &DataOptions, seed: u64) -> Result<Prepared, DataError> {
    if options.augment.is_any() {
        return Err(DataError::NothingToAugment { path: options.train.clone() });
    }
    if matches!(options.preprocess.task, Some(Task::Regression)) {
        return Err(DataError::SequenceTargets { path: options.train.clone() });
    }
    let file = SequenceFile::read(&options.train)?;
    let fractions = options.fractions(file.rows.len()).check()?;
    let more = |path: &Option<PathBuf>| path.as_deref().map(SequenceFile::read).transpose();
    let (validation, test) = (more(&options.validation)?, more(&options.test)?);
    let classes = file.classes();
    // Said before anything about how many rows there are.
    file.labels(&classes)?;
    let split = match fractions == crate::Fractions::NONE {
        true => Split::all_train(file.rows.len()),
        false => Split::random(seed, file.rows.len(), fractions)?,
    };
    let all = [Some(&file), validation.as_ref(), test.as_ref()].into_iter().flatten();
    let lengths: Vec<usize> = all.flat_map(|file| (0..file.rows.len()).map(|row| file.steps(row))).collect();
    let steps = lengths.iter().copied().max().unwrap_or(1);
    let varied = lengths.iter().any(|&length| length < steps);
    let channels = scalings(&file, &split.train, options.preprocess.standardize);
    let sequences = Sequences { steps, channels, varied };
    let whole = file.dataset(&sequences, Some(&classes))?;
    let part = |other: Option<SequenceFile>, rows: &[u32]| match other {
        Some(file) => file.dataset(&sequences, Some(&classes)).map(Some),
        None if rows.is_empty() => Ok(None),
        None => whole.subset(rows).map(Some),
    };
    let (validation, test) = (part(validation, &split.validation)?, part(test, &split.test)?);
    let train = whole.subset(&split.train)?;
    let rows = |part: &Option<Dataset>| part.as_ref().map_or(0, Dataset::rows);
    let mut findings = Vec::new();
    if fractions != crate::Fractions::NONE {
        let (validation, test) = (rows(&validation), rows(&test));
        findings.push(Finding::Split { fractions, train: train.rows(), validation, test });
    }
    let named = [Some(&options.train), options.validation.as_ref(), options.test.as_ref()];
    let files = named.into_iter().flatten().map(|path| Ok((path.clone(), Fingerprint::of_file(path)?)));
    let column = |name: &str, kind| Column { name: name.into(), kind, reason: Reason::Format };
    let target = "label".to_owned();
    let kind = ColumnKind::Categorical;
    let encoding = TargetEncoding::Classification { classes, values: None };
    let preprocessor = Preprocessor {
        inputs: Vec::new(),
        target: Target { column: target.clone(), kind, encoding, class_weights: None },
        unseen: Unseen::Error,
        missing: Vec::new(),
        tokenizer: None,
        sequences: Some(sequences),
        history: None,
        relevant: None,
        subwords: None,
        weight: None,
    };
    Ok(Prepared {
        train,
        validation,
        test,
        preprocessor,
        schema: Arc::new(Schema {
            columns: vec![column("sequence", ColumnKind::Numeric), column(&target, kind)],
        }),
        findings,
        files: files.collect::<Result<_, DataError>>()?,
    })
}

/// The rows of a file of sequences, as a preprocessor learned to read them; none if it learned of something else. Without
/// labels, what stands in their place (such as `?`) is not looked at. Longer sequences than those of training are cut, which
/// is among the findings.
///
/// # Errors
/// What is wrong with the file.
pub fn read_sequences(
    path: &Path,
    learned: &Preprocessor,
    labelled: bool,
) -> Result<Option<(Dataset, Vec<Finding>)>, DataError> {
    let Some(sequences) = &learned.sequences else { return Ok(None) };
    let file = SequenceFile::read(path)?;
    let data = file.dataset(sequences, labelled.then(|| learned.target.classes()))?;
    let rows = (0..file.rows.len()).filter(|&row| file.steps(row) > sequences.steps).count();
    let cut = (rows > 0).then_some(Finding::CutSequences { rows, steps: sequences.steps });
    Ok(Some((data, cut.into_iter().collect())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureForm;

    const TEXT: &str =
        "# a comment\n@problemName two\n@classLabel true x y\n@data\n1,2,3:10,20,30:x\n5:50:y\n2,2:20,20:x\n";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.ts");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn sequences_are_padded_and_know_their_lengths() {
        let (_folder, path) = file(TEXT);
        let mut options = DataOptions::new(&path, "label");
        options.split = crate::Shares { validation: Some(0.0), test: Some(0.0), ..crate::Shares::default() };
        options.preprocess.standardize = false;
        let data = crate::prepare(&options, 1).unwrap();
        assert_eq!((data.train.example(), data.train.form()), (Shape::from([3, 2]), FeatureForm::Sequences));
        let (mut x, mut y, mut lengths) = ([9f32; 18], [9; 3], [9f32; 3]);
        data.train.fill(0..3, &mut x, crate::TargetsMut::Classes(&mut y)).unwrap();
        data.train.fill_lengths(0..3, &mut lengths).unwrap();
        assert_eq!(x[..6], [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
        assert_eq!(x[6..12], [5.0, 50.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!((y, lengths), ([0, 1, 0], [3.0, 1.0, 2.0]));
        let (again, findings) = read_sequences(&path, &data.preprocessor, true).unwrap().unwrap();
        assert_eq!((again.rows(), findings.len()), (3, 0));
        // To predict, nothing needs to be known of the labels; what is too long is cut.
        let unknown = TEXT.replace(":y", ":?").replace("10,20,30", "10,20,30,40").replace("1,2,3", "1,2,3,4");
        let (_other, path) = file(&unknown);
        let (rows, findings) = read_sequences(&path, &data.preprocessor, false).unwrap().unwrap();
        assert_eq!((rows.rows(), &findings[..]), (3, &[Finding::CutSequences { rows: 1, steps: 3 }][..]));
        let error = read_sequences(&path, &data.preprocessor, true).unwrap_err().to_string();
        assert!(error.contains("two.ts:6"), "{error}");
        let (_other, path) = file("@classLabel false\n@data\n1,2:10,20\n");
        assert_eq!(read_sequences(&path, &data.preprocessor, false).unwrap().unwrap().0.rows(), 1);
    }

    #[test]
    fn channels_are_standardized_over_the_steps_that_count() {
        let (_folder, path) = file(TEXT);
        let mut options = DataOptions::new(&path, "label");
        options.split = crate::Shares { validation: Some(0.0), test: Some(0.0), ..crate::Shares::default() };
        let learned = crate::prepare(&options, 1).unwrap().preprocessor.sequences.unwrap();
        // 1, 2, 3, 5, 2, 2: mean 2.5, variance 9.5 / 6.
        assert_eq!(learned.channels[0].shift, 2.5);
        assert!((learned.channels[0].scale - (9.5f64 / 6.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (row, what) in [
            ("1,2:3:x", "channels of different lengths"),
            ("1,z:3,4:x", "not a number"),
            ("1:2:3:x", "another number of channels"),
            ("1:2:w", "a label that the header does not name"),
            ("inf:2:x", "not finite"),
        ] {
            let (_folder, path) = file(&TEXT.replace("5:50:y", row));
            let error = crate::prepare(&DataOptions::new(&path, "label"), 1).unwrap_err().to_string();
            assert!(error.contains("two.ts:6") && error.contains(what), "{error}");
        }
    }
}
