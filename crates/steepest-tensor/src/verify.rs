//! Verification of programs: every access lies inside its buffer, and within a region no thread touches
//! what another writes. A machine runs only what passes, so its kernels need no checks.

use crate::kernels::TileOp;
use crate::program::{
    Access, Channels, Group, Instr, Panels, Place, Program, Source, Space, Target, Tile, TileKind, Windows,
};
use crate::program::{Loop, MOST_NEXT, MOST_STRIDES, Stride};

/// A program that cannot be run. It is never the user's fault: plans that compile are sound.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProgramError {
    /// An instruction reaches outside its place, or a place outside its buffer.
    #[error("instruction {instr} of group {group} in region {region} reaches outside its buffers")]
    OutOfBounds {
        /// The region's number.
        region: usize,
        /// The group's number in the region.
        group: usize,
        /// The instruction's number in the group.
        instr: usize,
    },
    /// An instruction's operands do not fit its kind.
    #[error("instruction {instr} of group {group} in region {region} is malformed")]
    Malformed {
        /// The region's number.
        region: usize,
        /// The group's number in the region.
        group: usize,
        /// The instruction's number in the group.
        instr: usize,
    },
    /// Two groups of a region, or two rows of a group, touch the same elements, one of them writing.
    #[error("groups {first} and {second} of region {region} disturb each other")]
    Race {
        /// The region's number.
        region: usize,
        /// One group's number.
        first: usize,
        /// The other's; the same if rows of one group disturb each other.
        second: usize,
    },
    /// Scalars are numbered wrongly.
    #[error("scalar instruction {instr} uses a scalar that does not exist")]
    Scalar {
        /// The instruction's number.
        instr: usize,
    },
    /// The variables do not fit the program.
    #[error("the program works on {expected} variable elements of its precision, got {got}")]
    Variables {
        /// Elements the program was compiled for.
        expected: usize,
        /// Elements given.
        got: usize,
    },
}

/// What an instruction does to a place: all of it, or `stride` elements for each unit of work.
struct Touch {
    place: Place,
    write: bool,
    /// Elements per unit, if unit `u` touches exactly `u · stride .. (u + 1) · stride`.
    stride: Option<usize>,
    /// Parts of `stride` elements that a row of the place has: unit `p · h + i` touches part p of row i. Mostly 1.
    panels: usize,
    /// In a loop: how far this moves on at each step; `place` is what all steps touch.
    advance: usize,
}

/// Checks a program.
pub(crate) fn verify(program: &Program) -> Result<(), ProgramError> {
    for (i, instr) in program.scalar_instrs.iter().enumerate() {
        if instr.to >= program.scalars.len() || instr.args.iter().any(|&a| a >= program.scalars.len()) {
            return Err(ProgramError::Scalar { instr: i });
        }
    }
    let literals = program.literals.iter().map(|(place, values)| (place, values.len()));
    let literals = literals.chain(program.index_literals.iter().map(|(place, values)| (place, values.len())));
    for (place, len) in literals {
        if !inside(program, place) || len > place.len {
            return Err(ProgramError::OutOfBounds { region: 0, group: 0, instr: 0 });
        }
    }
    for (r, region) in program.regions.iter().enumerate() {
        let mut touched: Vec<Vec<Touch>> = Vec::new();
        for (g, group) in region.groups.iter().enumerate() {
            if group.align == 0 || group.block == 0 {
                return Err(ProgramError::Malformed { region: r, group: g, instr: 0 });
            }
            let (mut touches, mut own) = (Vec::new(), Vec::new());
            for (i, instr) in group.instrs.iter().enumerate() {
                let before = touches.len();
                if !collect(instr, group, program.scalars.len(), &mut touches) {
                    return Err(ProgramError::Malformed { region: r, group: g, instr: i });
                }
                if touches[before..].iter().any(|t| !fits(program, group, t)) {
                    return Err(ProgramError::OutOfBounds { region: r, group: g, instr: i });
                }
                if !keeps_its_own(instr, &touches[before..], &mut own) {
                    return Err(ProgramError::Malformed { region: r, group: g, instr: i });
                }
            }
            // What is a thread's own is no other's.
            touches.retain(|touch| !is_own(touch));
            if disturbs_itself(group, &touches) {
                return Err(ProgramError::Race { region: r, first: g, second: g });
            }
            for (other, earlier) in touched.iter().enumerate() {
                if earlier
                    .iter()
                    .any(|a| touches.iter().any(|b| (a.write || b.write) && overlap(&a.place, &b.place)))
                {
                    return Err(ProgramError::Race { region: r, first: other, second: g });
                }
            }
            touched.push(touches);
        }
    }
    Ok(())
}

fn inside(program: &Program, place: &Place) -> bool {
    let len = match place.space {
        Space::Arena => program.arena_len,
        Space::Index => program.index_len,
        Space::Variables => program.variables_len,
        Space::Own { .. } => program.own_len,
        // Loops have put what they touch into the arena.
        Space::Moving(_) => return false,
    };
    place.offset.checked_add(place.len).is_some_and(|end| end <= len)
}

fn fits(program: &Program, group: &Group, touch: &Touch) -> bool {
    let units = match touch.place.space {
        Space::Own { .. } => group.block.min(group.extent),
        _ => group.extent,
    };
    inside(program, &touch.place)
        && touch.stride.is_none_or(|s| s.checked_mul(units).is_some_and(|n| n <= touch.place.len))
}

fn is_own(touch: &Touch) -> bool {
    matches!(touch.place.space, Space::Own { .. })
}

/// Whether an instruction uses a thread's own memory as it may: unit by unit, what the same group has written there
/// and nothing has written over. `live` is what is there.
fn keeps_its_own(instr: &Instr, touches: &[Touch], live: &mut Vec<Place>) -> bool {
    let takes = match instr {
        Instr::Tile(_) | Instr::Conv(_) | Instr::MaxPool(_) | Instr::PartSum { .. } => true,
        Instr::MatMul(product) => !product.by_columns,
        _ => false,
    };
    let apart = |a: &Place, b: &Place| a.offset + a.len <= b.offset || b.offset + b.len <= a.offset;
    let own: Vec<&Touch> = touches.iter().filter(|touch| is_own(touch)).collect();
    own.iter().all(|touch| {
        let unit_by_unit = touch.stride.is_some_and(|stride| touch.place.space == Space::Own { stride });
        let in_order =
            own.iter().all(|other| touch.place == other.place || apart(&touch.place, &other.place));
        if touch.write {
            live.retain(|place| apart(place, &touch.place));
            live.push(touch.place);
        }
        takes
            && unit_by_unit
            && (touch.panels, touch.advance) == (1, 0)
            && in_order
            && live.contains(&touch.place)
    })
}

fn overlap(a: &Place, b: &Place) -> bool {
    let empty = a.len == 0 || b.len == 0;
    !empty && a.space == b.space && a.offset < b.offset + b.len && b.offset < a.offset + a.len
}

/// Whether a place holds all elements of a layout: pairs of a size and a stride.
fn holds(place: &Place, layout: &[(usize, usize)]) -> bool {
    let further = |reach: usize, &(size, stride): &(usize, usize)| {
        (size - 1).checked_mul(stride).and_then(|last| last.checked_add(reach))
    };
    layout.iter().any(|&(size, _)| size == 0)
        || layout.iter().try_fold(1, further).is_some_and(|reach| reach <= place.len)
}

/// Whether a row of the group may touch what another row writes.
fn disturbs_itself(group: &Group, touches: &[Touch]) -> bool {
    if group.extent == 0 {
        return false;
    }
    if group.instrs.iter().any(overlaps_itself) {
        return true;
    }
    if group.extent == 1 || !group.shared && group.block >= group.extent {
        return false;
    }
    // In a loop, a unit touches the same part of each of the slots that follow one another at the loop's stride.
    let same_unit = |w: &Touch, t: &Touch| {
        w.stride.is_some_and(|stride| {
            let advance = w.advance.max(t.advance);
            let in_slots =
                |touch: &Touch| touch.advance == advance || touch.advance == 0 && touch.place.len <= advance;
            t.stride == Some(stride)
                && (w.panels, t.panels) == (1, 1)
                && advance > 0
                && stride.saturating_mul(group.extent) <= advance
                && w.place.offset.abs_diff(t.place.offset).is_multiple_of(advance)
                && in_slots(w)
                && in_slots(t)
        })
    };
    touches.iter().filter(|t| t.write).any(|w| {
        touches.iter().any(|t| {
            overlap(&w.place, &t.place)
                && !same_unit(w, t)
                && !(w.stride.is_some()
                    && (w.stride, w.panels) == (t.stride, t.panels)
                    && w.advance == t.advance
                    && w.place.offset == t.place.offset)
                && !(std::ptr::eq(w, t) && w.stride.is_none())
        })
    })
}

/// Whether an instruction writes over what it may read later. A tile does not: it reads each element before
/// it writes it.
fn overlaps_itself(instr: &Instr) -> bool {
    match instr {
        Instr::Loop(repeated) => repeated.body.iter().any(|(_, instr)| overlaps_itself(instr)),
        Instr::Tile(_) | Instr::ArgMax { .. } => false,
        Instr::MatMul(p) => overlap(&p.a.place, &p.c) || overlap(&p.b.place, &p.c),
        Instr::ColumnSum { from, to, .. } => overlap(from, to),
        Instr::PartSum { from, times, to, .. } => {
            overlap(from, to) || times.as_ref().is_some_and(|times| overlap(times, to))
        }
        Instr::Conv(c) => overlap(&c.from, &c.to) || overlap(&c.weight, &c.to),
        Instr::ConvWeight(c) => overlap(&c.images, &c.to) || overlap(&c.grad, &c.to),
        Instr::MaxPool(p) => overlap(&p.images, &p.to) || overlap(&p.values, &p.to),
        Instr::Copy(copy) => overlap(&copy.from, &copy.to),
        Instr::Join(join) => join.slabs().any(|slab| overlap(&slab.place, &join.to)),
        Instr::Gather { table, to, .. } => overlap(table, to),
        Instr::WriteRows { table, indices, values, to, .. } => {
            overlap(values, to) || overlap(indices, to) || table != to && overlap(table, to)
        }
        Instr::FirstOccurrence { indices, to, .. } => overlap(indices, to),
        Instr::Distinct { indices, first, to } => overlap(indices, to) || overlap(first, to),
        Instr::Segments { offsets, to } => overlap(offsets, to),
        Instr::SparseMatMul { values, dense, to, .. } => overlap(values, to) || overlap(dense, to),
        Instr::AddProduct { values, by, table, to, .. } => {
            overlap(values, to) || overlap(by, to) || table != to && overlap(table, to)
        }
        Instr::ScatterAdd { values, to, .. } => overlap(values, to),
    }
}

/// Whether the rows of a product lie inside its place and do not overlap.
fn rows_apart(p: &crate::program::MatMul, rows: &crate::program::Rows) -> bool {
    let [outer, inner] = rows.batch.layout(p.batches);
    let mut layout = [outer, inner, (p.m, rows.row)];
    layout.sort_unstable_by_key(|&(_, stride)| stride);
    let further = |reach: usize, &(size, stride): &(usize, usize)| match size {
        0 | 1 => Some(reach),
        _ => (size - 1).checked_mul(stride)?.checked_add(reach).filter(|_| stride >= reach),
    };
    rows.batch.inner.0 > 0
        && (p.batches == 0
            || p.m == 0
            || layout.iter().try_fold(p.n, further).is_some_and(|end| end <= p.c.len))
}

/// Lists what all steps of a loop touch. False if a step's operands do not fit.
fn collect_loop(repeated: &Loop, extent: usize, scalars: usize, out: &mut Vec<Touch>) -> bool {
    if repeated.strides.len() > MOST_STRIDES || (!repeated.by_rows && extent != 1) || repeated.steps == 0 {
        return false;
    }
    for (units, instr) in &repeated.body {
        let nested = matches!(instr, Instr::Loop(_));
        if nested || repeated.by_rows && *units != extent {
            return false;
        }
        let group = Group { extent: *units, align: 1, block: 1, shared: false, instrs: Vec::new() };
        let mut touches = Vec::new();
        if !collect(instr, &group, scalars, &mut touches) {
            return false;
        }
        for touch in touches {
            let room = touch.place.len;
            if touch.stride.is_some_and(|stride| stride.checked_mul(*units).is_none_or(|n| n > room)) {
                return false;
            }
            let Space::Moving(number) = touch.place.space else {
                // What has one unit in all for the loop has no stride.
                out.push(Touch { stride: touch.stride.filter(|_| repeated.by_rows), ..touch });
                continue;
            };
            let Some(&advance) = repeated.strides.get(number as usize) else { return false };
            let all = advance.checked_mul(repeated.steps - 1).and_then(|moved| moved.checked_add(room));
            let Some(len) = all.filter(|_| room <= advance) else { return false };
            let place = Place { space: Space::Arena, len, ..touch.place };
            let stride = touch.stride.filter(|_| repeated.by_rows);
            out.push(Touch { place, stride, advance, ..touch });
        }
    }
    true
}

/// Lists what an instruction touches. False if its operands do not fit its kind.
fn collect(instr: &Instr, group: &Group, scalars: usize, out: &mut Vec<Touch>) -> bool {
    let n = group.extent;
    let mut touch = |place: Place, write: bool, stride: Option<usize>| {
        out.push(Touch { place, write, stride, panels: 1, advance: 0 })
    };
    let real = |place: &Place| place.space != Space::Index;
    match instr {
        Instr::Loop(repeated) => collect_loop(repeated, n, scalars, out),
        Instr::Tile(tile) => collect_tile(tile, n, scalars, out),
        Instr::MatMul(p) => {
            let units = if p.by_columns { Some(p.n) } else { p.batches.checked_mul(p.m) };
            let inside = |rows: usize, columns: usize, m: &crate::program::Matrix| {
                let [outer, inner] = m.batch.layout(p.batches);
                m.batch.inner.0 > 0 && holds(&m.place, &[outer, inner, (rows, m.row), (columns, m.column)])
            };
            let columns_follow = p.b.column == 1 || p.n <= 1;
            let ok = units == Some(n)
                && (columns_follow || !p.by_columns)
                && p.k.checked_mul(p.n).is_some()
                && p.rows.is_none_or(|rows| !p.by_columns && rows_apart(p, &rows))
                && (!p.by_columns || p.m == 1 && p.batches == 1)
                && p.next.len() <= MOST_NEXT
                && p.next.iter().chain(&p.claim).all(|next| matches!(next.space, Space::Arena | Space::Variables))
                // A thread's own memory holds a block of its rows.
                && (matches!(p.a.place.space, Space::Own { .. }) || inside(p.m, p.k, &p.a))
                && inside(p.k, p.n, &p.b)
                && real(&p.a.place)
                && real(&p.b.place)
                && real(&p.c);
            let dense_rows = p.a.column == 1
                && p.a.row == p.k
                && (p.batches == 1 || p.m.checked_mul(p.k).map(Stride::plain) == Some(p.a.batch));
            touch(p.a.place, false, dense_rows.then_some(p.k).filter(|_| !p.by_columns));
            touch(p.b.place, false, None);
            // Rows elsewhere are still the rows' own, and so are parts of rows.
            let own = if p.by_columns { 1 } else { p.n };
            let panels = match p.rows {
                None => Some(1),
                Some(rows) if rows.batch == Stride::plain(p.n) => {
                    Some(p.batches).filter(|batches| batches.checked_mul(p.n) == Some(rows.row))
                }
                Some(_) => None,
            };
            let stride = panels.map(|_| own);
            for place in [p.c].into_iter().chain(p.claim) {
                out.push(Touch { place, write: true, stride, panels: panels.unwrap_or(1), advance: 0 });
            }
            let elements = units.and_then(|units| units.checked_mul(p.n));
            ok && p.claim.is_none_or(|claim| !p.by_columns && elements == Some(claim.len))
        }
        Instr::ColumnSum { from, rows, columns, to } => {
            touch(*from, false, None);
            touch(*to, true, Some(1));
            n == *columns && holds(from, &[(*rows, *columns), (*columns, 1)]) && real(from) && real(to)
        }
        Instr::PartSum { from, times, parts, rows, columns, to } => {
            let part = rows.checked_mul(*columns);
            touch(*from, false, part);
            times.iter().for_each(|times| touch(*times, false, part));
            touch(*to, true, Some(*columns));
            n == *parts && part.is_some() && real(from) && times.iter().all(real) && real(to)
        }
        Instr::Conv(c) => {
            let Some(sizes) = window_sizes(&c.windows, &c.channels) else { return false };
            let (from, to) =
                if c.transposed { (sizes.positions, sizes.pixels) } else { (sizes.pixels, sizes.positions) };
            let Channels { groups, inner, outer } = c.channels;
            // Sizes were counted with `inner` channels a pixel and `outer` a position, or the reverse.
            touch(c.from, false, Some(from * groups * inner));
            touch(c.weight, false, None);
            touch(c.to, true, Some(to * groups * outer));
            n == c.windows.images && c.weight.len >= sizes.weight && [c.from, c.weight, c.to].iter().all(real)
        }
        Instr::ConvWeight(c) => {
            let Some(sizes) = window_sizes(&c.windows, &c.channels) else { return false };
            let Channels { groups, inner, outer } = c.channels;
            let holds = |place: &Place, each: usize| {
                each.checked_mul(c.windows.images).is_some_and(|len| len <= place.len)
            };
            touch(c.images, false, None);
            touch(c.grad, false, None);
            touch(c.to, true, Some(groups * outer));
            n == c.windows.window.taps() * inner
                && holds(&c.images, sizes.pixels * groups * inner)
                && holds(&c.grad, sizes.positions * groups * outer)
                && [c.images, c.grad, c.to].iter().all(real)
        }
        Instr::MaxPool(p) => {
            let channels = Channels { groups: p.channels, inner: 1, outer: 1 };
            let Some(sizes) = window_sizes(&p.windows, &channels) else { return false };
            let (large, small) = (sizes.pixels * p.channels, sizes.positions * p.channels);
            let (values, to) = if p.scatter { (small, large) } else { (large, small) };
            touch(p.images, false, Some(large));
            touch(p.values, false, Some(values));
            touch(p.to, true, Some(to));
            n == p.windows.images && [p.images, p.values, p.to].iter().all(real)
        }
        Instr::Copy(copy) => {
            let layout = |strides: &[usize]| -> Vec<(usize, usize)> {
                copy.shape.iter().copied().zip(strides.iter().copied()).collect()
            };
            let (from, to) = (layout(&copy.from_strides), layout(&copy.to_strides));
            let rank = copy.shape.rank();
            // Units may run on different threads, so they must not write the same elements.
            let apart = |first: usize| holds(&Place { len: first, ..copy.to }, &to[1..]);
            let ok = copy.from_strides.len() == rank
                && copy.to_strides.len() == rank
                && n == copy.shape.first().copied().unwrap_or(1)
                && holds(&copy.from, &from)
                && holds(&copy.to, &to)
                && (n <= 1 || apart(copy.to_strides[0]))
                && real(&copy.from) == real(&copy.to);
            // Whole rows, one after the other, are the rows' own.
            let dense = |strides: &[usize]| match (&copy.shape[..], strides) {
                (&[_, width], &[row, 1]) if row == width => Some(width),
                _ => None,
            };
            let rows = dense(&copy.from_strides).zip(dense(&copy.to_strides)).map(|(width, _)| width);
            touch(copy.from, false, rows);
            // Within `to` the copy's elements are its own: its strides do not repeat.
            touch(copy.to, true, rows);
            ok
        }
        Instr::Join(join) => {
            let unit = join.positions().checked_mul(join.inner);
            let len = |total: usize| join.outer.checked_mul(total)?.checked_mul(join.inner);
            let holds = |place: &Place, total: usize| len(total).is_some_and(|len| len <= place.len);
            let units = if join.whole { Some(join.outer) } else { join.outer.checked_mul(join.total) };
            let mut reached = 0;
            for piece in &join.pieces {
                let in_order = piece.first == reached && piece.first <= piece.end;
                if !in_order || join.to.space == Space::Index && piece.from.len() > 1 {
                    return false;
                }
                reached = piece.end;
                for slab in &piece.from {
                    let end = slab.first.checked_add(piece.end - piece.first);
                    if end.is_none_or(|end| end > slab.total)
                        || !holds(&slab.place, slab.total)
                        || real(&slab.place) != real(&join.to)
                    {
                        return false;
                    }
                    touch(slab.place, false, join.whole.then(|| slab.total * join.inner));
                }
            }
            touch(join.to, true, unit);
            units == Some(n) && unit.is_some() && reached == join.total && holds(&join.to, join.total)
        }
        Instr::Gather { table, rows, width, indices, to, .. } => {
            touch(*table, false, None);
            touch(*indices, false, Some(1));
            touch(*to, true, Some(*width));
            n == indices.len
                && !real(indices)
                && holds(table, &[(*rows, *width), (*width, 1)])
                && real(table)
                && real(to)
        }
        Instr::ScatterAdd { values, indices, width, rows, to } => {
            touch(*values, false, None);
            touch(*indices, false, None);
            touch(*to, true, None);
            n == *width
                && !real(indices)
                && holds(values, &[(indices.len, *width), (*width, 1)])
                && holds(to, &[(*rows, *width), (*width, 1)])
                && real(values)
                && real(to)
        }
        Instr::WriteRows { table, indices, values, width, to, .. } => {
            touch(*table, false, Some(*width));
            touch(*indices, false, None);
            touch(*values, false, None);
            touch(*to, true, Some(*width));
            !real(indices)
                && holds(values, &[(indices.len, *width), (*width, 1)])
                && holds(table, &[(n, *width), (*width, 1)])
                && holds(to, &[(n, *width), (*width, 1)])
                && real(table)
                && real(values)
                && real(to)
        }
        Instr::FirstOccurrence { indices, to, .. } => {
            touch(*indices, false, None);
            touch(*to, true, None);
            n == 1 && !real(indices) && !real(to) && to.len >= indices.len
        }
        Instr::Distinct { indices, first, to } => {
            [indices, first].into_iter().for_each(|place| touch(*place, false, Some(1)));
            touch(*to, true, Some(1));
            !real(indices) && !real(first) && !real(to)
        }
        Instr::Segments { offsets, to } => {
            touch(*offsets, false, None);
            touch(*to, true, None);
            n == 1 && !real(offsets) && !real(to)
        }
        Instr::AddProduct { offsets, columns, values, by, factors, table, width, to, .. } => {
            for place in [offsets, columns, values, by] {
                touch(*place, false, None);
            }
            touch(*table, false, Some(*width));
            touch(*to, true, Some(*width));
            let rows = offsets.len.saturating_sub(1);
            offsets.len > 0
                && rows.checked_mul(*width).is_some_and(|len| len <= by.len)
                && columns.len <= values.len
                && factors.iter().all(|&factor| factor < scalars)
                && offsets.space == Space::Index
                && columns.space == Space::Index
                && [values, by, table, to].into_iter().all(real)
        }
        Instr::SparseMatMul { offsets, columns, values, dense, features, width, to } => {
            [offsets, columns, values, dense].into_iter().for_each(|place| touch(*place, false, None));
            touch(*to, true, Some(*width));
            offsets.len == n + 1
                && !real(offsets)
                && !real(columns)
                && real(values)
                && holds(dense, &[(*features, *width), (*width, 1)])
                && real(dense)
                && real(to)
        }
        Instr::ArgMax { from, width, to } => {
            touch(*from, false, Some(*width));
            touch(*to, true, Some(1));
            *width > 0 && real(from) && !real(to)
        }
    }
}

/// Sizes of a sliding window's operands.
struct WindowSizes {
    pixels: usize,
    positions: usize,
    weight: usize,
}

/// The sizes, if the grids belong together and everything can be counted.
fn window_sizes(windows: &Windows, channels: &Channels) -> Option<WindowSizes> {
    if windows.window.positions(windows.large)? != windows.small || channels.groups == 0 {
        return None;
    }
    let product = |factors: &[usize]| factors.iter().try_fold(1usize, |n, &f| n.checked_mul(f));
    let Channels { groups, inner, outer } = *channels;
    let pixels = product(&windows.large)?;
    let positions = product(&windows.small)?;
    let taps = product(&windows.window.kernel)?;
    let columns = channels.panels().checked_mul(channels.panel())?;
    let weight = product(&[groups, taps, inner, if channels.depthwise() { 1 } else { columns }])?;
    let most = pixels.max(positions);
    product(&[most, groups, inner.max(1), outer.max(1)])?;
    Some(WindowSizes { pixels, positions, weight })
}

fn collect_tile(tile: &Tile, units: usize, scalars: usize, out: &mut Vec<Touch>) -> bool {
    let Panels { count: panels, height } = tile.panels.unwrap_or(Panels { count: 1, height: units });
    if panels == 0 || panels.checked_mul(height) != Some(units) {
        return false;
    }
    // A part of a row is nothing but elements.
    let in_parts = tile.panels.is_some();
    if in_parts && (tile.rows != 1 || tile.flat) {
        return false;
    }
    // A unit of work is `rows` rows.
    let Some(wide) = tile.width.checked_mul(tile.rows).filter(|_| tile.rows > 0) else { return false };
    let mut shapes: Vec<Option<Access>> = vec![None; tile.registers];
    for instr in &tile.instrs {
        let arity = match instr.kind {
            TileKind::Map(op) => arity(op),
            _ => 1,
        };
        if instr.args.len() != arity || !matches!(instr.shape, Access::Wide | Access::Row) {
            return false;
        }
        let reduces = matches!(instr.kind, TileKind::SumRow | TileKind::MaxRow);
        for arg in &instr.args {
            let stride = match arg.access {
                Access::Wide => Some(wide),
                Access::Row if !in_parts => Some(tile.rows),
                Access::Row | Access::Column | Access::One => None,
            };
            // A result with one element a row has no columns to take from, unless it reduces them.
            if instr.shape == Access::Row && !reduces && matches!(arg.access, Access::Wide | Access::Column) {
                return false;
            }
            match arg.source {
                Source::Register(r) => {
                    if shapes.get(r).copied().flatten() != Some(arg.access) {
                        return false;
                    }
                }
                Source::Memory(place) => {
                    let least = match arg.access {
                        Access::Column => tile.width.saturating_mul(panels),
                        Access::Row if in_parts => height,
                        _ => 1,
                    };
                    let index = matches!(instr.kind, TileKind::OneHot);
                    if (stride.is_none() && place.len < least) || index != (place.space == Space::Index) {
                        return false;
                    }
                    out.push(Touch { place, write: false, stride, panels, advance: 0 });
                }
                Source::Scalar(i) => {
                    if i >= scalars || arg.access != Access::One {
                        return false;
                    }
                }
            }
        }
        let fits_kind = match instr.kind {
            TileKind::Map(_) => true,
            TileKind::SumRow | TileKind::MaxRow => {
                instr.shape == Access::Row && instr.args[0].access == Access::Wide
            }
            TileKind::OneHot => {
                instr.args[0].access == Access::Row && matches!(instr.args[0].source, Source::Memory(_))
            }
            TileKind::Uniform(_) => {
                instr.args[0].access == Access::One && !matches!(instr.args[0].source, Source::Register(_))
            }
        };
        let rows_matter = instr.shape == Access::Row
            || instr.args.iter().any(|arg| matches!(arg.access, Access::Row | Access::Column));
        let whole_rows = instr.shape == Access::Row || !matches!(instr.kind, TileKind::Map(_));
        if !fits_kind || tile.flat && rows_matter || in_parts && whole_rows {
            return false;
        }
        match instr.to {
            Target::Register(r) => match shapes.get_mut(r) {
                Some(shape) => *shape = Some(instr.shape),
                None => return false,
            },
            Target::Memory(place) => {
                if place.space == Space::Index {
                    return false;
                }
                let stride = if instr.shape == Access::Wide { wide } else { tile.rows };
                out.push(Touch { place, write: true, stride: Some(stride), panels, advance: 0 });
            }
        }
    }
    true
}

fn arity(op: TileOp) -> usize {
    use TileOp::{
        Add, Div, Equal, Less, LessEqual, Maximum, Minimum, Mul, MulAdd, MulSub, NegMulAdd, Pow, Select, Sub,
    };
    match op {
        Add | Sub | Mul | Div | Pow | Maximum | Minimum | Less | LessEqual | Equal => 2,
        Select | MulAdd | MulSub | NegMulAdd => 3,
        _ => 1,
    }
}
