//! What a step costs as the work grows: one curve for each thing that can grow, and its exponent.

mod picture;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use bench_protocol::{Folder, FolderError, Model, Optimizer, Peer, workload};
use steepest_report::ReportError;

use crate::peer::{PeerError, Steepest};
use crate::prepare::{PrepareError, prepare};

/// Batches of a point's data.
const BATCHES: usize = 4;
/// Turns of each number of threads; the figure is their median.
const TURNS: usize = 9;
/// Seconds that a turn takes at least.
const TURN: f64 = 0.04;
/// Threads that are compared.
const THREADS: [NonZeroUsize; 2] = [NonZeroUsize::MIN, NonZeroUsize::MIN.saturating_add(1)];

/// A curve that could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ScalingError {
    /// A point's data.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A point's data.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A step.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The picture.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// What grows.
struct Series {
    name: &'static str,
    /// The model and the rows of its batch at a size.
    at: fn(usize) -> (Model, usize),
    sizes: &'static [usize],
}

/// A size of a series: what a step takes at least, and what it took with each number of threads.
struct Point {
    size: usize,
    operations: f64,
    seconds: [f64; 2],
}

const SERIES: [Series; 8] = [
    Series {
        name: "batch, perceptron 784-512-256-10",
        at: |rows| (Model::Mlp { layers: vec![784, 512, 256, 10] }, rows),
        sizes: &[1, 4, 16, 64, 256, 1024],
    },
    Series {
        name: "width, perceptron 256-w-w-10, batch 128",
        at: |width| (Model::Mlp { layers: vec![256, width, width, 10] }, 128),
        sizes: &[16, 64, 256, 1024, 2048],
    },
    Series {
        name: "depth, layers of 128 units, batch 128",
        at: |depth| (Model::Mlp { layers: [vec![128; depth + 1], vec![10]].concat() }, 128),
        sizes: &[1, 4, 16, 64],
    },
    Series {
        name: "length, LSTM 128, batch 16",
        at: |length| (Model::Lstm { vocabulary: 65, hidden: 128, length }, 16),
        sizes: &[8, 32, 128, 512],
    },
    Series {
        name: "length, GPT 2 × 128, batch 4",
        at: |length| (Model::Gpt { vocabulary: 65, layers: 2, width: 128, heads: 4, length }, 4),
        sizes: &[16, 64, 256, 1024],
    },
    Series {
        name: "vocabulary, GPT 1 × 64, 32 tokens, batch 8",
        at: |vocabulary| (Model::Gpt { vocabulary, layers: 1, width: 64, heads: 2, length: 32 }, 8),
        sizes: &[64, 256, 1024, 4096, 16384],
    },
    Series {
        name: "side of the image, convolutions of 16 and 32 channels, batch 16",
        at: |side| {
            let image = [side, side, 1];
            (Model::Cnn { image, channels: vec![16, 32], hidden: 64, classes: 10 }, 16)
        },
        sizes: &[8, 16, 32, 64, 128],
    },
    Series {
        name: "parameters, Adam alone",
        at: |parameters| (Model::Update { parameters }, 1),
        sizes: &[1_000, 10_000, 100_000, 1_000_000, 10_000_000],
    },
];

/// Measures all curves, prints their table as Markdown, and draws them.
pub fn scaling(folder: &Path, picture: &Path) -> Result<(), ScalingError> {
    println!(
        "| what grows | from | to | operations grow as | a step takes | grows as | steepest part | two threads, longest step |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut curves = Vec::new();
    for series in &SERIES {
        let points = series.sizes.iter().map(|&size| measure(series, size, folder));
        let points = points.collect::<Result<Vec<Point>, ScalingError>>()?;
        println!("{}", row(series, &points));
        curves.push((series.name, points));
    }
    let failed = |source| ReportError::Io { action: "write", path: picture.to_owned(), source };
    Ok(std::fs::write(picture, picture::draw(&curves).svg()).map_err(failed)?)
}

/// A point: both numbers of threads take turns.
fn measure(series: &Series, size: usize, folder: &Path) -> Result<Point, ScalingError> {
    let (model, batch) = (series.at)(size);
    let rule = Optimizer::Adam { learning_rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let batches = if matches!(model, Model::Update { .. }) { 1 } else { BATCHES };
    let folder = Folder::create(folder, workload("scaling", model, (batch, batches), &rule, (1, 1)))?;
    prepare(&folder)?;
    let mut peers = Vec::new();
    for threads in THREADS {
        let mut peer = Steepest::new(&folder, threads)?;
        peer.run(2)?;
        let (mut steps, mut begun) = (1, Instant::now());
        peer.run(1)?;
        while begun.elapsed().as_secs_f64() < TURN {
            (steps, begun) = (2 * steps, Instant::now());
            peer.run(steps)?;
        }
        peers.push((peer, steps, Vec::new()));
    }
    for _ in 0..TURNS {
        for (peer, steps, times) in &mut peers {
            let begun = Instant::now();
            peer.run(*steps)?;
            times.push(begun.elapsed().as_secs_f64() / *steps as f64);
        }
    }
    let mut seconds = [f64::NAN; 2];
    for (to, (_, _, times)) in seconds.iter_mut().zip(&mut peers) {
        times.sort_by(f64::total_cmp);
        *to = times[times.len() / 2];
    }
    Ok(Point { size, operations: folder.workload.flops, seconds })
}

fn row(series: &Series, points: &[Point]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let time = |point: &Point| point.seconds[0];
    let parts = points.windows(2).map(|pair| exponent(pair, time));
    let longest = format!("{:.2}× at {}", last.seconds[0] / last.seconds[1], duration(last.seconds[0]));
    format!(
        "| {} | {} | {} | {:.2} | {} to {} | {:.2} | {:.2} | {longest} |",
        series.name,
        first.size,
        last.size,
        exponent(points, |point| point.operations),
        duration(first.seconds[0]),
        duration(last.seconds[0]),
        exponent(points, time),
        parts.fold(f64::MIN, f64::max),
    )
}

/// The exponent a of y = c·xᵃ that fits points best: the slope of the logarithms' line of least squares.
fn exponent(points: &[Point], y: impl Fn(&Point) -> f64) -> f64 {
    let logarithms = || points.iter().map(|point| ((point.size as f64).ln(), y(point).ln()));
    let count = points.len() as f64;
    let (x_mean, y_mean) = logarithms().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / count, sy + y / count));
    let (above, below) = logarithms().fold((0.0, 0.0), |(above, below), (x, y)| {
        (above + (x - x_mean) * (y - y_mean), below + (x - x_mean).powi(2))
    });
    above / below
}

fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-5 => format!("{:.2} µs", seconds * 1e6),
        _ if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_is_its_own() {
        let point =
            |size: usize| Point { size, operations: 3.0 * (size as f64).powf(1.5), seconds: [1.0; 2] };
        let points = [point(2), point(7), point(40)];
        assert!((exponent(&points, |point| point.operations) - 1.5).abs() < 1e-12);
        assert!(exponent(&points, |point| point.seconds[0]).abs() < 1e-12);
    }
}
