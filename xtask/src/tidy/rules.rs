//! Rules about single lines: unsafe code, purity of the lower crates, leftovers.

use super::source::Source;
use super::{File, Finding};

/// Crates that do no I/O, read no clock and no environment, and keep no global state.
const PURE: &[&str] =
    &["steepest-spec", "steepest-tensor", "steepest-graph", "steepest-optim", "steepest-nn"];
/// The one crate with unsafe code.
const UNSAFE: &str = "steepest-tensor";
/// The one crate that prints and exits.
const PRINTS: &str = "steepest-cli";

/// A phrase that must not stand in the code of some crates.
struct Phrase {
    text: &'static str,
    rule: &'static str,
    allowed_in: &'static [&'static str],
    help: &'static str,
}

const fn impure(text: &'static str) -> Phrase {
    Phrase {
        text,
        rule: "pure",
        allowed_in: &[],
        help: "pass the value in from a crate above; this one is pure",
    }
}

const IMPURE: &[Phrase] = &[
    impure("std::fs"),
    impure("std::io"),
    impure("std::net"),
    impure("std::env"),
    impure("process::exit"),
    impure("process::id"),
    impure("process::Command"),
    impure("std::time"),
    impure("fs::"),
    impure("io::"),
    impure("env::"),
    impure("Instant"),
    impure("SystemTime"),
    impure("static mut"),
    impure("thread_local"),
    impure("OnceLock"),
    impure("LazyLock"),
    impure("lazy_static"),
    Phrase {
        text: "thread::",
        rule: "pure",
        allowed_in: &[UNSAFE],
        help: "threads belong to the pool in steepest-tensor",
    },
];

const fn prints(text: &'static str) -> Phrase {
    Phrase {
        text,
        rule: "prints",
        allowed_in: &[PRINTS],
        help: "return the value; only steepest-cli prints and exits",
    }
}

const PRINTING: &[Phrase] =
    &[prints("println!"), prints("eprintln!"), prints("print!"), prints("eprint!"), prints("process::exit")];

/// Where a phrase may stand all the same: file and phrase.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Which kernels this processor has: found once, the same for every caller.
    ("crates/steepest-tensor/src/kernels/mod.rs", "OnceLock"),
];

/// Types whose statics are global state.
const INTERIOR: &[&str] = &["Atomic", "Mutex", "RwLock", "Cell"];

/// Checks what is about code: needs comments and tests told apart.
pub fn check_source(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    check_unsafe(file, source, findings);
    check_forbid(file, source, findings);
    let Some((name, inside)) = file.in_crate() else { return };
    if !inside.starts_with("src/") {
        return;
    }
    let pure = PURE.contains(&name);
    let phrases = IMPURE.iter().filter(|_| pure).chain(PRINTING);
    let excepted = |phrase: &&Phrase| EXCEPTIONS.contains(&(file.path.as_str(), phrase.text));
    let here = |phrase: &&Phrase| !phrase.allowed_in.contains(&name) && !excepted(phrase);
    for phrase in phrases.filter(here) {
        for (number, line) in source.shipped() {
            if has_word(&line.code, phrase.text) {
                let found = format!("`{}` in {name}", phrase.text);
                findings.push(file.error(number, phrase.rule, found, phrase.help));
            }
        }
    }
    if pure {
        check_statics(file, source, findings);
    }
}

/// A static with interior mutability is global state under another name.
fn check_statics(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.shipped() {
        let is_static =
            has_word(&line.code, "static") && line.code.contains(':') && !line.code.contains("'static");
        if let Some(kind) = INTERIOR.iter().find(|kind| is_static && line.code.contains(**kind)) {
            findings.push(file.error(
                number,
                "pure",
                format!("a static `{kind}` is global state"),
                "keep the state in a value that the caller owns",
            ));
        }
    }
}

fn check_unsafe(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    let home = file.in_crate().is_some_and(|(name, _)| name == UNSAFE);
    // A test may need an allocator that counts; nothing that ships may.
    let test_folder = super::paths::is_test(&file.path);
    for (index, line) in source.lines.iter().enumerate() {
        if !has_word(&line.code, "unsafe") {
            continue;
        }
        if !home && !test_folder {
            findings.push(file.error(
                index + 1,
                "unsafe",
                "unsafe code outside steepest-tensor".to_owned(),
                "express it with the safe functions of steepest-tensor, or add one there",
            ));
        } else if opens_unsafe(source, index) && !explained(source, index) {
            findings.push(file.error(
                index + 1,
                "safety-comment",
                "an unsafe block or impl without a reason".to_owned(),
                "say above it, in a comment that begins with SAFETY:, why the conditions hold",
            ));
        }
    }
}

/// Whether the `unsafe` on this line opens a block or an impl (a function states its own conditions).
fn opens_unsafe(source: &Source, index: usize) -> bool {
    let code = &source.lines[index].code;
    let after = code.split("unsafe").skip(1).map(str::trim_start);
    let next = source.lines.get(index + 1).map_or("", |line| line.code.trim_start());
    after.into_iter().any(|rest| {
        rest.starts_with('{') || rest.starts_with("impl") || rest.is_empty() && next.starts_with('{')
    })
}

/// Whether a SAFETY comment stands on the line, or above the statement it belongs to.
fn explained(source: &Source, index: usize) -> bool {
    for (distance, line) in source.lines[..=index].iter().rev().enumerate() {
        if line.comment.contains("SAFETY") {
            return true;
        }
        let code = line.code.trim();
        let finished = code.ends_with([';', '}', '{', ',']);
        if distance > 0 && (finished || code.is_empty() && line.comment.is_empty()) {
            return false;
        }
    }
    false
}

/// Every crate but one forbids unsafe code at its root.
fn check_forbid(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    let inside = match file.in_crate() {
        Some((UNSAFE, _)) => return,
        Some((_, inside)) => inside,
        None => file.path.strip_prefix("xtask/").unwrap_or(""),
    };
    let root = matches!(inside, "src/lib.rs" | "src/main.rs") || inside.starts_with("src/bin/");
    if root && !source.lines.iter().any(|line| line.code.contains("#![forbid(unsafe_code)]")) {
        findings.push(file.error(
            1,
            "forbid-unsafe",
            "the crate root does not forbid unsafe code".to_owned(),
            "put #![forbid(unsafe_code)] at the top of the file",
        ));
    }
}

/// Checks what holds for every text file.
pub fn check_text(file: &File, findings: &mut Vec<Finding>) {
    let document = file.path.ends_with(".md");
    for (index, line) in file.text.lines().enumerate() {
        let number = index + 1;
        if MARKERS.iter().any(|marker| line.starts_with(marker)) {
            let found = "a merge marker".to_owned();
            findings.push(file.error(number, "merge-marker", found, "finish the merge"));
        }
        if let Some(word) = LEFTOVERS.iter().find(|word| has_word(line, word)) {
            let found = format!("`{word}`: unfinished work");
            findings.push(file.error(
                number,
                "leftover",
                found,
                "do it now, or file it where work is planned",
            ));
        }
        let comment = document || line.trim_start().starts_with("//") || line.trim_start().starts_with('#');
        let mut folders = PLACES.iter().filter(|(_, anywhere)| *anywhere || comment);
        if let Some((folder, _)) = folders.find(|(folder, _)| names_folder(line, folder)) {
            let found = format!("`{folder}` is a path of one machine");
            findings.push(file.error(number, "machine-path", found, "use a path relative to the repository"));
        }
    }
}

// Written in pieces so that this file does not contain what it looks for.
const MARKERS: &[&str] = &[concat!("<<<<", "<<< "), concat!(">>>>", ">>> "), concat!("||||", "||| ")];
const LEFTOVERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Absolute folders, and whether they are wrong in code too (or only in prose).
const PLACES: &[(&str, bool)] = &[
    (concat!("/wo", "rk"), true),
    (concat!("/ro", "ot"), true),
    (concat!("/ho", "me"), true),
    (concat!("/t", "mp"), false),
];

/// Whether `text` contains `phrase` not as a part of a longer word.
pub fn has_word(text: &str, phrase: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let open = phrase.starts_with(is_word);
    let closed = phrase.ends_with(is_word);
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(is_word);
        let after = text[at + phrase.len()..].chars().next().is_some_and(is_word);
        !(open && before || closed && after)
    })
}

/// Whether `text` names the absolute folder, rather than a part of a longer path.
fn names_folder(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + folder.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/}>)*".contains(c))
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-')
    })
}
