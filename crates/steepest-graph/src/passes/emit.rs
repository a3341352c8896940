//! The last pass: instructions.

use std::collections::BTreeMap;

use steepest_tensor::program::{
    Access, Conv, ConvWeight, Copy, Group, Instr, Join, MOST_NEXT, MatMul, Matrix, MaxPool, Operand, Piece,
    Place, Program, Region, ScalarInstr, Slab, Source, Space, Target, Tile, TileInstr,
};
use steepest_tensor::{Buffer, DType, Shape};

use crate::op::Op;
use crate::passes::blocks::Blocks;
use crate::passes::lower::{Cut, Factor, Item, Kernel, Layer, Layers, Lowered, Value, is_index};
use crate::passes::place::Placement;
use crate::passes::schedule::{GroupPlan, Run, Schedule};
use crate::passes::simplify::Flow;

/// Elements of a variable above which it is not in the first-level cache anyway.
const FAR: usize = 1 << 13;
/// Work below which a whole step is not worth a second thread.
const PARALLEL_WORK: u64 = 2_000_000;

/// Makes the program.
pub(crate) fn emit(
    flow: &Flow,
    lowered: &Lowered,
    schedule: &Schedule,
    placement: &Placement,
    dtype: DType,
) -> (Program, BTreeMap<usize, usize>) {
    let mut program = Program {
        dtype,
        arena_len: placement.arena_len,
        own_len: placement.own_len,
        index_len: placement.index_len,
        variables_len: placement.variables_len,
        scalars: Vec::new(),
        scalar_instrs: Vec::new(),
        literals: Vec::new(),
        index_literals: Vec::new(),
        regions: Vec::new(),
        parallel: false,
    };
    let scalars = emit_scalars(flow, &mut program);
    for (index, node) in flow.nodes.iter().enumerate() {
        if let Op::Literal(literal) = &node.op {
            let place = placement.places[&index];
            match literal.tensor.buffer() {
                Buffer::U32(values) => program.index_literals.push((place, values.clone())),
                _ => program.literals.push((place, literal.tensor.to_f64())),
            }
        }
    }
    let mut steps = BTreeMap::new();
    for item in lowered.items.values() {
        if let Kernel::Scan(plan) = &item.kernel {
            steps.insert(item.node, emit_scalars(&plan.flow, &mut program));
        }
    }
    let emitter = Emitter { lowered, placement, scalars: &scalars, steps: &steps, size: dtype.size_bytes() };
    let mut work = 0;
    for plans in &schedule.regions {
        let groups: Vec<Group> = plans.iter().map(|plan| emitter.group(plan)).collect();
        program.regions.push(Region { groups });
        work += plans.iter().map(|plan| plan.work(lowered, emitter.size)).sum::<u64>();
    }
    if !schedule.copies.is_empty() {
        let copies = schedule.copies.iter().map(|&(variable, node)| emitter.final_copy(variable, node));
        program.regions.push(Region { groups: copies.collect() });
    }
    ask_ahead(&mut program.regions);
    program.parallel = work >= PARALLEL_WORK;
    (program, scalars)
}

/// Numbers the host's scalars: constants and fed ones first hold their value, the others are computed.
fn emit_scalars(flow: &Flow, program: &mut Program) -> BTreeMap<usize, usize> {
    let mut number = BTreeMap::new();
    for (index, node) in flow.nodes.iter().enumerate().filter(|(_, node)| node.host) {
        let to = program.scalars.len();
        number.insert(index, to);
        program.scalars.push(match &node.op {
            Op::Constant(constant) => constant.value,
            _ => 0.0,
        });
        if let Some(pointwise) = node.op.rule().elementwise() {
            let mut args = [to; 3];
            for (arg, input) in args.iter_mut().zip(&node.inputs) {
                *arg = number[input];
            }
            program.scalar_instrs.push(ScalarInstr { eval: pointwise.eval, args, to });
        }
    }
    number
}

/// A place from an element on; a range of an empty value may start beyond its end.
fn behind(place: Place, first: usize) -> Place {
    let first = first.min(place.len);
    Place { offset: place.offset.wrapping_add(first), len: place.len - first, ..place }
}

struct Emitter<'a> {
    lowered: &'a Lowered,
    placement: &'a Placement,
    scalars: &'a BTreeMap<usize, usize>,
    /// The scalars of the steps of scans, by the scan's node.
    steps: &'a BTreeMap<usize, BTreeMap<usize, usize>>,
    size: usize,
}

impl Emitter<'_> {
    fn place(&self, node: usize) -> Place {
        // Every value that is not in a register has a place; an empty one would fail verification.
        let nowhere = Place { space: Space::Arena, offset: usize::MAX, len: 0 };
        self.placement.places.get(&node).copied().unwrap_or(nowhere)
    }

    fn group(&self, plan: &GroupPlan) -> Group {
        let instrs: Vec<Instr> = plan.runs.iter().flat_map(|run| self.run(run, plan.extent)).collect();
        let Blocks { align, block, shared } = plan.blocks(self.lowered, self.size);
        Group { extent: plan.extent, align, block, shared, instrs }
    }

    fn run(&self, run: &Run, units: usize) -> Vec<Instr> {
        match run.width {
            Some(width) => vec![Instr::Tile(self.tile(width, units, &run.items))],
            None => run.items.iter().flat_map(|node| self.kernel(&self.lowered.items[node])).collect(),
        }
    }

    fn kernel(&self, item: &Item) -> Vec<Instr> {
        let to = self.place(item.node);
        match &item.kernel {
            Kernel::Tile { .. } => Vec::new(),
            Kernel::MatMul { batches, m, n, k, a, b, rows, cut } => {
                let matrix = |f: &Factor| Matrix {
                    place: behind(self.place(f.value), f.offset),
                    row: f.row,
                    column: f.column,
                    batch: f.batch,
                };
                let (a, b) = (matrix(a), matrix(b));
                let (batches, m, n, k) = (*batches, *m, *n, *k);
                let (rows, by_columns) = (*rows, *cut == Cut::Columns);
                vec![Instr::MatMul(MatMul {
                    batches,
                    m,
                    n,
                    k,
                    a,
                    b,
                    c: to,
                    rows,
                    by_columns,
                    next: Vec::new(),
                    claim: None,
                })]
            }
            Kernel::Scan(plan) => {
                let (placement, strides) = plan.places(to, |value| self.place(value));
                let none = BTreeMap::new();
                let scalars = self.steps.get(&item.node).unwrap_or(&none);
                let (lowered, steps, size) = (&plan.lowered, self.steps, self.size);
                let step = Emitter { lowered, placement: &placement, scalars, steps, size };
                let groups = plan.schedule.regions.iter().flatten();
                let body = groups.flat_map(|group| {
                    let instrs = group.runs.iter().flat_map(|run| step.run(run, group.extent));
                    instrs.map(|instr| (group.extent, instr)).collect::<Vec<_>>()
                });
                plan.instrs(to, |value| self.place(value), strides, body.collect())
            }
            Kernel::ColumnSum { from, rows, columns } => {
                vec![Instr::ColumnSum { from: self.place(*from), rows: *rows, columns: *columns, to }]
            }
            Kernel::PartSum { from, times, parts, rows, columns } => {
                let (from, times) = (self.place(*from), times.map(|times| self.place(times)));
                vec![Instr::PartSum { from, times, parts: *parts, rows: *rows, columns: *columns, to }]
            }
            Kernel::Conv { windows, channels, transposed, from, weight } => {
                let (from, weight) = (self.place(*from), self.place(*weight));
                let (windows, channels, transposed) = (*windows, *channels, *transposed);
                vec![Instr::Conv(Conv { windows, channels, transposed, from, weight, to })]
            }
            Kernel::ConvWeight { windows, channels, images, grad } => {
                let (images, grad) = (self.place(*images), self.place(*grad));
                let (windows, channels) = (*windows, *channels);
                vec![Instr::ConvWeight(ConvWeight { windows, channels, images, grad, to })]
            }
            Kernel::MaxPool { windows, channels, scatter, images, values } => {
                let (images, values) = (self.place(*images), self.place(*values));
                let (windows, channels, scatter) = (*windows, *channels, *scatter);
                vec![Instr::MaxPool(MaxPool { windows, channels, scatter, images, values, to })]
            }
            Kernel::Copy { from, offset, shape, strides } => {
                let from = behind(self.place(*from), *offset);
                let to_strides = shape.strides()[..shape.rank()].to_vec();
                vec![Instr::Copy(Copy { shape: *shape, from, from_strides: strides.clone(), to, to_strides })]
            }
            Kernel::Join(join) => vec![Instr::Join(self.join(join, to))],
            Kernel::Gather { table, rows, width, indices, outside } => {
                let (table, indices) = (self.place(*table), self.place(*indices));
                vec![Instr::Gather { table, rows: *rows, width: *width, indices, outside: outside.0, to }]
            }
            Kernel::ScatterAdd { values, indices, width, rows } => {
                let (values, indices) = (self.place(*values), self.place(*indices));
                vec![Instr::ScatterAdd { values, indices, width: *width, rows: *rows, to }]
            }
            Kernel::WriteRows { table, indices, values, width, add, .. } => {
                let [table, indices, values] = [table, indices, values].map(|value| self.place(*value));
                vec![Instr::WriteRows { table, indices, values, width: *width, add: *add, to }]
            }
            Kernel::AddProduct { table, csr, by, factors, negate, width, .. } => {
                let [offsets, columns, values] = csr.map(|value| self.place(value));
                let (table, by, width, negate) = (self.place(*table), self.place(*by), *width, *negate);
                let number = |node: &usize| self.scalars.get(node).copied().unwrap_or(usize::MAX);
                let factors = factors.iter().map(number).collect();
                let instr =
                    Instr::AddProduct { offsets, columns, values, by, factors, negate, table, width, to };
                vec![instr]
            }
            Kernel::FirstOccurrence { indices, rows, .. } => {
                vec![Instr::FirstOccurrence { indices: self.place(*indices), rows: *rows, to }]
            }
            Kernel::Distinct { indices, first } => {
                vec![Instr::Distinct { indices: self.place(*indices), first: self.place(*first), to }]
            }
            Kernel::Segments { offsets } => vec![Instr::Segments { offsets: self.place(*offsets), to }],
            Kernel::SparseMatMul { csr, dense, features, width, .. } => {
                let [offsets, columns, values] = csr.map(|value| self.place(value));
                let (dense, features, width) = (self.place(*dense), *features, *width);
                vec![Instr::SparseMatMul { offsets, columns, values, dense, features, width, to }]
            }
            Kernel::ArgMax { from, width } => {
                vec![Instr::ArgMax { from: self.place(*from), width: *width, to }]
            }
        }
    }

    /// Layers over one another, as what lies between their ends.
    fn join(&self, layers: &Layers, to: Place) -> Join {
        let Layers { outer, total, inner, whole, ref layers } = *layers;
        let mut cuts: Vec<usize> =
            layers.iter().flat_map(|layer| [layer.at, layer.at + layer.total]).collect();
        cuts.extend([0, total]);
        cuts.sort_unstable();
        cuts.dedup();
        let piece = |range: &[usize]| {
            let (first, end) = (range[0], range[1]);
            let over = layers.iter().filter(|layer| layer.at <= first && end <= layer.at + layer.total);
            let slab = |layer: &Layer| Slab {
                place: self.place(layer.from),
                total: layer.total,
                first: first - layer.at,
            };
            Piece { first, end, from: over.map(slab).collect() }
        };
        Join { outer, total, inner, whole, pieces: cuts.windows(2).map(piece).collect(), to }
    }

    fn final_copy(&self, variable: usize, node: usize) -> Group {
        let (from, to) = (self.place(node), self.placement.variables[variable]);
        let copy =
            Copy { shape: Shape::from([to.len]), from, from_strides: vec![1], to, to_strides: vec![1] };
        Group {
            extent: to.len,
            align: 16,
            block: to.len.max(1),
            shared: true,
            instrs: vec![Instr::Copy(copy)],
        }
    }

    fn tile(&self, width: usize, units: usize, nodes: &[usize]) -> Tile {
        let mut registers = Registers::new(nodes, self.lowered);
        let mut instrs = Vec::with_capacity(nodes.len());
        let (mut flat, mut cut) = (true, None);
        for (at, node) in nodes.iter().enumerate() {
            let item = &self.lowered.items[node];
            let Kernel::Tile { kind, width: own, reads, shape, panels } = &item.kernel else { continue };
            cut = *panels;
            // In a wider tile, an item with one element a row works on the rows.
            let narrow = *own == 1 && width != 1;
            let args: Vec<Operand> = reads
                .iter()
                .map(|read| {
                    let access =
                        if narrow && read.access == Access::Wide { Access::Row } else { read.access };
                    self.operand(read.value, access, &registers)
                })
                .collect();
            let shape = if narrow { Access::Row } else { *shape };
            flat &= shape == Access::Wide
                && args.iter().all(|arg| matches!(arg.access, Access::Wide | Access::One));
            registers.release(at, Some(shape));
            let to = match self.placement.places.get(node) {
                Some(place) => Target::Memory(*place),
                None => Target::Register(registers.take(*node, shape)),
            };
            registers.release(at, None);
            instrs.push(TileInstr { kind: kind.clone(), args, to, shape });
        }
        // All items of a run have the same number of rows.
        let extent = nodes.first().map_or(units, |node| self.lowered.items[node].extent);
        let rows = extent.checked_div(units).unwrap_or(1).max(1);
        let flat = flat && cut.is_none();
        Tile { width, instrs, registers: registers.count, rows, panels: cut, flat }
    }

    fn operand(&self, value: Value, access: Access, registers: &Registers) -> Operand {
        let source = match value {
            Value::Host(node) => Source::Scalar(self.scalars.get(&node).copied().unwrap_or(usize::MAX)),
            Value::Node(node) => match registers.of.get(&node) {
                Some(&(register, _)) if !self.placement.places.contains_key(&node) => {
                    Source::Register(register)
                }
                _ => Source::Memory(self.place(node)),
            },
        };
        Operand { source, access }
    }
}

/// Lets products ask the cache for the variables that a tile of the same group and layout reads behind them, a weight and
/// its slots, whose update waits for the gradient; and claim which of them it writes and other threads have read: the weight.
fn ask_ahead(regions: &mut [Region]) {
    let groups = || regions.iter().flat_map(|region| &region.groups);
    let crossing: Vec<Place> = groups().flat_map(|group| &group.instrs).flat_map(crossing).collect();
    let crosses = |place: &Place| {
        let (end, space) = (place.offset + place.len, place.space);
        crossing.iter().any(|p| p.space == space && p.offset < end && place.offset < p.offset + p.len)
    };
    for group in regions.iter_mut().flat_map(|region| &mut region.groups) {
        let mut rest = group.instrs.as_mut_slice();
        while let Some((first, behind)) = rest.split_first_mut() {
            if let Instr::MatMul(p) = first {
                ask_behind(p, behind, crosses);
            }
            rest = behind;
        }
    }
}

/// What other threads read of the places that an instruction reads: not its own rows alone.
fn crossing(instr: &Instr) -> Vec<Place> {
    match instr {
        Instr::MatMul(p) if p.a.column != 1 => vec![p.a.place, p.b.place],
        Instr::MatMul(p) => vec![p.b.place],
        Instr::Copy(copy) => vec![copy.from],
        Instr::Join(join) => join.slabs().map(|slab| slab.place).collect(),
        Instr::ColumnSum { from, .. } => vec![*from],
        Instr::ConvWeight(conv) => vec![conv.images, conv.grad],
        _ => Vec::new(),
    }
}

/// As [`ask_ahead`], for a product and the instructions behind it.
fn ask_behind(p: &mut MatMul, behind: &[Instr], crosses: impl Fn(&Place) -> bool) {
    let same = |tile: &&Tile| {
        let row = tile.width * tile.panels.map_or(1, |panels| panels.count);
        tile.rows == 1 && tile.width == p.n && p.rows.map_or(p.n, |rows| rows.row) == row
    };
    let tiles =
        behind.iter().filter_map(|instr| if let Instr::Tile(tile) = instr { Some(tile) } else { None });
    let instrs: Vec<&TileInstr> = tiles.filter(same).flat_map(|tile| &tile.instrs).collect();
    for operand in instrs.iter().flat_map(|instr| &instr.args) {
        if let (Source::Memory(place), Access::Wide) = (operand.source, operand.access)
            && place.space == Space::Variables
            && place.len >= FAR
            && p.next.len() < MOST_NEXT
            && !p.next.contains(&place)
        {
            p.next.push(place);
        }
    }
    let written =
        instrs.iter().filter(|instr| instr.shape == Access::Wide).filter_map(|instr| match instr.to {
            Target::Memory(place) => Some(place),
            _ => None,
        });
    // What was not asked for before would be waited for; parts of rows are a thread's own already.
    let fits = |place: &Place| p.next.contains(place) && place.len == p.batches * p.m * p.n;
    if !p.by_columns && p.rows.is_none() {
        p.claim = written.filter(|place| fits(place) && crosses(place)).last();
    }
}

/// Registers of a tile, reused after the last instruction that reads them.
struct Registers {
    of: BTreeMap<usize, (usize, Access)>,
    /// The values that each instruction reads last.
    ends: Vec<Vec<usize>>,
    free: Vec<usize>,
    count: usize,
}

impl Registers {
    fn new(nodes: &[usize], lowered: &Lowered) -> Registers {
        // A value that nothing reads ends where it is made.
        let mut last_use: BTreeMap<usize, usize> = nodes.iter().enumerate().map(|(i, &n)| (n, i)).collect();
        for (at, node) in nodes.iter().enumerate() {
            for (value, _) in lowered.items[node].reads() {
                last_use.insert(value, at);
            }
        }
        let mut ends = vec![Vec::new(); nodes.len()];
        last_use.into_iter().for_each(|(value, at)| ends[at].push(value));
        Registers { of: BTreeMap::new(), ends, free: Vec::new(), count: 0 }
    }

    /// Frees what instruction `at` reads last. Its own result may take a register of the same shape,
    /// because it reads each element before it writes it; registers of another shape are freed behind it.
    fn release(&mut self, at: usize, shape: Option<Access>) {
        let (of, free) = (&mut self.of, &mut self.free);
        self.ends[at].retain(|node| match of.get(node) {
            Some(&(register, own)) if shape.is_none_or(|shape| shape == own) => {
                of.remove(node);
                free.push(register);
                false
            }
            _ => true,
        });
    }

    fn take(&mut self, node: usize, shape: Access) -> usize {
        let register = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.of.insert(node, (register, shape));
        register
    }
}

type Inputs = Vec<(String, Place)>;
type Outputs = Vec<(String, Place, Shape)>;

/// The places of the host's inputs and of the outputs, by name.
pub(crate) fn interface(flow: &Flow, placement: &Placement) -> (Inputs, Outputs) {
    let nodes = flow.nodes.iter().enumerate();
    let inputs = nodes.filter_map(|(index, node)| match &node.op {
        Op::Input(input) => Some((input.name.clone(), placement.places[&index])),
        _ => None,
    });
    let inputs = inputs.collect();
    let outputs = flow.outputs.iter().filter_map(|(name, node)| {
        let place = placement.places.get(&crate::passes::lower::root(flow, *node))?;
        debug_assert_eq!(is_index(flow, *node), place.space == Space::Index);
        Some((name.clone(), *place, flow.shape(*node)))
    });
    (inputs, outputs.collect())
}
