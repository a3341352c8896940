//! What flows through a chain: one update for each parameter.

use steepest_graph::{Gradient, Var};

/// A trained variable and its name.
#[derive(Clone, Debug)]
pub struct Parameter<'g> {
    /// The name, as in `mlp.0.weight`. Slots are named after it.
    pub name: String,
    /// The value at the beginning of the step, as returned by `Graph::variable`.
    pub value: Var<'g>,
}

impl<'g> Parameter<'g> {
    /// Names a variable.
    pub fn new(name: impl Into<String>, value: Var<'g>) -> Parameter<'g> {
        Parameter { name: name.into(), value }
    }
}

/// One update for each parameter, in the order of the parameters.
///
/// A transform sees an update as a [`Var`] in [`UpdateScope::each`](crate::UpdateScope::each), and all of
/// them in [`iter`](Updates::iter). A row-sparse gradient becomes a full one when it enters the chain,
/// here and nowhere else. Nothing in the interface promises an update as large as its parameter: once
/// the rows stay apart, `each` hands out the distinct rows as `g`, and the parameter's scope gives the
/// same rows of `value` and of every slot, so a formula written element by element holds as it stands.
#[derive(Clone, Debug)]
pub struct Updates<'g> {
    parts: Vec<Var<'g>>,
}

impl<'g> Updates<'g> {
    pub(crate) fn from_gradients(gradients: impl IntoIterator<Item = Gradient<'g>>) -> Updates<'g> {
        Updates { parts: gradients.into_iter().map(Gradient::dense).collect() }
    }

    pub(crate) fn from_parts(parts: Vec<Var<'g>>) -> Updates<'g> {
        Updates { parts }
    }

    /// All updates, in the order of the parameters.
    pub fn iter(&self) -> impl Iterator<Item = Var<'g>> + '_ {
        self.parts.iter().copied()
    }
}

impl<'g> Updates<'g> {
    /// The Euclidean norm over all elements of all updates, as two factors s and r of moderate size:
    /// s = max|u| and r = √Σ(u/s)². None if there is no element.
    #[track_caller]
    pub fn scaled_norm(&self) -> Option<(Var<'g>, Var<'g>)> {
        let parts = || self.iter().filter(|u| u.shape().elements() > 0);
        let largest = parts().map(largest_magnitude).reduce(Var::maximum)?;
        let s = largest.select(largest, largest.constant(1.0));
        let squares = parts().map(|u| (u / s).square().sum()).reduce(|a, b| a + b)?;
        Some((s, squares.sqrt()))
    }
}

/// max|u|.
#[track_caller]
fn largest_magnitude(u: Var<'_>) -> Var<'_> {
    let axes: Vec<usize> = (0..u.shape().rank()).collect();
    u.abs().max_over(&axes)
}
