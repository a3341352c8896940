//! A drawing as PNG, drawn by a software rasterizer with the bundled faces.

use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke as Pen, StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use crate::drawing::{Anchor, Colour, Drawing, Point, Shape, Stroke, Text};
use crate::error::ReportError;
use crate::font;
use crate::theme::PAPER;

const LARGEST: u32 = 16_384;

impl Drawing {
    /// The picture as PNG with `scale` dots per pixel; 2 is sharp on any screen.
    ///
    /// # Errors
    /// [`ReportError::Size`] if it would have no or too many dots.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, ReportError> {
        let (width, height) = ((self.width * scale).round() as u32, (self.height * scale).round() as u32);
        let too_large = ReportError::Size { width, height };
        if width > LARGEST || height > LARGEST {
            return Err(too_large);
        }
        let mut dots = Pixmap::new(width, height).ok_or(too_large)?;
        dots.fill(tiny_skia::Color::from_rgba8(PAPER.0, PAPER.1, PAPER.2, 255));
        let scale = Transform::from_scale(scale, scale);
        for shape in &self.shapes {
            draw(&mut dots, shape, scale);
        }
        encoded(&dots).map_err(|error| ReportError::Encode { reason: error.to_string() })
    }
}

/// The dots as PNG, quickly rather than small: a run of a tenth of a second should not wait for its pictures.
fn encoded(dots: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    // The paper covers everything, so that nothing is transparent.
    let mut colours = Vec::with_capacity(dots.data().len() / 4 * 3);
    dots.data().chunks_exact(4).for_each(|dot| colours.extend_from_slice(&dot[..3]));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, dots.width(), dots.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut image = encoder.write_header()?;
    image.write_image_data(&colours)?;
    image.finish()?;
    Ok(file)
}

/// A shape without extent has no path; it leaves no dots.
fn draw(dots: &mut Pixmap, shape: &Shape, scale: Transform) {
    match shape {
        Shape::Line { points, stroke } => {
            if let Some(path) = polyline(points) {
                dots.stroke_path(&path, &paint(stroke.colour), &pen(stroke), scale, None);
            }
        }
        Shape::Rectangle { corner, size, fill } => {
            if let Some(area) = Rect::from_xywh(corner.0, corner.1, size.0, size.1) {
                dots.fill_rect(area, &paint(*fill), scale, None);
            }
        }
        Shape::Ring { centre, radius, stroke } => {
            if let Some(path) = PathBuilder::from_circle(centre.0, centre.1, *radius) {
                dots.fill_path(&path, &paint(PAPER), FillRule::Winding, scale, None);
                dots.stroke_path(&path, &paint(stroke.colour), &pen(stroke), scale, None);
            }
        }
        Shape::Text(text) => {
            if let Some(path) = outline(text) {
                dots.fill_path(&path, &paint(text.colour), FillRule::Winding, scale, None);
            }
        }
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour.0, colour.1, colour.2, 255);
    paint
}

fn pen(stroke: &Stroke) -> Pen {
    Pen {
        width: stroke.width,
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        dash: if stroke.dashed { StrokeDash::new(vec![4.0, 4.0], 0.0) } else { None },
        ..Pen::default()
    }
}

fn polyline(points: &[Point]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0, first.1);
    rest.iter().for_each(|p| path.line_to(p.0, p.1));
    path.finish()
}

/// The outlines of all letters of a text, where they stand.
fn outline(text: &Text) -> Option<Path> {
    let face = font::face(text.face)?;
    let unit = text.size / f32::from(face.units_per_em());
    let width = font::width(&text.text, text.size, text.face);
    let start = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let mut pen = Outline { path: PathBuilder::new(), unit, at: start };
    for letter in text.text.chars() {
        let glyph = font::glyph(&face, letter);
        face.outline_glyph(glyph, &mut pen);
        pen.at += unit * f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
    }
    let turn = if text.upward { Transform::from_rotate(-90.0) } else { Transform::identity() };
    pen.path.finish()?.transform(turn.post_translate(text.at.0, text.at.1))
}

struct Outline {
    path: PathBuilder,
    unit: f32,
    at: f32,
}

impl Outline {
    /// From the face's units, y upwards, to pixels, y downwards.
    fn place(&self, x: f32, y: f32) -> Point {
        (self.at + x * self.unit, -y * self.unit)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture's width, and three bytes for each dot.
    fn decoded(png: &[u8]) -> (usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut dots = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut dots).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        (info.width as usize, dots)
    }

    fn dot(png: &[u8], x: usize, y: usize) -> [u8; 3] {
        let (width, dots) = decoded(png);
        dots.as_chunks().0[y * width + x]
    }

    #[test]
    fn dots_have_the_colour_of_what_is_drawn_there() {
        let mut drawing = Drawing::new(20.0, 10.0);
        drawing.rectangle((0.0, 0.0), (10.0, 10.0), Colour(10, 20, 30));
        let png = drawing.png(2.0).unwrap();
        assert_eq!(dot(&png, 5, 5), [10, 20, 30]);
        assert_eq!(dot(&png, 35, 5), [255, 255, 255]);
    }

    #[test]
    fn letters_leave_ink() {
        let mut drawing = Drawing::new(20.0, 20.0);
        drawing.text("▮I", (10.0, 18.0), 20.0, Colour(0, 0, 0), Anchor::Middle);
        let (_, dots) = decoded(&drawing.png(1.0).unwrap());
        assert!(dots.iter().any(|&colour| colour < 40));
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        let error = Drawing::new(1e6, 10.0).png(1.0).unwrap_err();
        assert!(error.to_string().starts_with("cannot draw 1000000×10 pixels"), "{error}");
        assert!(Drawing::new(0.0, 0.0).png(1.0).is_err());
    }
}
