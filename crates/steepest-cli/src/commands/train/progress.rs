//! A bar with rate and time left on a terminal; elsewhere now and then a line.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use steepest::train::StepReport;

use super::record::{Record, clock};
use crate::commands::grouped;
use crate::style::Style;

/// How often the bar is drawn.
const DRAWN: Duration = Duration::from_millis(100);
/// Without a terminal: how long nothing may be said.
const SILENT: Duration = Duration::from_secs(10);

/// What is shown while a run goes on.
pub struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
    /// Steps made before: where a resumed run goes on.
    before: u64,
    began: Instant,
    shown: Instant,
}

impl Progress {
    pub fn new(before: u64, steps: u64) -> Progress {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:28} step {human_pos} of {human_len} · {msg}");
            // Only a wrong template could fail here; the bar then keeps its usual form.
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Progress { bar, steps, before, began: Instant::now(), shown: Instant::now() }
    }

    pub fn step(&mut self, report: &StepReport, record: &Record) {
        let pause = if self.bar.is_some() { DRAWN } else { SILENT };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let done = report.step.saturating_sub(self.before).max(1) as f64;
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = done / seconds;
        let left = clock(self.steps.saturating_sub(report.step) as f64 / rate);
        let (_, loss) = record.losses();
        let rate = if rate < 10.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) };
        let said = format!("loss {loss} · {rate} steps/s · at most {left} left");
        match &self.bar {
            Some(bar) => {
                bar.set_position(report.step);
                bar.set_message(said);
            }
            None => outln!("step {} of {} · {said}", grouped(report.step), grouped(self.steps)),
        }
    }

    /// Lines above the bar.
    pub fn lines(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.shown = Instant::now();
        }
        for line in lines {
            match &self.bar {
                Some(bar) => bar.suspend(|| outln!("{line}")),
                None => outln!("{line}"),
            }
        }
    }

    /// A warning, on standard error.
    pub fn warn(&mut self, text: &str) {
        let line = format!("{} {text}", Style::stderr().yellow("warning:"));
        match &self.bar {
            Some(bar) => bar.suspend(|| errln!("{line}")),
            None => errln!("{line}"),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
