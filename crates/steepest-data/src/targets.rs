//! What a data set asks a model to predict.

/// A linear change of units: stored value = (real value − `shift`) / `scale`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scaling {
    /// What is subtracted, in the real unit.
    pub shift: f64,
    /// What is divided by, in the real unit. Never 0.
    pub scale: f64,
}

impl Scaling {
    /// No change.
    pub const IDENTITY: Scaling = Scaling { shift: 0.0, scale: 1.0 };

    /// From the real unit to the stored one.
    pub fn apply(self, value: f64) -> f64 {
        (value - self.shift) / self.scale
    }

    /// From the stored unit back to the real one.
    pub fn invert(self, value: f64) -> f64 {
        value * self.scale + self.shift
    }
}

/// What a data set asks a model to predict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetKind<'a> {
    /// Nothing: there are no targets.
    None,
    /// Numbers.
    Regression {
        /// Numbers per row.
        width: usize,
        /// The unit that the stored targets are in.
        scaling: Scaling,
    },
    /// One of several classes.
    Classes {
        /// The name of each class; a target is an index into it.
        names: &'a [String],
    },
    /// For each token of a row, the one behind it.
    NextToken {
        /// What each token is called.
        names: &'a [String],
    },
    /// Which items each user prefers.
    Ranking {
        /// How many items there are.
        items: usize,
    },
    /// The words that stand around each word of a text.
    Context {
        /// Different words.
        vocabulary: usize,
    },
}

impl TargetKind<'_> {
    /// Whether there are exactly two classes.
    pub fn is_binary(&self) -> bool {
        matches!(self, TargetKind::Classes { names } if names.len() == 2)
    }
}

/// The buffer that targets are written to.
#[derive(Debug)]
pub enum TargetsMut<'a, R> {
    /// Leaves the targets out.
    None,
    /// Real numbers: regression targets, or class indices as numbers (0 and 1 for binary classes).
    Real(&'a mut [R]),
    /// Class indices.
    Classes(&'a mut [u32]),
}
