//! One pair of axes with curves, a legend and the best epoch.

use crate::axis::{Axis, number};
use crate::drawing::{Anchor, Colour, Drawing, Face, Point, Shape, Stroke, Text};
use crate::font;
use crate::history::{History, Series};
use crate::theme::{AXIS, GRID, INK, LABEL_SIZE, PAPER, QUIET, TICK_SIZE, TITLE_SIZE};

/// A place in a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub corner: Point,
    pub size: Point,
}

/// A series as it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub name: String,
    pub colour: Colour,
    pub series: Series,
}

/// How the vertical axis is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Logarithmic if the values span decades.
    Adaptive,
    /// Always linear.
    Linear,
}

/// One pair of axes and what is drawn between them.
#[derive(Debug)]
pub(super) struct Panel {
    title: String,
    unit: String,
    curves: Vec<Curve>,
    /// The step marked as best.
    best: Option<f64>,
    /// Steps for one unit of the horizontal axis, and its name.
    horizontal: (f64, &'static str),
    scale: Scale,
}

/// More points than this are drawn as a faint band with their running mean.
const NOISY: usize = 300;
const LINE: f32 = 2.2;
/// From the beginning of an entry of the legend to its words.
const KEY: f32 = 27.0;
/// From one line of the legend to the next.
const LEGEND_LINE: f32 = 22.0;

impl Panel {
    /// `None` if no curve has a point.
    pub fn new(
        history: &History,
        title: &str,
        unit: &str,
        curves: Vec<Curve>,
        scale: Scale,
    ) -> Option<Panel> {
        let curves: Vec<Curve> = curves.into_iter().filter(|c| !c.series.points.is_empty()).collect();
        let last = curves.iter().filter_map(|c| c.series.points.last()).map(|p| p.0).reduce(f64::max)?;
        let horizontal = match history.steps_per_epoch() {
            Some(steps) if last / steps > 1.5 => (steps, "epoch"),
            _ => (1.0, "step"),
        };
        let best = history.best_step().filter(|step| *step <= last);
        Some(Panel { title: title.to_owned(), unit: unit.to_owned(), curves, best, horizontal, scale })
    }

    /// The same over something else than steps.
    pub fn along(self, name: &'static str) -> Panel {
        Panel { horizontal: (1.0, name), ..self }
    }

    /// Draws it with `gutter` pixels for the labels of the vertical axis, so that panels above each other align.
    pub fn draw(&self, drawing: &mut Drawing, frame: Frame, gutter: f32) {
        let plot = Plot::new(self, frame, gutter);
        self.heading(drawing, frame);
        plot.grid(drawing);
        if let Some(best) = self.best {
            plot.best_line(drawing, best);
        }
        for curve in &self.curves {
            plot.curve(drawing, curve);
        }
        if let Some(best) = self.best {
            plot.best_rings(drawing, best);
        }
    }

    /// What a curve is, its last value, and its value at the best step if that is another.
    fn legend(&self, curve: &Curve) -> String {
        let Some(last) = curve.series.points.last() else { return curve.name.clone() };
        let best = self.best.filter(|_| curve.name == "validation");
        match best.and_then(|step| curve.series.value_at(step)) {
            Some(best) if best != last.1 => {
                format!("{} {} at best, {} at last", curve.name, number(best), number(last.1))
            }
            _ => format!("{} {}", curve.name, number(last.1)),
        }
    }

    /// How much room the labels of the vertical axis take.
    pub fn gutter(&self) -> f32 {
        let width = |label: &str| font::width(label, TICK_SIZE, Face::Regular);
        self.vertical().ticks(6).iter().map(|tick| width(&tick.label)).fold(0.0, f32::max)
    }

    fn vertical(&self) -> Axis {
        let values = self.curves.iter().flat_map(|c| c.series.points.iter()).map(|p| p.1);
        match self.scale {
            Scale::Adaptive => Axis::adaptive(values),
            Scale::Linear => Axis::linear(values),
        }
    }

    /// The title and, if there is more than one curve, what each colour is.
    fn heading(&self, drawing: &mut Drawing, frame: Frame) {
        let (x, y) = (frame.corner.0 + 12.0, frame.corner.1 + 24.0);
        let title = Text {
            text: self.title.clone(),
            at: (x, y),
            size: TITLE_SIZE,
            colour: INK,
            anchor: Anchor::Start,
            face: Face::Medium,
            upward: false,
        };
        drawing.shapes.push(Shape::Text(title));
        for (curve, label, (right, down)) in self.keys(frame) {
            let (x, y) = (x + right, y + down);
            drawing.line((x, y + 19.0), (x + 20.0, y + 19.0), Stroke::solid(curve.colour, 3.0));
            drawing.text(label, (x + KEY, y + 24.0), LABEL_SIZE, INK, Anchor::Start);
        }
    }

    /// What the legend says of each curve with a name, and where, from its first entry on: in as many lines as it takes.
    fn keys(&self, frame: Frame) -> Vec<(&Curve, String, Point)> {
        let (mut right, mut down) = (0.0, 0.0);
        let named = self.curves.iter().filter(|curve| !curve.name.is_empty());
        let key = |curve| {
            let label = self.legend(curve);
            let width = KEY + font::width(&label, LABEL_SIZE, Face::Regular);
            if right > 0.0 && right + width > frame.size.0 - 24.0 {
                (right, down) = (0.0, down + LEGEND_LINE);
            }
            let at = (right, down);
            right += width + 24.0;
            (curve, label, at)
        };
        named.map(key).collect()
    }
}

/// The area between the axes.
struct Plot<'a> {
    panel: &'a Panel,
    frame: Frame,
    corner: Point,
    size: Point,
    x: Axis,
    y: Axis,
}

impl<'a> Plot<'a> {
    fn new(panel: &'a Panel, frame: Frame, gutter: f32) -> Plot<'a> {
        let points = panel.curves.iter().flat_map(|c| c.series.points.iter());
        let steps = panel.horizontal.0;
        let x = Axis::exact(points.map(|p| p.0 / steps).chain([0.0]));
        let y = panel.vertical();
        let legend = panel.keys(frame).last().map_or(0.0, |(.., (_, down))| *down);
        let (left, right, top, bottom) = (12.0 + LABEL_SIZE + 10.0 + gutter + 8.0, 26.0, 76.0 + legend, 52.0);
        let corner = (frame.corner.0 + left, frame.corner.1 + top);
        let size = (frame.size.0 - left - right, frame.size.1 - top - bottom);
        Plot { panel, frame, corner, size, x, y }
    }

    fn x(&self, step: f64) -> f32 {
        self.corner.0 + self.x.place(step / self.panel.horizontal.0) * self.size.0
    }

    fn y(&self, value: f64) -> f32 {
        self.corner.1 + (1.0 - self.y.place(value)) * self.size.1
    }

    fn grid(&self, drawing: &mut Drawing) {
        let (left, top) = self.corner;
        let (right, bottom) = (left + self.size.0, top + self.size.1);
        for tick in self.y.ticks(6) {
            let y = self.y(tick.at);
            drawing.line((left, y), (right, y), Stroke::solid(GRID, 1.0));
            drawing.text(tick.label, (left - 8.0, y + 4.5), TICK_SIZE, QUIET, Anchor::End);
        }
        for tick in self.x.ticks(8) {
            let x = left + self.x.place(tick.at) * self.size.0;
            drawing.line((x, bottom), (x, bottom + 5.0), Stroke::solid(AXIS, 1.0));
            drawing.text(tick.label, (x, bottom + 20.0), TICK_SIZE, QUIET, Anchor::Middle);
        }
        drawing.line((left, bottom), (right, bottom), Stroke::solid(AXIS, 1.0));
        let middle = (left + right) / 2.0;
        drawing.text(self.panel.horizontal.1, (middle, bottom + 41.0), LABEL_SIZE, INK, Anchor::Middle);
        let kind = if self.y.is_logarithmic() { " (logarithmic)" } else { "" };
        let unit = Text {
            text: format!("{}{kind}", self.panel.unit),
            at: (self.frame.corner.0 + 22.0, (top + bottom) / 2.0),
            size: LABEL_SIZE,
            colour: INK,
            anchor: Anchor::Middle,
            face: Face::Regular,
            upward: true,
        };
        drawing.shapes.push(Shape::Text(unit));
    }

    fn curve(&self, drawing: &mut Drawing, curve: &Curve) {
        let points = &curve.series.points;
        if points.len() <= NOISY {
            let place = |p: &(f64, f64)| (self.x(p.0), self.y(p.1));
            drawing.path(points.iter().map(place).collect(), Stroke::solid(curve.colour, LINE));
            if let [only] = points.as_slice() {
                drawing.ring(place(only), 4.0, Stroke::solid(curve.colour, LINE));
            }
            return;
        }
        let faint = curve.colour.mix(PAPER, 0.72);
        drawing.path(self.band(points), Stroke::solid(faint, 1.0));
        let mean = running_mean(points, points.len() / 50);
        let shown = mean.iter().step_by((points.len() / 400).max(1)).chain(mean.last());
        let place = |p: &(f64, f64)| (self.x(p.0), self.y(p.1));
        drawing.path(shown.map(place).collect(), Stroke::solid(curve.colour, LINE));
    }

    /// The least and the greatest value of each half pixel, so that a long run stays a small file.
    fn band(&self, points: &[(f64, f64)]) -> Vec<Point> {
        let mut band: Vec<Point> = Vec::new();
        let half = |x: f32| (x * 2.0) as i64;
        for group in points.chunk_by(|a, b| half(self.x(a.0)) == half(self.x(b.0))) {
            let ys = group.iter().map(|p| self.y(p.1));
            let (low, high) = ys.fold((f32::MAX, f32::MIN), |(l, h), y| (l.min(y), h.max(y)));
            let x = group.first().map_or(0.0, |p| self.x(p.0));
            band.extend(if high > low { vec![(x, low), (x, high)] } else { vec![(x, low)] });
        }
        band
    }

    fn best_line(&self, drawing: &mut Drawing, best: f64) {
        let (x, top, bottom) = (self.x(best), self.corner.1, self.corner.1 + self.size.1);
        drawing.line((x, top), (x, bottom), Stroke::dashed(AXIS, 1.2));
        let (steps, name) = self.panel.horizontal;
        let label = format!("best: {name} {}", number((best / steps * 100.0).round() / 100.0));
        let room = font::width(&label, TICK_SIZE, Face::Regular) / 2.0;
        let (left, right) = (self.corner.0 + room, self.corner.0 + self.size.0 - room);
        drawing.text(label, (x.clamp(left, right), top - 6.0), TICK_SIZE, QUIET, Anchor::Middle);
    }

    fn best_rings(&self, drawing: &mut Drawing, best: f64) {
        for curve in self.panel.curves.iter().filter(|curve| curve.name == "validation") {
            if let Some(value) = curve.series.value_at(best) {
                drawing.ring((self.x(best), self.y(value)), 5.0, Stroke::solid(curve.colour, LINE));
            }
        }
    }
}

/// The mean of each point and as many on either side of it: `reach`, or as many as there are at an end.
fn running_mean(points: &[(f64, f64)], reach: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![0.0];
    for (_, value) in points {
        sums.push(sums.last().copied().unwrap_or(0.0) + value);
    }
    let mean = |i: usize| {
        let reach = reach.min(i).min(points.len() - 1 - i);
        let (from, to) = (i - reach, i + reach + 1);
        (sums[to] - sums[from]) / (to - from) as f64
    };
    points.iter().enumerate().map(|(i, (step, _))| (*step, mean(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_legend_takes_several_lines() {
        let curve = |k: usize| Curve {
            name: format!("a curve with a long name, number {k}"),
            colour: INK,
            series: Series { key: "y".to_owned(), points: vec![(1.0, 1.0), (2.0, 0.5)] },
        };
        let curves = (0..7).map(curve).collect();
        let panel = Panel::new(&History::default(), "Curves", "y", curves, Scale::Linear).unwrap();
        let frame = Frame { corner: (0.0, 0.0), size: (800.0, 500.0) };
        let keys = panel.keys(frame);
        for (_, label, (right, _)) in &keys {
            assert!(right + KEY + font::width(label, LABEL_SIZE, Face::Regular) < frame.size.0, "{label}");
        }
        assert!(keys[6].2.1 > keys[0].2.1);
        // The axes begin below it.
        assert!(Plot::new(&panel, frame, 40.0).corner.1 > 24.0 + keys[6].2.1 + LEGEND_LINE);
    }

    #[test]
    fn the_running_mean_is_centred() {
        let points: Vec<(f64, f64)> = (0..5).map(|i| (f64::from(i), f64::from(i * i))).collect();
        let mean: Vec<f64> = running_mean(&points, 1).iter().map(|p| p.1).collect();
        assert_eq!(mean, [0.0, 5.0 / 3.0, 14.0 / 3.0, 29.0 / 3.0, 16.0]);
    }
}
