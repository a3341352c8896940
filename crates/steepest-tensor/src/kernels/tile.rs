//! Tiles: fused elementwise chains and row reductions over blocks that stay in the first-level cache.
//!
//! Where the machine allows it, stretches of elementwise instructions run as native loops; all others are
//! interpreted: an instruction runs over the whole block before the next one starts, so the cost of
//! dispatching it is paid once per block, and intermediate results never leave the cache.

use crate::kernels::elementwise::{self, Pointer};
use crate::kernels::{random, reduce};
use crate::memory::Memory;
use crate::native::{Block, Native, Ready};
use crate::program::{Access, Operand, Panels, Source, Target, Tile, TileInstr, TileKind};
use crate::real::{Real, Vector};

/// Elements of a register block; four kilobytes in single precision.
pub(crate) const BLOCK: usize = 1024;

/// Rows that go through a tile's instructions together.
pub(crate) fn block_rows(width: usize) -> usize {
    (BLOCK / width.max(1)).max(1)
}

/// Elements of a thread's scratch memory that a tile needs: its registers and splatted scalars.
pub(crate) fn scratch_len(tile: &Tile, lanes: usize) -> usize {
    let register = register_len(if tile.flat { 1 } else { tile.width }, lanes);
    register * tile.registers + 3 * lanes
}

fn register_len(width: usize, lanes: usize) -> usize {
    (block_rows(width) * width.max(1)).next_multiple_of(lanes) + lanes
}

/// A part of a tile's work.
pub(crate) enum Step {
    /// One instruction, by number.
    Interpret(usize),
    /// A stretch of instructions as one loop.
    Native(Native),
}

/// A single loop without registers takes all rows at once.
fn alone(steps: &[Step]) -> Option<&Native> {
    match steps {
        [Step::Native(native)] if !native.uses_registers() => Some(native),
        _ => None,
    }
}

/// Rows `first..end` as one block. A flat tile is cut anywhere, so that wide rows do not make large blocks.
fn whole(tile: &Tile, first: usize, end: usize) -> Block {
    let (width, first, end) =
        if tile.flat { (1, first * tile.width, end * tile.width) } else { (tile.width, first, end) };
    Block { panel: 0, row: first, rows: end - first, width, register: 0 }
}

/// The loop that is all of a tile of so many rows, if it is one loop.
pub(crate) fn ready(tile: &Tile, steps: &[Step], rows: usize, lanes: usize, size: usize) -> Option<Ready> {
    let native = alone(steps).filter(|_| tile.panels.is_none())?;
    native.ready(&whole(tile, 0, rows), lanes, size)
}

/// Runs a tile over rows `first..end`.
///
/// # Safety
/// The tile's places are inside the memory for `end` rows, no other thread writes what it reads or
/// writes, the steps are the tile's, and the machine has the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn run<T: Real, const L: usize, const ISA: u8>(
    tile: &Tile,
    steps: &[Step],
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    let alone = alone(steps);
    let Block { row: first, rows, width, .. } = whole(tile, first, end);
    let end = first + rows;
    let register = register_len(width, L);
    let block = if alone.is_some() { end - first } else { block_rows(width) };
    let Panels { count, height } = tile.panels.unwrap_or(Panels { count: 1, height: usize::MAX });
    let mut unit = first;
    while unit < end {
        let (panel, row) = if unit < height { (0, unit) } else { (unit / height, unit % height) };
        let rows = block.min(end - unit).min(height - row);
        let panel = (width * count, width * panel);
        let frame = Frame { memory, width, register, panel, row, rows };
        for step in steps {
            // SAFETY: scratch has `scratch_len` elements; registers come first, then three splats.
            unsafe {
                match step {
                    Step::Native(native) => {
                        native.run::<T, L>(memory, &Block { panel: panel.1, row, rows, width, register });
                    }
                    Step::Interpret(i) => {
                        let splats = memory.scratch.add(register * tile.registers);
                        instruction::<T, L, ISA>(&tile.instrs[*i], &frame, splats);
                    }
                }
            }
        }
        unit += rows;
    }
}

/// Where an instruction finds itself: the block's rows within a panel of the tile.
struct Frame<'a, T> {
    memory: &'a Memory<T>,
    width: usize,
    register: usize,
    /// Elements from one row to the next of what is wide in memory, and from a row's first to the panel's.
    panel: (usize, usize),
    row: usize,
    rows: usize,
}

impl<T: Real> Frame<'_, T> {
    /// Elements of a result for each row.
    #[inline(always)]
    fn stride(&self, shape: Access) -> usize {
        if shape == Access::Wide { self.width } else { 1 }
    }

    /// # Safety
    /// As for [`run`].
    #[inline(always)]
    unsafe fn target(&self, to: Target, shape: Access) -> *mut T {
        let (row, first) = if shape == Access::Wide { self.panel } else { (1, 0) };
        // SAFETY: registers lie in scratch; places hold all rows.
        unsafe {
            match to {
                Target::Register(r) => self.memory.scratch.add(r * self.register),
                Target::Memory(place) => self.memory.at(place, first + self.row * row),
            }
        }
    }

    /// # Safety
    /// As for [`run`]; `splat` has room for a vector.
    #[inline(always)]
    unsafe fn operand<const L: usize>(&self, arg: &Operand, splat: *mut T) -> Pointer<T> {
        let in_memory = matches!(arg.source, Source::Memory(_));
        let (row, first, splat_rows) = match arg.access {
            Access::Wide if in_memory => (self.panel.0, self.panel.1, false),
            Access::Wide => (self.width, 0, false),
            Access::Row => (1, 0, true),
            Access::Column => (0, self.panel.1, false),
            Access::One => {
                // SAFETY: the caller promises room for a vector; a single element is read in place.
                unsafe {
                    let value = match arg.source {
                        Source::Scalar(i) => *self.memory.reals.add(i),
                        Source::Memory(place) => *self.memory.real(place),
                        Source::Register(_) => T::ZERO,
                    };
                    Vector::<T, L>::splat(value).store(splat);
                }
                return Pointer { at: splat, row: 0, mask: 0, splat: false, padded: true };
            }
        };
        // SAFETY: registers lie in scratch; places hold all rows.
        let at = unsafe {
            match arg.source {
                Source::Register(r) => self.memory.scratch.add(r * self.register).cast_const(),
                Source::Memory(place) => self.memory.at(place, first + self.row * row).cast_const(),
                Source::Scalar(_) => splat,
            }
        };
        let padded = matches!(arg.source, Source::Register(_));
        Pointer { at, row, mask: usize::MAX, splat: splat_rows, padded }
    }
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn instruction<T: Real, const L: usize, const ISA: u8>(
    instr: &TileInstr,
    frame: &Frame<'_, T>,
    splats: *mut T,
) {
    // SAFETY: the caller promises all places for the frame's rows.
    unsafe {
        let to = frame.target(instr.to, instr.shape);
        match instr.kind {
            TileKind::Map(op) => {
                let nothing =
                    Pointer { at: splats.cast_const(), row: 0, mask: 0, splat: false, padded: true };
                let padded = matches!(instr.to, Target::Register(_));
                let mut args = [nothing; 3];
                // Numbers become vectors of equal elements.
                for (k, arg) in instr.args.iter().enumerate().take(3) {
                    args[k] = frame.operand::<L>(arg, splats.add(k * L));
                }
                let rows_matter = |arg: &Operand| matches!(arg.access, Access::Row | Access::Column);
                let in_parts = frame.panel.0 != frame.width;
                let by_rows = instr.shape == Access::Wide && (in_parts || instr.args.iter().any(rows_matter));
                let block = if instr.shape == Access::Row {
                    // Rows are the elements: a row operand is simply contiguous.
                    for arg in &mut args {
                        arg.splat = false;
                    }
                    elementwise::Block { to, to_row: 0, rows: 1, columns: frame.rows, padded }
                } else if by_rows {
                    elementwise::Block {
                        to,
                        to_row: if padded { frame.width } else { frame.panel.0 },
                        rows: frame.rows,
                        columns: frame.width,
                        padded: false,
                    }
                } else {
                    elementwise::Block { to, to_row: 0, rows: 1, columns: frame.rows * frame.width, padded }
                };
                elementwise::map::<T, L, ISA>(op, &block, &args);
            }
            TileKind::SumRow => {
                let from = frame.operand::<L>(&instr.args[0], splats).at;
                for r in 0..frame.rows {
                    *to.add(r) = reduce::sum::<T, L, ISA>(from.add(r * frame.width), frame.width);
                }
            }
            TileKind::MaxRow => {
                let from = frame.operand::<L>(&instr.args[0], splats).at;
                for r in 0..frame.rows {
                    *to.add(r) = reduce::maximum::<T, L>(from.add(r * frame.width), frame.width);
                }
            }
            TileKind::OneHot => {
                let Source::Memory(place) = instr.args[0].source else { return };
                let indices = frame.memory.index(place).add(frame.row);
                let width = frame.stride(instr.shape);
                for r in 0..frame.rows {
                    let row = to.add(r * width);
                    let class = *indices.add(r) as usize;
                    // A label outside the classes must not cost nothing: it makes the loss NaN.
                    let filler = if class < width { T::ZERO } else { T::from_f64(f64::NAN) };
                    for c in 0..width {
                        *row.add(c) = filler;
                    }
                    if class < width {
                        *row.add(class) = T::ONE;
                    }
                }
            }
            TileKind::Uniform(key) => {
                let step = match instr.args[0].source {
                    Source::Scalar(i) => *frame.memory.scalars.add(i),
                    Source::Memory(place) => (*frame.memory.real(place)).to_f64(),
                    Source::Register(_) => return,
                };
                let width = frame.stride(instr.shape);
                random::uniform(key.at(step as u64), (frame.row * width) as u64, to, frame.rows * width);
            }
        }
    }
}
