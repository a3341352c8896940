//! The table of a run: at each line the mean loss since the start and since the line before.

use steepest::train::{EvalReport, StepReport};
use unicode_width::UnicodeWidthStr;

use crate::commands::{figure, grouped};
use crate::style::Style;

/// Epochs up to this one have a line each; then one in ten, in a hundred, and so on.
const EACH: u64 = 10;

/// A mean loss, each row counted once.
#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    sum: f64,
    rows: f64,
}

impl Mean {
    fn add(&mut self, report: &StepReport) {
        self.sum += report.loss * report.rows as f64;
        self.rows += report.rows as f64;
    }

    fn text(&self) -> String {
        if self.rows == 0.0 { NONE.to_owned() } else { figure(self.sum / self.rows) }
    }
}

const NONE: &str = "–";
const FIXED: [(&str, usize); 5] =
    [("epoch", 7), ("step", 10), ("since start", 11), ("since last", 11), ("validation", 11)];

/// What has been seen of a run.
#[derive(Debug)]
pub struct Record {
    style: Style,
    since_start: Mean,
    since_line: Mean,
    /// Whether the headings stand already.
    headed: bool,
    /// The report that has no line yet.
    pending: Option<EvalReport>,
    /// Whether a report since the last line was the best so far.
    best: bool,
}

impl Record {
    pub fn new(style: Style) -> Record {
        let none = Mean::default();
        Record { style, since_start: none, since_line: none, headed: false, pending: None, best: false }
    }

    pub fn step(&mut self, report: &StepReport) {
        self.since_start.add(report);
        self.since_line.add(report);
    }

    /// The mean loss since the start and since the last line.
    pub fn losses(&self) -> (String, String) {
        (self.since_start.text(), self.since_line.text())
    }

    /// The lines that an epoch adds to the table; none if it is passed over.
    pub fn epoch(&mut self, report: &EvalReport) -> Vec<String> {
        self.best |= report.best;
        self.pending = Some(report.clone());
        if has_line(report.epoch) { self.last() } else { Vec::new() }
    }

    /// The line of the last epoch, if it has none yet.
    pub fn last(&mut self) -> Vec<String> {
        let Some(report) = self.pending.take() else { return Vec::new() };
        let mut lines = if self.headed { Vec::new() } else { self.headings(&report) };
        self.headed = true;
        let number = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), figure);
        let (start, last) = self.losses();
        let epoch = if report.epoch.fract() == 0.0 {
            report.epoch.to_string()
        } else {
            format!("{:.2}", report.epoch)
        };
        let fixed = [epoch, grouped(report.step), start, last, number(report.validation_loss)];
        let metrics = report.validation.iter().map(|(name, value)| (name.width(), number(*value)));
        let cells = fixed.into_iter().zip(FIXED).map(|(cell, (_, width))| (width, cell)).chain(metrics);
        let time = clock(report.seconds);
        let mark = if self.best { self.style.green(" best") } else { String::new() };
        lines.push(format!("{}  {time:>7}{mark}", row(cells)));
        self.since_line = Mean::default();
        self.best = false;
        lines
    }

    fn headings(&self, report: &EvalReport) -> Vec<String> {
        let metrics = report.validation.iter().map(|(name, _)| (name.width(), name.clone()));
        let names = FIXED.iter().map(|(name, width)| (*width, (*name).to_owned()));
        let left = FIXED[..4].iter().map(|(_, width)| width + 2).sum::<usize>() - 2;
        let right = FIXED[4].1 + 2;
        let above = format!("{:>left$}{:>right$}", "mean training loss", "loss");
        let below = format!("{}     time", row(names.chain(metrics)));
        vec![self.style.dim(&above), self.style.dim(&below)]
    }
}

/// Cells, each on the right of its width.
fn row(cells: impl Iterator<Item = (usize, String)>) -> String {
    let padded = cells.map(|(width, cell)| format!("{cell:>width$}", width = width.max(7)));
    padded.collect::<Vec<_>>().join("  ")
}

/// Whether an epoch has a line of its own: 1, 2, … 10, 20, … 100, 200, ….
fn has_line(epoch: f64) -> bool {
    let mut stride = 1;
    while epoch >= (EACH * stride * 10) as f64 {
        stride *= 10;
    }
    let stride = if epoch > EACH as f64 { stride * 10 } else { 1 };
    epoch % stride as f64 == 0.0
}

/// Seconds as one reads them: `0.41 s`, `12.3 s`, `3:07`, `2:03:07`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        _ if whole < 3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(loss: f64, rows: usize) -> StepReport {
        StepReport { step: 1, epoch: 1, loss, learning_rate: 0.1, rows }
    }

    #[test]
    fn means_count_each_row_once_and_the_second_starts_anew_at_each_line() {
        let mut record = Record::new(Style::plain());
        record.step(&step(2.0, 3));
        record.step(&step(1.0, 1));
        assert_eq!(record.losses(), ("1.7500".to_owned(), "1.7500".to_owned()));
        let report = EvalReport {
            step: 2,
            epoch: 1.0,
            train_loss: 1.75,
            recent_loss: None,
            validation_loss: Some(0.5),
            validation: vec![("accuracy".to_owned(), Some(0.875))],
            best: true,
            learning_rate: 0.1,
            gradient_norm: None,
            seconds: 1.25,
            rows_per_s: 3.0,
        };
        let lines = record.epoch(&report);
        assert_eq!(
            lines,
            [
                "                           mean training loss         loss",
                "  epoch        step  since start   since last   validation  accuracy     time",
                "      1           2       1.7500       1.7500      0.50000   0.87500   1.25 s best",
            ]
        );
        record.step(&step(0.75, 4));
        assert_eq!(record.losses(), ("1.2500".to_owned(), "0.75000".to_owned()));
    }

    #[test]
    fn lines_thin_out() {
        let with_line: Vec<u32> = (1..=300).filter(|epoch| has_line(f64::from(*epoch))).collect();
        assert_eq!(with_line[..12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30]);
        assert_eq!(with_line[17..], [90, 100, 200, 300]);
        assert!(!has_line(2.5));
    }

    #[test]
    fn times_read_as_one_says_them() {
        let times = [0.412, 12.34, 187.0, 7387.0].map(clock);
        assert_eq!(times, ["0.41 s", "12.3 s", "3:07", "2:03:07"]);
    }
}
