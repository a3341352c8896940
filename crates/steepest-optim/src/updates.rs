//! What flows through a chain: one update for each parameter.

use steepest_graph::{Gradient, Var};

/// A trained variable and its name.
#[derive(Clone, Debug)]
pub struct Parameter<'g> {
    /// The name, as in `mlp.0.weight`. Slots are named after it.
    pub name: String,
    /// The value at the beginning of the step, as returned by `Graph::variable`.
    pub value: Var<'g>,
    /// Whether a row-sparse gradient changes only its rows. See [`by_rows`](Parameter::by_rows).
    by_rows: bool,
}

impl<'g> Parameter<'g> {
    /// Names a variable.
    pub fn new(name: impl Into<String>, value: Var<'g>) -> Parameter<'g> {
        Parameter { name: name.into(), value, by_rows: false }
    }

    /// A table of which a step with a row-sparse gradient reads and changes only the rows of the batch,
    /// slots included: the cost of a step does not grow with the table.
    ///
    /// Rules for which a gradient of zero changes nothing (SGD, Adagrad) give what they would give on the
    /// whole table. For the others the rows that a batch does not name stand still: their moments do not
    /// decay, momentum does not move them, decay and penalties do not shrink them, until a batch names
    /// them again. The step count is that of the training. This is PyTorch's `SparseAdam` (there for Adam
    /// alone) and TensorFlow's `LazyAdam`. A transform that needs all rows at once
    /// ([`Transform::works_on_rows`](crate::Transform::works_on_rows)) receives the whole gradient, and the
    /// table is then changed as any other parameter.
    #[must_use]
    pub fn by_rows(self) -> Parameter<'g> {
        Parameter { by_rows: true, ..self }
    }
}

/// One update for each parameter, in the order of the parameters.
///
/// A transform sees an update as a [`Var`] in [`UpdateScope::each`](crate::UpdateScope::each), and all of
/// them in [`iter`](Updates::iter). An update need not be as large as its parameter: of a table that is
/// trained [by rows](Parameter::by_rows), it holds the distinct rows of the batch, and the parameter's scope
/// gives the same rows of `value` and of every slot, so a formula written element by element holds as it
/// stands. Positions that stand for no row (repetitions, padding) are zeros throughout.
#[derive(Clone, Debug)]
pub struct Updates<'g> {
    parts: Vec<Part<'g>>,
}

/// The update of one parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'g> {
    pub value: Var<'g>,
    /// The row of the parameter that each row of the value belongs to; none: it is all of the parameter.
    pub rows: Option<Var<'g>>,
}

impl<'g> Updates<'g> {
    /// Gradients as they enter a chain. Repeated rows are added up; behind a chain that is linear they may stay
    /// as they are, because what is subtracted is their sum.
    #[track_caller]
    pub(crate) fn from_gradients(
        gradients: impl IntoIterator<Item = Gradient<'g>>,
        parameters: &[Parameter<'g>],
        linear: bool,
    ) -> Updates<'g> {
        let by_rows = parameters.iter().map(|parameter| parameter.by_rows);
        let parts =
            gradients.into_iter().zip(by_rows.chain(std::iter::repeat(false))).map(|pair| match pair {
                (Gradient::Rows { indices, values, .. }, true) if linear => {
                    Part { value: values, rows: Some(indices) }
                }
                (Gradient::Rows { indices, values, rows }, true) => {
                    let first = indices.first_occurrence(rows);
                    let value = values.scatter_add(first, indices.dim(0));
                    Part { value, rows: Some(indices.distinct(first)) }
                }
                (gradient, _) => Part { value: gradient.dense(), rows: None },
            });
        Updates { parts: parts.collect() }
    }

    pub(crate) fn from_parts(parts: Vec<Part<'g>>) -> Updates<'g> {
        Updates { parts }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'g>> + '_ {
        self.parts.iter().copied()
    }

    /// The same updates, each as large as its parameter.
    #[track_caller]
    pub(crate) fn whole(self, parameters: &[Parameter<'g>]) -> Updates<'g> {
        let whole = |(part, parameter): (Part<'g>, &Parameter<'g>)| match part.rows {
            Some(rows) => Part { value: part.value.scatter_add(rows, parameter.value.dim(0)), rows: None },
            None => part,
        };
        Updates { parts: self.parts.into_iter().zip(parameters).map(whole).collect() }
    }

    /// All updates, in the order of the parameters.
    pub fn iter(&self) -> impl Iterator<Item = Var<'g>> + '_ {
        self.parts.iter().map(|part| part.value)
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
