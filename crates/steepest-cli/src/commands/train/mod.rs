//! `steepest train`: settings first, then a table that grows, then what came of it.

mod header;
mod progress;
mod record;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use steepest::train::{Evaluation, Event, RunSpec, StopReason, Trainer};

use super::{evaluate, grouped, spec, tell};
use crate::arguments::Train;
use crate::failure::Failure;
use crate::style::Style;
use progress::Progress;
use record::Record;

pub fn run(arguments: &Train) -> Result<(), Failure> {
    let style = Style::stdout();
    if let Some(directory) = arguments.resume.as_deref().filter(|directory| stream::is_one(directory)) {
        return stream::resume(directory, arguments);
    }
    if let Some(input) = &arguments.input {
        let spec = spec_of(input, arguments)?;
        if spec.data.is_stream() {
            return stream::run(&spec);
        }
    }
    let mut trainer = match (&arguments.resume, &arguments.input) {
        (Some(directory), _) => {
            let mut overrides = arguments.run.set.clone();
            overrides.extend(arguments.run.threads.map(|threads| format!("run.threads={threads}")));
            Trainer::resume(directory, &overrides)?
        }
        (None, input) => begin(input.as_deref().unwrap_or(Path::new("")), arguments)?,
    };
    interrupt_on_ctrl_c(trainer.interrupt());
    let overview = trainer.overview();
    let directory = trainer.spec().and_then(|spec| spec.run.directory.clone());
    outln!("{}", header::header(trainer.spec(), &overview, &style).trim_end());
    tell(trainer.data_findings());
    outln!();

    let mut progress = Progress::new(overview.steps_done, overview.steps);
    let mut record = Record::new(style);
    let (mut test, mut stopped) = (None, None);
    for event in trainer.run() {
        match event? {
            Event::Step(report) => {
                record.step(&report);
                progress.step(&report, &record);
            }
            Event::Eval(report) => progress.lines(&record.epoch(&report)),
            Event::Warning(finding) => progress.warn(&finding.to_string()),
            Event::Test(evaluation) => test = Some(*evaluation),
            Event::Stopped(reason) => stopped = Some(reason),
            Event::Saved(_) => {}
        }
    }
    progress.lines(&record.last());
    progress.finish();
    conclude(stopped, test.as_ref(), directory, &style)
}

fn begin(input: &Path, arguments: &Train) -> Result<Trainer, Failure> {
    Ok(Trainer::new(&spec_of(input, arguments)?)?)
}

/// The spec to train by; a run without a folder of its own gets one.
fn spec_of(input: &Path, arguments: &Train) -> Result<RunSpec, Failure> {
    let out = arguments
        .out
        .as_ref()
        .map(|directory| format!("run.directory={}", spec::quoted(&directory.to_string_lossy())));
    let mut spec = spec::from_arguments(input, &arguments.run, out.as_slice())?;
    if spec.run.directory.is_none() {
        spec.run.directory = Some(free_directory(input));
    }
    Ok(spec)
}

/// `runs/NAME`, or `runs/NAME-2`, … if there is one already.
fn free_directory(input: &Path) -> PathBuf {
    let name = input.file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy());
    let name = if name == "-" { "stream".into() } else { name };
    let first = Path::new("runs").join(&*name);
    let others = (2..).map(|number| Path::new("runs").join(format!("{name}-{number}")));
    std::iter::once(first).chain(others).find(|path| !path.exists()).unwrap_or_default()
}

/// The first Ctrl-C ends the run cleanly, the second at once.
fn interrupt_on_ctrl_c(interrupt: Arc<AtomicBool>) {
    // Without a handler Ctrl-C ends the program at once, and the run can still be resumed.
    let _ = ctrlc::set_handler(move || {
        if interrupt.swap(true, Ordering::SeqCst) {
            std::process::exit(1);
        }
        errln!("\nfinishing this step and saving; Ctrl-C once more stops at once");
    });
}

/// Says how the run ended and what it left.
fn conclude(
    stopped: Option<StopReason>,
    test: Option<&Evaluation>,
    directory: Option<PathBuf>,
    style: &Style,
) -> Result<(), Failure> {
    let failed = matches!(stopped, Some(StopReason::Diverged { .. } | StopReason::Interrupted { .. }));
    if let Some(reason) = stopped.as_ref().filter(|_| !failed) {
        outln!("\n{reason}");
        reason.help().into_iter().for_each(|help| outln!("  {}: {help}", style.cyan("help")));
    }
    if let Some(test) = test {
        outln!("\n{} {test}", style.green("test"));
    }
    if let Some(directory) = &directory {
        match pictures(test, directory) {
            Ok(files) => outln!("{}  {}: {}", style.green("run"), directory.display(), files.join(", ")),
            // The model is there all the same.
            Err(failure) => err!("{}", failure.render_as("warning:", &Style::stderr())),
        }
    }
    match stopped {
        Some(reason) if failed => Err(Failure::Stopped { reason: Box::new(reason), directory }),
        _ => Ok(()),
    }
}

/// Draws what the run logged; the names of all files in its folder.
fn pictures(test: Option<&Evaluation>, directory: &Path) -> Result<Vec<String>, Failure> {
    let mut drawn = steepest::report::write_pictures(directory)?;
    if let Some((test, confusion)) = test.and_then(|test| Some((test, test.confusion.as_ref()?))) {
        let heading = format!("Confusion on {} test rows", grouped(test.rows as u64));
        drawn.extend(evaluate::draw(confusion, &heading, &directory.join("confusion"))?);
    }
    let drawn = drawn.iter().filter(|path| path.extension().is_some_and(|extension| extension == "png"));
    let names = drawn.filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let records = ["model.safetensors", "run.toml", "metrics.jsonl"].map(str::to_owned);
    Ok(records.into_iter().filter(|name| directory.join(name).exists()).chain(names).collect())
}
