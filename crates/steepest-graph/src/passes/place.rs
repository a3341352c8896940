//! The fourth pass: which values leave their tile, and where they live.

use std::collections::{BTreeMap, BTreeSet};

use steepest_tensor::DType;
use steepest_tensor::program::{Place, Space};

use crate::op::Op;
use crate::passes::lower::{Kernel, Lowered, Value, is_index, root};
use crate::passes::own;
use crate::passes::schedule::Schedule;
use crate::passes::simplify::Flow;

/// Elements that places are multiples of: a cache line of single precision.
const ALIGN: usize = 16;

/// Where every value that is in memory lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    pub places: BTreeMap<usize, Place>,
    /// The variables' places, by number.
    pub variables: Vec<Place>,
    pub arena_len: usize,
    /// Elements of each thread's own memory.
    pub own_len: usize,
    pub index_len: usize,
    pub variables_len: usize,
}

/// Elements of a page of single precision. The processor takes a load at the same place of another page as a store
/// for that store's successor, and waits.
const PAGE: usize = 1024;
/// Cache lines between the places within their pages of a parameter and its slots: far apart for the first, the
/// second and the third of one length.
const APART: usize = 23;

/// Places of variables one after the other, each on its own cache lines, long ones of one length at different places
/// of their pages, since an update reads and writes them side by side; and the length of all.
pub(crate) fn lay_out(lens: impl Iterator<Item = usize>) -> (Vec<Place>, usize) {
    let mut end: usize = 0;
    let mut alike: BTreeMap<usize, usize> = BTreeMap::new();
    let places = lens.map(|len| {
        if len >= PAGE {
            let number = alike.entry(len).or_default();
            let wanted = *number * APART * ALIGN % PAGE;
            end += (wanted + PAGE - end % PAGE) % PAGE;
            *number += 1;
        }
        let place = Place { space: Space::Variables, offset: end, len };
        end = (end + len).next_multiple_of(ALIGN);
        place
    });
    (places.collect(), end)
}

/// Finds the places of a program.
pub(crate) fn place(flow: &Flow, lowered: &Lowered, schedule: &Schedule, dtype: DType) -> Placement {
    let mut taken = registers(flow, lowered, schedule);
    taken.extend(schedule.in_place.keys());
    let own = own::find(flow, lowered, schedule, &taken, dtype.size_bytes());
    let mut placement = place_others(flow, lowered, schedule, &own.places.keys().copied().collect());
    placement.places.extend(own.places);
    placement.own_len = own.len;
    placement
}

/// Finds places of all but the values in `elsewhere`: the caller has places for them.
pub(crate) fn place_others(
    flow: &Flow,
    lowered: &Lowered,
    schedule: &Schedule,
    elsewhere: &BTreeSet<usize>,
) -> Placement {
    let (variables, variables_len) = lay_out(flow.variables.iter().map(|v| v.shape.elements()));
    let mut placement = Placement { variables, variables_len, ..Placement::default() };
    for (index, node) in flow.nodes.iter().enumerate() {
        if let Op::Read(read) = &node.op {
            placement.places.insert(index, placement.variables[read.variable.index()]);
        }
    }
    for (&node, &variable) in &schedule.in_place {
        placement.places.insert(node, placement.variables[variable]);
    }
    let last = schedule.regions.len();
    let mut wanted: Vec<Wanted> = Vec::new();
    for (index, node) in flow.nodes.iter().enumerate() {
        // The host writes inputs before a step and may leave them for the next one.
        if matches!(node.op, Op::Input(_) | Op::Literal(_)) && !elsewhere.contains(&index) {
            wanted.push(Wanted { node: index, len: node.ty.shape.elements(), from: 0, to: last });
        }
    }
    let uses = last_uses(flow, lowered, schedule);
    let stays = registers(flow, lowered, schedule);
    for &node in lowered.items.keys() {
        if placement.places.contains_key(&node) || stays.contains(&node) || elsewhere.contains(&node) {
            continue;
        }
        let from = schedule.level[&node];
        let to = uses.get(&node).copied().unwrap_or(from);
        let len = match &lowered.items[&node].kernel {
            Kernel::Scan(plan) => plan.room(),
            _ => flow.shape(node).elements(),
        };
        wanted.push(Wanted { node, len, from, to });
    }
    for space in [Space::Arena, Space::Index] {
        let here: Vec<&Wanted> =
            wanted.iter().filter(|w| is_index(flow, w.node) == (space == Space::Index)).collect();
        let len = pack(&here, space, &mut placement.places);
        match space {
            Space::Index => placement.index_len = len,
            _ => placement.arena_len = len,
        }
    }
    placement.find_aliases(flow, lowered);
    placement
}

impl Placement {
    /// Places of values that are ranges of others.
    pub fn find_aliases(&mut self, flow: &Flow, lowered: &Lowered) {
        for (&node, &(of, first)) in &lowered.aliases {
            if let Some(&base) = self.places.get(&of) {
                let (offset, len) = (base.offset.wrapping_add(first), flow.shape(node).elements());
                self.places.insert(node, Place { offset, len, ..base });
            }
        }
    }
}

/// A value that wants a place from one region (or run) to another, both included.
pub(crate) struct Wanted {
    pub node: usize,
    pub len: usize,
    pub from: usize,
    pub to: usize,
}

/// Puts the longest values first, each at the lowest offset that is free while it lives.
pub(crate) fn pack(wanted: &[&Wanted], space: Space, places: &mut BTreeMap<usize, Place>) -> usize {
    let mut order: Vec<&&Wanted> = wanted.iter().collect();
    order.sort_by_key(|w| (std::cmp::Reverse(w.len), w.node));
    let mut placed: Vec<(&Wanted, usize)> = Vec::new();
    let mut total = 0;
    for w in order {
        let mut busy: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| other.from <= w.to && w.from <= other.to)
            .map(|(other, offset)| (*offset, offset + other.len.next_multiple_of(ALIGN)))
            .collect();
        busy.sort_unstable();
        let mut offset = 0;
        for (start, end) in busy {
            if offset + w.len <= start {
                break;
            }
            offset = offset.max(end);
        }
        total = total.max((offset + w.len).next_multiple_of(ALIGN));
        placed.push((w, offset));
        places.insert(w.node, Place { space, offset, len: w.len });
    }
    total
}

/// The last region that reads each item's value; outputs and copied variables are read at the end.
fn last_uses(flow: &Flow, lowered: &Lowered, schedule: &Schedule) -> BTreeMap<usize, usize> {
    let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
    for (node, item) in &lowered.items {
        for (value, _) in lowered.reads(item) {
            let last = uses.entry(value).or_default();
            *last = (*last).max(schedule.level[node]);
        }
    }
    let end = schedule.regions.len();
    for (_, output) in &flow.outputs {
        uses.insert(root(flow, *output), end);
    }
    for (_, node) in &schedule.copies {
        uses.insert(*node, end);
    }
    uses
}

/// The values that only later instructions of the same tile read, as they are made.
fn registers(flow: &Flow, lowered: &Lowered, schedule: &Schedule) -> BTreeSet<usize> {
    let mut run_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut width_of: Vec<usize> = Vec::new();
    for run in schedule.regions.iter().flatten().flat_map(|group| &group.runs) {
        for &node in &run.items {
            run_of.insert(node, width_of.len());
        }
        width_of.push(run.width.unwrap_or(0));
    }
    let mut stays: BTreeSet<usize> = lowered
        .items
        .iter()
        .filter(|(_, item)| matches!(item.kernel, Kernel::Tile { .. }))
        .map(|(&node, _)| node)
        .collect();
    for (user, item) in &lowered.items {
        let strides = lowered.reads(item);
        for (value, stride) in strides {
            let same = run_of.get(user) == run_of.get(&value);
            let as_made =
                lowered.items.get(&value).is_some_and(|made| stride.is_some() && made.writes() == stride);
            if !same || !as_made {
                stays.remove(&value);
            }
        }
        // A value that one instruction reads both by rows and otherwise needs an address.
        if let Kernel::Tile { reads, .. } = &item.kernel {
            for read in reads {
                if let (Value::Node(node), steepest_tensor::program::Access::One) = (read.value, read.access)
                {
                    stays.remove(&node);
                }
            }
        }
    }
    for (_, output) in &flow.outputs {
        stays.remove(&root(flow, *output));
    }
    for (_, node) in &schedule.copies {
        stays.remove(node);
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_and_its_slots_stand_at_different_places_of_their_pages() {
        let (places, len) = lay_out([4096, 10, 4096, 4096, 10].into_iter());
        let lines: Vec<usize> = places.iter().map(|place| place.offset % PAGE / ALIGN).collect();
        assert_eq!(lines[0..1], [0]);
        assert_eq!(lines[2..4], [23, 46]);
        assert!(places.windows(2).all(|pair| pair[0].offset + pair[0].len <= pair[1].offset));
        assert!(places.iter().all(|place| place.offset % ALIGN == 0));
        assert!((8212..8212 + 4096 + 2 * PAGE).contains(&len));
    }
}
