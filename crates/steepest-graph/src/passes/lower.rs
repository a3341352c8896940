//! The second pass: every value that must exist becomes an item, a kernel with its operands.
//!
//! Views do not become items. A reshape is another name for the same memory; a transposed factor of a
//! product is a pair of strides; a repeated number, row or column is a way of reading an operand.

mod layout;
mod product;
mod stack;

pub(crate) use stack::{Layer, Layers};

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use steepest_tensor::program::{Access, Channels, Panels, TileKind, Windows};
use steepest_tensor::program::{Rows, Stride};
use steepest_tensor::{Shape, TileOp, Window};

use crate::op::{Element, Op};
use crate::ops::conv2d::Sizes;
use crate::ops::scan::{Scan, Segment};
use crate::passes::product_update::{ProductUpdate, product_update};
use crate::passes::scan::ScanPlan;
use crate::passes::simplify::Flow;

/// What an operand of an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// A node whose value is in memory or a register: an item's, an input, a literal or a variable.
    Node(usize),
    /// A number computed on the host.
    Host(usize),
}

/// How an item reads a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Read {
    pub value: Value,
    pub access: Access,
}

/// A factor of a product: strides within the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub value: usize,
    /// The first element.
    pub offset: usize,
    pub row: usize,
    pub column: usize,
    pub batch: Stride,
}

/// What a gather gives for an index outside its table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outside(pub f64);

/// What the unit of work of a matrix product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A row of a product.
    Rows,
    /// A column of the only row.
    Columns,
    /// Part of a row of the only product, whose panels are a batch.
    Panels,
}

/// What an item runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kernel {
    /// An elementwise operation or row reduction over `extent × width` elements.
    Tile { kind: TileKind, width: usize, reads: Vec<Read>, shape: Access, panels: Option<Panels> },
    /// A matrix product.
    MatMul {
        batches: usize,
        m: usize,
        n: usize,
        k: usize,
        a: Factor,
        b: Factor,
        rows: Option<Rows>,
        cut: Cut,
    },
    /// Sums of columns.
    ColumnSum { from: usize, rows: usize, columns: usize },
    /// Sums of the rows of each part, or of products of rows.
    PartSum { from: usize, times: Option<usize>, parts: usize, rows: usize, columns: usize },
    /// A convolution, or its derivative by the images.
    Conv { windows: Windows, channels: Channels, transposed: bool, from: usize, weight: usize },
    /// A convolution's derivative by its weight.
    ConvWeight { windows: Windows, channels: Channels, images: usize, grad: usize },
    /// Values at the maxima of windows.
    MaxPool { windows: Windows, channels: usize, scatter: bool, images: usize, values: usize },
    /// A strided copy of the whole value.
    Copy { from: usize, offset: usize, shape: Shape, strides: Vec<usize> },
    /// Values beside or over one another.
    Join(Layers),
    /// Rows of a table.
    Gather { table: usize, rows: usize, width: usize, indices: usize, outside: Outside },
    /// Rows added into a table.
    ScatterAdd { values: usize, indices: usize, width: usize, rows: usize },
    /// Rows of a table written.
    WriteRows { table: usize, indices: usize, values: usize, count: usize, width: usize, add: bool },
    /// A table plus a transposed sparse matrix times rows, times host scalars.
    AddProduct {
        table: usize,
        csr: [usize; 3],
        capacity: usize,
        by: usize,
        factors: Vec<usize>,
        negate: bool,
        width: usize,
    },
    /// First positions of indices.
    FirstOccurrence { indices: usize, count: usize, rows: usize },
    /// Indices at their first positions.
    Distinct { indices: usize, first: usize },
    /// The rows of a sparse matrix's entries.
    Segments { offsets: usize },
    /// A sparse matrix times a dense one.
    SparseMatMul { csr: [usize; 3], capacity: usize, dense: usize, features: usize, width: usize },
    /// A loop over time.
    Scan(Rc<ScanPlan>),
    /// Positions of maxima.
    ArgMax { from: usize, width: usize },
}

/// A kernel that makes the value of a node.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub node: usize,
    /// Units of work.
    pub extent: usize,
    pub kernel: Kernel,
}

/// The items, by node number, which is also an order in which they can run.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    pub items: BTreeMap<usize, Item>,
    /// Values that are a range of another value's memory: that value, and the first element.
    pub aliases: BTreeMap<usize, (usize, usize)>,
}

impl Lowered {
    /// What an item reads, in terms of values with memory of their own; see [`Item::reads`].
    pub fn reads(&self, item: &Item) -> Vec<(usize, Option<usize>)> {
        let own = |(value, stride)| self.aliases.get(&value).map_or((value, stride), |&(of, _)| (of, None));
        item.reads().into_iter().map(own).collect()
    }
}

/// Rows and columns of an elementwise domain: the last axis is the row's elements; one axis is rows.
pub(crate) fn domain(shape: Shape) -> (usize, usize) {
    match shape.rank() {
        0 => (1, 1),
        1 => (shape[0], 1),
        _ => (shape.rows(), shape.columns()),
    }
}

/// Makes the items that outputs and assignments need.
pub(crate) fn lower(flow: &Flow) -> Lowered {
    let mut lowering = Lowering {
        flow,
        items: BTreeMap::new(),
        aliases: BTreeMap::new(),
        wanted: BTreeSet::new(),
        uses: uses(flow),
    };
    for (_, node) in &flow.outputs {
        lowering.demand(*node);
    }
    for (variable, node) in &flow.assigns {
        // Assigning a variable to itself needs nothing.
        if !matches!(&flow.nodes[*node].op, Op::Read(read) if read.variable.index() == *variable) {
            lowering.demand(*node);
        }
    }
    // From the last node to the first: what a node needs comes before it. Graphs are deep, so that calls must
    // not follow them.
    while let Some(node) = lowering.wanted.pop_last() {
        let item = lowering.item(node);
        lowering.items.insert(node, item);
    }
    Lowered { items: lowering.items, aliases: lowering.aliases }
}

fn uses(flow: &Flow) -> Vec<usize> {
    let mut uses = vec![0; flow.nodes.len()];
    for node in &flow.nodes {
        node.inputs.iter().for_each(|&i| uses[i] += 1);
    }
    let roots = flow.outputs.iter().map(|(_, n)| *n).chain(flow.assigns.iter().map(|(_, n)| *n));
    roots.for_each(|n| uses[n] += 1);
    uses
}

/// The node whose memory a node's value is in: itself, or what it is a reshape of.
pub(crate) fn root(flow: &Flow, node: usize) -> usize {
    match flow.nodes[node].op {
        Op::Reshape(_) => root(flow, flow.nodes[node].inputs[0]),
        _ => node,
    }
}

struct Lowering<'a> {
    flow: &'a Flow,
    items: BTreeMap<usize, Item>,
    aliases: BTreeMap<usize, (usize, usize)>,
    /// Nodes whose items are still to be made.
    wanted: BTreeSet<usize>,
    uses: Vec<usize>,
}

impl Lowering<'_> {
    /// Makes sure that a node's value exists in memory or registers; returns its root.
    fn demand(&mut self, node: usize) -> usize {
        let node = root(self.flow, node);
        if let Some((of, offset)) = self.range(node) {
            let of = self.demand(of);
            let (of, before) = self.aliases.get(&of).copied().unwrap_or((of, 0));
            self.aliases.insert(node, (of, before + offset));
            return node;
        }
        let leaf = matches!(self.flow.nodes[node].op, Op::Input(_) | Op::Read(_) | Op::Literal(_));
        if !leaf {
            self.wanted.insert(node);
        }
        node
    }

    /// What a node is a range of, if its elements follow one another there, and the first element.
    fn range(&self, node: usize) -> Option<(usize, usize)> {
        let Op::Slice(slice) = &self.flow.nodes[node].op else { return None };
        let of = self.flow.nodes[node].inputs[0];
        let from = self.flow.shape(of);
        let whole = from[..slice.axis].iter().all(|&size| size == 1) && self.flow.shape(node).elements() > 0;
        whole.then(|| (of, slice.start * from.strides()[slice.axis]))
    }

    /// A scan, and which parts of its result anything reads.
    fn scan(&mut self, node: usize, scan: &Scan) -> Item {
        let flow = self.flow;
        let outer: Vec<usize> = flow.nodes[node].inputs.iter().map(|&input| self.demand(input)).collect();
        let mut used: Vec<(usize, usize)> = Vec::new();
        for user in flow.nodes.iter().filter(|user| user.inputs.contains(&node)) {
            used.push(match &user.op {
                Op::Slice(slice) => (slice.start, slice.end),
                _ => (0, usize::MAX),
            });
        }
        let roots = flow.outputs.iter().map(|(_, n)| *n).chain(flow.assigns.iter().map(|(_, n)| *n));
        if roots.into_iter().any(|n| root(flow, n) == node) {
            used.push((0, usize::MAX));
        }
        let read = |s: &Segment| used.iter().any(|&(start, end)| start < s.end() && s.start < end);
        let plan = ScanPlan::new(scan, &outer, read);
        Item { node, extent: plan.rows.unwrap_or(1), kernel: Kernel::Scan(Rc::new(plan)) }
    }

    fn item(&mut self, node: usize) -> Item {
        let flow = self.flow;
        let (n, inputs) = (&flow.nodes[node], &flow.nodes[node].inputs);
        let shape = n.ty.shape;
        if let Some(item) = (!n.host).then(|| self.stacked(node)).flatten() {
            return item;
        }
        match &n.op {
            _ if n.host => self.tile(node, TileKind::Map(TileOp::Copy), &[node]),
            Op::MatMul(_) => self.matmul(node),
            Op::Scan(scan) => self.scan(node, scan),
            Op::Sum(sum) if sum.axes == [0] => {
                let (rows, columns) = (flow.shape(inputs[0])[0], shape.elements());
                let from = self.demand(inputs[0]);
                Item { node, extent: columns, kernel: Kernel::ColumnSum { from, rows, columns } }
            }
            Op::Sum(sum) if sum.axes == [1] && flow.shape(inputs[0]).rank() == 3 => {
                let own = flow.shape(inputs[0]);
                let (parts, rows, columns) = (own[0], own[1], own[2]);
                let (from, times) = match self.product(inputs[0]) {
                    Some((a, b)) => (self.demand(a), Some(self.demand(b))),
                    None => (self.demand(inputs[0]), None),
                };
                Item { node, extent: parts, kernel: Kernel::PartSum { from, times, parts, rows, columns } }
            }
            Op::Sum(_) => self.reduction(node, TileKind::SumRow),
            Op::Max(_) => self.reduction(node, TileKind::MaxRow),
            Op::Broadcast(_) => self.broadcast(node),
            Op::Permute(permute) => {
                let (product, order) = (inputs[0], &permute.order);
                let alone = self.alone(product);
                let item = alone.then(|| self.permuted_product(node, product, order)).flatten();
                item.or_else(|| self.permuted_stack(node, order)).unwrap_or_else(|| self.moved(node))
            }
            Op::Slice(_) => self.moved(node),
            Op::Gather(gather) => {
                let outside = Outside(gather.outside());
                let table = flow.shape(inputs[0]);
                let rows = table[0];
                let width = table[1..].iter().product();
                let (table, indices) = (self.demand(inputs[0]), self.demand(inputs[1]));
                let extent = flow.shape(inputs[1]).elements();
                Item { node, extent, kernel: Kernel::Gather { table, rows, width, indices, outside } }
            }
            Op::AddRows(_) => match product_update(flow, node) {
                Some(update) => self.add_product(node, update),
                None => self.write_rows(node, true),
            },
            Op::SetRows(_) => self.write_rows(node, false),
            Op::FirstOccurrence(first) => {
                let (indices, count) = (self.demand(inputs[0]), shape.elements());
                Item { node, extent: 1, kernel: Kernel::FirstOccurrence { indices, count, rows: first.rows } }
            }
            Op::Distinct(_) => {
                let (indices, first) = (self.demand(inputs[0]), self.demand(inputs[1]));
                Item { node, extent: shape.elements(), kernel: Kernel::Distinct { indices, first } }
            }
            Op::Segments(_) => {
                let kernel = Kernel::Segments { offsets: self.demand(inputs[0]) };
                Item { node, extent: 1, kernel }
            }
            Op::SparseMatMul(_) => {
                let csr = [0, 1, 2].map(|k| self.demand(inputs[k]));
                let (dense, features) = (self.demand(inputs[3]), flow.shape(inputs[3])[0]);
                let capacity = flow.shape(inputs[1]).elements();
                let kernel = Kernel::SparseMatMul { csr, capacity, dense, features, width: shape[1] };
                Item { node, extent: shape[0], kernel }
            }
            Op::ScatterAdd(scatter) => {
                let width = shape[1..].iter().product();
                let (values, indices) = (self.demand(inputs[0]), self.demand(inputs[1]));
                let kernel = Kernel::ScatterAdd { values, indices, width, rows: scatter.rows };
                Item { node, extent: width, kernel }
            }
            Op::ArgMax(_) => {
                let width = flow.shape(inputs[0]).columns();
                let from = self.demand(inputs[0]);
                Item { node, extent: shape.elements(), kernel: Kernel::ArgMax { from, width } }
            }
            Op::Conv2d(conv) => self.conv(node, &conv.window, conv.groups, false),
            Op::Conv2dInputGradient(conv) => self.conv(node, &conv.window, conv.groups, true),
            Op::Conv2dWeightGradient(conv) => {
                let (x, y) = (flow.shape(inputs[0]), flow.shape(inputs[1]));
                let (windows, channels) = geometry(x, y, &conv.window, conv.groups);
                let (images, grad) = (self.demand(inputs[0]), self.demand(inputs[1]));
                let extent = conv.window.taps() * channels.inner;
                Item { node, extent, kernel: Kernel::ConvWeight { windows, channels, images, grad } }
            }
            Op::MaxPool(pool) => self.max_pool(node, &pool.window, shape, false),
            Op::MaxUnpool(pool) => self.max_pool(node, &pool.window, flow.shape(inputs[1]), true),
            Op::OneHot(one_hot) => {
                let value = Value::Node(self.demand(inputs[0]));
                let reads = vec![Read { value, access: Access::Row }];
                let extent = flow.shape(inputs[0]).elements();
                let (kind, width) = (TileKind::OneHot, one_hot.classes);
                Item {
                    node,
                    extent,
                    kernel: Kernel::Tile { kind, width, reads, shape: Access::Wide, panels: None },
                }
            }
            Op::StopGradient(_) => self.tile(node, TileKind::Map(TileOp::Copy), inputs),
            Op::Uniform(uniform) => {
                let mut item = self.tile(node, TileKind::Uniform(uniform.key), inputs);
                if let Kernel::Tile { reads, .. } = &mut item.kernel {
                    // The one number of the step, wherever it is.
                    reads.iter_mut().for_each(|read| read.access = Access::One);
                }
                item
            }
            op => match op.rule().elementwise() {
                Some(pointwise) => self.elementwise(node, pointwise.tile),
                // Leaves are no items; the remaining operations are all listed above.
                None => self.tile(node, TileKind::Map(TileOp::Copy), &[node]),
            },
        }
    }

    fn write_rows(&mut self, node: usize, add: bool) -> Item {
        let inputs = &self.flow.nodes[node].inputs;
        let shape = self.flow.shape(node);
        let (count, width) = (self.flow.shape(inputs[1]).elements(), shape[1..].iter().product());
        let [table, indices, values] = [0, 1, 2].map(|k| self.demand(inputs[k]));
        Item {
            node,
            extent: shape[0],
            kernel: Kernel::WriteRows { table, indices, values, count, width, add },
        }
    }

    fn add_product(&mut self, node: usize, update: ProductUpdate) -> Item {
        let shape = self.flow.shape(node);
        let ProductUpdate { table, csr, by, factors, negate } = update;
        let capacity = self.flow.shape(csr[1]).elements();
        let csr = csr.map(|value| self.demand(value));
        let (table, by, width) = (self.demand(table), self.demand(by), shape[1..].iter().product());
        let kernel = Kernel::AddProduct { table, csr, capacity, by, factors, negate, width };
        Item { node, extent: shape[0], kernel }
    }

    /// The factors of a value that is a product of two stored values, and is used only once.
    fn product(&self, mut node: usize) -> Option<(usize, usize)> {
        let flow = self.flow;
        while matches!(flow.nodes[node].op, Op::Reshape(_)) && self.uses[node] == 1 {
            node = flow.nodes[node].inputs[0];
        }
        let product = &flow.nodes[node];
        let fits = matches!(product.op, Op::Mul(_)) && self.uses[node] == 1 && !self.wanted.contains(&node);
        let stored = |&factor: &usize| {
            let root = root(flow, factor);
            !flow.nodes[root].host && !matches!(flow.nodes[root].op, Op::Broadcast(_))
        };
        (fits && product.inputs.iter().all(stored)).then(|| (product.inputs[0], product.inputs[1]))
    }

    fn conv(&mut self, node: usize, window: &Window, groups: usize, transposed: bool) -> Item {
        let inputs = &self.flow.nodes[node].inputs;
        let (read, written) = (self.flow.shape(inputs[0]), self.flow.shape(node));
        let (x, y) = if transposed { (written, read) } else { (read, written) };
        let (windows, Channels { groups, inner, outer }) = geometry(x, y, window, groups);
        let (inner, outer) = if transposed { (outer, inner) } else { (inner, outer) };
        let channels = Channels { groups, inner, outer };
        let (from, weight) = (self.demand(inputs[0]), self.demand(inputs[1]));
        let kernel = Kernel::Conv { windows, channels, transposed, from, weight };
        Item { node, extent: windows.images, kernel }
    }

    fn max_pool(&mut self, node: usize, window: &Window, small: Shape, scatter: bool) -> Item {
        let inputs = &self.flow.nodes[node].inputs;
        let (windows, channels) = geometry(self.flow.shape(inputs[0]), small, window, 1);
        let (images, values) = (self.demand(inputs[0]), self.demand(inputs[1]));
        let kernel = Kernel::MaxPool { windows, channels: channels.inner, scatter, images, values };
        Item { node, extent: windows.images, kernel }
    }

    fn copy(&mut self, node: usize, from: usize, offset: usize, strides: Vec<usize>) -> Item {
        let shape = self.flow.shape(node);
        let from = self.demand(from);
        let extent = shape.first().copied().unwrap_or(1);
        Item { node, extent, kernel: Kernel::Copy { from, offset, shape, strides } }
    }

    /// A broadcast that must exist in memory: a tile copy if its pattern allows, else a strided copy.
    fn broadcast(&mut self, node: usize) -> Item {
        let shape = self.flow.shape(node);
        if !is_index(self.flow, node) && self.view(node, domain(shape)).is_some() {
            return self.tile(node, TileKind::Map(TileOp::Copy), &[node]);
        }
        let from = self.flow.nodes[node].inputs[0];
        let own = self.flow.shape(from);
        let lead = shape.rank() - own.rank();
        let mut strides = vec![0; shape.rank()];
        for axis in 0..own.rank() {
            if own[axis] != 1 {
                strides[lead + axis] = own.strides()[axis];
            }
        }
        self.copy(node, from, 0, strides)
    }

    /// a · b + c in one instruction, if the product is used only here.
    fn elementwise(&mut self, node: usize, op: TileOp) -> Item {
        let inputs = &self.flow.nodes[node].inputs;
        let product = |i: usize| {
            let input = &self.flow.nodes[inputs[i]];
            let fits = matches!(input.op, Op::Mul(_)) && !input.host && self.uses[inputs[i]] == 1;
            (fits && !self.wanted.contains(&inputs[i])).then(|| (input.inputs[0], input.inputs[1]))
        };
        let (op, args) = match op {
            TileOp::Add => match (product(0), product(1)) {
                (Some((a, b)), _) => (TileOp::MulAdd, vec![a, b, inputs[1]]),
                (_, Some((a, b))) => (TileOp::MulAdd, vec![a, b, inputs[0]]),
                _ => (op, inputs.clone()),
            },
            TileOp::Sub => match (product(0), product(1)) {
                (_, Some((a, b))) => (TileOp::NegMulAdd, vec![a, b, inputs[0]]),
                (Some((a, b)), _) => (TileOp::MulSub, vec![a, b, inputs[1]]),
                _ => (op, inputs.clone()),
            },
            op => (op, inputs.clone()),
        };
        self.tile(node, TileKind::Map(op), &args)
    }

    fn tile(&mut self, node: usize, kind: TileKind, args: &[usize]) -> Item {
        let domain = domain(self.flow.shape(node));
        let reads = args.iter().map(|&arg| self.read(arg, domain)).collect();
        let (extent, width) = domain;
        Item { node, extent, kernel: Kernel::Tile { kind, width, reads, shape: Access::Wide, panels: None } }
    }

    fn reduction(&mut self, node: usize, kind: TileKind) -> Item {
        let from = self.flow.nodes[node].inputs[0];
        let (extent, width) = domain(self.flow.shape(from));
        let reads = vec![self.read_wide(from, (extent, width))];
        Item { node, extent, kernel: Kernel::Tile { kind, width, reads, shape: Access::Row, panels: None } }
    }

    /// How an operand is read over a domain, making its value if need be.
    fn read(&mut self, node: usize, domain: (usize, usize)) -> Read {
        match self.view(node, domain) {
            Some(Read { value: Value::Node(source), access }) => {
                Read { value: Value::Node(self.demand(source)), access }
            }
            Some(host) => host,
            None => Read { value: Value::Node(self.demand(node)), access: Access::Wide },
        }
    }

    /// As [`Lowering::read`], but never as a repeated operand.
    fn read_wide(&mut self, node: usize, domain: (usize, usize)) -> Read {
        let read = self.read(node, domain);
        match read.access {
            Access::Wide => read,
            _ => Read { value: Value::Node(self.demand(node)), access: Access::Wide },
        }
    }

    /// How a node can be read over a domain without a value of its own: as a host number, or as a
    /// number, row or column that repeats.
    fn view(&self, node: usize, (rows, width): (usize, usize)) -> Option<Read> {
        let flow = self.flow;
        let stripped = root(flow, node);
        if flow.nodes[stripped].host {
            return Some(Read { value: Value::Host(stripped), access: Access::One });
        }
        let Op::Broadcast(_) = flow.nodes[stripped].op else { return None };
        let source = flow.nodes[stripped].inputs[0];
        let (from, to) = (flow.shape(source), flow.shape(stripped));
        if from.elements() == 1 {
            let source = root(flow, source);
            let value = if flow.nodes[source].host { Value::Host(source) } else { Value::Node(source) };
            return Some(Read { value, access: Access::One });
        }
        if domain(to) != (rows, width) || width == 1 {
            return None;
        }
        let last_kept = from.columns() == width;
        if last_kept && from.elements() == width {
            return Some(Read { value: Value::Node(source), access: Access::Column });
        }
        let same_rows = from.rank() == to.rank() && from.columns() == 1 && from.elements() == rows;
        same_rows.then_some(Read { value: Value::Node(source), access: Access::Row })
    }
}

/// Whether a node's value is made of indices.
pub(crate) fn is_index(flow: &Flow, node: usize) -> bool {
    flow.nodes[node].ty.element == Element::Index
}

/// Grids and channels of a convolution from images of shape `x` to positions of shape `y`.
fn geometry(x: Shape, y: Shape, window: &Window, groups: usize) -> (Windows, Channels) {
    let Sizes { images, large, small, groups, inner, outer } = Sizes::of(x, y, groups);
    (Windows { images, large, small, window: *window }, Channels { groups, inner, outer })
}
