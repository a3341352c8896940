//! Between lowering and scheduling: which weights are cut by columns.
//!
//! A product X · W is mostly cut by rows of X: each thread reads all of W, half of which another core wrote when
//! it was updated. Where W is larger than what else the threads read of one another, each keeps its own columns
//! of W instead: product, gradient and update are cut into panels. That costs a barrier behind the product.

use std::collections::{BTreeMap, BTreeSet};

use steepest_tensor::program::{Access, Panels, Rows, Stride, TileKind};

use crate::op::Op;
use crate::passes::lower::{Cut, Kernel, Lowered, Value, root};
use crate::passes::simplify::Flow;

/// Panels of a weight: as many as threads share the work of a small step, mostly. More cost more copies of the
/// left factor; with more threads each panel is cut by rows.
const COUNT: usize = 2;
/// Elements of a weight below which no panels pay.
const LEAST: usize = 1 << 16;

/// Cuts the products with large weights, and what makes their new values, into panels.
pub(crate) fn cut(flow: &Flow, lowered: &mut Lowered) {
    let mut users: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&user, item) in &lowered.items {
        for (value, _) in lowered.reads(item) {
            users.entry(value).or_default().push(user);
        }
    }
    for &(variable, value) in &flow.assigns {
        let value = root(flow, value);
        let shape = flow.variables[variable].shape;
        let (rows, columns) = match shape[..] {
            [rows, columns] if columns.is_multiple_of(COUNT) && rows * columns >= LEAST => (rows, columns),
            _ => continue,
        };
        let reads =
            |node: usize| matches!(&flow.nodes[node].op, Op::Read(r) if r.variable.index() == variable);
        let forward = |kernel: &Kernel| match kernel {
            Kernel::MatMul { batches: 1, m, n, k, b, rows: None, cut: Cut::Rows, .. } => {
                let whole = (*k, *n) == (rows, columns) && (b.row, b.column, b.offset) == (columns, 1, 0);
                whole && reads(b.value) && k * n > 4 * m * (k + n)
            }
            _ => false,
        };
        let products: Vec<usize> =
            lowered.items.iter().filter(|(_, item)| forward(&item.kernel)).map(|(&node, _)| node).collect();
        if products.is_empty() {
            continue;
        }
        let Some(update) = update(flow, lowered, &users, value, (rows, columns)) else { continue };
        for node in products.into_iter().chain(update) {
            if let Some(item) = lowered.items.get_mut(&node) {
                item.kernel.cut_into_panels(item.extent);
                item.extent *= COUNT;
            }
        }
    }
}

/// The items that make a variable's new value, element by element, down to the product that is its gradient; none
/// if anything else uses what is between, or something there cannot be cut.
fn update(
    flow: &Flow,
    lowered: &Lowered,
    users: &BTreeMap<usize, Vec<usize>>,
    value: usize,
    (rows, columns): (usize, usize),
) -> Option<BTreeSet<usize>> {
    let elements = |node: usize| {
        lowered.items.get(&node).is_some_and(|item| match &item.kernel {
            Kernel::Tile { kind: TileKind::Map(_), width, shape: Access::Wide, panels: None, .. } => {
                (item.extent, *width) == (rows, columns)
            }
            _ => false,
        })
    };
    let gradient = |node: usize| {
        lowered.items.get(&node).is_some_and(|item| {
            matches!(&item.kernel, Kernel::MatMul { batches: 1, m, n, rows: None, cut: Cut::Rows, .. }
                if (*m, *n) == (rows, columns))
        })
    };
    let mut set = BTreeSet::new();
    let mut open = vec![value];
    let mut found = false;
    while let Some(node) = open.pop() {
        if set.contains(&node) {
            continue;
        }
        if gradient(node) {
            found = true;
            set.insert(node);
        } else if elements(node) {
            set.insert(node);
            let Kernel::Tile { reads, .. } = &lowered.items[&node].kernel else { continue };
            open.extend(reads.iter().filter_map(|read| match (read.value, read.access) {
                (Value::Node(node), Access::Wide) if lowered.items.contains_key(&node) => Some(node),
                _ => None,
            }));
        } else {
            return None;
        }
    }
    let output = |node: usize| flow.outputs.iter().any(|(_, output)| root(flow, *output) == node);
    let inside = |node: &usize| {
        let ours = users.get(node).is_none_or(|users| users.iter().all(|user| set.contains(user)));
        ours && !output(*node)
    };
    (found && set.iter().all(inside)).then_some(set)
}

impl Kernel {
    fn cut_into_panels(&mut self, height: usize) {
        match self {
            Kernel::MatMul { batches, n, a, b, rows, cut, .. } => {
                let width = *n / COUNT;
                (a.batch, b.batch) = (Stride::plain(0), Stride::plain(width));
                *rows = Some(Rows { row: *n, batch: b.batch });
                (*batches, *n, *cut) = (COUNT, width, Cut::Panels);
            }
            Kernel::Tile { width, panels, .. } => {
                *width /= COUNT;
                *panels = Some(Panels { count: COUNT, height });
            }
            _ => {}
        }
    }
}
