//! Byte pair encoding: frequent neighbours become one token.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// The tokens that stand for single bytes.
const BYTES: u32 = 256;
/// The longest piece that merges may fill, in bytes: what is longer is cut.
const LONGEST: usize = 64;

/// Byte-level byte pair encoding.
///
/// Tokens 0 … 255 are the bytes; token 256 + i is what the i-th merge joins. Merges are learned by counting: in a text
/// cut into words, the most frequent pair of neighbours becomes a token, again and again (of equally frequent ones, the
/// pair of the smallest tokens). A word is a run of letters, of digits or of other signs, with one blank before it, or a
/// run of white space; no token reaches across the end of a word. Every text can be encoded, and decoding gives it back.
///
/// As in GPT-2, but that its words are cut by a longer pattern.
///
/// References: Gage, 1994, *A new algorithm for data compression*; Sennrich, Haddow and Birch, 2016, *Neural machine
/// translation of rare words with subword units*, algorithm 1; Radford et al., 2019, section 2.2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bpe {
    merges: Vec<(u32, u32)>,
    /// The number of the merge of a pair.
    ranks: HashMap<(u32, u32), u32>,
}

impl Bpe {
    /// Learns from a text until there are `vocabulary` tokens, or no pair occurs twice.
    pub fn learn(text: &str, vocabulary: usize) -> Bpe {
        let mut learner = Learner::new(text);
        let mut merges = Vec::new();
        while merges.len() + (BYTES as usize) < vocabulary {
            let Some(pair) = learner.most_frequent() else { break };
            learner.merge(pair, BYTES + merges.len() as u32);
            merges.push(pair);
        }
        Bpe::of(merges)
    }

    /// The encoding of given merges; one that joins what does not exist yet ends them.
    pub fn of(merges: Vec<(u32, u32)>) -> Bpe {
        let exists = |(at, &(a, b)): (usize, &(u32, u32))| a.max(b) < BYTES + at as u32;
        let known = merges.iter().enumerate().take_while(|&merge| exists(merge)).count();
        let merges: Vec<(u32, u32)> = merges.into_iter().take(known).collect();
        let ranks = merges.iter().enumerate().map(|(rank, &pair)| (pair, rank as u32)).collect();
        Bpe { merges, ranks }
    }

    /// The merges, in the order in which they were learned.
    pub fn merges(&self) -> &[(u32, u32)] {
        &self.merges
    }

    pub fn vocabulary(&self) -> usize {
        BYTES as usize + self.merges.len()
    }

    /// The tokens of a text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let (mut tokens, mut known) = (Vec::new(), HashMap::new());
        for word in words(text) {
            tokens.extend_from_slice(known.entry(word).or_insert_with(|| self.word(word)));
        }
        tokens
    }

    /// The tokens of a word: its earliest merge, again and again.
    fn word(&self, word: &str) -> Vec<u32> {
        let mut tokens: Vec<u32> = word.bytes().map(u32::from).collect();
        loop {
            let pairs = tokens.windows(2).filter_map(|pair| self.ranks.get(&(pair[0], pair[1])));
            let Some(&rank) = pairs.min() else { return tokens };
            join(&mut tokens, self.merges[rank as usize], BYTES + rank);
        }
    }

    /// The bytes that each token stands for.
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        for &(a, b) in &self.merges {
            let joined = [all[a as usize].as_slice(), all[b as usize].as_slice()].concat();
            all.push(joined);
        }
        all
    }
}

/// Puts a token in the place of each pair, from the left.
fn join(tokens: &mut Vec<u32>, pair: (u32, u32), token: u32) {
    let (mut read, mut write) = (0, 0);
    while read < tokens.len() {
        let is_pair = tokens.get(read..read + 2) == Some(&[pair.0, pair.1]);
        tokens[write] = if is_pair { token } else { tokens[read] };
        read += if is_pair { 2 } else { 1 };
        write += 1;
    }
    tokens.truncate(write);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letters,
    Digits,
    Blanks,
    Signs,
}

fn kind(letter: char) -> Kind {
    match letter {
        c if c.is_whitespace() => Kind::Blanks,
        c if c.is_alphabetic() => Kind::Letters,
        c if c.is_numeric() => Kind::Digits,
        _ => Kind::Signs,
    }
}

/// The words of a text; joined, they are the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut letters = rest.char_indices();
        let (_, first) = letters.next()?;
        // A single blank goes with what follows it.
        let run = match (first, letters.clone().next()) {
            (' ', Some((_, next))) => kind(next),
            _ => kind(first),
        };
        let ends = |&(at, letter): &(usize, char)| kind(letter) != run || at >= LONGEST;
        let end = letters.find(ends).map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// The distinct words of a text as tokens so far, and the pairs in them.
struct Learner {
    words: Vec<(Vec<u32>, u64)>,
    counts: HashMap<(u32, u32), u64>,
    /// The words that hold a pair, or held it once.
    places: HashMap<(u32, u32), BTreeSet<u32>>,
    /// Pairs by count, some of which are out of date.
    queue: BinaryHeap<(u64, Reverse<(u32, u32)>)>,
}

impl Learner {
    fn new(text: &str) -> Learner {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        words(text).for_each(|word| *counts.entry(word).or_insert(0) += 1);
        let words = counts.into_iter().map(|(word, count)| (word.bytes().map(u32::from).collect(), count));
        let mut learner = Learner {
            words: words.collect(),
            counts: HashMap::new(),
            places: HashMap::new(),
            queue: BinaryHeap::new(),
        };
        for place in 0..learner.words.len() {
            learner.count(place, true);
        }
        learner.queue = learner.counts.iter().map(|(&pair, &count)| (count, Reverse(pair))).collect();
        learner
    }

    /// Adds a word's pairs to the counts, or takes them away.
    fn count(&mut self, place: usize, adds: bool) {
        let (tokens, count) = &self.words[place];
        for pair in tokens.windows(2) {
            let pair = (pair[0], pair[1]);
            let sum = self.counts.entry(pair).or_insert(0);
            if adds {
                *sum += count;
                self.places.entry(pair).or_default().insert(place as u32);
            } else {
                *sum = sum.saturating_sub(*count);
            }
        }
    }

    /// The pair that occurs most often, at least twice.
    fn most_frequent(&mut self) -> Option<(u32, u32)> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or(0);
            match now == count {
                true if count >= 2 => return Some(pair),
                true => return None,
                // Counts of what is in the queue only fall; those that grow are put in anew.
                false if now > 0 && now < count => self.queue.push((now, Reverse(pair))),
                false => {}
            }
        }
        None
    }

    fn merge(&mut self, pair: (u32, u32), token: u32) {
        let mut grown = BTreeSet::new();
        for place in self.places.remove(&pair).unwrap_or_default() {
            let place = place as usize;
            self.count(place, false);
            join(&mut self.words[place].0, pair, token);
            self.count(place, true);
            let tokens = &self.words[place].0;
            grown.extend(
                tokens.windows(2).map(|pair| (pair[0], pair[1])).filter(|&(a, b)| a == token || b == token),
            );
        }
        let queued = grown.into_iter().filter_map(|pair| Some((*self.counts.get(&pair)?, Reverse(pair))));
        self.queue.extend(queued);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_up_the_text() {
        let text = "the  cat's 12 mats,\n\nÜber  alles 漢字!";
        let cut: Vec<&str> = words(text).collect();
        assert_eq!(
            cut,
            ["the", "  ", "cat", "'", "s", " 12", " mats", ",", "\n\n", "Über", "  ", "alles", " 漢字", "!"]
        );
        assert_eq!(cut.concat(), text);
        let long = "a".repeat(200);
        assert!(words(&long).all(|word| word.len() <= LONGEST + 4) && words(&long).count() == 4);
    }

    /// In "aaabdaaabac", the example of the literature: aa is most frequent, then a pair of it.
    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        let bpe = Bpe::learn("aaabdaaabac", 300);
        assert_eq!(bpe.merges()[0], (97, 97));
        // Now Zabd Zabac with Z = aa: Za and ab occur twice; ab is of smaller tokens.
        assert_eq!(bpe.merges()[1], (97, 98));
        assert_eq!(bpe.merges()[2], (256, 257));
        assert_eq!(bpe.merges().len(), 3, "nothing else occurs twice");
        assert_eq!(bpe.encode("aaabdaaabac"), [258, 100, 258, 97, 99]);
    }

    #[test]
    fn counts_stay_true_after_merges() {
        let text = "low lower lowest slow slower low low new newer newest widest ".repeat(3);
        let mut learner = Learner::new(&text);
        for token in 0..40 {
            let Some(pair) = learner.most_frequent() else { break };
            let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
            for (tokens, count) in &learner.words {
                tokens.windows(2).for_each(|pair| *counts.entry((pair[0], pair[1])).or_insert(0) += count);
            }
            let best = counts.iter().map(|(&pair, &count)| (count, Reverse(pair))).max().unwrap();
            assert_eq!((learner.counts[&pair], Reverse(pair)), best, "merge {token}");
            learner.merge(pair, BYTES + token);
        }
    }

    #[test]
    fn merges_of_what_does_not_exist_are_left_out() {
        assert_eq!(Bpe::of(vec![(97, 98), (256, 999), (97, 97)]).merges(), [(97, 98)]);
    }
}
