//! Splits Rust text into code and comments, line by line, and marks what only tests compile.

/// A line of a source file.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The code, with the contents of strings and comments left out.
    pub code: String,
    /// The text of comments on this line, doc comments included.
    pub comment: String,
    /// Whether the line is compiled for tests only.
    pub test: bool,
}

/// A source file as lines.
#[derive(Clone, Debug)]
pub struct Source {
    /// The lines, from the first.
    pub lines: Vec<Line>,
}

impl Source {
    /// Splits `text`; `test` says whether the whole file is a test.
    pub fn parse(text: &str, test: bool) -> Source {
        let mut source = Source { lines: split(text) };
        if test || source.lines.iter().any(|line| line.code.contains("#![cfg(test)]")) {
            source.lines.iter_mut().for_each(|line| line.test = true);
        } else {
            source.mark_tests();
        }
        source
    }

    /// The lines outside tests, with their numbers from 1.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| !line.test).map(|(index, line)| (index + 1, line))
    }

    /// Marks every item under `#[cfg(test)]`, from the attribute to its closing brace or semicolon.
    fn mark_tests(&mut self) {
        let mut index = 0;
        while index < self.lines.len() {
            let code = &self.lines[index].code;
            let attribute = code.find("#[cfg(test").or_else(|| code.find("#[cfg(all(test"));
            let Some(start) = attribute else {
                index += 1;
                continue;
            };
            let end = self.item_end(index, start);
            self.lines[index..=end].iter_mut().for_each(|line| line.test = true);
            index = end + 1;
        }
    }

    /// The line on which the item that begins at (`line`, `column`) ends.
    fn item_end(&self, line: usize, column: usize) -> usize {
        let mut depth = 0_usize;
        for (index, current) in self.lines.iter().enumerate().skip(line) {
            let from = if index == line { column } else { 0 };
            for c in current.code[from..].chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth <= 1 => return index,
                    '}' => depth -= 1,
                    ';' if depth == 0 => return index,
                    _ => {}
                }
            }
        }
        self.lines.len() - 1
    }
}

/// Where the scanner stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { hashes: Option<usize> },
}

fn split(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let mut lines = vec![Line::default()];
    let mut state = State::Code;
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        if rest[0] == '\n' {
            if state == State::LineComment {
                state = State::Code;
            }
            lines.push(Line::default());
            at += 1;
            continue;
        }
        let line = lines.last_mut().expect("starts with one line");
        let (next, used) = advance(state, rest, line);
        state = next;
        at += used;
    }
    lines
}

/// Consumes one token's worth of characters from `rest`; returns the new state and how many.
fn advance(state: State, rest: &[char], line: &mut Line) -> (State, usize) {
    match state {
        State::Code => code(rest, line),
        State::LineComment => {
            line.comment.push(rest[0]);
            (state, 1)
        }
        State::BlockComment { depth } => match rest {
            ['*', '/', ..] if depth == 1 => (State::Code, 2),
            ['*', '/', ..] => (State::BlockComment { depth: depth - 1 }, 2),
            ['/', '*', ..] => (State::BlockComment { depth: depth + 1 }, 2),
            _ => {
                line.comment.push(rest[0]);
                (state, 1)
            }
        },
        State::Text { hashes: None } => match rest {
            // An escaped line break leaves the break itself to the line counter.
            ['\\', '\n', ..] => (state, 1),
            ['\\', _, ..] => (state, 2),
            ['"', ..] => {
                line.code.push('"');
                (State::Code, 1)
            }
            _ => (state, 1),
        },
        State::Text { hashes: Some(hashes) } => {
            let closes = rest[0] == '"' && rest.len() > hashes && rest[1..=hashes].iter().all(|c| *c == '#');
            if closes {
                line.code.push('"');
                (State::Code, 1 + hashes)
            } else {
                (state, 1)
            }
        }
    }
}

fn code(rest: &[char], line: &mut Line) -> (State, usize) {
    let after_word = line.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    match rest {
        ['/', '/', ..] => (State::LineComment, 2),
        ['/', '*', ..] => (State::BlockComment { depth: 1 }, 2),
        ['"', ..] => {
            line.code.push('"');
            (State::Text { hashes: None }, 1)
        }
        ['r', tail @ ..] | ['b', 'r', tail @ ..] if !after_word && raw_hashes(tail).is_some() => {
            let hashes = raw_hashes(tail).unwrap_or(0);
            line.code.push('"');
            (State::Text { hashes: Some(hashes) }, rest.len() - tail.len() + hashes + 1)
        }
        // A character literal, as opposed to a lifetime.
        ['\'', '\\', _, tail @ ..] => {
            let close = tail.iter().position(|c| *c == '\'').unwrap_or(0);
            (State::Code, 3 + close + 1)
        }
        ['\'', _, '\'', ..] => (State::Code, 3),
        [c, ..] => {
            line.code.push(*c);
            (State::Code, 1)
        }
        [] => (State::Code, 1),
    }
}

/// The number of `#` in front of the quote of a raw string, if this is one.
fn raw_hashes(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    (rest.get(hashes) == Some(&'"')).then_some(hashes)
}
