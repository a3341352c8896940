//! Which pictures there are of a run.

mod confusion;
mod panel;

use crate::drawing::{Colour, Drawing};
use crate::history::{History, Series};
use crate::theme::{CYCLE, FOURTH, THIRD, TRAIN, VALIDATION};

pub use confusion::confusion;
use panel::{Curve, Frame, Panel, Scale};

const WIDTH: f32 = 840.0;
const HEIGHT: f32 = 520.0;
const MARGIN: f32 = 14.0;

/// Training and validation loss over the run, with the best epoch marked; `None` if no loss was logged.
pub fn loss(history: &History) -> Option<Drawing> {
    alone(loss_panel(history)?)
}

/// One metric on training and validation rows; `None` if it was not logged.
pub fn metric(history: &History, name: &str) -> Option<Drawing> {
    alone(metric_panel(history, name)?)
}

/// The learning rate that each update used; `None` if it was not logged.
pub fn learning_rate(history: &History) -> Option<Drawing> {
    alone(single(history, "learning_rate", "Learning rate", THIRD, Scale::Linear)?)
}

/// The norm of all gradients together; `None` if it was not logged.
pub fn gradient_norm(history: &History) -> Option<Drawing> {
    alone(single(history, "gradient_norm", "Gradient norm", FOURTH, Scale::Adaptive)?)
}

/// Loss, metrics, learning rate and gradient norm on one page; `None` if nothing was logged.
pub fn overview(history: &History) -> Option<Drawing> {
    let mut panels: Vec<Panel> = loss_panel(history).into_iter().collect();
    panels.extend(history.metrics().iter().take(3).filter_map(|name| metric_panel(history, name)));
    panels.extend(single(history, "learning_rate", "Learning rate", THIRD, Scale::Linear));
    panels.extend(single(history, "gradient_norm", "Gradient norm", FOURTH, Scale::Adaptive));
    if panels.is_empty() {
        return None;
    }
    let columns = if panels.len() == 1 { 1 } else { 2 };
    let (width, height) = (620.0, 390.0);
    let rows = panels.len().div_ceil(columns);
    let mut page = Drawing::new(width * columns as f32 + 2.0 * MARGIN, height * rows as f32 + 2.0 * MARGIN);
    let gutter = panels.iter().map(Panel::gutter).fold(0.0, f32::max);
    for (i, panel) in panels.iter().enumerate() {
        let corner = (MARGIN + width * (i % columns) as f32, MARGIN + height * (i / columns) as f32);
        panel.draw(&mut page, Frame { corner, size: (width, height) }, gutter);
    }
    Some(page)
}

fn alone(panel: Panel) -> Option<Drawing> {
    let mut drawing = Drawing::new(WIDTH, HEIGHT);
    let size = (WIDTH - 2.0 * MARGIN, HEIGHT - 2.0 * MARGIN);
    panel.draw(&mut drawing, Frame { corner: (MARGIN, MARGIN), size }, panel.gutter());
    Some(drawing)
}

fn loss_panel(history: &History) -> Option<Panel> {
    // The parts of long epochs, where they were recorded, say more than whole ones.
    let recent = history.series("recent_loss");
    let training = if recent.points.is_empty() { history.series("train_loss") } else { recent };
    let curves = vec![
        Curve { name: "training".into(), colour: TRAIN, series: training },
        Curve { name: "validation".into(), colour: VALIDATION, series: history.series("validation_loss") },
    ];
    Panel::new(history, "Loss", "loss", curves, Scale::Adaptive)
}

fn metric_panel(history: &History, name: &str) -> Option<Panel> {
    let curves = vec![
        Curve { name: "training".into(), colour: TRAIN, series: history.series(&format!("train_{name}")) },
        Curve {
            name: "validation".into(),
            colour: VALIDATION,
            series: history.series(&format!("validation_{name}")),
        },
    ];
    Panel::new(history, &title(name), &name.replace(['_', '-'], " "), curves, Scale::Linear)
}

fn single(history: &History, key: &str, heading: &str, colour: Colour, scale: Scale) -> Option<Panel> {
    let curve = Curve { name: String::new(), colour, series: history.series(key) };
    Panel::new(history, heading, &heading.to_lowercase(), vec![curve], scale)
}

/// Any series over each other, such as several optimizers on one problem; `None` if all are empty.
pub fn compare(heading: &str, unit: &str, named: &[(&str, Series)]) -> Option<Drawing> {
    profile(heading, unit, "step", named)
}

/// Any series over something else than steps, such as what each layer of a network has; `None` if all are empty.
///
/// ```
/// use steepest_report::{Series, chart};
/// let norms = Series { key: "norm".to_owned(), points: vec![(1.0, 1e-9), (2.0, 1e-4), (3.0, 1.0)] };
/// let picture = chart::profile("Gradients", "norm", "layer", &[("small weights", norms)]).unwrap();
/// assert!(picture.svg().contains(">layer</text>"));
/// ```
pub fn profile(heading: &str, unit: &str, along: &'static str, named: &[(&str, Series)]) -> Option<Drawing> {
    let curves = named.iter().zip(CYCLE.iter().cycle()).map(|((name, series), &colour)| Curve {
        name: (*name).to_owned(),
        colour,
        series: series.clone(),
    });
    let panel = Panel::new(&History::default(), heading, unit, curves.collect(), Scale::Adaptive)?;
    alone(panel.along(along))
}

/// The name of a metric as a heading: `balanced_accuracy` becomes `Balanced accuracy`.
fn title(name: &str) -> String {
    match name {
        "auc" | "rmse" | "mae" | "mse" => name.to_uppercase(),
        "r2" => "R²".to_owned(),
        _ => {
            let words = name.replace(['_', '-'], " ");
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}
