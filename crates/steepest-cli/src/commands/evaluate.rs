//! `steepest evaluate`: how well a model does on a data file.

use steepest::report::{chart, write_drawing};
use steepest::train::{Confusion, Evaluation};

use super::{figure, grouped, load_model, say, tell};
use crate::arguments::Evaluate;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table};

/// More classes than this are not printed as a matrix.
const MATRIX: usize = 12;

pub fn run(arguments: &Evaluate) -> Result<(), Failure> {
    let model = load_model(&arguments.model)?;
    let (evaluation, findings) = model.evaluate(&arguments.data)?;
    tell(&findings);
    if arguments.json {
        say(&format!("{}\n", json(&evaluation)))?;
    } else {
        say(&text(&evaluation, &Style::stdout()))?;
    }
    if let (Some(stem), Some(confusion)) = (&arguments.confusion, &evaluation.confusion) {
        let heading = format!("Confusion on {} rows", grouped(evaluation.rows as u64));
        for path in draw(confusion, &heading, stem)? {
            errln!("wrote {}", path.display());
        }
    }
    Ok(())
}

fn json(evaluation: &Evaluation) -> String {
    let metrics: serde_json::Map<_, _> =
        evaluation.metrics.iter().map(|(name, value)| (name.clone(), (*value).into())).collect();
    let confusion = evaluation
        .confusion
        .as_ref()
        .map(|confusion| serde_json::json!({ "classes": confusion.classes, "counts": confusion.counts }));
    let (rows, loss) = (evaluation.rows, evaluation.loss);
    format!(
        "{:#}",
        serde_json::json!({ "rows": rows, "loss": loss, "metrics": metrics, "confusion": confusion })
    )
}

/// Draws a confusion matrix as `stem.svg` and `stem.png`.
pub fn draw(
    confusion: &Confusion,
    heading: &str,
    stem: &std::path::Path,
) -> Result<Vec<std::path::PathBuf>, Failure> {
    let counts: Vec<u64> = confusion.counts.iter().flatten().copied().collect();
    match chart::confusion(heading, &confusion.classes, &counts) {
        Some(drawing) => Ok(write_drawing(&drawing, stem)?),
        None => Ok(Vec::new()),
    }
}

fn text(evaluation: &Evaluation, style: &Style) -> String {
    let mut scores = Table::new([("", Side::Left), ("", Side::Left)]);
    scores.row(["rows".to_owned(), grouped(evaluation.rows as u64)]);
    scores.row(["loss".to_owned(), figure(evaluation.loss)]);
    for (name, value) in &evaluation.metrics {
        scores.row([name.clone(), value.map_or_else(|| "undefined".to_owned(), figure)]);
    }
    let mut out = scores.render("", style);
    if let Some(confusion) = &evaluation.confusion {
        out += &format!("\n{}", classes(confusion, style));
        if confusion.classes.len() <= MATRIX {
            out += &format!("\n{}", matrix(confusion, style));
        }
    }
    out
}

fn classes(confusion: &Confusion, style: &Style) -> String {
    let columns =
        [("class", Side::Left), ("rows", Side::Right), ("precision", Side::Right), ("recall", Side::Right)];
    let mut table = Table::new(columns);
    let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    for (index, name) in confusion.classes.iter().enumerate() {
        let (precision, recall, rows) = confusion.of_class(index);
        table.row([name.clone(), grouped(rows), share(precision), share(recall)]);
    }
    table.render("", style)
}

fn matrix(confusion: &Confusion, style: &Style) -> String {
    let names = confusion.classes.iter().map(|name| (name.as_str(), Side::Right));
    let mut table = Table::new([("true \\ predicted", Side::Left)].into_iter().chain(names));
    for (name, counts) in confusion.classes.iter().zip(&confusion.counts) {
        table.row([name.clone()].into_iter().chain(counts.iter().map(|&count| grouped(count))));
    }
    table.render("", style)
}
