//! Text as numbers and back: a token for each byte, for each character, or for frequent parts of words.

use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::bpe::Bpe;

/// What a text is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// The characters (Unicode scalar values) that occur in the corpus.
    Characters,
    /// The 256 bytes of UTF-8: a text in any script.
    Bytes,
    /// Parts of words, by byte pair encoding that is learned from the corpus.
    Bpe,
    /// Words between white space, a sentence on each line, for vectors of words.
    Words,
}

/// Turns text into tokens and back.
///
/// Token `i` of characters is the `i`-th of the corpus in the order of Unicode; token `i` of bytes is the byte
/// `i`. Of byte pair encoding, the first 256 tokens are the bytes, and each further one joins two before it: those that
/// stood most often side by side within a word when it was learned (Sennrich, Haddow and Birch, 2016, algorithm 1).
///
/// ```
/// use steepest_data::Tokenizer;
/// let tokenizer = Tokenizer::characters("abba\n");
/// assert_eq!(tokenizer.vocabulary(), 3);
/// assert_eq!(tokenizer.encode("ab\n")?, [1, 2, 0]);
/// assert_eq!(tokenizer.decode(&[2, 1]), "ba");
/// assert!(tokenizer.encode("abc").unwrap_err().to_string().contains("`c`"));
///
/// let parts = Tokenizer::bpe("low lower lowest", 258);
/// assert_eq!(parts.encode("slow")?, [u32::from(b's'), 257]);
/// assert_eq!(parts.decode(&[257]), "low");
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
    /// One token for each frequent part of a word.
    Bpe {
        /// The pairs of tokens that tokens 256, 257, … join.
        merges: Vec<(u32, u32)>,
    },
}

impl Tokenizer {
    /// Byte pair encoding learned from a text: `vocabulary` tokens, at least the 256 bytes; fewer if no more pairs occur
    /// twice.
    pub fn bpe(text: &str, vocabulary: usize) -> Tokenizer {
        Tokenizer::Bpe { merges: Bpe::learn(text, vocabulary).merges().to_vec() }
    }

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
            Tokenizer::Bpe { merges } => Bpe::of(merges.clone()).vocabulary(),
        }
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`DataError::UnknownCharacter`] if a character is not in the alphabet.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        match self {
            Tokenizer::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Tokenizer::Bpe { merges } => Ok(Bpe::of(merges.clone()).encode(text)),
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
            Tokenizer::Bpe { merges } => {
                let parts = Bpe::of(merges.clone()).bytes();
                let part = |&token: &u32| parts.get(token as usize).map_or(&[0xFF][..], Vec::as_slice);
                let bytes: Vec<u8> = tokens.iter().flat_map(part).copied().collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }

    /// What each token is called.
    pub fn names(&self) -> Vec<String> {
        match self {
            Tokenizer::Characters { alphabet } => alphabet.iter().map(char::to_string).collect(),
            Tokenizer::Bytes => (0..256).map(|byte| format!("{byte:#04x}")).collect(),
            Tokenizer::Bpe { merges } => {
                let name = |(token, bytes): (usize, Vec<u8>)| match String::from_utf8(bytes) {
                    Ok(text) if token >= 256 => text,
                    _ => format!("{token:#04x}"),
                };
                Bpe::of(merges.clone()).bytes().into_iter().enumerate().map(name).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives() {
        for text in ["", "plain", "Übergröße — 漢字\n\0", "\u{10FFFF}a"] {
            let parts = Tokenizer::bpe("Übergröße über alles, plain and plainer", 280);
            for tokenizer in [Tokenizer::characters(text), Tokenizer::Bytes, parts] {
                let tokens = tokenizer.encode(text).unwrap();
                assert_eq!(tokenizer.decode(&tokens), text);
                assert!(tokens.iter().all(|&token| (token as usize) < tokenizer.vocabulary()));
                assert_eq!(tokenizer.names().len(), tokenizer.vocabulary());
                let written = serde_json::to_string(&tokenizer).unwrap();
                assert_eq!(serde_json::from_str::<Tokenizer>(&written).unwrap(), tokenizer);
            }
        }
        let parts = Tokenizer::bpe("plain plainer plain", 300);
        assert_eq!(
            (parts.encode("plain plain").unwrap().len(), parts.decode(&[9999])),
            (2, "\u{FFFD}".to_owned())
        );
        assert_eq!(Tokenizer::Bytes.decode(&[0xFF, 65, 999]), "\u{FFFD}A\u{FFFD}");
    }
}
