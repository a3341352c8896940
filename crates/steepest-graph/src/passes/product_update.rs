//! Finding the update of a table by sparse features: a table to which the entries of a sparse matrix, times what their
//! rows have, are added.
//!
//! As a graph it is a chain: what each entry's row has is gathered, multiplied by the entry's value, by the learning
//! rate, negated, and added to the rows of the table. As one kernel it touches each entry once, and nothing in
//! between is ever written.

use crate::op::Op;
use crate::passes::simplify::Flow;

/// table + (−) ∏ factors · Aᵀ by, with a sparse A of offsets, columns and values.
pub(super) struct ProductUpdate {
    pub table: usize,
    pub csr: [usize; 3],
    pub by: usize,
    /// Host scalars.
    pub factors: Vec<usize>,
    pub negate: bool,
}

/// What an `add_rows` is such an update of, if it is one.
pub(super) fn product_update(flow: &Flow, node: usize) -> Option<ProductUpdate> {
    let [table, columns, mut values] = flow.nodes[node].inputs[..] else { return None };
    let (mut factors, mut negate) = (Vec::new(), false);
    loop {
        values = view(flow, values);
        let inputs = &flow.nodes[values].inputs;
        match flow.nodes[values].op {
            Op::Neg(_) => {
                negate = !negate;
                values = inputs[0];
            }
            Op::Mul(_) => match (number(flow, inputs[0]), number(flow, inputs[1])) {
                (Some(factor), _) => {
                    factors.push(factor);
                    values = inputs[1];
                }
                (_, Some(factor)) => {
                    factors.push(factor);
                    values = inputs[0];
                }
                _ => break,
            },
            _ => return None,
        }
    }
    let inputs = &flow.nodes[values].inputs;
    let rows_first = of_rows(flow, inputs[0]).map(|rows| (rows, inputs[1]));
    let ((by, offsets), entry) = rows_first.or_else(|| Some((of_rows(flow, inputs[1])?, inputs[0])))?;
    let entry = repeated(flow, entry);
    let width: usize = flow.shape(table)[1..].iter().product();
    let capacity = flow.shape(columns).elements();
    let rows = flow.shape(offsets).elements().checked_sub(1)?;
    let fits = flow.shape(entry).elements() == capacity && flow.shape(by).elements() == rows * width;
    fits.then_some(ProductUpdate { table, csr: [offsets, columns, entry], by, factors, negate })
}

/// What a node is a reshape of.
fn view(flow: &Flow, node: usize) -> usize {
    match flow.nodes[node].op {
        Op::Reshape(_) => view(flow, flow.nodes[node].inputs[0]),
        _ => node,
    }
}

/// What a value is a reshape of, or a column that is repeated.
fn repeated(flow: &Flow, node: usize) -> usize {
    let node = view(flow, node);
    match flow.nodes[node].op {
        Op::Broadcast(_) => {
            let from = flow.nodes[node].inputs[0];
            // Columns may be repeated, rows may not.
            let shape = flow.shape(from);
            let column = shape.rank() == 2 && shape[0] == flow.shape(node)[0] && shape[1] == 1;
            if column { view(flow, from) } else { node }
        }
        _ => node,
    }
}

/// The host scalar that a value repeats everywhere.
fn number(flow: &Flow, node: usize) -> Option<usize> {
    let node = view(flow, node);
    match flow.nodes[node].op {
        _ if flow.nodes[node].host => Some(node),
        Op::Broadcast(_) => number(flow, flow.nodes[node].inputs[0]),
        _ => None,
    }
}

/// What the rows of a sparse matrix's entries have, and the offsets of the matrix.
fn of_rows(flow: &Flow, node: usize) -> Option<(usize, usize)> {
    let node = view(flow, node);
    let Op::Gather(gather) = &flow.nodes[node].op else { return None };
    let [by, rows] = flow.nodes[node].inputs[..] else { return None };
    let rows = view(flow, rows);
    let is_entries = matches!(flow.nodes[rows].op, Op::Segments(_)) && gather.outside() == 0.0;
    is_entries.then(|| (by, flow.nodes[rows].inputs[0]))
}
