//! The tile interpreter: fused elementwise chains over blocks that stay in the first-level cache.
//!
//! An instruction runs over the whole block before the next one starts, so the cost of dispatching it
//! is paid once per block, and intermediate results never leave the cache.

use crate::kernels::{TileOp, random};
use crate::machine::Memory;
use crate::program::{Access, Operand, Source, Target, Tile, TileInstr, TileKind};
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
    let splats: usize = tile.instrs.iter().map(|instr| instr.args.len()).sum();
    register * tile.registers + splats * lanes
}

fn register_len(width: usize, lanes: usize) -> usize {
    (block_rows(width) * width.max(1)).next_multiple_of(lanes) + lanes
}

/// An operand resolved for one block.
#[derive(Clone, Copy)]
struct Pointer<T> {
    at: *const T,
    /// Elements from one row of the block to the next.
    row: usize,
    /// All ones if the elements follow one another, 0 if `at` is a vector of equal elements.
    mask: usize,
    /// Whether the element at `at + row` must be splatted for each row.
    splat: bool,
    /// Whether whole vectors are readable beyond the end: a register.
    padded: bool,
}

/// The block an instruction works on.
struct Block<T> {
    to: *mut T,
    to_row: usize,
    rows: usize,
    columns: usize,
    /// Whether whole vectors may be written beyond the end of a single row: a register.
    padded: bool,
}

/// Runs a tile over rows `first..end`.
///
/// # Safety
/// The tile's places are inside the memory for `end` rows, no other thread writes what it reads or
/// writes, and the machine has the instruction set `ISA`.
#[inline(always)]
pub(crate) unsafe fn run<T: Real, const L: usize, const ISA: u8>(
    tile: &Tile,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    // A flat tile is cut anywhere, so that wide rows do not make large blocks.
    let (width, first, end) =
        if tile.flat { (1, first * tile.width, end * tile.width) } else { (tile.width, first, end) };
    let register = register_len(width, L);
    // SAFETY: scratch has `scratch_len` elements; registers come first, then one splat per operand.
    unsafe {
        let splats = memory.scratch.add(register * tile.registers);
        let mut slot = splats;
        for instr in &tile.instrs {
            for arg in &instr.args {
                if arg.access == Access::One && !matches!(instr.kind, TileKind::Uniform(_)) {
                    let value = match arg.source {
                        Source::Scalar(i) => T::from_f64(*memory.scalars.add(i)),
                        Source::Memory(place) => *memory.real(place),
                        Source::Register(_) => T::ZERO,
                    };
                    Vector::<T, L>::splat(value).store(slot);
                }
                slot = slot.add(L);
            }
        }
        let step = block_rows(width);
        let mut row = first;
        while row < end {
            let rows = step.min(end - row);
            let mut slot = splats;
            for instr in &tile.instrs {
                let frame = Frame { memory, width, register, row, rows };
                instruction::<T, L, ISA>(instr, &frame, slot);
                slot = slot.add(L * instr.args.len());
            }
            row += rows;
        }
    }
}

/// Where an instruction finds itself: the block's rows within the tile.
struct Frame<'a, T> {
    memory: &'a Memory<T>,
    width: usize,
    register: usize,
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
        let stride = self.stride(shape);
        // SAFETY: registers lie in scratch; places hold all rows.
        unsafe {
            match to {
                Target::Register(r) => self.memory.scratch.add(r * self.register),
                Target::Memory(place) => self.memory.real(place).add(self.row * stride),
            }
        }
    }

    /// # Safety
    /// As for [`run`]; `splat` points at the operand's splatted vector.
    #[inline(always)]
    unsafe fn operand(&self, arg: &Operand, splat: *const T) -> Pointer<T> {
        let (row, mask, splat_rows) = match arg.access {
            Access::Wide => (self.width, usize::MAX, false),
            Access::Row => (1, usize::MAX, true),
            Access::Column => (0, usize::MAX, false),
            Access::One => return Pointer { at: splat, row: 0, mask: 0, splat: false, padded: true },
        };
        // SAFETY: registers lie in scratch; places hold all rows.
        let at = unsafe {
            match arg.source {
                Source::Register(r) => self.memory.scratch.add(r * self.register).cast_const(),
                Source::Memory(place) => self.memory.real(place).add(self.row * row).cast_const(),
                Source::Scalar(_) => splat,
            }
        };
        let padded = matches!(arg.source, Source::Register(_));
        Pointer { at, row, mask, splat: splat_rows, padded }
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
                for (k, arg) in instr.args.iter().enumerate().take(3) {
                    args[k] = frame.operand(arg, splats.add(k * L));
                }
                let by_rows = instr.shape == Access::Wide
                    && instr.args.iter().any(|arg| matches!(arg.access, Access::Row | Access::Column));
                let block = if instr.shape == Access::Row {
                    // Rows are the elements: a row operand is simply contiguous.
                    for arg in &mut args {
                        arg.splat = false;
                    }
                    Block { to, to_row: 0, rows: 1, columns: frame.rows, padded }
                } else if by_rows {
                    Block { to, to_row: frame.width, rows: frame.rows, columns: frame.width, padded: false }
                } else {
                    Block { to, to_row: 0, rows: 1, columns: frame.rows * frame.width, padded }
                };
                map::<T, L, ISA>(op, &block, &args);
            }
            TileKind::SumRow => {
                let from = frame.operand(&instr.args[0], splats).at;
                for r in 0..frame.rows {
                    *to.add(r) = sum::<T, L, ISA>(from.add(r * frame.width), frame.width);
                }
            }
            TileKind::MaxRow => {
                let from = frame.operand(&instr.args[0], splats).at;
                for r in 0..frame.rows {
                    *to.add(r) = maximum::<T, L>(from.add(r * frame.width), frame.width);
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

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn map<T: Real, const L: usize, const ISA: u8>(op: TileOp, block: &Block<T>, args: &[Pointer<T>; 3]) {
    macro_rules! lanes {
        ($arity:literal, |$($x:ident),*| $body:expr) => {
            // SAFETY: the caller promises the block and its operands.
            unsafe {
                apply::<T, L, $arity, ISA>(block, args, #[inline(always)] |v: [T; $arity]| {
                    let [$($x),*] = v;
                    $body
                })
            }
        };
    }
    // Functions that are calls run element by element.
    macro_rules! calls {
        ($arity:literal, |$($x:ident),*| $body:expr) => {
            // SAFETY: the caller promises the block and its operands.
            unsafe {
                apply::<T, 1, $arity, ISA>(block, args, #[inline(always)] |v: [T; $arity]| {
                    let [$($x),*] = v;
                    $body
                })
            }
        };
    }
    macro_rules! math {
        (|$x:ident| $body:expr) => {
            if T::VECTOR_MATH { lanes!(1, |$x| $body) } else { calls!(1, |$x| $body) }
        };
    }
    match op {
        TileOp::Copy => lanes!(1, |a| a),
        TileOp::Neg => lanes!(1, |a| -a),
        TileOp::Abs => lanes!(1, |a| a.abs()),
        TileOp::Sign => {
            lanes!(1, |a| if a.is_nan() { a } else { T::truth(a > T::ZERO) - T::truth(a < T::ZERO) })
        }
        TileOp::Exp => math!(|a| a.exp::<ISA>()),
        TileOp::Ln => math!(|a| a.ln::<ISA>()),
        TileOp::Sqrt => lanes!(1, |a| a.sqrt()),
        TileOp::Tanh => math!(|a| a.tanh::<ISA>()),
        TileOp::Sigmoid => math!(|a| T::ONE / (T::ONE + (-a).exp::<ISA>())),
        TileOp::Softplus => math!(|a| softplus::<T, ISA>(a)),
        TileOp::Relu => lanes!(1, |a| if a < T::ZERO { T::ZERO } else { a }),
        TileOp::Erf => math!(|a| a.erf::<ISA>()),
        TileOp::Sin => calls!(1, |a| a.sin()),
        TileOp::Cos => calls!(1, |a| a.cos()),
        TileOp::Floor => lanes!(1, |a| a.floor()),
        TileOp::Add => lanes!(2, |a, b| a + b),
        TileOp::Sub => lanes!(2, |a, b| a - b),
        TileOp::Mul => lanes!(2, |a, b| a * b),
        TileOp::Div => lanes!(2, |a, b| a / b),
        TileOp::Pow => calls!(2, |a, b| a.pow(b)),
        TileOp::Maximum => lanes!(2, |a, b| a.larger(b)),
        TileOp::Minimum => lanes!(2, |a, b| a.smaller(b)),
        TileOp::Less => lanes!(2, |a, b| T::truth(a < b)),
        TileOp::LessEqual => lanes!(2, |a, b| T::truth(a <= b)),
        TileOp::Equal => lanes!(2, |a, b| T::truth(a == b)),
        TileOp::Select => lanes!(3, |a, b, c| if a != T::ZERO { b } else { c }),
        TileOp::MulAdd => lanes!(3, |a, b, c| a.mul_add::<ISA>(b, c)),
        TileOp::MulSub => lanes!(3, |a, b, c| a.mul_add::<ISA>(b, -c)),
        TileOp::NegMulAdd => lanes!(3, |a, b, c| (-a).mul_add::<ISA>(b, c)),
    }
}

/// ln(1 + eᵃ) = max(a, 0) + ln(1 + u) with u = e^−|a|; ln(1 + u) by Kahan's correction of ln(w)·u/(w − 1).
#[inline(always)]
fn softplus<T: Real, const ISA: u8>(a: T) -> T {
    let u = (-a.abs()).exp::<ISA>();
    let w = T::ONE + u;
    let d = w - T::ONE;
    let log = if d == T::ZERO { u } else { w.ln::<ISA>() * (u / d) };
    (if a < T::ZERO { T::ZERO } else { a }) + log
}

/// Applies `f` lane by lane over a block.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn apply<T: Real, const L: usize, const N: usize, const ISA: u8>(
    block: &Block<T>,
    args: &[Pointer<T>; 3],
    f: impl Fn([T; N]) -> T + Copy,
) {
    let mut row_splats = [Vector::<T, L>::splat(T::ZERO); N];
    for r in 0..block.rows {
        let mut from = [args[0].at; N];
        let mut splats = 0;
        let mut padded = [false; N];
        for k in 0..N {
            from[k] = args[k].at.wrapping_add(r * args[k].row);
            if args[k].splat {
                // SAFETY: a row operand has an element for every row.
                row_splats[k] = Vector::splat(unsafe { *from[k] });
                from[k] = (&raw const row_splats[k]).cast();
            }
            padded[k] = args[k].padded;
            splats |= usize::from(args[k].splat || args[k].mask == 0) << k;
        }
        // SAFETY: the caller promises `columns` elements of every operand by its strides, and of the target.
        unsafe {
            let to = block.to.add(r * block.to_row);
            let line = Line { columns: block.columns, padded, to_padded: block.padded };
            // The patterns that models are made of keep their equal elements in a register.
            match splats {
                0 if N >= 2 => along::<T, L, N, ISA, 0>(to, &from, &line, f),
                1 if N == 2 => along::<T, L, N, ISA, 1>(to, &from, &line, f),
                2 if N >= 2 => along::<T, L, N, ISA, 2>(to, &from, &line, f),
                _ => scattered::<T, L, N, ISA>(to, &from, splats, &line, f),
            }
        }
    }
}

/// One row of a block.
struct Line<const N: usize> {
    columns: usize,
    /// Which operands have readable elements beyond the end.
    padded: [bool; N],
    /// Whether the target has writable elements beyond the end.
    to_padded: bool,
}

impl<const N: usize> Line<N> {
    /// The last `left < L` elements. Registers are read and written as whole vectors: what one instruction
    /// stores whole, the next one can load without waiting for the cache.
    ///
    /// # Safety
    /// `left` elements are readable at each operand that is not a vector of equal elements, and writable at
    /// the target; `L` where padded.
    #[inline(always)]
    unsafe fn tail<T: Real, const L: usize, const ISA: u8>(
        &self,
        to: *mut T,
        from: &[*const T; N],
        splats: usize,
        i: usize,
        f: impl Fn([T; N]) -> T + Copy,
    ) {
        let left = self.columns - i;
        let mut x = [Vector::<T, L>::splat(T::ZERO); N];
        // SAFETY: the caller promises the elements.
        unsafe {
            for k in 0..N {
                x[k] = if splats >> k & 1 == 1 {
                    Vector::load(from[k])
                } else if self.padded[k] {
                    Vector::load(from[k].add(i))
                } else {
                    Vector::load_part::<ISA>(from[k].add(i), left)
                };
            }
            let y = lanes(&x, f);
            if self.to_padded {
                y.store(to.add(i));
            } else {
                y.store_part::<ISA>(to.add(i), left);
            }
        }
    }
}

/// One row with the operands in `SPLATS` (a bit each) being vectors of equal elements.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn along<T: Real, const L: usize, const N: usize, const ISA: u8, const SPLATS: usize>(
    to: *mut T,
    from: &[*const T; N],
    line: &Line<N>,
    f: impl Fn([T; N]) -> T + Copy,
) {
    // SAFETY: every load and store stays below `columns`.
    unsafe {
        let mut x = [Vector::<T, L>::splat(T::ZERO); N];
        for k in 0..N {
            if SPLATS >> k & 1 == 1 {
                x[k] = Vector::load(from[k]);
            }
        }
        let mut i = 0;
        while i + L <= line.columns {
            for k in 0..N {
                if SPLATS >> k & 1 == 0 {
                    x[k] = Vector::load(from[k].add(i));
                }
            }
            lanes(&x, f).store(to.add(i));
            i += L;
        }
        if i < line.columns {
            line.tail::<T, L, ISA>(to, from, SPLATS, i, f);
        }
    }
}

/// As [`along`] for any pattern of equal operands.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn scattered<T: Real, const L: usize, const N: usize, const ISA: u8>(
    to: *mut T,
    from: &[*const T; N],
    splats: usize,
    line: &Line<N>,
    f: impl Fn([T; N]) -> T + Copy,
) {
    // SAFETY: every load and store stays below `columns`; equal operands are whole vectors.
    unsafe {
        let mut i = 0;
        while i + L <= line.columns {
            let mut x = [Vector::<T, L>::splat(T::ZERO); N];
            for k in 0..N {
                x[k] = Vector::load(if splats >> k & 1 == 1 { from[k] } else { from[k].add(i) });
            }
            lanes(&x, f).store(to.add(i));
            i += L;
        }
        if i < line.columns {
            line.tail::<T, L, ISA>(to, from, splats, i, f);
        }
    }
}

#[inline(always)]
fn lanes<T: Real, const L: usize, const N: usize>(
    x: &[Vector<T, L>; N],
    f: impl Fn([T; N]) -> T,
) -> Vector<T, L> {
    let mut out = [T::ZERO; L];
    for (i, lane) in out.iter_mut().enumerate() {
        let mut v = [T::ZERO; N];
        for k in 0..N {
            v[k] = x[k].0[i];
        }
        *lane = f(v);
    }
    Vector(out)
}

/// The sum of a contiguous range: four interleaved vector sums that meet in a fixed tree.
///
/// # Safety
/// `n` elements are readable.
#[inline(always)]
pub(crate) unsafe fn sum<T: Real, const L: usize, const ISA: u8>(from: *const T, n: usize) -> T {
    let mut acc = [Vector::<T, L>::splat(T::ZERO); 4];
    let mut i = 0;
    // SAFETY: every load stays below n.
    unsafe {
        while i + 4 * L <= n {
            for (k, v) in acc.iter_mut().enumerate() {
                *v = v.add(Vector::load(from.add(i + k * L)));
            }
            i += 4 * L;
        }
        let mut k = 0;
        while i + L <= n {
            acc[k] = acc[k].add(Vector::load(from.add(i)));
            (i, k) = (i + L, k + 1);
        }
        if i < n {
            acc[3] = acc[3].add(Vector::load_part::<ISA>(from.add(i), n - i));
        }
    }
    acc[0].add(acc[1]).add(acc[2].add(acc[3])).fold(|a, b| a + b)
}

/// The maximum of a contiguous range; NaN if it has one, −∞ if it is empty.
///
/// # Safety
/// `n` elements are readable.
#[inline(always)]
unsafe fn maximum<T: Real, const L: usize>(from: *const T, n: usize) -> T {
    let mut best = Vector::<T, L>::splat(T::NEG_INFINITY);
    let mut i = 0;
    // SAFETY: every load stays below n.
    unsafe {
        while i + L <= n {
            best = best.zip(Vector::load(from.add(i)), T::larger);
            i += L;
        }
        let mut result = best.fold(T::larger);
        while i < n {
            result = result.larger(*from.add(i));
            i += 1;
        }
        result
    }
}
