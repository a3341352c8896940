//! The curves as a picture: a panel for each, both axes logarithmic.

use steepest_report::{Anchor, Colour, Drawing, Stroke};

use super::{Point, duration};

const PANEL: (f32, f32) = (430.0, 270.0);
/// Left, top, right and bottom of a panel's curves.
const MARGIN: [f32; 4] = [70.0, 40.0, 30.0, 40.0];
const COLUMNS: usize = 2;
const TEXT: Colour = Colour(40, 40, 40);
const FAINT: Colour = Colour(225, 225, 225);
/// Of one thread, and of two.
const THREADS: [Colour; 2] = [Colour(70, 110, 160), Colour(209, 73, 91)];

/// The curves by name.
pub(super) fn draw(curves: &[(&str, Vec<Point>)]) -> Drawing {
    let rows = curves.len().div_ceil(COLUMNS);
    let mut drawing = Drawing::new(PANEL.0 * COLUMNS as f32, PANEL.1 * rows as f32 + 30.0);
    drawing.rectangle((0.0, 0.0), (drawing.width, drawing.height), Colour(255, 255, 255));
    let says = [
        (THREADS[0], "one thread"),
        (THREADS[1], "two threads"),
        (FAINT.mix(TEXT, 0.4), "as the operations grow"),
    ];
    for (index, (colour, text)) in says.into_iter().enumerate() {
        let x = 70.0 + 130.0 * index as f32;
        drawing.line((x, 16.0), (x + 24.0, 16.0), Stroke::solid(colour, 2.0));
        drawing.text(text, (x + 30.0, 20.0), 12.0, TEXT, Anchor::Start);
    }
    for (index, (name, points)) in curves.iter().enumerate() {
        let corner = ((index % COLUMNS) as f32 * PANEL.0, (index / COLUMNS) as f32 * PANEL.1 + 30.0);
        panel(&mut drawing, corner, name, points);
    }
    drawing
}

fn panel(drawing: &mut Drawing, (x, y): (f32, f32), name: &str, points: &[Point]) {
    let [left, top, right, bottom] = MARGIN;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let ideal: Vec<f64> =
        points.iter().map(|point| last.seconds[0] * point.operations / last.operations).collect();
    let all = || points.iter().flat_map(|point| point.seconds);
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), s| (low.min(s), high.max(s)));
    let (low, high) = (low / 1.3, high * 1.3);
    let (width, height) = (PANEL.0 - left - right, PANEL.1 - top - bottom);
    let place = |size: usize, seconds: f64| {
        let across = (size as f64 / first.size as f64).ln() / (last.size as f64 / first.size as f64).ln();
        let up = (seconds / low).ln() / (high / low).ln();
        (x + left + width * across as f32, y + top + height * (1.0 - up as f32))
    };
    drawing.text(name, (x + left, y + top - 12.0), 13.0, TEXT, Anchor::Start);
    let mut decade = 10f64.powf(low.log10().ceil());
    while decade <= high {
        let (from, to) = (place(first.size, decade), place(last.size, decade));
        drawing.line(from, to, Stroke::solid(FAINT, 1.0));
        drawing.text(label(decade), (from.0 - 8.0, from.1 + 4.0), 11.0, TEXT, Anchor::End);
        decade *= 10.0;
    }
    for point in points {
        let at = (place(point.size, low).0, y + PANEL.1 - bottom + 18.0);
        drawing.text(point.size.to_string(), at, 11.0, TEXT, Anchor::Middle);
    }
    // What would be below the panel is left out.
    let line = points.iter().zip(&ideal).filter(|(_, seconds)| **seconds >= low);
    let line = line.map(|(point, seconds)| place(point.size, *seconds)).collect();
    drawing.path(line, Stroke::dashed(FAINT.mix(TEXT, 0.4), 1.5));
    for (thread, colour) in THREADS.into_iter().enumerate() {
        let line: Vec<_> = points.iter().map(|point| place(point.size, point.seconds[thread])).collect();
        drawing.path(line.clone(), Stroke::solid(colour, 2.0));
        line.into_iter().for_each(|at| drawing.ring(at, 3.0, Stroke::solid(colour, 2.0)));
    }
}

fn label(seconds: f64) -> String {
    duration(seconds * 1.000_001).replace(".00", "")
}
