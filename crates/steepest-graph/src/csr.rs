//! Sparse matrices, row by row.

use crate::ops;
use crate::var::Var;

/// An index that names no row: a gather gives zeros or NaN for it, and nothing is added or set there.
pub const NO_ROW: u32 = u32::MAX;

/// A sparse matrix of `rows` rows: compressed sparse rows, padded to a capacity.
///
/// Row r has the entries `offsets[r] .. offsets[r + 1]`; entry k stands in column `columns[k]` and has the
/// value `values[k]`. What lies behind the last offset is padding: a plan's shapes are fixed, the number of
/// entries of a batch is not.
///
/// ```
/// use steepest_graph::{Csr, Feeds, Graph, evaluate, gradients};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let x = Csr::input(&graph, "x", 2, 4);
/// let w = graph.input("w", [3, 1]);
/// let y = x.matmul(w);
/// let slope = gradients(y.sum(), &[w])[0].dense();
/// // [[5, 0, 6], [0, 7, 0]]; one place of four is not used.
/// let feeds = Feeds::new()
///     .with("x.offsets", Tensor::u32([3], vec![0, 2, 3])?)
///     .with("x.columns", Tensor::u32([4], vec![0, 2, 1, 9])?)
///     .with("x.values", Tensor::f64([4], vec![5.0, 6.0, 7.0, 8.0])?)
///     .with("w", Tensor::f64([3, 1], vec![1.0, 10.0, 100.0])?);
/// let values = evaluate(&graph, &[y, slope], &feeds)?;
/// assert_eq!(values[0].to_f64(), [605.0, 70.0]);
/// assert_eq!(values[1].to_f64(), [5.0, 7.0, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Csr<'g> {
    /// Where each row's entries begin, and where the last one's end: indices `[rows + 1]`.
    pub offsets: Var<'g>,
    /// The column of each entry: indices `[capacity]`.
    pub columns: Var<'g>,
    /// The value of each entry: reals `[capacity]`.
    pub values: Var<'g>,
}

impl<'g> Csr<'g> {
    /// The matrix of three values.
    pub fn new(offsets: Var<'g>, columns: Var<'g>, values: Var<'g>) -> Csr<'g> {
        Csr { offsets, columns, values }
    }

    /// A matrix that the host feeds at every step, as the inputs `{name}.offsets`, `{name}.columns` and
    /// `{name}.values`.
    #[track_caller]
    pub fn input(graph: &'g crate::Graph, name: &str, rows: usize, capacity: usize) -> Csr<'g> {
        Csr {
            offsets: graph.index_input(&format!("{name}.offsets"), [rows + 1]),
            columns: graph.index_input(&format!("{name}.columns"), [capacity]),
            values: graph.input(&format!("{name}.values"), [capacity]),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.dim(0).saturating_sub(1)
    }

    /// The number of entries there is room for.
    pub fn capacity(&self) -> usize {
        self.columns.dim(0)
    }

    /// The row of each entry: indices `[capacity]`, no row for padding.
    #[track_caller]
    pub fn rows_of_entries(&self) -> Var<'g> {
        self.offsets.unary(ops::segments::Segments { capacity: self.capacity() })
    }

    /// The same matrix with other values.
    #[must_use]
    pub fn with_values(self, values: Var<'g>) -> Csr<'g> {
        Csr { values, ..self }
    }

    /// The product with a dense `[columns, n]`, of shape `[rows, n]`. A column outside contributes nothing.
    #[track_caller]
    pub fn matmul(&self, dense: Var<'g>) -> Var<'g> {
        let inputs = [self.offsets, self.columns, self.values, dense];
        self.offsets.graph().push(ops::sparse_matmul::SparseMatMul, &inputs)
    }
}
