//! `steepest recommend`: the items that a user is predicted to like best.

use std::collections::BTreeSet;
use std::path::PathBuf;

use steepest::train::{Ranked, SavedModel};

use super::{figure, load_model, say};
use crate::arguments::Recommend;
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table};

pub fn run(arguments: &Recommend) -> Result<(), Failure> {
    let model = load_model(&arguments.model)?;
    let style = Style::stderr();
    let seen = match seen_file(arguments, &model, &style) {
        Some(file) => model.items_of(&arguments.user, &file)?,
        None => BTreeSet::new(),
    };
    let ranked = model.recommend(&arguments.user, arguments.count, &seen)?;
    if !model.knows_user(&arguments.user) {
        errln!(
            "{} training never saw `{}`: items are ranked by what they mean to everyone",
            style.yellow("warning:"),
            arguments.user
        );
    }
    if !seen.is_empty() {
        errln!("{} {} items that the user has rated are left out", style.cyan("note:"), seen.len());
    }
    show(&ranked, "item", "predicted", arguments.json)
}

/// The file whose items are left out: the one named, else the training file if it is still there.
fn seen_file(arguments: &Recommend, model: &SavedModel, style: &Style) -> Option<PathBuf> {
    if arguments.all {
        return None;
    }
    if arguments.seen.is_some() {
        return arguments.seen.clone();
    }
    let trained = model.spec().map(|spec| spec.data.train.clone())?;
    if !trained.is_file() {
        errln!(
            "{} there is no {}, so the items that the user has rated are not left out; name a file of ratings by `--seen`",
            style.yellow("warning:"),
            trained.display()
        );
        return None;
    }
    Some(trained)
}

/// Prints names and scores.
pub(super) fn show(ranked: &[Ranked], name: &str, score: &str, json: bool) -> Result<(), Failure> {
    if json {
        let lines = ranked.iter().map(|item| serde_json::json!({ "name": item.name, "score": item.score }));
        return say(&format!("{:#}\n", serde_json::Value::Array(lines.collect())));
    }
    let mut table = Table::new([("", Side::Right), (name, Side::Left), (score, Side::Right)]);
    for (place, item) in ranked.iter().enumerate() {
        table.row([(place + 1).to_string(), item.name.clone(), figure(item.score)]);
    }
    say(&table.render("", &Style::stdout()))
}
