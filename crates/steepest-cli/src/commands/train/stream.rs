//! One pass over a stream: settings first, then a line whenever the number of rows has doubled.

use std::path::Path;

use steepest::data::BatchSize;
use steepest::train::{Passed, Progressive, RunSpec, StopReason, StreamEvent, Streaming};

use super::header::choice;
use super::{interrupt_on_ctrl_c, record};
use crate::arguments::Train;
use crate::commands::{grouped, tell};
use crate::failure::Failure;
use crate::style::Style;
use crate::table::{Side, Table};

/// Whether the run in a folder takes its rows once.
pub fn is_one(directory: &Path) -> bool {
    RunSpec::load(directory.join("run.toml"), &[]).is_ok_and(|spec| spec.data.is_stream())
}

pub fn resume(directory: &Path, arguments: &Train) -> Result<(), Failure> {
    if let Some(key) = arguments.run.set.first() {
        let key = key.split('=').next().unwrap_or_default().trim().to_owned();
        return Err(steepest::train::TrainError::FixedByRun { key }.into());
    }
    pass(Streaming::resume(directory)?)
}

pub fn run(spec: &RunSpec) -> Result<(), Failure> {
    pass(Streaming::new(spec)?)
}

fn pass(streaming: Streaming) -> Result<(), Failure> {
    let style = Style::stdout();
    let directory = streaming.spec().run.directory.clone();
    outln!("{}", header(&streaming, &style).trim_end());
    tell(streaming.findings());
    streaming.warnings().iter().for_each(|warning| errln!("{} {warning}", style.yellow("warning:")));
    interrupt_on_ctrl_c(streaming.interrupt());
    outln!();
    for line in HEADINGS {
        outln!("{}", style.dim(line));
    }
    let mut ended = None;
    for event in streaming.run() {
        match event? {
            StreamEvent::Progress(line) => outln!("{}", row(&line)),
            StreamEvent::Test(evaluation) => outln!("\n{} {evaluation}", style.green("test")),
            StreamEvent::Ended(passed) => ended = Some(passed),
            StreamEvent::Saved(_) => {}
        }
    }
    let Some(passed) = ended else { return Ok(()) };
    conclude(&passed, &style);
    if let Some(directory) = &directory {
        outln!("{}  {}: model.safetensors, run.toml, metrics.jsonl", style.green("run"), directory.display());
    }
    let reason = match passed.diverged {
        Some(tensor) => StopReason::Diverged {
            step: passed.steps,
            tensor,
            cause: None,
            loss: passed.average,
            learning_rate: 0.0,
            best: None,
        },
        None if passed.interrupted => StopReason::Interrupted { step: passed.steps },
        None => return Ok(()),
    };
    Err(Failure::Stopped { reason: Box::new(reason), directory })
}

fn header(streaming: &Streaming, style: &Style) -> String {
    let spec = streaming.spec();
    let mut table = Table::new([("", Side::Left), ("", Side::Left)]);
    let mut row = |name: &str, text: String| table.row([name.to_owned(), text]);
    let (inputs, parameters) = streaming.sizes();
    let train = match spec.data.train.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => spec.data.train.display().to_string(),
    };
    row("data", format!("{train} · one pass"));
    row("task", format!("{} · {} inputs", streaming.task(), grouped(inputs as u64)));
    row("model", format!("{} · {} parameters", choice(&spec.model), grouped(parameters as u64)));
    row("loss", spec.loss.as_ref().map_or_else(|| "the usual of the task".to_owned(), choice));
    row("optimizer", choice(&spec.optimizer));
    row("schedule", choice(&spec.schedule));
    if let BatchSize::Mini(rows) = spec.batch {
        row("batch", grouped(rows.get() as u64));
    }
    if let Some(directory) = &spec.run.directory {
        row("run", format!("{} · seed {}", directory.display(), spec.seed));
    }
    table.render("", style)
}

/// As Vowpal Wabbit prints them: each loss was measured before its row was learned from.
const HEADINGS: [&str; 2] = [
    "average    since        example     example        current       current   current",
    "loss       last         counter      weight          label       predict  features",
];

fn row(line: &Progressive) -> String {
    let Progressive { average, since_last, rows, weight, label, prediction, features } = line;
    let short = |text: &str| text.chars().take(14).collect::<String>();
    format!(
        "{average:<10.6} {since_last:<10.6} {rows:>9} {weight:>11.1} {:>14} {:>13} {features:>9}",
        short(label),
        short(prediction)
    )
}

fn conclude(passed: &Passed, style: &Style) {
    let mut table = Table::new([("", Side::Left), ("", Side::Left)]);
    let mut row = |name: &str, text: String| table.row([name.to_owned(), text]);
    row("rows", grouped(passed.rows));
    if passed.unlabelled > 0 {
        row("rows without a target", grouped(passed.unlabelled));
    }
    row("sum of weights", format!("{:.6}", passed.weight));
    row("average loss", format!("{:.6}", passed.average));
    row("features", grouped(passed.features));
    let speed = passed.rows as f64 / passed.seconds.max(1e-9);
    row("time", format!("{}, {} rows a second", record::clock(passed.seconds), grouped(speed as u64)));
    outln!("\n{}", table.render("", style).trim_end());
}
