//! From files to a vocabulary and a text of its words.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Parts, WordOptions};
use crate::corpus::{files, fingerprint};
use crate::prepare::Prepared;
use crate::{
    Categories, Column, ColumnKind, DataError, DataOptions, Dataset, Encoding, Finding, Input, Preprocessor,
    Reason, Schema, Target, TargetEncoding, Unseen, text,
};

/// Calls `each` with the words of every line: a line is a sentence, words stand between white space.
///
/// A folder is read file by file in the order of the names.
///
/// # Errors
/// Those of reading.
pub fn read_sentences(
    path: &Path,
    encoding: Option<&str>,
    mut each: impl FnMut(&mut dyn Iterator<Item = &str>),
) -> Result<(), DataError> {
    let mut line = String::new();
    for file in files(path)? {
        let mut reader = std::io::BufReader::new(text::open_text(&file, encoding)?.reader);
        loop {
            line.clear();
            let read = reader.read_line(&mut line).map_err(|source| text::unreadable(&file, source))?;
            if read == 0 {
                break;
            }
            each(&mut line.split_whitespace());
        }
    }
    Ok(())
}

/// The words of a text that occur often enough, in alphabetical order, and how often each does.
struct Vocabulary {
    words: Vec<String>,
    counts: Vec<u64>,
    /// Words of the text, and different ones.
    read: (u64, usize),
}

impl Vocabulary {
    fn read(path: &Path, encoding: Option<&str>, options: &WordOptions) -> Result<Vocabulary, DataError> {
        let mut seen: HashMap<String, u64> = HashMap::new();
        read_sentences(path, encoding, |words| {
            for word in words {
                match seen.get_mut(word) {
                    Some(count) => *count += 1,
                    None => _ = seen.insert(word.to_owned(), 1),
                }
            }
        })?;
        let read = (seen.values().sum(), seen.len());
        let most = seen.values().copied().max().unwrap_or(0);
        let mut counted: Vec<(String, u64)> =
            seen.into_iter().filter(|(_, count)| *count >= options.min_count as u64).collect();
        counted.sort_unstable();
        match (read.1, counted.is_empty()) {
            (0, _) => Err(DataError::Empty { path: path.into() }),
            (different, true) => Err(DataError::EmptyVocabulary {
                path: path.into(),
                min_count: options.min_count,
                different,
                most,
            }),
            _ => {
                let (words, counts) = counted.into_iter().unzip();
                Ok(Vocabulary { words, counts, read })
            }
        }
    }

    /// The sentences of a text as numbers of words; words that are not in the vocabulary are read over.
    fn encode(&self, path: &Path, encoding: Option<&str>) -> Result<Vec<Vec<u32>>, DataError> {
        let number: HashMap<&str, u32> = self.words.iter().map(String::as_str).zip(0..).collect();
        let mut sentences = Vec::new();
        read_sentences(path, encoding, |words| {
            let known: Vec<u32> = words.filter_map(|word| number.get(word).copied()).collect();
            if !known.is_empty() {
                sentences.push(known);
            }
        })?;
        Ok(sentences)
    }
}

/// A text of words as training, validation and test rows: nothing is held out unless it is asked for, and then the
/// last sentences.
pub(crate) fn prepare_words(options: &DataOptions, seed: u64) -> Result<Prepared, DataError> {
    let encoding = options.read.encoding.as_deref();
    let vocabulary = Vocabulary::read(&options.train, encoding, &options.words)?;
    let mut sentences = vocabulary.encode(&options.train, encoding)?;
    let share = |share: Option<f64>, file: &Option<PathBuf>| match file {
        Some(_) => 0.0,
        None => share.unwrap_or(0.0),
    };
    let fractions = crate::Fractions {
        validation: share(options.split.validation, &options.validation),
        test: share(options.split.test, &options.test),
    };
    let (held, tested) = fractions.check()?.held_out(sentences.len());
    let test = sentences.split_off(sentences.len() - tested);
    let validation = sentences.split_off(sentences.len() - held);
    let parts = options.subwords.map(|subwords| Parts::new(subwords, &vocabulary.words)).transpose()?;
    let parts = parts.map(Arc::new);
    let rows = |sentences: Vec<Vec<u32>>| {
        let data = Dataset::words(sentences, &vocabulary.counts, &options.words, seed)?;
        Ok::<_, DataError>(data.with_parts(parts.clone()))
    };
    let part = |path: &Option<PathBuf>, own: Vec<Vec<u32>>| match path {
        Some(path) => rows(vocabulary.encode(path, encoding)?).map(Some),
        None if own.is_empty() => Ok(None),
        None => rows(own).map(Some),
    };
    let named = [Some(&options.train), options.validation.as_ref(), options.test.as_ref()];
    let files = named.into_iter().flatten().map(|path| Ok((path.clone(), fingerprint(path)?)));
    let findings = vec![Finding::Words {
        words: vocabulary.read.0,
        different: vocabulary.read.1,
        kept: vocabulary.words.len(),
        min_count: options.words.min_count,
    }];
    let (train, validation, test) =
        (rows(sentences)?, part(&options.validation, validation)?, part(&options.test, test)?);
    let column = Column { name: "word".into(), kind: ColumnKind::Categorical, reason: Reason::Format };
    let categories = Categories { categories: vocabulary.words, rare: Vec::new(), missing: false };
    let preprocessor = Preprocessor {
        inputs: vec![Input { column: "word".to_owned(), encoding: Encoding::Embed(categories) }],
        target: Target {
            column: String::new(),
            kind: ColumnKind::Categorical,
            encoding: TargetEncoding::Classification { classes: Vec::new(), values: None },
            class_weights: None,
        },
        unseen: Unseen::Ignore,
        missing: Vec::new(),
        tokenizer: None,
        weight: None,
        sequences: None,
        history: None,
        relevant: None,
        subwords: options.subwords,
    };
    Ok(Prepared {
        train,
        validation,
        test,
        preprocessor,
        schema: Arc::new(Schema { columns: vec![column] }),
        findings,
        files: files.collect::<Result<_, DataError>>()?,
    })
}
