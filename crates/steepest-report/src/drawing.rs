//! A picture as data: shapes in drawing order, in units of a pixel on an ordinary screen.

/// A point; y grows downwards.
pub type Point = (f32, f32);

/// Red, green and blue, from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// The colour that is `share` of the way from `self` to `other`.
    ///
    /// ```
    /// use steepest_report::Colour;
    /// assert_eq!(Colour(0, 100, 200).mix(Colour(100, 100, 100), 0.5), Colour(50, 100, 150));
    /// ```
    pub fn mix(self, other: Colour, share: f32) -> Colour {
        let share = share.clamp(0.0, 1.0);
        let blend = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
        Colour(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width.
    pub width: f32,
    /// Whether it is dashed.
    pub dashed: bool,
}

impl Stroke {
    /// An unbroken line.
    pub const fn solid(colour: Colour, width: f32) -> Stroke {
        Stroke { colour, width, dashed: false }
    }

    /// A dashed line.
    pub const fn dashed(colour: Colour, width: f32) -> Stroke {
        Stroke { colour, width, dashed: true }
    }
}

/// Which point of a text stands at the place given for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// How bold a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Ordinary.
    Regular,
    /// Half bold.
    Medium,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Where its anchor stands, on the base line.
    pub at: Point,
    /// Height of a line, in pixels.
    pub size: f32,
    /// Its colour.
    pub colour: Colour,
    /// What of it stands at `at`.
    pub anchor: Anchor,
    /// How bold it is.
    pub face: Face,
    /// Whether it reads from bottom to top.
    pub upward: bool,
}

/// One thing in a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Points joined by straight lines.
    Line {
        /// The points.
        points: Vec<Point>,
        /// How they are joined.
        stroke: Stroke,
    },
    /// A filled rectangle.
    Rectangle {
        /// Its upper left corner.
        corner: Point,
        /// Width and height.
        size: Point,
        /// Its colour.
        fill: Colour,
    },
    /// A ring filled with the paper's colour.
    Ring {
        /// Its middle.
        centre: Point,
        /// Its radius.
        radius: f32,
        /// Its edge.
        stroke: Stroke,
    },
    /// A line of text.
    Text(Text),
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Width in pixels.
    pub width: f32,
    /// Height in pixels.
    pub height: f32,
    /// What is drawn, the first thing at the bottom.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// An empty picture.
    pub fn new(width: f32, height: f32) -> Drawing {
        Drawing { width, height, shapes: Vec::new() }
    }

    /// Adds a straight line.
    pub fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        self.path(vec![from, to], stroke);
    }

    /// Adds points joined by straight lines; nothing if there are fewer than two.
    pub fn path(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, stroke });
        }
    }

    /// Adds a filled rectangle.
    pub fn rectangle(&mut self, corner: Point, size: Point, fill: Colour) {
        self.shapes.push(Shape::Rectangle { corner, size, fill });
    }

    /// Adds a ring.
    pub fn ring(&mut self, centre: Point, radius: f32, stroke: Stroke) {
        self.shapes.push(Shape::Ring { centre, radius, stroke });
    }

    /// Adds a text in the ordinary face.
    pub fn text(&mut self, text: impl Into<String>, at: Point, size: f32, colour: Colour, anchor: Anchor) {
        let text = text.into();
        let face = Face::Regular;
        self.shapes.push(Shape::Text(Text { text, at, size, colour, anchor, face, upward: false }));
    }
}
