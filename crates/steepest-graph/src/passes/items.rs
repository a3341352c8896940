//! What an item reads, writes and costs.

use steepest_tensor::program::{Access, Channels, Stride};

use crate::passes::lower::{Cut, Item, Kernel, Layer, Value};

impl Item {
    /// Every value the item reads, with the elements that unit `u` reads if those are exactly
    /// `u · stride .. (u + 1) · stride`.
    pub fn reads(&self) -> Vec<(usize, Option<usize>)> {
        match &self.kernel {
            Kernel::Tile { width, reads, panels, .. } => reads
                .iter()
                .filter_map(|read| match (read.value, read.access) {
                    (Value::Node(node), Access::Wide) => Some((node, Some(*width))),
                    (Value::Node(node), Access::Row) => Some((node, panels.is_none().then_some(1))),
                    (Value::Node(node), _) => Some((node, None)),
                    (Value::Host(_), _) => None,
                })
                .collect(),
            Kernel::MatMul { m, k, batches, a, b, cut, .. } => {
                let dense = a.column == 1
                    && a.row == *k
                    && (*batches == 1 || a.batch == Stride::plain(m * k))
                    && *cut == Cut::Rows
                    && a.offset == 0;
                vec![(a.value, dense.then_some(*k)), (b.value, None)]
            }
            Kernel::Scan(plan) => plan.sources().into_iter().map(|value| (value, None)).collect(),
            Kernel::ColumnSum { from, .. } | Kernel::Copy { from, .. } => vec![(*from, None)],
            Kernel::PartSum { from, times, rows, columns, .. } => [Some(*from), *times]
                .into_iter()
                .flatten()
                .map(|value| (value, Some(rows * columns)))
                .collect(),
            Kernel::Conv { windows, channels, transposed, from, weight } => {
                let pixels = if *transposed { windows.positions() } else { windows.pixels() };
                vec![(*from, Some(pixels * channels.groups * channels.inner)), (*weight, None)]
            }
            Kernel::ConvWeight { images, grad, .. } => vec![(*images, None), (*grad, None)],
            Kernel::MaxPool { windows, channels, scatter, images, values } => {
                let pixels = if *scatter { windows.positions() } else { windows.pixels() };
                vec![(*images, Some(windows.pixels() * channels)), (*values, Some(pixels * channels))]
            }
            Kernel::Join(join) => {
                let stride = |layer: &Layer| join.whole.then_some(layer.total * join.inner);
                join.layers.iter().map(|layer| (layer.from, stride(layer))).collect()
            }
            Kernel::Gather { table, indices, .. } => vec![(*table, None), (*indices, Some(1))],
            Kernel::ScatterAdd { values, indices, .. } => vec![(*values, None), (*indices, None)],
            Kernel::WriteRows { table, indices, values, width, .. } => {
                vec![(*table, Some(*width)), (*indices, None), (*values, None)]
            }
            Kernel::AddProduct { table, csr, by, width, .. } => {
                let others = csr.iter().chain([by]).map(|&value| (value, None));
                std::iter::once((*table, Some(*width))).chain(others).collect()
            }
            Kernel::FirstOccurrence { indices, .. } => vec![(*indices, None)],
            Kernel::Distinct { indices, first } => vec![(*indices, Some(1)), (*first, Some(1))],
            Kernel::Segments { offsets } => vec![(*offsets, None)],
            Kernel::SparseMatMul { csr, dense, .. } => {
                csr.iter().chain([dense]).map(|&value| (value, None)).collect()
            }
            Kernel::ArgMax { from, width } => vec![(*from, Some(*width))],
        }
    }

    /// Elements of the result that each unit of work writes, if they follow one another.
    pub fn writes(&self) -> Option<usize> {
        match &self.kernel {
            Kernel::Tile { width, shape, .. } => Some(if *shape == Access::Wide { *width } else { 1 }),
            Kernel::MatMul { cut: Cut::Columns, .. } => Some(1),
            Kernel::MatMul { rows: Some(_), cut: Cut::Rows, .. } => None,
            Kernel::MatMul { n, .. } => Some(*n),
            Kernel::ColumnSum { .. } | Kernel::ArgMax { .. } => Some(1),
            Kernel::Distinct { .. } => Some(1),
            Kernel::Gather { width, .. }
            | Kernel::WriteRows { width, .. }
            | Kernel::AddProduct { width, .. }
            | Kernel::SparseMatMul { width, .. } => Some(*width),
            Kernel::Scan(_)
            | Kernel::Copy { .. }
            | Kernel::ScatterAdd { .. }
            | Kernel::FirstOccurrence { .. }
            | Kernel::Segments { .. } => None,
            Kernel::Join(join) => Some(if join.whole { join.total * join.inner } else { join.inner }),
            Kernel::PartSum { columns, .. } => Some(*columns),
            Kernel::Conv { windows, channels, transposed, .. } => {
                let pixels = if *transposed { windows.pixels() } else { windows.positions() };
                Some(pixels * channels.groups * channels.outer)
            }
            Kernel::ConvWeight { channels, .. } => Some(channels.groups * channels.outer),
            Kernel::MaxPool { windows, channels, scatter, .. } => {
                let pixels = if *scatter { windows.pixels() } else { windows.positions() };
                Some(pixels * channels)
            }
        }
    }

    /// Floating-point operations and bytes read and written, for elements of `size` bytes.
    pub fn cost(&self, size: usize) -> (u64, u64) {
        let (flops, elements) = match &self.kernel {
            Kernel::Scan(plan) => return plan.cost(size),
            Kernel::Tile { width, reads, .. } => {
                let n = self.extent * width;
                let read: usize = reads
                    .iter()
                    .map(|read| match read.access {
                        Access::Wide => n,
                        Access::Row => self.extent,
                        Access::Column => *width,
                        Access::One => 1,
                    })
                    .sum();
                (n, read + n)
            }
            Kernel::MatMul { batches, m, n, k, .. } => {
                (2 * batches * m * n * k, batches * (m * k + k * n + m * n))
            }
            Kernel::ColumnSum { rows, columns, .. } => (rows * columns, rows * columns + columns),
            Kernel::PartSum { times, parts, rows, columns, .. } => {
                let read = 1 + usize::from(times.is_some());
                (parts * rows * columns * read, parts * (read * rows + 1) * columns)
            }
            Kernel::Conv { windows, channels, .. } | Kernel::ConvWeight { windows, channels, .. } => {
                let Channels { groups, inner, outer } = *channels;
                let (taps, positions) = (windows.window.taps(), windows.images * windows.positions());
                let pixels = windows.images * windows.pixels();
                let weight = taps * groups * inner * outer;
                (2 * positions * weight, groups * (pixels * inner + positions * outer) + weight)
            }
            Kernel::MaxPool { windows, channels, .. } => {
                let (pixels, positions) = (windows.pixels(), windows.positions());
                let compared = positions * windows.window.taps();
                (windows.images * channels * compared, windows.images * channels * (2 * pixels + positions))
            }
            Kernel::Copy { shape, .. } => (0, 2 * shape.elements()),
            Kernel::Join(join) => {
                let read: usize = join.layers.iter().map(|layer| layer.total).sum();
                let added = read.saturating_sub(join.total);
                (join.outer * added * join.inner, join.outer * (join.total + read) * join.inner)
            }
            Kernel::Gather { width, .. } => (0, 2 * self.extent * width),
            Kernel::ScatterAdd { width, rows, .. } => (0, 2 * width * rows),
            Kernel::WriteRows { count, width, add, .. } => {
                (if *add { count * width } else { 0 }, 3 * count * width)
            }
            Kernel::AddProduct { capacity, width, .. } => {
                (2 * capacity * width, capacity * (2 * width + 2) + width)
            }
            Kernel::FirstOccurrence { count, .. } => (8 * count, 4 * count),
            Kernel::Distinct { .. } | Kernel::Segments { .. } => (0, 3 * self.extent),
            Kernel::SparseMatMul { capacity, width, .. } => {
                (2 * capacity * width, capacity * (width + 2) + self.extent * width)
            }
            Kernel::ArgMax { width, .. } => (0, self.extent * width),
        };
        (flops as u64, (elements * size) as u64)
    }
}
