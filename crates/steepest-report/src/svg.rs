//! A drawing as SVG text.

use std::fmt::Write;

use crate::drawing::{Anchor, Colour, Drawing, Face, Point, Shape, Stroke, Text};
use crate::theme::PAPER;

const FONTS: &str = "Roboto, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";

impl Drawing {
    /// The picture as SVG, for browsers and papers.
    ///
    /// ```
    /// use steepest_report::{Anchor, Colour, Drawing};
    /// let mut drawing = Drawing::new(100.0, 50.0);
    /// drawing.text("a < b", (10.0, 20.0), 12.0, Colour(0, 0, 0), Anchor::Start);
    /// assert!(drawing.svg().contains(">a &lt; b</text>"));
    /// ```
    pub fn svg(&self) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"{FONTS}\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>\n",
            hex(PAPER)
        );
        for shape in &self.shapes {
            // Writing to a String cannot fail.
            let _ = match shape {
                Shape::Line { points, stroke } => line(&mut out, points, stroke),
                Shape::Rectangle { corner, size, fill } => writeln!(
                    out,
                    "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\"/>",
                    corner.0,
                    corner.1,
                    size.0,
                    size.1,
                    hex(*fill)
                ),
                Shape::Ring { centre, radius, stroke } => writeln!(
                    out,
                    "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{}\"/>",
                    centre.0,
                    centre.1,
                    hex(PAPER),
                    hex(stroke.colour),
                    stroke.width
                ),
                Shape::Text(shape) => text(&mut out, shape),
            };
        }
        out.push_str("</svg>\n");
        out
    }
}

fn line(out: &mut String, points: &[Point], stroke: &Stroke) -> std::fmt::Result {
    out.push_str("<polyline points=\"");
    for (i, (x, y)) in points.iter().enumerate() {
        write!(out, "{}{x:.2},{y:.2}", if i == 0 { "" } else { " " })?;
    }
    let dash = if stroke.dashed { " stroke-dasharray=\"4 4\"" } else { "" };
    writeln!(
        out,
        "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{dash}/>",
        hex(stroke.colour),
        stroke.width
    )
}

fn text(out: &mut String, text: &Text) -> std::fmt::Result {
    let (x, y) = text.at;
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.face == Face::Medium { " font-weight=\"500\"" } else { "" };
    let turn = if text.upward { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
    let (size, colour) = (text.size, hex(text.colour));
    write!(
        out,
        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}{weight}{turn}>"
    )?;
    for letter in text.text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Control characters are not allowed in XML.
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    writeln!(out, "</text>")
}

fn hex(colour: Colour) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}
