//! `steepest similarity`: how well word vectors agree with what people say.

use super::vectors::load;
use super::{grouped, say};
use crate::arguments::Similarity;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table};

pub fn run(arguments: &Similarity) -> Result<(), Failure> {
    let vectors = load(&arguments.model, None)?;
    let mut table = Table::new([
        ("pairs", Side::Left),
        ("spearman", Side::Right),
        ("known", Side::Right),
        ("unknown", Side::Right),
    ]);
    let mut rows = Vec::new();
    for path in &arguments.pairs {
        let found = vectors.similarity(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let spearman = found.spearman.map_or_else(|| "undefined".to_owned(), |rho| format!("{rho:.4}"));
        rows.push(serde_json::json!({
            "pairs": name, "spearman": found.spearman, "known": found.pairs, "unknown": found.unknown,
        }));
        table.row([name, spearman, grouped(found.pairs as u64), grouped(found.unknown as u64)]);
    }
    if arguments.json {
        return say(&format!("{:#}\n", serde_json::Value::Array(rows)));
    }
    say(&table.render("", &Style::stdout()))
}
