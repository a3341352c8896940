//! What can be wrong with a graph. All problems of a graph are reported together.

use std::fmt;
use std::panic::Location;

use steepest_tensor::{Shape, Window};

use crate::op::{Element, Type};

/// What is wrong at one operation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Two shapes that do not fit together element by element.
    #[error("shapes {left} and {right} do not broadcast: from the right, sizes must be equal or 1")]
    Broadcast {
        /// Shape of the first value.
        left: Shape,
        /// Shape of the other value.
        right: Shape,
    },
    /// A value that cannot be repeated to a shape.
    #[error("cannot repeat {from} to {to}: from the right, sizes must be equal, or 1 in the value")]
    Repeat {
        /// The value's shape.
        from: Shape,
        /// The shape asked for.
        to: Shape,
    },
    /// Inner dimensions of a matrix product differ.
    #[error("inner dimensions differ: {left} · {right}")]
    InnerDimensions {
        /// Shape of the left factor.
        left: Shape,
        /// Shape of the right factor.
        right: Shape,
    },
    /// Leading axes of a matrix product differ.
    #[error("leading axes differ: {left} · {right}")]
    LeadingAxes {
        /// Shape of the left factor.
        left: Shape,
        /// Shape of the right factor.
        right: Shape,
    },
    /// Too few or too many axes.
    #[error("needs a value with {expected}, got shape {got}")]
    Rank {
        /// What was expected, in words (`"two axes"`).
        expected: &'static str,
        /// The shape given.
        got: Shape,
    },
    /// An axis that the value does not have.
    #[error("axis {axis} does not exist in shape {shape}")]
    Axis {
        /// The axis asked for.
        axis: isize,
        /// The value's shape.
        shape: Shape,
    },
    /// A reshape that changes the number of elements.
    #[error("cannot view {from} ({} elements) as {to} ({} elements)", from.elements(), to.elements())]
    Elements {
        /// The value's shape.
        from: Shape,
        /// The shape asked for.
        to: Shape,
    },
    /// A range outside an axis.
    #[error("range {start}..{end} of axis {axis} lies outside shape {shape}")]
    Range {
        /// The axis.
        axis: usize,
        /// First position.
        start: usize,
        /// One past the last position.
        end: usize,
        /// The value's shape.
        shape: Shape,
    },
    /// A shape other than required.
    #[error("needs shape {expected}, got {got}")]
    Shape {
        /// The shape required.
        expected: Shape,
        /// The shape given.
        got: Shape,
    },
    /// An order of axes that is not a permutation.
    #[error("{order:?} is not an order of the axes of {shape}")]
    Order {
        /// The order asked for.
        order: Vec<usize>,
        /// The value's shape.
        shape: Shape,
    },
    /// Reals where indices are needed, or the reverse.
    #[error("needs {expected} values, got {got} values")]
    Element {
        /// What is needed.
        expected: Element,
        /// What was given.
        got: Element,
    },
    /// A reduction of nothing that has no neutral element.
    #[error("the maximum of no elements does not exist (shape {shape})")]
    Empty {
        /// The value's shape.
        shape: Shape,
    },
    /// An axis that would be too long.
    #[error("an axis of {size} cannot grow by {before} and {after}")]
    TooLong {
        /// Its size.
        size: usize,
        /// Elements to put in front.
        before: usize,
        /// Elements to put behind.
        after: usize,
    },
    /// A window that does not fit over images.
    #[error(
        "a window of {}×{} taps (stride {}×{}, padding {}×{}, dilation {}×{}) does not fit over images {image}",
        window.kernel[0], window.kernel[1], window.stride[0], window.stride[1],
        window.padding[0], window.padding[1], window.dilation[0], window.dilation[1]
    )]
    Window {
        /// The window.
        window: Window,
        /// Shape of the images, `[N, H, W, C]`.
        image: Shape,
    },
    /// A value that no machine has memory for.
    #[error("a value of shape {shape} would take more than a terabyte")]
    TooLarge {
        /// Its shape.
        shape: Shape,
    },
    /// Channels that cannot be parted into groups.
    #[error("{inner} channels read and {outer} written cannot be parted into {groups} groups")]
    Groups {
        /// The number of groups.
        groups: usize,
        /// Channels read.
        inner: usize,
        /// Channels written.
        outer: usize,
    },
    /// A value that cannot be represented.
    #[error(transparent)]
    BadShape(#[from] steepest_tensor::ShapeError),
    /// A value of another graph.
    #[error("takes a value that belongs to another graph")]
    OtherGraph,
    /// A value fed under a name that was declared with another shape.
    #[error("`{name}` needs shape {expected}, is fed {got}")]
    Fed {
        /// The name of the input or variable.
        name: String,
        /// The shape declared.
        expected: Shape,
        /// The shape fed.
        got: Shape,
    },
    /// A name used twice with different meanings.
    #[error("`{name}` was declared before as {before}, now as {now}")]
    Redeclared {
        /// The name of the variable or input.
        name: String,
        /// The first type.
        before: Type,
        /// The type asked for now.
        now: Type,
    },
    /// A derivative asked of an operation that has none.
    #[error("has no derivative: {reason}")]
    NotDifferentiable {
        /// Why.
        reason: &'static str,
    },
    /// A gradient asked of something that is not one number.
    #[error("gradients are taken of one number, got shape {shape}; sum or average it first")]
    NotScalar {
        /// The value's shape.
        shape: Shape,
    },
    /// A problem of a layer, with what to do about it.
    #[error("{what}")]
    Layer {
        /// What is wrong, with the values.
        what: String,
        /// What to do.
        help: String,
    },
}

impl ProblemKind {
    /// What the user can do about it, if that can be told from the problem alone.
    pub fn help(&self) -> Option<String> {
        let fixed = match self {
            ProblemKind::InnerDimensions { left, right } => {
                let (columns, rows) = (left.columns(), right.iter().rev().nth(1).copied().unwrap_or(1));
                return Some(format!(
                    "the left factor has {columns} columns and the right one {rows} rows; make them equal"
                ));
            }
            ProblemKind::Layer { help, .. } => return Some(help.clone()),
            ProblemKind::LeadingAxes { .. } => {
                "give both factors the same leading axes, or the right one two axes"
            }
            ProblemKind::Broadcast { .. } | ProblemKind::Repeat { .. } => {
                "use `reshape` to add axes of size 1 where they should repeat"
            }
            ProblemKind::Element { expected: Element::Index, .. } => {
                "declare the input with `Graph::index_input`"
            }
            ProblemKind::Element { expected: Element::Real, .. } => {
                "turn indices into reals with `one_hot`, or look up rows of a table with `gather`"
            }
            ProblemKind::Window { .. } => {
                "give it a smaller kernel, more padding, or larger images; kernel, stride and dilation are at least 1, \
                 and in pooling every window must see a pixel"
            }
            ProblemKind::Groups { .. } => "make both numbers of channels multiples of the number of groups",
            ProblemKind::TooLarge { .. } => "make the layer, or what it is applied to, smaller",
            ProblemKind::Axis { .. } => "axes are counted from 0, the outermost",
            ProblemKind::OtherGraph => "build the whole step on one `Graph`",
            ProblemKind::Redeclared { .. } => "use another name, or the same shape",
            ProblemKind::NotDifferentiable { .. } => {
                "put `stop_gradient` in front of it, if no gradient should flow through it"
            }
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

/// A value that an operation was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Operand {
    /// The name of the input or variable, else the operation that computes it.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
}

/// A problem and where it is: operation, layer, line of the user's source.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The operation.
    pub op: &'static str,
    /// What the operation was given.
    pub operands: Vec<Operand>,
    /// The scope path of the layer that built it; empty outside layers.
    pub layer: String,
    /// The source line that built it.
    pub location: &'static Location<'static>,
    /// The source line that applied the layer, if that is known and another one.
    pub applied: Option<&'static Location<'static>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.op, self.kind)?;
        for (i, Operand { name, shape }) in self.operands.iter().enumerate() {
            write!(f, "{}{name} {shape}", if i == 0 { "  of " } else { ", " })?;
        }
        write!(f, "{}", if self.operands.is_empty() { "  " } else { "\n  " })?;
        if !self.layer.is_empty() {
            write!(f, "layer `{}`, ", self.layer)?;
        }
        write!(f, "built at {}", self.location)?;
        if let Some(applied) = self.applied.filter(|applied| *applied != self.location) {
            write!(f, ", applied at {applied}")?;
        }
        if let Some(help) = self.kind.help() {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a graph, in the order in which it was built.
#[derive(Clone, PartialEq)]
pub struct PlanErrors(pub Vec<Problem>);

/// As for people: it is what `main` prints of an error that it returns.
impl fmt::Debug for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanErrors {}
