//! Which classes are taken for which.

use crate::axis::number;
use crate::drawing::{Anchor, Drawing, Face, Shape, Text};
use crate::font;
use crate::theme::{DEEP, INK, LABEL_SIZE, PAPER, QUIET, TICK_SIZE, TITLE_SIZE};

/// More classes than this are drawn without numbers in the cells.
const NUMBERED: usize = 25;

/// A confusion matrix: rows are true classes, columns predictions, colour the share of its row.
///
/// `counts` holds `names.len()²` cells, row after row; missing cells count as 0. `None` without classes.
///
/// ```
/// let picture = steepest_report::chart::confusion("Test rows", &["cat", "dog"], &[8, 2, 1, 9]).unwrap();
/// assert!(picture.svg().contains("17 of 20 right"));
/// ```
pub fn confusion<N: AsRef<str>>(heading: &str, names: &[N], counts: &[u64]) -> Option<Drawing> {
    let classes = names.len();
    if classes == 0 {
        return None;
    }
    let names: Vec<String> =
        names.iter().map(|n| font::fit(n.as_ref(), TICK_SIZE, Face::Regular, 130.0)).collect();
    let widest = names.iter().map(|n| font::width(n, TICK_SIZE, Face::Regular)).fold(10.0, f32::max);
    let cell = (480.0 / classes as f32).clamp(8.0, 76.0);
    let side = cell * classes as f32;
    // Long names under narrow columns are turned.
    let turned = widest > cell - 6.0;
    let below = if turned { widest + 10.0 } else { 22.0 };
    let corner = (24.0 + LABEL_SIZE + 14.0 + widest + 10.0, 82.0);
    let width = (corner.0 + side + 28.0).max(330.0);
    let mut drawing = Drawing::new(width, corner.1 + side + below + LABEL_SIZE + 26.0);

    let all: u64 = counts.iter().sum();
    let right: u64 = counts.iter().step_by(classes + 1).sum();
    headings(&mut drawing, heading, right, all);
    for (row, line) in counts.chunks(classes).take(classes).enumerate() {
        cells(&mut drawing, line, row, corner, cell);
    }
    let mut label = |text: &str, at, size, colour, anchor, upward| {
        let text = text.to_owned();
        drawing.shapes.push(Shape::Text(Text {
            text,
            at,
            size,
            colour,
            anchor,
            face: Face::Regular,
            upward,
        }));
    };
    // Names must not overlap: of very many classes only some are named.
    let stride = (TICK_SIZE / cell).ceil().max(1.0) as usize;
    for (i, name) in names.iter().enumerate().step_by(stride) {
        let middle = (i as f32 + 0.5) * cell;
        label(name, (corner.0 - 8.0, corner.1 + middle + 4.5), TICK_SIZE, QUIET, Anchor::End, false);
        let (x, y) = (corner.0 + middle, corner.1 + side);
        match turned {
            true => label(name, (x + 4.5, y + 8.0), TICK_SIZE, QUIET, Anchor::End, true),
            false => label(name, (x, y + 18.0), TICK_SIZE, QUIET, Anchor::Middle, false),
        }
    }
    let middle = side / 2.0;
    let at = (corner.0 + middle, corner.1 + side + below + LABEL_SIZE + 4.0);
    label("predicted class", at, LABEL_SIZE, INK, Anchor::Middle, false);
    label("true class", (30.0, corner.1 + middle), LABEL_SIZE, INK, Anchor::Middle, true);
    Some(drawing)
}

fn headings(drawing: &mut Drawing, heading: &str, right: u64, all: u64) {
    let title = Text {
        text: heading.to_owned(),
        at: (24.0, 38.0),
        size: TITLE_SIZE,
        colour: INK,
        anchor: Anchor::Start,
        face: Face::Medium,
        upward: false,
    };
    drawing.shapes.push(Shape::Text(title));
    let share = if all == 0 { 0.0 } else { 100.0 * right as f64 / all as f64 };
    let summary = format!("{} of {} right ({share:.2} %)", number(right as f64), number(all as f64));
    drawing.text(summary, (24.0, 62.0), LABEL_SIZE, QUIET, Anchor::Start);
}

fn cells(drawing: &mut Drawing, line: &[u64], row: usize, corner: (f32, f32), cell: f32) {
    let sum: u64 = line.iter().sum::<u64>().max(1);
    for (column, &count) in line.iter().enumerate() {
        let at = (corner.0 + column as f32 * cell, corner.1 + row as f32 * cell);
        // The square root keeps rare confusions visible.
        let share = (count as f32 / sum as f32).sqrt();
        let empty = PAPER.mix(DEEP, 0.03);
        let gap = if cell > 14.0 { 1.0 } else { 0.5 };
        drawing.rectangle(
            (at.0 + gap, at.1 + gap),
            (cell - 2.0 * gap, cell - 2.0 * gap),
            empty.mix(DEEP, share),
        );
        if count > 0 && line.len() <= NUMBERED {
            let size = (cell * 0.34).clamp(7.0, 15.0);
            let ink = if share > 0.55 { PAPER } else { INK };
            let middle = (at.0 + cell / 2.0, at.1 + cell / 2.0 + size * 0.35);
            drawing.text(number(count as f64), middle, size, ink, Anchor::Middle);
        }
    }
}
