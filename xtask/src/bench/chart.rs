//! The results as a picture: the time of a step relative to Steepest, on a logarithmic axis.

use std::fmt::Write;

use super::markdown::duration;
use super::results::{Measurement, Results};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 130.0;
const BAR: f64 = 15.0;
const GAP: f64 = 34.0;
const TOP: f64 = 50.0;

/// The chart as SVG, for the largest number of threads that was measured.
pub fn draw(results: &Results) -> String {
    let threads = results.groups.iter().map(|group| group.threads).max().unwrap_or(1);
    let groups = || results.groups.iter().filter(|group| group.threads == threads);
    // Without a figure of ours, the fastest system is the unit.
    let unit = |group: &super::Group| {
        let best = group.best_peer().map_or(f64::NAN, |(_, peer)| peer.median_s());
        group.steepest().map_or(best, Measurement::median_s)
    };
    let ratios = groups().flat_map(|group| group.measured().map(move |(_, m)| m.median_s() / unit(group)));
    let (low, high) =
        ratios.fold((0.8, 2.0), |(low, high): (f64, f64), ratio| (low.min(ratio), high.max(ratio)));
    let scale = (WIDTH - LEFT - RIGHT) / (high / low).ln();
    let place = |ratio: f64| LEFT + (ratio / low).ln() * scale;

    let mut bars = String::new();
    let mut y = TOP;
    for group in groups() {
        let _ =
            writeln!(bars, r#"<text x="10" y="{:.1}" class="title">{}</text>"#, y + 2.0, group.workload.name);
        y += 10.0;
        let mut rows: Vec<_> = group.measured().collect();
        rows.sort_by(|(_, a), (_, b)| a.median_s().total_cmp(&b.median_s()));
        for (row, measurement) in rows {
            let ratio = measurement.median_s() / unit(group);
            let (from, to) = (place(1.0).min(place(ratio)), place(1.0).max(place(ratio)));
            let class = if row.name == "steepest" { "ours" } else { "bar" };
            let middle = y + BAR - 4.0;
            let _ = writeln!(
                bars,
                r#"<text x="{:.1}" y="{middle:.1}" class="label">{}</text><rect x="{from:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" class="{class}"/><text x="{:.1}" y="{middle:.1}">{ratio:.2}× ({})</text>"#,
                LEFT - 8.0,
                row.label,
                (to - from).max(3.0),
                BAR - 3.0,
                to + 6.0,
                duration(measurement.median_s()),
            );
            y += BAR;
        }
        y += GAP;
    }
    let one = place(1.0);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0}" viewBox="0 0 {WIDTH} {y:.0}" font-family="sans-serif" font-size="11">
<style>text{{fill:#222}}.title{{font-weight:bold;font-size:12px}}.label{{text-anchor:end}}.bar{{fill:#9db2c8}}.ours{{fill:#d1495b}}line{{stroke:#222;stroke-dasharray:3 3}}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="20" font-size="14">Time of a training step relative to Steepest, {threads} threads, logarithmic axis: further left is faster</text>
<line x1="{one:.1}" x2="{one:.1}" y1="32" y2="{:.1}"/>
{bars}</svg>
"##,
        y - GAP,
    )
}
