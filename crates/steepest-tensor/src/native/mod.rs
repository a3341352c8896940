//! Native code for tiles: runs of elementwise instructions become one loop each, compiled when a machine is
//! made.
//!
//! A run is a stretch of a tile's instructions whose results have one shape, or, where a row fits a vector, any. Its values stay in registers;
//! only what others read is written to memory. Formulas come from the same source as the interpreter's, so
//! both give the same bits.

mod assembler;
mod emit;
pub(crate) mod product;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::{BTreeMap, HashMap};
use std::mem::MaybeUninit;

use memmap2::{Mmap, MmapMut};

use crate::DType;
use crate::kernels::tile::Step;
use crate::memory::{Address, Base, Bases, Memory};
use crate::program::{
    Access, Group, Instr, Operand, Place, Program, Source, Space, Target, Tile, TileInstr, TileKind,
};
use crate::real::Real;
use trace::{Operation, Reduction, Trace, Value};

/// Streams of a loop; more end a run.
const STREAMS: usize = 32;
/// Operations of a loop, about; more end a run.
const OPERATIONS: usize = 600;

/// Registers in which a loop may gather sums and maxima of wide rows.
const GATHERED: usize = 12;

/// Where a stream's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Place(Place),
    Register(usize),
    Scalar(usize),
    /// In the index space.
    Index(Place),
    /// The numbers of the lanes.
    Lanes,
}

/// 0, 1, 2 … in lanes of 32 bits; twice each, for lanes of 64; the numbers of the lanes within rows of two and of four.
pub(crate) static LANES: [[u32; 16]; 4] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7],
    [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
    [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3],
];

/// Elements that a loop reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stream {
    origin: Origin,
    /// Elements from one row of the tile to the next.
    row: usize,
    /// Whether a part of each row is meant where rows are cut into panels.
    in_parts: bool,
}

/// What a loop's rows and columns are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// All elements of the block, one after the other.
    Elements,
    /// The rows of the block, since an operand has one element for each row, or one row for all.
    Rows,
    /// One element for each row of the block.
    Column,
    /// All elements of the block, a vector of them being several rows.
    Packed,
}

/// An entry of the table that a loop is called with.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    at: *mut u8,
    /// Bytes from one row to the next.
    step: usize,
}

type Function = unsafe extern "sysv64" fn(*mut Entry, usize, usize, u64);

/// Where a stream begins.
struct Begin {
    from: Address,
    /// The number of the loop's stride by which the base has moved on, if it has.
    moved: Option<u8>,
    /// Bytes from one row to the next.
    step: usize,
}

/// A loop with its block.
pub(crate) struct Ready {
    function: Function,
    streams: Box<[Begin]>,
    /// The streams in the memory that it was placed in.
    table: Box<[Entry]>,
    rows: usize,
    columns: usize,
    rest: u64,
}

// SAFETY: the table's addresses are followed only in a run, whose memory is the runner's own.
unsafe impl Send for Ready {}
// SAFETY: a run needs `&mut`.
unsafe impl Sync for Ready {}

impl Ready {
    /// Takes on the memory of runs to come.
    pub fn place(&mut self, bases: &Bases) {
        let entry = |stream: &Begin| Entry { at: stream.from.at(bases), step: stream.step };
        self.table = self.streams.iter().map(entry).collect();
    }

    /// Runs the loop in the memory it was placed in.
    ///
    /// # Safety
    /// As for [`Native::run`] on the block, by one thread.
    #[inline(always)]
    pub unsafe fn run(&mut self) {
        // SAFETY: the caller promises the block, from which the numbers were made.
        unsafe { (self.function)(self.table.as_mut_ptr(), self.rows, self.columns, self.rest) };
    }
}

/// A compiled loop.
pub(crate) struct Native {
    function: Function,
    streams: Vec<Stream>,
    shape: Shape,
    registers: bool,
}

/// The rows of a tile that a step works on.
pub(crate) struct Block {
    /// Elements from a row's first to the panel's, where rows are cut.
    pub panel: usize,
    pub row: usize,
    pub rows: usize,
    pub width: usize,
    /// Elements of a register.
    pub register: usize,
}

impl Native {
    /// Whether it reads or writes registers of the tile, which have room for one block.
    pub fn uses_registers(&self) -> bool {
        self.registers
    }

    /// Where a stream begins in a block of a group's units that begins with unit `start`; elements have `size` bytes.
    #[inline(always)]
    fn begin(&self, stream: &Stream, block: &Block, start: usize, size: usize) -> Begin {
        let mut moved = None;
        let panel = if stream.in_parts { block.panel } else { 0 };
        let (base, elements) = match stream.origin {
            Origin::Place(place) => {
                let skip = place.offset + panel + block.row * stream.row;
                match place.space {
                    Space::Own { stride } => (Base::Own, skip - start * stride),
                    Space::Variables => (Base::Variables, skip),
                    Space::Moving(number) => {
                        moved = Some(number);
                        (Base::Arena, skip)
                    }
                    Space::Arena | Space::Index => (Base::Arena, skip),
                }
            }
            Origin::Index(place) => {
                let skip = place.offset + block.row * stream.row;
                let from = Address { base: Base::Index, bytes: skip * 4 };
                return Begin { from, moved, step: stream.row * 4 };
            }
            Origin::Register(r) => (Base::Scratch, r * block.register),
            Origin::Scalar(i) => (Base::Reals, i),
            Origin::Lanes => {
                let table = if self.shape == Shape::Packed { block.width / 4 + 2 } else { size / 8 };
                let from = Address { base: Base::Lanes, bytes: table * size_of_val(&LANES[0]) };
                return Begin { from, moved, step: 0 };
            }
        };
        Begin { from: Address { base, bytes: elements * size }, moved, step: stream.row * size }
    }

    /// Rows and columns of the loop over a block.
    #[inline(always)]
    fn size(&self, block: &Block) -> (usize, usize) {
        match self.shape {
            Shape::Elements | Shape::Packed => (1, block.rows * block.width),
            Shape::Rows => (block.rows, block.width),
            Shape::Column => (1, block.rows),
        }
    }

    /// The loop over a block of all units, for vectors of so many lanes and elements of `size` bytes; none if there
    /// is nothing to do, or if the loop moves its table on.
    pub fn ready(&self, block: &Block, lanes: usize, size: usize) -> Option<Ready> {
        let (rows, columns) = self.size(block);
        let keeps = rows == 1 || self.streams.len() <= emit::STREAM_REGISTERS.len();
        let rest = columns % lanes;
        (rows > 0 && columns > 0 && keeps).then(|| Ready {
            function: self.function,
            streams: self.streams.iter().map(|stream| self.begin(stream, block, 0, size)).collect(),
            table: Box::default(),
            rows,
            columns: columns - rest,
            rest: (1 << rest) - 1,
        })
    }

    /// Runs the loop over a block.
    ///
    /// # Safety
    /// The tile's places hold the block, no other thread touches what it writes, the code's memory is alive,
    /// and the machine has AVX-512.
    pub unsafe fn run<T: Real, const L: usize>(&self, memory: &Memory<T>, block: &Block) {
        let mut table = [const { MaybeUninit::<Entry>::uninit() }; STREAMS];
        let bases = memory.bases();
        // SAFETY: the caller promises the block; scalars and registers are the machine's own.
        unsafe {
            for (entry, stream) in table.iter_mut().zip(&self.streams) {
                let begin = self.begin(stream, block, memory.start, size_of::<T>());
                let Address { base, bytes } = begin.from;
                let base = begin.moved.map_or(bases[base as usize], |by| memory.moved(by).cast());
                entry.write(Entry { at: base.add(bytes), step: begin.step });
            }
            let (rows, columns) = self.size(block);
            let rest = columns % L;
            if rows > 0 && columns > 0 {
                (self.function)(table.as_mut_ptr().cast(), rows, columns - rest, (1 << rest) - 1);
            }
        }
    }
}

/// The steps of every instruction by region, group, instruction and, for a loop, instruction of its body.
pub(crate) type Steps = Vec<Vec<Vec<Vec<Vec<Step>>>>>;

/// The steps of every instruction of a program (none for those that are not tiles), and the memory of their
/// code.
pub(crate) struct Code {
    pub steps: Steps,
    /// What the steps' functions are in.
    _memory: Option<Mmap>,
}

impl Code {
    /// Compiles a program's tiles. Without AVX-512, or where the system forbids new code, all is interpreted.
    pub fn new(program: &Program) -> Code {
        Code::build(program, crate::kernels::has_avx512())
    }

    fn build(program: &Program, native: bool) -> Code {
        let double = program.dtype == DType::F64;
        let mut compiler = Compiler { double, code: Vec::new() };
        let plans: Vec<Vec<Vec<Vec<Vec<Planned>>>>> =
            in_program(program, |tile, units| compiler.tile(tile, units));
        let memory = if native && !compiler.code.is_empty() { executable(&compiler.code) } else { None };
        let base = memory.as_ref().map(|memory| memory.as_ptr());
        let link = |planned: Planned| match (planned, base) {
            (Planned { at: Some(at), streams, shape, .. }, Some(base)) => {
                // SAFETY: the code at this offset is a function of this type; it lives as long as the steps.
                let function = unsafe { std::mem::transmute::<*const u8, Function>(base.add(at)) };
                let registers = streams.iter().any(|stream| matches!(stream.origin, Origin::Register(_)));
                vec![Step::Native(Native { function, streams, shape, registers })]
            }
            (planned, _) => planned.instrs.map(Step::Interpret).collect(),
        };
        let steps = plans
            .into_iter()
            .map(|region| {
                let tile = |tile: Vec<Planned>| tile.into_iter().flat_map(link).collect();
                let instr = |tiles: Vec<Vec<Planned>>| tiles.into_iter().map(tile).collect();
                let group = |group: Vec<Vec<Vec<Planned>>>| group.into_iter().map(instr).collect();
                region.into_iter().map(group).collect()
            })
            .collect();
        Code { steps, _memory: memory }
    }
}

#[allow(clippy::type_complexity)] // by region, group, instruction and instruction of a loop
fn in_program<R>(program: &Program, mut f: impl FnMut(&Tile, usize) -> Vec<R>) -> Vec<Vec<Vec<Vec<Vec<R>>>>> {
    let mut tile = |instr: &Instr, units: usize| match instr {
        Instr::Tile(tile) => f(tile, units),
        _ => Vec::new(),
    };
    let mut instr = |instr: &Instr, extent: usize| match instr {
        Instr::Loop(repeated) => {
            let units = |units: usize| if repeated.by_rows { extent } else { units };
            repeated.body.iter().map(|(own, instr)| tile(instr, units(*own))).collect()
        }
        Instr::Tile(_) => vec![tile(instr, extent)],
        _ => Vec::new(),
    };
    let mut group = |group: &Group| group.instrs.iter().map(|i| instr(i, group.extent)).collect();
    program.regions.iter().map(|region| region.groups.iter().map(&mut group).collect()).collect()
}

/// Memory that may be run, if the system grants it.
fn executable(code: &[u8]) -> Option<Mmap> {
    let mut memory = MmapMut::map_anon(code.len()).ok()?;
    memory.copy_from_slice(code);
    memory.make_exec().ok()
}

/// A stretch of instructions, and where its code starts if it has any.
struct Planned {
    instrs: std::ops::Range<usize>,
    at: Option<usize>,
    streams: Vec<Stream>,
    shape: Shape,
}

struct Compiler {
    double: bool,
    code: Vec<u8>,
}

impl Compiler {
    /// Cuts a tile of so many units into runs.
    fn tile(&mut self, tile: &Tile, units: usize) -> Vec<Planned> {
        let mut planned = Vec::new();
        let mut at = 0;
        while at < tile.instrs.len() {
            let mut run = Run::new(tile, at, self.double);
            while run.end < tile.instrs.len() && run.push(&tile.instrs[run.end]) {}
            let (instrs, empty) = (at..run.end.max(at + 1), run.end == at);
            at = instrs.end;
            let (operations, streams, shape) = run.finish();
            let start = (!empty).then_some(self.code.len());
            if !empty {
                let moving: Vec<bool> = streams.iter().map(|stream| stream.row > 0).collect();
                let single = units * tile.rows * tile.width == 1 && tile.panels.is_none();
                let rows = emit::Rows { width: tile.width, packed: shape == Shape::Packed, single };
                self.code.extend(emit::emit(&operations, &moving, rows, self.double));
                self.code.resize(self.code.len().next_multiple_of(64), 0x90);
            }
            planned.push(Planned { instrs, at: start, streams, shape });
        }
        planned
    }
}

/// A run under construction.
struct Run<'a> {
    tile: &'a Tile,
    end: usize,
    trace: Trace,
    streams: Vec<Stream>,
    numbers: HashMap<Stream, usize>,
    /// The present value of each stream that was read or written, element by element.
    values: HashMap<Stream, Value>,
    /// How often each stream was written.
    versions: BTreeMap<usize, usize>,
    /// Registers that the run writes.
    written: BTreeMap<usize, Access>,
    shape: Option<Access>,
    by_rows: bool,
    /// Whether a row is one vector at most, and rows matter: then all of the tile is done row by row, a value
    /// with one element for each row being a vector of equal lanes.
    narrow: bool,
    /// Whether, besides, several rows fill a vector: then all of the tile is done vector by vector, a value with one
    /// element for each row being equal in all lanes of the row.
    packed: bool,
    /// Whether a row is one vector, and nothing has one element for each row: then all elements follow one another, and
    /// a value with one element for each column is one vector for all.
    columns: bool,
    /// The sums and maxima of rows of several vectors, which are there only at a row's end: for the next run.
    reduced: Vec<Stream>,
    /// Registers that gather them.
    gathered: usize,
}

impl<'a> Run<'a> {
    fn new(tile: &'a Tile, start: usize, double: bool) -> Run<'a> {
        let lanes = if double { 8 } else { 16 };
        let columns = tile.width == lanes && tile.panels.is_none() && has_no_rows(tile);
        let narrow = !tile.flat && (2..=lanes).contains(&tile.width) && !columns;
        Run {
            tile,
            end: start,
            trace: Trace::new(double),
            streams: Vec::new(),
            numbers: HashMap::new(),
            values: HashMap::new(),
            versions: BTreeMap::new(),
            written: BTreeMap::new(),
            shape: None,
            by_rows: tile.panels.is_some(),
            narrow,
            packed: narrow && !double && matches!(tile.width, 2 | 4) && tile.panels.is_none(),
            columns,
            reduced: Vec::new(),
            gathered: 0,
        }
    }

    /// What an instruction makes of rows of several vectors, if it does.
    fn reduction(&self, kind: &TileKind) -> Option<Reduction> {
        let tile = self.tile;
        let wide = !self.narrow && !tile.flat && tile.panels.is_none() && tile.width > 1;
        match kind {
            TileKind::SumRow if wide => Some(Reduction::Sum),
            TileKind::MaxRow if wide => Some(Reduction::Max),
            _ => None,
        }
    }

    /// Whether an operand is known only at a row's end.
    fn is_reduced(&self, arg: &Operand) -> bool {
        self.reduced.contains(&self.stream(origin(arg.source), self.access(arg.access)))
    }

    /// Takes in the next instruction, unless it has no vector code or another shape, or the run is long.
    fn push(&mut self, instr: &TileInstr) -> bool {
        let reduction = self.reduction(&instr.kind);
        // The elements that are gone through are those of the rows.
        let shape = if reduction.is_some() { Access::Wide } else { self.access(instr.shape) };
        let to = self.access(instr.shape);
        // A register that the run reads row by row must not be filled with wide rows meanwhile.
        let clash = |stream: &Stream| {
            matches!((stream.origin, instr.to), (Origin::Register(a), Target::Register(b)) if a == b)
                && stream.row != self.stream(stream.origin, to).row
        };
        let gathered = self.gathered + reduction.map_or(0, Reduction::vectors);
        let fits = (self.narrow || self.shape.is_none_or(|own| own == shape))
            && self.streams.len() + 4 + self.written.len() <= STREAMS
            && self.trace.len() <= OPERATIONS
            && !self.streams.iter().any(clash)
            && gathered <= GATHERED
            && !instr.args.iter().any(|arg| self.is_reduced(arg))
            && self.has_code(&instr.kind);
        if !fits {
            return false;
        }
        self.shape = Some(shape);
        let mut args = [0; 3];
        for (value, arg) in args.iter_mut().zip(&instr.args) {
            *value = self.read(arg, shape);
        }
        if let Some(how) = reduction {
            self.gathered = gathered;
            self.reduce(how, instr.to, args[0]);
            self.end += 1;
            return true;
        }
        let value = match instr.kind {
            TileKind::Map(op) => self.trace.tile_op(op, args),
            TileKind::SumRow => Some(self.trace.value(Operation::SumRow(args[0]))),
            TileKind::MaxRow => Some(self.trace.value(Operation::MaxRow(args[0]))),
            TileKind::OneHot => {
                let lanes = self.number(Stream { origin: Origin::Lanes, row: 0, in_parts: false });
                let lanes = self.trace.value(Operation::Lanes(lanes));
                Some(self.trace.one_hot(args[0], lanes, self.tile.width))
            }
            TileKind::Uniform(_) => None,
        };
        let Some(value) = value else { return false };
        self.write(instr, value);
        self.end += 1;
        true
    }

    fn has_code(&self, kind: &TileKind) -> bool {
        match kind {
            TileKind::Map(op) => {
                let probe = Trace::new(self.trace.is_double());
                probe.tile_op(*op, [probe.value(Operation::Splat(0)); 3]).is_some()
            }
            TileKind::SumRow | TileKind::MaxRow => self.narrow || self.reduction(kind).is_some(),
            TileKind::OneHot => self.narrow,
            TileKind::Uniform(_) => false,
        }
    }

    fn number(&mut self, stream: Stream) -> usize {
        let streams = &mut self.streams;
        *self.numbers.entry(stream).or_insert_with(|| {
            streams.push(stream);
            streams.len() - 1
        })
    }

    /// In a tile one element wide, a row is an element, unless it is one of several parts of the row.
    fn access(&self, access: Access) -> Access {
        if self.tile.width == 1 && self.tile.panels.is_none() && access == Access::Row {
            Access::Wide
        } else {
            access
        }
    }

    fn stream(&self, origin: Origin, access: Access) -> Stream {
        let parts = match (origin, self.tile.panels) {
            (Origin::Place(_), Some(panels)) => panels.count,
            _ => 1,
        };
        let row = match access {
            Access::Wide => self.tile.width * parts,
            Access::Row => 1,
            Access::Column | Access::One => 0,
        };
        let in_parts = parts > 1 && matches!(access, Access::Wide | Access::Column);
        Stream { origin, row: if self.tile.flat { row.min(1) } else { row }, in_parts }
    }

    fn read(&mut self, arg: &Operand, shape: Access) -> Value {
        let origin = origin(arg.source);
        let access = self.access(arg.access);
        let stream = self.stream(origin, access);
        if let Origin::Place(place) = origin
            && place.space == Space::Index
        {
            let number = self.number(Stream { origin: Origin::Index(place), ..stream });
            return self.trace.value(if self.packed {
                Operation::Spread(number, 0)
            } else {
                Operation::SplatIndex(number)
            });
        }
        let in_rows = matches!(access, Access::Row | Access::Column) && !self.columns;
        self.by_rows |= shape == Access::Wide && in_rows;
        let moves = matches!(access, Access::Wide | Access::Row);
        if moves && let Some(&value) = self.values.get(&stream) {
            return value;
        }
        let number = self.number(stream);
        let version = self.versions.get(&number).copied().unwrap_or(0);
        let value = self.trace.value(match access {
            Access::One => Operation::Splat(number),
            Access::Row if self.packed => Operation::Spread(number, version),
            Access::Column if self.packed => Operation::Repeat(number),
            Access::Column if self.columns => Operation::Lanes(number),
            // There, the row itself may be written later.
            Access::Row if self.narrow => Operation::LoadRow(number, version),
            Access::Row if shape == Access::Wide => Operation::Splat(number),
            _ => Operation::Load(number, version),
        });
        if moves {
            self.values.insert(stream, value);
        }
        value
    }

    fn write(&mut self, instr: &TileInstr, value: Value) {
        let shape = self.access(instr.shape);
        match instr.to {
            Target::Register(r) => {
                self.values.insert(self.stream(Origin::Register(r), shape), value);
                self.written.insert(r, shape);
            }
            Target::Memory(place) => {
                let stream = self.stream(Origin::Place(place), shape);
                let number = self.number(stream);
                *self.versions.entry(number).or_default() += 1;
                self.values.insert(stream, value);
                self.store(number, shape, value);
            }
        }
    }

    /// Gathers a value over each row.
    fn reduce(&mut self, how: Reduction, to: Target, value: Value) {
        let origin = match to {
            Target::Register(r) => {
                self.written.remove(&r);
                Origin::Register(r)
            }
            Target::Memory(place) => Origin::Place(place),
        };
        let stream = self.stream(origin, Access::Row);
        let number = self.number(stream);
        self.by_rows = true;
        self.reduced.push(stream);
        self.trace.store(Operation::Reduce(how, number, value));
    }

    fn store(&self, stream: usize, shape: Access, value: Value) {
        self.trace.store(match shape {
            Access::Row if self.packed => Operation::Collect(stream, value),
            Access::Row if self.narrow => Operation::StoreRow(stream, value),
            _ => Operation::Store(stream, value),
        });
    }

    /// Writes the registers that later instructions read.
    fn finish(mut self) -> (Vec<Operation>, Vec<Stream>, Shape) {
        for (register, access) in std::mem::take(&mut self.written) {
            if is_read(&self.tile.instrs[self.end..], register) {
                let stream = self.stream(Origin::Register(register), access);
                let (number, value) = (self.number(stream), self.values[&stream]);
                self.store(number, access, value);
            }
        }
        let shape = match self.shape {
            _ if self.packed => Shape::Packed,
            Some(Access::Row) if !self.narrow => Shape::Column,
            _ if self.by_rows || self.narrow => Shape::Rows,
            _ => Shape::Elements,
        };
        (self.trace.finish(), self.streams, shape)
    }
}

fn origin(source: Source) -> Origin {
    match source {
        Source::Memory(place) => Origin::Place(place),
        Source::Register(r) => Origin::Register(r),
        Source::Scalar(i) => Origin::Scalar(i),
    }
}

/// Whether all of a tile's instructions work on wide values, column by column.
fn has_no_rows(tile: &Tile) -> bool {
    tile.instrs.iter().all(|instr| {
        let of_rows = |arg: &Operand| arg.access == Access::Row;
        matches!(instr.kind, TileKind::Map(_))
            && instr.shape == Access::Wide
            && !instr.args.iter().any(of_rows)
    })
}

/// Whether a register is read before it is written again.
fn is_read(instrs: &[TileInstr], register: usize) -> bool {
    for instr in instrs {
        if instr.args.iter().any(|arg| arg.source == Source::Register(register)) {
            return true;
        }
        if instr.to == Target::Register(register) {
            return false;
        }
    }
    false
}
