//! The third pass: where barriers stand, and what runs between them.
//!
//! A unit of an item (a row, mostly) that needs of another item of the same extent only the same unit
//! can follow it on the same thread without waiting: the two share a group. Any other need is met in a
//! later region, behind a barrier. Levels count the barriers before an item.

use std::collections::{BTreeMap, BTreeSet};

use crate::op::Op;
use crate::passes::lower::{Cut, Kernel, Lowered, root};
use crate::passes::simplify::Flow;

/// Consecutive items of a group that become one instruction: tiles of one width, or a single kernel.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Elements of a row, for tiles.
    pub width: Option<usize>,
    /// The items' nodes, in order.
    pub items: Vec<usize>,
}

/// Items of one extent that run without a barrier.
#[derive(Clone, Debug)]
pub(crate) struct GroupPlan {
    /// Units of work, and what they are.
    pub extent: usize,
    pub unit: Unit,
    pub runs: Vec<Run>,
}

/// What the unit of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    /// A row, mostly.
    Row,
    /// An image: convolutions, pooling and the pixel by pixel operations between them.
    Images,
    /// A part of a row of a matrix that is cut into so many panels.
    Panels(usize),
}

/// The plan of the whole step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    pub regions: Vec<Vec<GroupPlan>>,
    /// The region in which an item runs.
    pub level: BTreeMap<usize, usize>,
    /// Variables that an item writes directly, by the item's node.
    pub in_place: BTreeMap<usize, usize>,
    /// Variables that are copied at the end: the variable and the node of the new value.
    pub copies: Vec<(usize, usize)>,
}

/// A need of one item for another.
#[derive(Clone, Copy)]
struct Edge {
    from: usize,
    /// Whether the same unit on the same thread is enough.
    aligned: bool,
}

/// Finds levels, groups and runs.
pub(crate) fn schedule(flow: &Flow, lowered: &Lowered) -> Schedule {
    let mut needs: BTreeMap<usize, Vec<Edge>> = BTreeMap::new();
    let units = Units::find(lowered);
    for (&node, item) in &lowered.items {
        let edges = lowered.reads(item).into_iter().filter_map(|(value, stride)| {
            let producer = lowered.items.get(&value)?;
            let aligned = units.aligned(lowered, value, producer.writes(), node, stride);
            Some(Edge { from: value, aligned })
        });
        needs.insert(node, edges.collect());
    }
    let mut schedule = Schedule::default();
    let mut uses = Uses::new(flow, lowered, &needs);
    for &(variable, node) in &flow.assigns {
        let node = root(flow, node);
        if matches!(&flow.nodes[node].op, Op::Read(read) if read.variable.index() == variable) {
            continue;
        }
        if !write_in_place(flow, lowered, &units, &mut needs, &mut uses, &mut schedule, variable, node) {
            schedule.copies.push((variable, node));
        }
    }
    let order = order(&needs);
    for &node in &order {
        let level = needs[&node].iter().map(|edge| schedule.level[&edge.from] + usize::from(!edge.aligned));
        schedule.level.insert(node, level.max().unwrap_or(0));
    }
    put_off(lowered, &needs, &units, &order, &mut schedule);
    let count = schedule.level.values().max().map_or(0, |level| level + 1);
    let mut by_level: Vec<BTreeMap<(usize, Unit), Vec<usize>>> = vec![BTreeMap::new(); count];
    for &node in &order {
        by_level[schedule.level[&node]].entry(units.of[&node]).or_default().push(node);
    }
    for groups in by_level {
        let groups = groups
            .into_iter()
            .flat_map(|(units, nodes)| parts(&nodes, &needs).into_iter().map(move |part| (units, part)));
        let plans = groups.map(|((extent, unit), nodes)| {
            let runs = runs(lowered, &needs, &nodes);
            GroupPlan { extent, unit, runs }
        });
        schedule.regions.push(plans.collect());
    }
    schedule
}

/// Moves what is made of one value of its own size to the region of what needs it, where that is one and takes it row
/// by row: it then stays in registers, and is neither written nor read.
fn put_off(
    lowered: &Lowered,
    needs: &BTreeMap<usize, Vec<Edge>>,
    units: &Units,
    order: &[usize],
    schedule: &mut Schedule,
) {
    let mut users: BTreeMap<usize, Vec<(usize, bool)>> = BTreeMap::new();
    for (&user, edges) in needs {
        edges.iter().for_each(|edge| users.entry(edge.from).or_default().push((user, edge.aligned)));
    }
    for &node in order.iter().rev() {
        let item = &lowered.items[&node];
        let reads: Vec<usize> = lowered.reads(item).into_iter().filter_map(|(_, stride)| stride).collect();
        let of_one = reads.len() <= 1 && reads.iter().all(|&stride| Some(stride) <= item.writes());
        let is_tile = matches!(item.kernel, Kernel::Tile { .. }) && units.of[&node].1 == Unit::Row;
        let (Some(users), true) = (users.get(&node), of_one && is_tile) else { continue };
        let level = users.iter().map(|(user, _)| schedule.level[user]).min().unwrap_or(0);
        let together = |&(user, aligned): &(usize, bool)| {
            aligned
                && schedule.level[&user] == level
                && matches!(lowered.items[&user].kernel, Kernel::Tile { .. })
        };
        if level > schedule.level[&node]
            && users.iter().all(together)
            && !schedule.in_place.contains_key(&node)
        {
            schedule.level.insert(node, level);
        }
    }
}

/// Lets an item write a variable's new value over the old one, if everything else that reads the old
/// one can run before.
#[allow(clippy::too_many_arguments)] // the whole state of the pass
fn write_in_place(
    flow: &Flow,
    lowered: &Lowered,
    units: &Units,
    needs: &mut BTreeMap<usize, Vec<Edge>>,
    uses: &mut Uses,
    schedule: &mut Schedule,
    variable: usize,
    node: usize,
) -> bool {
    let is_output = flow.outputs.iter().any(|(_, output)| root(flow, *output) == node);
    let Some(writer) = lowered.items.get(&node) else { return false };
    if is_output || schedule.in_place.contains_key(&node) || writer.writes().is_none() {
        return false;
    }
    let mut edges = Vec::new();
    for &(other, stride) in uses.readers.get(&variable).map_or(&[][..], Vec::as_slice) {
        let aligned = units.aligned(lowered, node, writer.writes(), other, stride);
        if other == node {
            // A tile reads each element before it writes it, and rows that are written in a table are all that
            // changes in it; other kernels read some elements later.
            let rows = matches!(writer.kernel, Kernel::WriteRows { .. } | Kernel::AddProduct { .. });
            if !aligned || !rows && !matches!(writer.kernel, Kernel::Tile { .. }) {
                return false;
            }
        } else {
            edges.push(Edge { from: other, aligned });
        }
    }
    let after = uses.dependents(node);
    if edges.iter().any(|edge| after.contains(&edge.from)) {
        return false;
    }
    edges.iter().for_each(|edge| uses.users.entry(edge.from).or_default().push(node));
    needs.entry(node).or_default().extend(edges);
    schedule.in_place.insert(node, variable);
    true
}

/// Who uses what.
struct Uses {
    /// The items that need an item.
    users: BTreeMap<usize, Vec<usize>>,
    /// The items that read a variable, and with what stride.
    readers: BTreeMap<usize, Vec<(usize, Option<usize>)>>,
}

impl Uses {
    fn new(flow: &Flow, lowered: &Lowered, needs: &BTreeMap<usize, Vec<Edge>>) -> Uses {
        let mut uses = Uses { users: BTreeMap::new(), readers: BTreeMap::new() };
        for (&user, edges) in needs {
            edges.iter().for_each(|edge| uses.users.entry(edge.from).or_default().push(user));
        }
        for (&node, item) in &lowered.items {
            for (value, stride) in lowered.reads(item) {
                if let Op::Read(read) = &flow.nodes[value].op {
                    uses.readers.entry(read.variable.index()).or_default().push((node, stride));
                }
            }
        }
        uses
    }

    /// All items that need `node`, directly or not.
    fn dependents(&self, node: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![node];
        while let Some(next) = open.pop() {
            for &user in self.users.get(&next).map_or(&[][..], Vec::as_slice) {
                if found.insert(user) {
                    open.push(user);
                }
            }
        }
        found
    }
}

/// An order in which every item comes after what it needs; smaller numbers first among equals.
fn order(needs: &BTreeMap<usize, Vec<Edge>>) -> Vec<usize> {
    let mut done = BTreeSet::new();
    let mut order = Vec::with_capacity(needs.len());
    for &start in needs.keys() {
        // An explicit stack: graphs are deep, threads' stacks are not.
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            if done.contains(&node) {
                continue;
            }
            match needs[&node][next..].iter().position(|edge| !done.contains(&edge.from)) {
                Some(skip) => {
                    let at = next + skip;
                    stack.push((node, at + 1));
                    stack.push((needs[&node][at].from, 0));
                }
                None => {
                    done.insert(node);
                    order.push(node);
                }
            }
        }
    }
    order
}

/// Cuts the items of one level and extent into parts that do not need one another.
fn parts(nodes: &[usize], needs: &BTreeMap<usize, Vec<Edge>>) -> Vec<Vec<usize>> {
    let at: BTreeMap<usize, usize> = nodes.iter().enumerate().map(|(i, &n)| (n, i)).collect();
    // Each item points at an earlier one of its part, the first of a part at itself.
    let mut lead: Vec<usize> = (0..nodes.len()).collect();
    fn first(lead: &mut [usize], mut i: usize) -> usize {
        while lead[i] != i {
            lead[i] = lead[lead[i]];
            i = lead[i];
        }
        i
    }
    for (i, node) in nodes.iter().enumerate() {
        for from in needs[node].iter().filter_map(|edge| at.get(&edge.from)) {
            let (a, b) = (first(&mut lead, i), first(&mut lead, *from));
            lead[a.max(b)] = a.min(b);
        }
    }
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, &node) in nodes.iter().enumerate() {
        found.entry(first(&mut lead, i)).or_default().push(node);
    }
    found.into_values().collect()
}

/// Orders a group's items so that tiles of one width follow one another where they can.
fn runs(lowered: &Lowered, needs: &BTreeMap<usize, Vec<Edge>>, nodes: &[usize]) -> Vec<Run> {
    let width = |node: usize| match &lowered.items[&node].kernel {
        Kernel::Tile { width, .. } => Some(*width),
        _ => None,
    };
    let extent = |node: usize| lowered.items[&node].extent;
    let at: BTreeMap<usize, usize> = nodes.iter().enumerate().map(|(i, &n)| (n, i)).collect();
    let mut unmet = vec![0; nodes.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for &from in needs[node].iter().filter_map(|edge| at.get(&edge.from)) {
            unmet[i] += 1;
            users[from].push(i);
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&i| unmet[i] == 0).collect();
    let mut runs: Vec<Run> = Vec::new();
    while let Some(&first) = ready.first() {
        // Where the unit is an image, rows may be pixels or images.
        let joins = |i: usize| {
            runs.last().is_some_and(|run| match (run.width, width(nodes[i])) {
                (Some(width), Some(own)) => {
                    (width == own || width == 1 || own == 1) && extent(run.items[0]) == extent(nodes[i])
                }
                _ => false,
            })
        };
        let joining = ready.iter().copied().find(|&i| joins(i));
        let next = joining.unwrap_or(first);
        ready.remove(&next);
        for &user in &users[next] {
            unmet[user] -= 1;
            if unmet[user] == 0 {
                ready.insert(user);
            }
        }
        let node = nodes[next];
        match runs.last_mut() {
            Some(run) if joining.is_some() => {
                // Rows of one element are read and written as rows; those of none have only rows.
                run.width = if run.width == Some(1) { width(node) } else { run.width };
                run.items.push(node);
            }
            _ => runs.push(Run { width: width(node), items: vec![node] }),
        }
    }
    runs
}

/// Which unit of work each item is cut by.
struct Units {
    /// The number of units, and what they are.
    of: BTreeMap<usize, (usize, Unit)>,
}

impl Units {
    fn find(lowered: &Lowered) -> Units {
        let mut units = Units { of: BTreeMap::new() };
        for (&node, item) in &lowered.items {
            let unit = match &item.kernel {
                Kernel::Conv { .. } | Kernel::MaxPool { .. } => Unit::Images,
                Kernel::MatMul { batches, cut: Cut::Panels, .. } => Unit::Panels(*batches),
                Kernel::Tile { panels: Some(panels), .. } => Unit::Panels(panels.count),
                _ => Unit::Row,
            };
            units.of.insert(node, (item.extent, unit));
            // What follows images pixel by pixel goes along with them, and so do sums of each image.
            for (value, stride) in lowered.reads(item) {
                if let Some((count, Unit::Images)) = units.of.get(&value).copied() {
                    units.join(lowered, node, count, stride, value, lowered.items[&value].writes());
                }
            }
        }
        // What comes before them, too.
        for (&node, item) in lowered.items.iter().rev() {
            let (count, unit) = units.of[&node];
            for (value, stride) in lowered.reads(item) {
                if let (Unit::Images, Some(producer)) = (unit, lowered.items.get(&value)) {
                    units.join(lowered, value, count, producer.writes(), node, stride);
                }
            }
        }
        units
    }

    /// Cuts an item that works pixel by pixel into images, if each is what a neighbour's image is.
    fn join(
        &mut self,
        lowered: &Lowered,
        node: usize,
        count: usize,
        own: Option<usize>,
        neighbour: usize,
        other: Option<usize>,
    ) {
        let item = &lowered.items[&node];
        let fits = match item.kernel {
            Kernel::Tile { .. } => count > 0 && item.extent.is_multiple_of(count),
            Kernel::PartSum { .. } => item.extent == count,
            _ => false,
        };
        if self.of[&node].1 != Unit::Row || !fits {
            return;
        }
        let before = self.of.insert(node, (count, Unit::Images));
        if !self.aligned(lowered, neighbour, other, node, own) {
            self.of.extend(before.map(|before| (node, before)));
        }
    }

    /// Whether each unit of an item needs only the same unit of another, given the elements that each row of
    /// both writes or reads of the value between them.
    fn aligned(
        &self,
        lowered: &Lowered,
        one: usize,
        one_stride: Option<usize>,
        other: usize,
        other_stride: Option<usize>,
    ) -> bool {
        let (Some(a), Some(b)) = (one_stride, other_stride) else { return false };
        // An item has at least as many rows as units.
        let rows = |node: usize| lowered.items[&node].extent.checked_div(self.of[&node].0).unwrap_or(1);
        self.of[&one] == self.of[&other] && a * rows(one) == b * rows(other)
    }
}
