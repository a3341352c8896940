//! Before placing: which values a thread keeps in its own memory.
//!
//! What a group's instructions make of a block of units and use up in the same block never has to reach the arena: a
//! few blocks' worth of memory that the thread uses again and again stays in its cache, where an arena of
//! whole values would be written back to the shared one behind it, and read from there to be written again.

use std::collections::{BTreeMap, BTreeSet};

use steepest_tensor::program::{Place, Space};

use crate::op::Op;
use crate::passes::lower::{Cut, Kernel, Lowered, is_index, root};
use crate::passes::place::{Wanted, pack};
use crate::passes::schedule::{GroupPlan, Schedule};
use crate::passes::simplify::Flow;

/// Bytes that one group may take of a thread's own memory: half of a usual second-level cache.
const MOST: usize = 1 << 20;

/// Places of values in each thread's own memory.
#[derive(Default)]
pub(crate) struct Own {
    pub places: BTreeMap<usize, Place>,
    pub len: usize,
}

/// Finds them. `taken` have a place already, or need none; elements have `size` bytes.
pub(crate) fn find(
    flow: &Flow,
    lowered: &Lowered,
    schedule: &Schedule,
    taken: &BTreeSet<usize>,
    size: usize,
) -> Own {
    let mut kept = taken.clone();
    kept.extend(flow.outputs.iter().map(|(_, output)| root(flow, *output)));
    kept.extend(schedule.copies.iter().map(|&(_, node)| node));
    kept.extend(lowered.aliases.values().map(|&(of, _)| of));
    let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&user, item) in &lowered.items {
        for (value, _) in lowered.reads(item) {
            readers.entry(value).or_default().push(user);
        }
    }
    let mut own = Own::default();
    for group in schedule.regions.iter().flatten() {
        let block = group.blocks(lowered, size).block.min(group.extent);
        let wanted = wanted(flow, lowered, &readers, &kept, group, block);
        let mut places = BTreeMap::new();
        let len = pack(&wanted.iter().collect::<Vec<_>>(), Space::Arena, &mut places);
        if len * size > MOST || block == 0 {
            continue;
        }
        own.len = own.len.max(len);
        let of_units = |place: Place| Place { space: Space::Own { stride: place.len / block }, ..place };
        own.places.extend(places.into_iter().map(|(node, place)| (node, of_units(place))));
    }
    own
}

/// The values that only their own group reads, unit by unit, from the run that makes them to the last one that reads.
fn wanted(
    flow: &Flow,
    lowered: &Lowered,
    readers: &BTreeMap<usize, Vec<usize>>,
    kept: &BTreeSet<usize>,
    group: &GroupPlan,
    block: usize,
) -> Vec<Wanted> {
    let runs = group.runs.iter().enumerate();
    let run_of: BTreeMap<usize, usize> =
        runs.flat_map(|(number, run)| run.items.iter().map(move |&node| (node, number))).collect();
    let takes = |node: &usize| match &lowered.items[node].kernel {
        Kernel::Tile { panels, .. } => panels.is_none(),
        Kernel::MatMul { cut, rows, .. } => *cut == Cut::Rows && rows.is_none(),
        Kernel::Conv { .. } | Kernel::MaxPool { .. } | Kernel::PartSum { .. } => true,
        _ => false,
    };
    let of = |(&node, &from): (&usize, &usize)| {
        let users = readers.get(&node)?;
        let fits = !kept.contains(&node)
            && !is_index(flow, node)
            && !matches!(flow.nodes[node].op, Op::Read(_))
            && takes(&node)
            && users.iter().all(|user| run_of.contains_key(user) && takes(user));
        let item = &lowered.items[&node];
        let rows = item.extent.checked_div(group.extent)?;
        let len = item.writes().filter(|_| fits)? * rows * block;
        let to = users.iter().filter_map(|user| run_of.get(user)).max()?;
        Some(Wanted { node, len, from, to: *to })
    };
    run_of.iter().filter_map(of).collect()
}
