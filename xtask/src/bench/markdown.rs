//! The results as a page.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::results::{Group, Measurement, Outcome, Results, TOLERANCE};

/// What scripts of their own come to, kept by hand.
const LINEAR: &str = include_str!("../../../bench/linear.md");

/// The whole of `bench/RESULTS.md`.
pub fn page(results: &Results) -> String {
    let mut page = String::from("# Benchmark results\n\n");
    page.push_str(
        "Written by `cargo xtask bench`; do not edit. Whole training steps: forward, loss, backward, update. For each\n\
         workload and number of threads all systems run at the same time of day, in turns of several hundred steps;\n\
         a figure is the median over the turns of the median step of a turn. Every system starts from the same weights\n\
         and takes the same batches. A step of `logistic-100` is one row; scikit-learn takes all rows in one call.\n\n",
    );
    page.push_str(
        "![Step time relative to Steepest](results.svg)\n\n## Steepest against the fastest peer\n\n",
    );
    page.push_str(&summary(results));
    page.push_str("\n## Every system\n\n");
    page.push_str(
        "*Share of peak*: the operations and bytes that a step needs at least, counted by hand, over the time it took,\n\
         as a share of what this machine reaches when it only multiplies and adds in registers, or only copies\n\
         (bytes read plus bytes written, 64 MiB at a time). *Start-up*: from the start of the process to the end of its\n\
         first step, reading the data included. *Losses*: largest relative difference, over the first steps, from the\n",
    );
    let _ = writeln!(page, "first system of the table; the run fails above {TOLERANCE:.0e}.\n");
    for group in &results.groups {
        page.push_str(&self::group(group));
        page.push('\n');
    }
    page.push_str(LINEAR);
    page.push_str("\n## Machine and versions\n\n");
    page.push_str(&provenance(results));
    page
}

/// One line per workload and number of threads.
fn summary(results: &Results) -> String {
    let mut table = String::from(
        "| workload | threads | Steepest | fastest peer | its step | ratio |\n|---|--:|--:|---|--:|--:|\n",
    );
    for group in &results.groups {
        let steepest = group.steepest().map(Measurement::median_s);
        let peer = group.best_peer();
        let (label, step) =
            peer.map_or(("", None), |(row, peer)| (row.label.as_str(), Some(peer.median_s())));
        let ratio = steepest
            .zip(step)
            .map_or_else(String::new, |(ours, theirs)| format!("**{:.2}×**", theirs / ours));
        let shown = |seconds: Option<f64>| seconds.map_or_else(|| "not measured".to_owned(), duration);
        let (name, threads) = (&group.workload.name, group.threads);
        let _ = writeln!(
            table,
            "| {name} | {threads} | {} | {label} | {} | {ratio} |",
            shown(steepest),
            shown(step)
        );
    }
    table
}

/// The table of one group.
pub fn group(group: &Group) -> String {
    let workload = &group.workload;
    let mut table = format!(
        "### {}, {} thread{}\n\n{} operations and {} bytes a step; peaks {} operations/s, {} bytes/s; {} turns of {} steps; commit {}.\n\n",
        workload.name,
        group.threads,
        if group.threads == 1 { "" } else { "s" },
        quantity(workload.flops),
        quantity(workload.bytes),
        quantity(group.peaks.flops),
        quantity(group.peaks.bytes),
        group.rounds,
        workload.steps,
        group.machine.commit,
    );
    table.push_str("| system | step | fastest to slowest turn | time relative to Steepest | of multiply-add peak | of copy peak | peak memory | start-up | losses |\n");
    table.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    let steepest = group.steepest().map(Measurement::median_s);
    for row in &group.rows {
        let measurement = match &row.outcome {
            Outcome::Measured(measurement) => measurement,
            Outcome::Failed(reason) => {
                let _ = writeln!(table, "| {} | {} | | | | | | | |", row.label, reason.replace('|', "/"));
                continue;
            }
        };
        let median = measurement.median_s();
        let (fastest, slowest) = measurement.range_s();
        let _ = writeln!(
            table,
            "| {} | {} | {} – {} | {} | {:.1} % | {:.1} % | {} MB | {} | {:.0e} |",
            row.label,
            duration(median),
            duration(fastest),
            duration(slowest),
            steepest.map_or_else(String::new, |ours| format!("{:.2}", median / ours)),
            100.0 * workload.flops / median / group.peaks.flops,
            100.0 * workload.bytes / median / group.peaks.bytes,
            measurement.peak_rss_bytes / 1_000_000,
            duration(measurement.startup_s),
            group.difference(measurement),
        );
    }
    table
}

fn provenance(results: &Results) -> String {
    let mut versions = BTreeMap::new();
    let mut text = String::new();
    let mut machines = Vec::new();
    for group in &results.groups {
        for (_, measurement) in group.measured() {
            versions.extend(measurement.versions.clone());
        }
        let machine = &group.machine;
        let line = format!(
            "- {}, {} cores, {} GiB; {}; {}\n",
            machine.processor, machine.cores, machine.memory_gib, machine.system, machine.rustc
        );
        if !machines.contains(&line) {
            text.push_str(&line);
            machines.push(line);
        }
    }
    for (package, version) in versions {
        let _ = writeln!(text, "- {package} {version}");
    }
    text
}

/// Seconds with three digits in a readable unit.
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    format!("{} {unit}", three_digits(value))
}

/// A count with three digits and a decimal prefix.
fn quantity(count: f64) -> String {
    let (value, prefix) = match count {
        c if c >= 1e9 => (c / 1e9, " G"),
        c if c >= 1e6 => (c / 1e6, " M"),
        c if c >= 1e3 => (c / 1e3, " k"),
        c => (c, ""),
    };
    format!("{}{prefix}", three_digits(value))
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}
