//! Text as numbers and back: one token for each byte or character.

use serde::{Deserialize, Serialize};

use crate::DataError;

/// What a text is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// The characters (Unicode scalar values) that occur in the corpus.
    Characters,
    /// The 256 bytes of UTF-8: a text in any script, and any file.
    Bytes,
}

/// Turns text into tokens and back.
///
/// Token `i` of characters is the `i`-th of the corpus in the order of Unicode; token `i` of bytes is the byte
/// `i`.
///
/// ```
/// use steepest_data::Tokenizer;
/// let tokenizer = Tokenizer::characters("abba\n");
/// assert_eq!(tokenizer.vocabulary(), 3);
/// assert_eq!(tokenizer.encode("ab\n")?, [1, 2, 0]);
/// assert_eq!(tokenizer.decode(&[2, 1]), "ba");
/// assert!(tokenizer.encode("abc").unwrap_err().to_string().contains("`c`"));
/// # Ok::<(), steepest_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "tokens")]
pub enum Tokenizer {
    /// One token for each character.
    Characters {
        /// The characters, in order.
        alphabet: Vec<char>,
    },
    /// One token for each byte of UTF-8.
    Bytes,
}

impl Tokenizer {
    /// The characters that occur in a text.
    pub fn characters(text: &str) -> Tokenizer {
        let found: std::collections::BTreeSet<char> = text.chars().collect();
        Tokenizer::Characters { alphabet: found.into_iter().collect() }
    }

    /// The number of different tokens.
    pub fn vocabulary(&self) -> usize {
        match self {
            Tokenizer::Characters { alphabet } => alphabet.len(),
            Tokenizer::Bytes => 256,
        }
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`DataError::UnknownCharacter`] if a character is not in the alphabet.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        match self {
            Tokenizer::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Tokenizer::Characters { alphabet } => {
                let token = |(at, character): (usize, char)| {
                    let found = alphabet.binary_search(&character);
                    found.map(|token| token as u32).map_err(|_| DataError::UnknownCharacter {
                        character,
                        position: at + 1,
                        known: alphabet.len(),
                    })
                };
                text.chars().enumerate().map(token).collect()
            }
        }
    }

    /// The text of tokens; what is no token, or no UTF-8, becomes `�`.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match self {
            Tokenizer::Characters { alphabet } => {
                let character = |&token: &u32| alphabet.get(token as usize).copied();
                tokens.iter().map(|token| character(token).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Tokenizer::Bytes => {
                let bytes: Vec<u8> =
                    tokens.iter().map(|&token| u8::try_from(token).unwrap_or(0xFF)).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }

    /// What each token is called.
    pub fn names(&self) -> Vec<String> {
        match self {
            Tokenizer::Characters { alphabet } => alphabet.iter().map(char::to_string).collect(),
            Tokenizer::Bytes => (0..256).map(|byte| format!("{byte:#04x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives() {
        for text in ["", "plain", "Übergröße — 漢字\n\0", "\u{10FFFF}a"] {
            for tokenizer in [Tokenizer::characters(text), Tokenizer::Bytes] {
                let tokens = tokenizer.encode(text).unwrap();
                assert_eq!(tokenizer.decode(&tokens), text);
                assert!(tokens.iter().all(|&token| (token as usize) < tokenizer.vocabulary()));
                assert_eq!(tokenizer.names().len(), tokenizer.vocabulary());
                let written = serde_json::to_string(&tokenizer).unwrap();
                assert_eq!(serde_json::from_str::<Tokenizer>(&written).unwrap(), tokenizer);
            }
        }
        assert_eq!(Tokenizer::Bytes.decode(&[0xFF, 65, 999]), "\u{FFFD}A\u{FFFD}");
    }
}
