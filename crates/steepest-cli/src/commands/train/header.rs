//! What is about to be done, with every setting resolved.

use steepest::data::BatchSize;
use steepest::registry::counted;
use steepest::train::{Choice, Overview, Precision, RunSpec};

use crate::commands::grouped;
use crate::style::Style;
use crate::table::{Side, Table};

pub fn header(spec: Option<&RunSpec>, overview: &Overview, style: &Style) -> String {
    let mut table = Table::new([("", Side::Left), ("", Side::Left)]);
    let mut row = |name: &str, text: String| table.row([name.to_owned(), text]);
    let [train, validation, test] = overview.rows.map(|rows| grouped(rows as u64));
    let rows = format!("{train} rows to train, {validation} to validate, {test} to test");
    match spec {
        Some(spec) => row("data", format!("{} · {rows}", spec.data.train.display())),
        None => row("data", rows),
    }
    let outputs =
        if overview.outputs == 1 { "1 output".to_owned() } else { format!("{} outputs", overview.outputs) };
    row("task", format!("{} · {} inputs, {outputs}", overview.task, overview.inputs));
    let parameters = grouped(overview.parameters as u64);
    if let Some(spec) = spec {
        row("model", format!("{} · {parameters} parameters", choice(&spec.model)));
        row("loss", spec.loss.as_ref().map_or_else(|| "the usual of the task".to_owned(), choice));
        row("optimizer", choice(&spec.optimizer));
        row("schedule", choice(&spec.schedule));
        let size = match spec.batch {
            BatchSize::Full => "all rows".to_owned(),
            BatchSize::Mini(rows) => format!("{} rows", grouped(rows.get() as u64)),
        };
        row("batch", format!("{size} · {} steps an epoch", grouped(overview.steps_per_epoch)));
        row("stop", stop(spec, overview));
        if overview.steps_done > 0 {
            row("resumed", format!("after step {}", grouped(overview.steps_done)));
        }
        let precision = if spec.run.precision == Precision::F64 { "f64" } else { "f32" };
        let directory = spec.run.directory.as_ref();
        let directory =
            directory.map_or_else(|| "nothing is written".to_owned(), |d| d.display().to_string());
        let threads = if overview.threads == 1 { "thread" } else { "threads" };
        row(
            "run",
            format!("{directory} · seed {} · {precision} · {} {threads}", spec.seed, overview.threads),
        );
    }
    table.render("", style)
}

/// A registered thing and its settings: `adam (learning-rate 0.001, beta1 0.9)`.
pub fn choice(choice: &Choice) -> String {
    let settings: Vec<String> =
        choice.settings().iter().map(|(key, value)| format!("{key} {value}")).collect();
    if settings.is_empty() {
        return choice.kind().to_owned();
    }
    format!("{} ({})", choice.kind(), settings.join(", "))
}

fn stop(spec: &RunSpec, overview: &Overview) -> String {
    let stop = &spec.stop;
    let (epochs, patience) =
        (stop.epochs_of(overview.steps_per_epoch), stop.patience_of(overview.steps_per_epoch));
    let mut rules = vec![format!("{} ({})", counted(epochs, "epoch"), counted(overview.steps, "step"))];
    if patience > 0 && overview.rows[1] > 0 {
        rules.push(format!("{} without a better validation loss", counted(patience, "epoch")));
    }
    if let Some(tolerance) = stop.tolerance {
        rules.push(format!(
            "a training loss that changes by less than {tolerance:e} over {}",
            counted(stop.window, "epoch")
        ));
    }
    format!("after {}", rules.join(", or "))
}
