//! From operations on vectors to a loop in machine code, with values in registers.
//!
//! The function takes the streams' table, the number of rows (at least one), the elements of a row that fill
//! whole vectors, and the mask of the rest. Registers are given out as the operations come; if they run
//! short, the value that is needed last goes to the stack.

use std::collections::BTreeMap;

use crate::kernels::lane::Test;
use crate::native::assembler::{
    Address, Assembler, Condition, Gpr, Masked, Opcode, Operand, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP,
    WHOLE, Zmm,
};
use crate::native::trace::{Binary, Fused, Operation, Reduction, Unary, Value};

/// Bytes of a vector.
const VECTOR: i32 = 64;
/// Bytes of a stream's entry in the table: where it is, and the step from one row to the next.
const ENTRY: i32 = 16;
/// The mask of the last elements of a row.
const REST: u8 = 1;
/// The mask of a comparison.
const COMPARED: u8 = 2;
/// The masks of the first lanes of packed rows: all of them, and those of the last elements.
const FIRST: u8 = 3;
const FIRST_OF_REST: u8 = 4;
/// The predicate of comparisons that asks for NaN.
const UNORDERED: u8 = 3;
/// Vector registers for values.
const REGISTERS: usize = 30;
/// Those for work within an operation.
const SPARE: [Zmm; 2] = [30, 31];
/// Registers that hold where streams are; further streams are looked up in the table at each use, and moved on there
/// from row to row.
pub(super) const STREAM_REGISTERS: [Gpr; 9] = [8, 9, 10, 11, RBX, RBP, 12, 13, 14];
/// The first of them that belongs to the caller.
const SAVED: usize = 4;
/// For streams without a register of their own.
const LOOK_UP: Gpr = 15;

/// The rows that sums and maxima are of.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    /// Elements of one.
    pub width: usize,
    /// Whether a vector holds several of them, of two or four elements in single precision.
    pub packed: bool,
    /// Whether there is one element in all.
    pub single: bool,
}

/// Makes the code of a loop over streams, of which some move from row to row.
pub(crate) fn emit(operations: &[Operation], moving: &[bool], rows: Rows, double: bool) -> Vec<u8> {
    let mut emitter = Emitter::new(operations, rows, double);
    // Once without keeping the code, to learn how much of the stack it takes.
    emitter.body(None, 0);
    let stack = emitter.slots as i32 * VECTOR;
    // Some processors take two turns for a whole vector, and no less for the one element in it.
    emitter.assembler = Assembler::default();
    emitter.assembler.half = rows.single;
    emitter.function(moving, stack);
    emitter.assembler.finish()
}

struct Emitter<'a> {
    assembler: Assembler,
    operations: &'a [Operation],
    rows: Rows,
    double: bool,
    /// The operation that uses each value last.
    last: Vec<usize>,
    /// Registers of the values that stay the same throughout a row.
    fixed: BTreeMap<Value, Zmm>,
    /// The first of the registers in which each reduction over wide rows gathers its vectors.
    gathered: BTreeMap<usize, Zmm>,
    /// The number of registers for all other values: 0 up to this.
    free: usize,
    /// Stack slots of the whole function.
    slots: usize,
}

/// Where values are while a body is emitted.
struct Body {
    masked: Masked,
    /// Which of a sum's vectors it adds to.
    part: usize,
    /// What each register holds.
    held: Vec<Option<Value>>,
    registers: BTreeMap<Value, Zmm>,
    spilled: BTreeMap<Value, usize>,
}

impl<'a> Emitter<'a> {
    fn new(operations: &'a [Operation], rows: Rows, double: bool) -> Emitter<'a> {
        let mut last = vec![0; operations.len()];
        for (at, operation) in operations.iter().enumerate() {
            let (operands, n) = operation.operands();
            operands[..n].iter().for_each(|&value| last[value] = at);
        }
        // As many invariant values get a register as the others leave at their most crowded point.
        let (mut live, mut most) = (0, 0);
        let mut ends = vec![0; operations.len()];
        for (at, operation) in operations.iter().enumerate() {
            let makes = !operation.is_invariant() && !operation.is_store();
            live += usize::from(makes);
            most = most.max(live);
            if makes {
                ends[last[at].max(at)] += 1;
            }
            live -= ends[at];
        }
        let (mut gathered, mut registers) = (BTreeMap::new(), REGISTERS);
        for (at, operation) in operations.iter().enumerate() {
            if let Operation::Reduce(how, ..) = operation {
                registers -= how.vectors();
                gathered.insert(at, registers as Zmm);
            }
        }
        let room = (registers - 5).saturating_sub(most);
        let invariants = (0..operations.len()).filter(|&value| operations[value].is_invariant());
        let fixed: BTreeMap<Value, Zmm> = invariants.take(room).zip((0..registers as u8).rev()).collect();
        let free = registers - fixed.len();
        let assembler = Assembler::default();
        Emitter { assembler, operations, rows, double, last, fixed, gathered, free, slots: 0 }
    }

    fn function(&mut self, moving: &[bool], stack: i32) {
        let held = STREAM_REGISTERS.iter().take(moving.len());
        let saved: Vec<Gpr> = held.skip(SAVED).copied().chain([LOOK_UP]).collect();
        for &register in &saved {
            self.assembler.push(register);
        }
        if stack > 0 {
            self.assembler.add(RSP, -stack);
        }
        self.assembler.mask_from(REST, RCX);
        if self.rows.packed {
            let first_lanes = (0..16).step_by(self.rows.width).fold(0, |mask, lane| mask | 1 << lane);
            self.assembler.constant(RAX, first_lanes);
            self.assembler.mask_from(FIRST, RAX);
            self.assembler.mask_and(FIRST_OF_REST, FIRST, REST);
        }
        for (stream, &register) in STREAM_REGISTERS.iter().enumerate().take(moving.len()) {
            self.assembler.load(register, entry(stream, 0));
        }
        let by_row = |value: Value| matches!(self.operations[value], Operation::Splat(s) | Operation::SplatIndex(s) if moving[s]);
        let (of_row, of_all): (Vec<_>, Vec<_>) =
            self.fixed.clone().into_iter().partition(|(v, _)| by_row(*v));
        for (value, register) in of_all {
            self.invariant(value, register);
        }
        let [row, main, rest, next, done] = [(); 5].map(|()| self.assembler.label());
        // A sum over a row is made of four, to which its vectors are added by turns.
        let step = VECTOR / self.size();
        let (turns, over) = match self.gathered.is_empty() {
            true => (1, 0),
            false => (4, self.rows.width / step as usize % 4),
        };
        self.assembler.add(RDX, -(over as i32) * step);
        self.assembler.bind(row);
        for (value, register) in of_row {
            self.invariant(value, register);
        }
        self.begin_row();
        self.assembler.clear(RAX);
        if self.rows.single {
            self.body(Some(REST), 0);
            return self.leave(&saved, stack);
        }
        self.assembler.test(RDX);
        self.assembler.jump_if(Condition::Equal, rest);
        self.assembler.align(16);
        self.assembler.bind(main);
        for turn in 0..turns {
            self.body(None, turn);
            self.assembler.add(RAX, step);
        }
        self.assembler.compare(RAX, RDX);
        self.assembler.jump_if(Condition::Below, main);
        self.assembler.bind(rest);
        for turn in 0..over {
            self.body(None, turn);
            self.assembler.add(RAX, step);
        }
        self.assembler.test(RCX);
        self.assembler.jump_if(Condition::Equal, next);
        self.body(Some(REST), turns - 1);
        self.assembler.bind(next);
        self.end_row();
        self.assembler.decrement(RSI);
        self.assembler.jump_if(Condition::Equal, done);
        for (stream, _) in moving.iter().enumerate().filter(|(_, moves)| **moves) {
            if let Some(&register) = STREAM_REGISTERS.get(stream) {
                self.assembler.add_from(register, entry(stream, 8));
            } else {
                self.assembler.load(LOOK_UP, entry(stream, 0));
                self.assembler.add_from(LOOK_UP, entry(stream, 8));
                self.assembler.store(LOOK_UP, entry(stream, 0));
            }
        }
        self.assembler.jump(row);
        self.assembler.bind(done);
        self.leave(&saved, stack);
    }

    fn leave(&mut self, saved: &[Gpr], stack: i32) {
        if stack > 0 {
            self.assembler.add(RSP, stack);
        }
        for &register in saved.iter().rev() {
            self.assembler.pop(register);
        }
        self.assembler.ret();
    }

    fn size(&self) -> i32 {
        if self.double { 8 } else { 4 }
    }

    /// The reductions over a wide row, in order: what they are, their stream, and their first register.
    fn reductions(&self) -> Vec<(Reduction, usize, Zmm)> {
        let of = |(&at, &first): (&usize, &Zmm)| match self.operations[at] {
            Operation::Reduce(how, stream, _) => Some((how, stream, first)),
            _ => None,
        };
        self.gathered.iter().filter_map(of).collect()
    }

    fn begin_row(&mut self) {
        for (how, _, first) in self.reductions() {
            match how {
                Reduction::Sum => (first..first + how.vectors() as Zmm).for_each(|part| self.zero(part)),
                Reduction::Max => self.lowest(first),
            }
        }
    }

    fn end_row(&mut self) {
        for (how, stream, first) in self.reductions() {
            match how {
                Reduction::Sum => {
                    for (to, other) in [(first, first + 1), (first + 2, first + 3), (first, first + 2)] {
                        self.vector(packed(0x58), to, to, Operand::Register(other), WHOLE);
                    }
                    self.sum_row(first, first, WHOLE);
                }
                Reduction::Max => self.max_row(first, first, WHOLE),
            }
            self.store_first(stream, first);
        }
    }

    /// Adds a vector to those that a wide row has had before.
    fn reduce(&mut self, how: Reduction, first: Zmm, from: Zmm, body: &Body) {
        match how {
            Reduction::Sum => {
                let to = first + body.part as Zmm;
                let masked = Masked { zero: false, ..body.masked };
                self.vector(packed(0x58), to, to, Operand::Register(from), masked);
            }
            Reduction::Max => {
                let other = SPARE[0];
                self.larger(other, first, from);
                let masked = Masked { zero: false, ..body.masked };
                self.vector(packed(0x10), first, 0, Operand::Register(other), masked);
            }
        }
    }

    /// One vector of the loop; with a mask, the last one of a row.
    fn body(&mut self, mask: Option<u8>, part: usize) {
        let masked = mask.map_or(WHOLE, |by| Masked { by, zero: true });
        let mut body = Body {
            masked,
            part,
            held: vec![None; self.free],
            registers: self.fixed.clone(),
            spilled: BTreeMap::new(),
        };
        for at in 0..self.operations.len() {
            if !self.operations[at].is_invariant() {
                self.operation(at, &mut body);
            }
        }
        self.slots = self.slots.max(body.spilled.len());
    }

    fn operation(&mut self, at: usize, body: &mut Body) {
        let operation = self.operations[at];
        let (operands, n) = operation.operands();
        let mut from = [0; 4];
        for k in 0..n {
            from[k] = self.in_register(operands[k], at, &operands[..n], body);
        }
        if let Operation::StoreRow(stream, _) = operation {
            self.store_first(stream, from[0]);
            return self.release(at, &operands[..n], body);
        }
        if let Operation::Reduce(how, ..) = operation {
            self.reduce(how, self.gathered[&at], from[0], body);
            return self.release(at, &operands[..n], body);
        }
        if let Operation::Collect(stream, _) = operation {
            let (to, masked) = (self.of_rows(stream), self.first_lanes(body, false));
            let compress = Opcode { map: 2, prefix: 1, byte: 0x8a, wide: false };
            self.assembler.vector(compress, from[0], 0, Operand::Memory(to), masked);
            return self.release(at, &operands[..n], body);
        }
        if let Operation::Store(stream, _) = operation {
            if self.rows.single {
                self.store_first(stream, from[0]);
                return self.release(at, &operands[..n], body);
            }
            let to = self.stream(stream, true);
            let masked = Masked { zero: false, ..body.masked };
            self.vector(packed(0x11), from[0], 0, Operand::Memory(to), masked);
            return self.release(at, &operands[..n], body);
        }
        // A product with a sum is written over one of its operands: here over the sum, or else a copy of it.
        if let Operation::Fused(op, ..) = operation {
            let dies = |k: usize| self.last[operands[k]] == at && !self.fixed.contains_key(&operands[k]);
            let (over, byte) = match op {
                Fused::MulAdd => (2, 0xb8),
                Fused::MulSub => (2, 0xba),
                Fused::NegMulAdd => (2, 0xbc),
            };
            // 213 forms, sixteen below, are written over the first factor.
            let (over, byte) = if dies(over) || !dies(0) || operands[0] == operands[1] {
                (over, byte)
            } else {
                (0, byte - 0x10)
            };
            let dead = dies(over) && operands[..n].iter().filter(|&&v| v == operands[over]).count() == 1;
            let to = if dead {
                body.held[usize::from(from[over])] = Some(at);
                body.registers.remove(&operands[over]);
                body.registers.insert(at, from[over]);
                from[over]
            } else {
                let to = self.take(at, at, &operands[..n], body);
                self.vector(packed(0x10), to, 0, Operand::Register(from[over]), WHOLE);
                to
            };
            let (second, last) = if over == 2 { (from[0], from[1]) } else { (from[1], from[2]) };
            let opcode = Opcode { map: 2, prefix: 1, byte, wide: self.double };
            self.assembler.vector(opcode, to, second, Operand::Register(last), WHOLE);
            return self.release(at, &operands[..n], body);
        }
        // The others read all operands before they write, except comparisons, which go through a mask.
        self.release(at, &operands[..n], body);
        let to = self.take(at, at, &[], body);
        let [a, b, yes, no] = from;
        match operation {
            // A processor passes what was stored a moment ago on to a load of the same size, not to a wider one.
            Operation::Load(stream, _) if self.rows.single => {
                let from = self.stream(stream, false);
                self.assembler.vector(self.one(0x10), to, 0, Operand::Memory(from), WHOLE);
            }
            Operation::Load(stream, _) => {
                let from = self.stream(stream, true);
                self.vector(packed(0x10), to, 0, Operand::Memory(from), body.masked);
            }
            Operation::LoadRow(stream, _) => self.broadcast(stream, to),
            Operation::Spread(stream, _) => {
                let (from, masked) = (self.of_rows(stream), self.first_lanes(body, true));
                let expand = Opcode { map: 2, prefix: 1, byte: 0x88, wide: false };
                self.assembler.vector(expand, to, 0, Operand::Memory(from), masked);
                self.first_lane(to, to);
            }
            Operation::Unary(op, _) => self.unary(op, to, a),
            Operation::Binary(op, ..) => self.binary(op, to, a, b),
            Operation::SumRow(_) => self.sum_row(to, a, body.masked),
            Operation::MaxRow(_) => self.max_row(to, a, body.masked),
            Operation::Choose { test, .. } => {
                let floats = self.typed(packed(0xc2));
                let integers = Opcode { map: 3, prefix: 1, byte: 0x1e, wide: self.double };
                let (compare, predicate) = match test {
                    Test::Equal => (floats, 0),
                    Test::Less => (floats, 1),
                    Test::LessEqual => (floats, 2),
                    Test::Unordered => (floats, UNORDERED),
                    Test::NotEqual => (floats, 4),
                    Test::IntegerEqual => (integers, 0),
                    Test::IntegerLess => (integers, 1),
                };
                self.assembler.vector_with(compare, COMPARED, a, Operand::Register(b), WHOLE, predicate);
                self.blend(to, no, yes);
            }
            _ => {}
        }
    }

    /// Writes the first lane to a stream, for this row.
    fn store_first(&mut self, stream: usize, from: Zmm) {
        let to = self.stream(stream, false);
        self.assembler.vector(self.one(0x11), from, 0, Operand::Memory(to), WHOLE);
    }

    /// An instruction on the first lane.
    fn one(&self, byte: u8) -> Opcode {
        Opcode { map: 1, prefix: 2 + u8::from(self.double), byte, wide: self.double }
    }

    fn zero(&mut self, to: Zmm) {
        self.vector(packed(0x57), to, to, Operand::Register(to), WHOLE);
    }

    fn lowest(&mut self, to: Zmm) {
        let bits = if self.double { f64::NEG_INFINITY.to_bits() } else { f32::NEG_INFINITY.to_bits().into() };
        self.constant(to, bits);
    }

    /// The larger of two, lane by lane; NaN if either is. `to` may be `b`.
    fn larger(&mut self, to: Zmm, a: Zmm, b: Zmm) {
        let compare = self.typed(packed(0xc2));
        self.assembler.vector_with(compare, COMPARED, a, Operand::Register(a), WHOLE, UNORDERED);
        self.vector(packed(0x5f), to, a, Operand::Register(b), WHOLE);
        self.blend(to, to, a);
    }

    /// The sum of a vector's lanes in a tree of halves; lanes beyond the row count as 0.
    fn sum_row(&mut self, to: Zmm, a: Zmm, masked: Masked) {
        let [sum, other] = SPARE;
        self.zero(other);
        // Adding to 0 makes −0 to 0, as in longer sums.
        self.vector(packed(0x58), sum, other, Operand::Register(a), masked);
        for half in self.halves() {
            self.swap(other, sum, half);
            self.vector(packed(0x58), sum, sum, Operand::Register(other), WHOLE);
        }
        self.first_lane(to, sum);
    }

    /// The largest of a vector's lanes; NaN if one is. Lanes beyond the row count as −∞.
    fn max_row(&mut self, to: Zmm, a: Zmm, masked: Masked) {
        let [most, other] = SPARE;
        self.lowest(most);
        self.vector(packed(0x10), most, 0, Operand::Register(a), Masked { zero: false, ..masked });
        for half in self.halves() {
            self.swap(other, most, half);
            self.larger(other, most, other);
            self.vector(packed(0x10), most, 0, Operand::Register(other), WHOLE);
        }
        self.first_lane(to, most);
    }

    /// The halvings of a vector, by number: without those that would only bring lanes beyond the row.
    fn halves(&self) -> std::ops::Range<usize> {
        let all = if self.double { 3 } else { 4 };
        all - (self.rows.width.next_power_of_two().ilog2() as usize).min(all)..all
    }

    /// Exchanges the halves of a vector, of its halves, and so on.
    fn swap(&mut self, to: Zmm, from: Zmm, half: usize) {
        let (byte, order) = match (half, self.double) {
            (0, _) => (0x23, 0x4e),
            (1, _) => (0x23, 0xb1),
            (2, false) => (0x04, 0x4e),
            (2, true) => (0x05, 0x55),
            _ => (0x04, 0xb1),
        };
        let opcode = Opcode { map: 3, prefix: 1, byte, wide: self.double };
        let second = if byte == 0x23 { from } else { 0 };
        self.assembler.vector_with(opcode, to, second, Operand::Register(from), WHOLE, order);
    }

    /// The first lane, of each row if there are several, in every lane.
    fn first_lane(&mut self, to: Zmm, from: Zmm) {
        if self.rows.packed {
            // Within every four lanes: the first and the third of them twice each, or the first four times.
            let order = if self.rows.width == 2 { 0xa0 } else { 0 };
            let within = Opcode { map: 3, prefix: 1, byte: 0x04, wide: false };
            return self.assembler.vector_with(within, to, 0, Operand::Register(from), WHOLE, order);
        }
        let byte = 0x18 + u8::from(self.double);
        let opcode = Opcode { map: 2, prefix: 1, byte, wide: self.double };
        self.assembler.vector(opcode, to, 0, Operand::Register(from), WHOLE);
    }

    /// Chooses by the last comparison.
    fn blend(&mut self, to: Zmm, no: Zmm, yes: Zmm) {
        let blend = Opcode { map: 2, prefix: 1, byte: 0x65, wide: self.double };
        let masked = Masked { by: COMPARED, zero: false };
        self.assembler.vector(blend, to, no, Operand::Register(yes), masked);
    }

    /// A constant in every lane.
    fn constant(&mut self, to: Zmm, bits: u64) {
        self.assembler.constant(LOOK_UP, bits);
        let broadcast = Opcode { map: 2, prefix: 1, byte: 0x7c, wide: self.double };
        self.assembler.vector(broadcast, to, 0, Operand::Register(LOOK_UP), WHOLE);
    }

    fn unary(&mut self, op: Unary, to: Zmm, a: Zmm) {
        let from = Operand::Register(a);
        let integer = Opcode { map: 1, prefix: 1, byte: 0x72, wide: false };
        match op {
            Unary::Sqrt => self.vector(packed(0x51), to, 0, from, WHOLE),
            Unary::Floor => {
                let byte = 0x08 | u8::from(self.double);
                let round = Opcode { map: 3, prefix: 1, byte, wide: self.double };
                self.assembler.vector_with(round, to, 0, from, WHOLE, 0x09);
            }
            Unary::IntegerToFloat => {
                self.assembler.vector(
                    Opcode { map: 1, prefix: 0, byte: 0x5b, wide: false },
                    to,
                    0,
                    from,
                    WHOLE,
                );
            }
            // The result is named where the second operand stands; the register field tells the direction.
            Unary::ShiftLeft(by) => self.assembler.vector_with(integer, 6, to, from, WHOLE, by),
            Unary::ShiftRight(by) => self.assembler.vector_with(integer, 4, to, from, WHOLE, by),
        }
    }

    fn binary(&mut self, op: Binary, to: Zmm, a: Zmm, b: Zmm) {
        let integer = |byte| Opcode { map: 1, prefix: 1, byte, wide: false };
        let opcode = match op {
            Binary::Add => packed(0x58),
            Binary::Mul => packed(0x59),
            Binary::Sub => packed(0x5c),
            Binary::Min => packed(0x5d),
            Binary::Div => packed(0x5e),
            Binary::Max => packed(0x5f),
            Binary::And => packed(0x54),
            Binary::Xor => packed(0x57),
            Binary::IntegerAdd => {
                return self.assembler.vector(integer(0xfe), to, a, Operand::Register(b), WHOLE);
            }
            Binary::IntegerSub => {
                return self.assembler.vector(integer(0xfa), to, a, Operand::Register(b), WHOLE);
            }
        };
        self.vector(opcode, to, a, Operand::Register(b), WHOLE);
    }

    /// The address of a stream: at the loop's position, or its start.
    fn stream(&mut self, stream: usize, moves: bool) -> Address {
        let base = STREAM_REGISTERS.get(stream).copied().unwrap_or_else(|| {
            self.assembler.load(LOOK_UP, entry(stream, 0));
            LOOK_UP
        });
        let index = moves.then_some((RAX, if self.double { 3 } else { 2 }));
        Address { base, index, displacement: 0 }
    }

    /// The address of what a stream has for the rows at the loop's position.
    fn of_rows(&mut self, stream: usize) -> Address {
        let address = self.stream(stream, false);
        // Elements of four bytes, one for each two or four that the loop has gone by.
        Address { index: Some((RAX, u8::from(self.rows.width == 2))), ..address }
    }

    /// The mask of the first lanes of rows, in the body of the loop or behind it.
    fn first_lanes(&self, body: &Body, zero: bool) -> Masked {
        Masked { by: if body.masked.by == REST { FIRST_OF_REST } else { FIRST }, zero }
    }

    /// The element at a stream's start, in every lane.
    fn broadcast(&mut self, stream: usize, to: Zmm) {
        let from = self.stream(stream, false);
        let byte = 0x18 + u8::from(self.double);
        let opcode = Opcode { map: 2, prefix: 1, byte, wide: self.double };
        self.assembler.vector(opcode, to, 0, Operand::Memory(from), WHOLE);
    }

    /// Fills a register with an invariant value.
    fn invariant(&mut self, value: Value, to: Zmm) {
        match self.operations[value] {
            Operation::Splat(stream) => self.broadcast(stream, to),
            Operation::SplatIndex(stream) => {
                let from = self.stream(stream, false);
                let broadcast = Opcode { map: 2, prefix: 1, byte: 0x58, wide: false };
                self.assembler.vector(broadcast, to, 0, Operand::Memory(from), WHOLE);
            }
            Operation::Lanes(stream) => {
                let from = self.stream(stream, false);
                self.vector(packed(0x10), to, 0, Operand::Memory(from), WHOLE);
            }
            Operation::Repeat(stream) => {
                let from = self.stream(stream, false);
                // Two elements as one of twice the size, or four.
                let byte = if self.rows.width == 2 { 0x19 } else { 0x1a };
                let repeat = Opcode { map: 2, prefix: 1, byte, wide: self.rows.width == 2 };
                self.assembler.vector(repeat, to, 0, Operand::Memory(from), WHOLE);
            }
            Operation::Constant(bits) => self.constant(to, bits),
            _ => {}
        }
    }

    /// The register of a value, which is brought back from the stack or made again if need be.
    fn in_register(&mut self, value: Value, at: usize, needed: &[Value], body: &mut Body) -> Zmm {
        if let Some(&register) = body.registers.get(&value) {
            return register;
        }
        let to = self.take(value, at, needed, body);
        match body.spilled.get(&value) {
            Some(&slot) => self.vector(packed(0x10), to, 0, Operand::Memory(slot_address(slot)), WHOLE),
            None => self.invariant(value, to),
        }
        to
    }

    /// A register for a value; if there is none, the one whose value is used last, but none of `needed`.
    fn take(&mut self, value: Value, at: usize, needed: &[Value], body: &mut Body) -> Zmm {
        let register = match body.held.iter().position(Option::is_none) {
            Some(register) => register,
            None => {
                let candidates = body.held.iter().enumerate().filter_map(|(r, held)| held.map(|v| (r, v)));
                let victim = candidates
                    .filter(|(_, v)| !needed.contains(v))
                    .max_by_key(|(_, v)| self.next_use(*v, at))
                    .unwrap_or((0, value));
                self.spill(victim.1, victim.0 as Zmm, body);
                victim.0
            }
        };
        body.held[register] = Some(value);
        body.registers.insert(value, register as Zmm);
        register as Zmm
    }

    fn next_use(&self, value: Value, at: usize) -> usize {
        let uses = |operation: &Operation| {
            let (operands, n) = operation.operands();
            operands[..n].contains(&value)
        };
        self.operations[at..].iter().position(uses).unwrap_or(usize::MAX)
    }

    fn spill(&mut self, value: Value, register: Zmm, body: &mut Body) {
        body.registers.remove(&value);
        if self.operations[value].is_invariant() || body.spilled.contains_key(&value) {
            return;
        }
        let slot = body.spilled.len();
        body.spilled.insert(value, slot);
        self.vector(packed(0x11), register, 0, Operand::Memory(slot_address(slot)), WHOLE);
    }

    /// Frees the registers of the operands that are not used again.
    fn release(&self, at: usize, operands: &[Value], body: &mut Body) {
        for value in operands {
            if self.last[*value] == at
                && !self.fixed.contains_key(value)
                && let Some(register) = body.registers.remove(value)
            {
                body.held[usize::from(register)] = None;
            }
        }
    }

    fn typed(&self, opcode: Opcode) -> Opcode {
        Opcode { prefix: u8::from(self.double), wide: self.double, ..opcode }
    }

    /// An instruction that exists for both precisions.
    fn vector(&mut self, opcode: Opcode, reg: Zmm, second: Zmm, last: Operand, masked: Masked) {
        let opcode = self.typed(opcode);
        self.assembler.vector(opcode, reg, second, last, masked);
    }
}

/// An instruction on packed single-precision numbers; [`Emitter::typed`] makes it one on doubles.
fn packed(byte: u8) -> Opcode {
    Opcode { map: 1, prefix: 0, byte, wide: false }
}

fn entry(stream: usize, part: i32) -> Address {
    Address { base: RDI, index: None, displacement: stream as i32 * ENTRY + part }
}

fn slot_address(slot: usize) -> Address {
    Address { base: RSP, index: None, displacement: slot as i32 * VECTOR }
}
