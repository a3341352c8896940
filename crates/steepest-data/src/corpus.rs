//! Texts for language models: files or folders of files, cut into tokens, seen through windows.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::prepare::Prepared;
use crate::words::prepare_words;
use crate::{
    Column, ColumnKind, DataError, DataOptions, Dataset, Finding, Fingerprint, Preprocessor, Reason, Schema,
    Target, TargetEncoding, Tokenizer, Tokens, Unseen, text,
};

/// Tokens of byte pair encoding unless the options say otherwise.
const VOCABULARY: usize = 1024;
/// Tokens of a window unless the options say otherwise.
const WINDOW: usize = 64;

/// Reads a corpus: the file, or all files of the folder in the order of their names, one behind the other.
///
/// # Errors
/// Those of reading; [`DataError::NoText`] if there is none.
pub fn read_corpus(path: &Path, encoding: Option<&str>) -> Result<String, DataError> {
    let mut corpus = String::new();
    for file in files(path)? {
        text::open_text(&file, encoding)?
            .reader
            .read_to_string(&mut corpus)
            .map_err(|source| text::unreadable(&file, source))?;
    }
    if corpus.is_empty() { Err(DataError::NoText { path: path.into() }) } else { Ok(corpus) }
}

/// The file, or the files of the folder in the order of their names.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| DataError::Io { path: path.into(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // What systems put into folders is no text.
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type().map_err(failed)?.is_file() && !hidden {
            found.push(entry.path());
        }
    }
    found.sort();
    if found.is_empty() { Err(DataError::NoText { path: path.into() }) } else { Ok(found) }
}

/// The fingerprint of a file, or of the fingerprints of a folder's files.
pub(crate) fn fingerprint(path: &Path) -> Result<Fingerprint, DataError> {
    let files = files(path)?;
    if let [file] = files.as_slice() {
        return Fingerprint::of_file(file);
    }
    let mut all = Vec::with_capacity(files.len() * 8);
    for file in &files {
        all.extend(Fingerprint::of_file(file)?.0.to_le_bytes());
    }
    Ok(Fingerprint::of_bytes(&all))
}

/// A corpus as training, validation and test windows. The parts follow one another in the text.
pub(crate) fn prepare_corpus(
    options: &DataOptions,
    tokens: Tokens,
    seed: u64,
) -> Result<Prepared, DataError> {
    let fractions = options.fractions(usize::MAX).check()?;
    let encoding = options.read.encoding.as_deref();
    let corpus = read_corpus(&options.train, encoding)?;
    let more = |path: &Option<PathBuf>| match path {
        Some(path) => read_corpus(path, encoding).map(Some),
        None => Ok(None),
    };
    let (validation, test) = (more(&options.validation)?, more(&options.test)?);
    let tokenizer = match tokens {
        Tokens::Bytes => Tokenizer::Bytes,
        // Merges are learned from what is trained on alone.
        Tokens::Bpe => {
            let (held, tested) = fractions.held_out(corpus.len());
            let mut end = corpus.len() - held - tested;
            while !corpus.is_char_boundary(end) {
                end -= 1;
            }
            Tokenizer::bpe(&corpus[..end], options.vocabulary.unwrap_or(VOCABULARY))
        }
        Tokens::Words => return prepare_words(options, seed),
        // As the names of classes, characters are taken from all parts.
        Tokens::Characters => {
            let all = [Some(&corpus), validation.as_ref(), test.as_ref()];
            Tokenizer::characters(&all.into_iter().flatten().map(String::as_str).collect::<String>())
        }
    };
    let window = options.window.unwrap_or(WINDOW);
    let (names, stride) = (tokenizer.names(), options.stride.unwrap_or(window));
    let windows = |path: &Path, tokens: Vec<u32>| {
        let got = tokens.len();
        let data = Dataset::language(tokens, window, stride, names.iter().cloned())?;
        let short = DataError::ShortCorpus { path: path.into(), window, got };
        if data.is_empty() { Err(short) } else { Ok(data) }
    };
    let whole = tokenizer.encode(&corpus)?;
    let (held, tested) = fractions.held_out(whole.len());
    let trained = whole.len() - held - tested;
    let (a, b) = (trained, trained + held);
    let train = windows(&options.train, whole[..a].to_vec())?;
    let part = |path: &Option<PathBuf>, text: Option<String>, range: &[u32]| match (path, text) {
        (Some(path), Some(text)) => windows(path, tokenizer.encode(&text)?).map(Some),
        _ if range.is_empty() => Ok(None),
        _ => windows(&options.train, range.to_vec()).map(Some),
    };
    let validation = part(&options.validation, validation, &whole[a..b])?;
    let test = part(&options.test, test, &whole[b..])?;
    let rows = |part: &Option<Dataset>| part.as_ref().map_or(0, Dataset::rows);
    let findings = vec![Finding::Corpus {
        tokens: whole.len(),
        vocabulary: tokenizer.vocabulary(),
        windows: [train.rows(), rows(&validation), rows(&test)],
        window,
    }];
    let named = [Some(&options.train), options.validation.as_ref(), options.test.as_ref()];
    let files = named.into_iter().flatten().map(|path| Ok((path.clone(), fingerprint(path)?)));
    let column = Column { name: "text".into(), kind: ColumnKind::Categorical, reason: Reason::Format };
    let encoding = TargetEncoding::Classification { classes: names.clone(), values: None };
    let preprocessor = Preprocessor {
        inputs: Vec::new(),
        target: Target {
            column: "text".to_owned(),
            kind: ColumnKind::Categorical,
            encoding,
            class_weights: None,
        },
        unseen: Unseen::Error,
        missing: Vec::new(),
        tokenizer: Some(tokenizer.clone()),
        sequences: None,
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
        schema: Arc::new(Schema { columns: vec![column] }),
        findings,
        files: files.collect::<Result<_, DataError>>()?,
    })
}
