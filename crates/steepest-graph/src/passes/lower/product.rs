//! Matrix products: how each reads its factors, and where its rows go.

use steepest_tensor::Shape;
use steepest_tensor::program::{Rows, Stride};

use super::layout::{Layout, batch_stride};
use super::{Cut, Factor, Item, Kernel, Lowering};
use crate::op::Op;

impl Lowering<'_> {
    pub(super) fn matmul(&mut self, node: usize) -> Item {
        let inputs = self.flow.nodes[node].inputs.clone();
        let (left, right) = (self.flow.shape(inputs[0]), self.flow.shape(inputs[1]));
        let rank = left.rank();
        let (m, k, n) = (left[rank - 2], left[rank - 1], right.columns());
        let batches: usize = left[..rank - 2].iter().product();
        let mut a = self.factor(inputs[0]);
        let mut b = self.factor(inputs[1]);
        if n == 1 && batches == 1 && a.row == 1 && a.column != 1 {
            // Aᵀ x: as the row xᵀ A, whose factor has contiguous columns.
            (a, b) = (Factor { row: 0, column: b.row, ..b }, Factor { row: a.column, column: 1, ..a });
            let cut = Cut::Columns;
            let kernel = Kernel::MatMul { batches, m: 1, n: m, k, a, b, rows: None, cut };
            return Item { node, extent: m, kernel };
        }
        if b.column != 1 && n > 1 && far(batches, m, k * n) {
            b = self.dense(inputs[1], k, n);
        }
        // One row alone is cut by columns where that is worth a barrier.
        let by_columns = m == 1 && batches == 1 && n >= 256 && k * n >= 1 << 16;
        let (extent, cut) = if by_columns { (n, Cut::Columns) } else { (batches * m, Cut::Rows) };
        Item { node, extent, kernel: Kernel::MatMul { batches, m, n, k, a, b, rows: None, cut } }
    }

    /// A product of which only another order of its axes is used, as the value of a node: its rows go where that order has
    /// them.
    pub(super) fn permuted_product(&mut self, node: usize, product: usize, order: &[usize]) -> Option<Item> {
        let (op, shape) = (&self.flow.nodes[product].op, self.flow.shape(product));
        let rank = shape.rank();
        if !matches!(op, Op::MatMul(_)) || shape.elements() == 0 {
            return None;
        }
        let (rows, columns) = (rank - 2, rank - 1);
        // The transposed product is the product of the transposed factors in reverse.
        let swap = match *order.last()? {
            last if last == columns => false,
            last if last == rows => true,
            _ => return None,
        };
        let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let strides = Shape::new(&sizes).ok()?.strides();
        let stride = |axis: usize| order.iter().position(|&o| o == axis).map_or(0, |at| strides[at]);
        let lead: Vec<(usize, usize)> = (0..rows).map(|axis| (shape[axis], stride(axis))).collect();
        let batch = batch_stride(&lead)?;
        let (m, row) = if swap { (shape[columns], stride(columns)) } else { (shape[rows], stride(rows)) };
        let inputs = self.flow.nodes[product].inputs.clone();
        let (k, batches) = (self.flow.shape(inputs[0]).columns(), shape[..rows].iter().product::<usize>());
        let n = if swap { shape[rows] } else { shape[columns] };
        if n == 1 || batches * m <= 1 {
            return None;
        }
        let (mut a, mut b) = (self.factor(inputs[0]), self.factor(inputs[1]));
        if swap {
            let turned = |f: Factor| Factor { row: f.column, column: f.row, ..f };
            (a, b) = (turned(b), turned(a));
        }
        if b.column != 1 && far(batches, m, k * n) {
            if swap {
                return None;
            }
            b = self.dense(inputs[1], k, n);
        }
        let dense = row == n && (batches == 1 || batch == Stride::plain(m * n));
        let rows = (!dense).then_some(Rows { row, batch });
        let kernel = Kernel::MatMul { batches, m, n, k, a, b, rows, cut: Cut::Rows };
        Some(Item { node, extent: batches * m, kernel })
    }

    /// A factor with rows one behind the other.
    fn dense(&mut self, node: usize, rows: usize, columns: usize) -> Factor {
        let value = self.demand(node);
        Factor { value, offset: 0, row: columns, column: 1, batch: Stride::plain(rows * columns) }
    }

    /// The strides of a factor; views are folded into them.
    pub(super) fn factor(&mut self, node: usize) -> Factor {
        let shape = self.flow.shape(node);
        let rank = shape.rank();
        let (rows, columns) = (shape[rank - 2], shape[rank - 1]);
        let Layout { value, offset, axes } = self.layout(node);
        let batch = batch_stride(&axes[..rank - 2]);
        let (row, column) = (axes[rank - 2].1, axes[rank - 1].1);
        match batch {
            // One of the two axes must be contiguous.
            Some(batch) if shape.elements() > 0 && (row == 1 || column == 1 || rows == 1 || columns == 1) => {
                Factor { value: self.demand(value), offset, row, column, batch }
            }
            _ => self.dense(node, rows, columns),
        }
    }
}

/// Whether a right factor whose columns are not contiguous is copied once, before the product: where each block of a
/// thread's rows would copy it again, and that is more often than a few times; or where a single row is cut by columns.
fn far(batches: usize, m: usize, elements: usize) -> bool {
    if batches == 1 { m == 1 || m > MOST_ROWS } else { elements > MOST_PACKED }
}

/// Rows of a product up to which its blocks copy the right factor for themselves: two blocks.
const MOST_ROWS: usize = 128;
/// Elements of a right factor up to which each of a batch is copied when it is used.
const MOST_PACKED: usize = 1 << 15;
