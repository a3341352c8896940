//! Suggesting the name that was meant.

use std::fmt;

/// The name nearest to one that was not found, as a suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    name: Option<String>,
    known: Vec<String>,
}

impl Nearest {
    /// Finds the name of `known` nearest to `wanted`.
    pub fn find<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Nearest {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let lower = wanted.to_lowercase();
        let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
        let best = known.iter().min_by_key(|name| distance(name)).cloned();
        let near = |name: &String| distance(name) <= (wanted.chars().count() / 3).max(1);
        Nearest { name: best.filter(near), known }
    }

    /// The suggestion, if a name is near enough.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        if let Some(name) = &self.name {
            return write!(f, "did you mean `{name}`?");
        }
        let shown: Vec<String> = self.known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        write!(f, "there is {}", if shown.is_empty() { "none".into() } else { shown.join(", ") })?;
        if self.known.len() > SHOWN { write!(f, " and {} more", self.known.len() - SHOWN) } else { Ok(()) }
    }
}
