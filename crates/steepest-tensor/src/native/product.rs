//! The innermost loops of matrix products: up to eight rows by up to three vectors of C, or sixteen by one, stay in
//! registers while the inner dimension goes by.
//!
//! They do what `micro` of the portable kernels does, in the same order, with the same bits. What a compiler makes of
//! that computes addresses with as many instructions as it multiplies with; here a step of the loop is its products,
//! its loads, and five more.

use memmap2::Mmap;

use super::assembler::{
    Address, Assembler, Condition, Gpr, Masked, Opcode, Operand, RAX, RBP, RBX, RCX, RDI, RDX, RSI, WHOLE,
    Zmm,
};
use crate::kernels::gemm::ROWS;
use crate::program::MOST_NEXT;

/// What a loop works on: rows of a panel of C in blocks. Strides are in bytes; the loop moves `a`, `c` and `ahead` on, and
/// leaves no blocks.
#[repr(C)]
pub(crate) struct Rows {
    pub a: *const u8,
    pub c: *mut u8,
    /// What the cache is asked for with each step, a row of B further each time; for each block the next vector.
    pub ahead: *const u8,
    pub b: *const u8,
    pub a_row: usize,
    pub a_column: usize,
    pub b_row: usize,
    pub c_row: usize,
    /// From the first row of a block to that of the next one.
    pub a_block: usize,
    /// Steps of the inner dimension, at least 1.
    pub k: usize,
    /// At least 1.
    pub blocks: usize,
    /// Whether the product is added to C.
    pub add: usize,
    /// The lanes of the last vector.
    pub mask: usize,
    /// From C to arrays of which the same rows are asked for, one with each step; the first 0 ends them. There are more
    /// steps than that.
    pub next: [isize; MOST_NEXT + 1],
    /// From C to an array of which the same rows become this thread's own, a vector with each step; 0: none. There are more
    /// steps than that and those before.
    pub claim: isize,
}

const A: i32 = 0;
const C: i32 = 8;
const AHEAD: i32 = 16;
const B: i32 = 24;
const A_ROW: i32 = 32;
const A_COLUMN: i32 = 40;
const B_ROW: i32 = 48;
const C_ROW: i32 = 56;
const A_BLOCK: i32 = 64;
const K: i32 = 72;
const BLOCKS: i32 = 80;
const ADD: i32 = 88;
const MASK: i32 = 96;
const NEXT: i32 = 104;
const CLAIM: i32 = NEXT + (MOST_NEXT as i32 + 1) * size_of::<isize>() as i32;

/// A loop over all blocks of rows.
pub(crate) type Function = unsafe extern "sysv64" fn(*mut Rows);

/// The loops by the logarithm of a block's rows, by vectors less one, and by whether the last vector is only a part of
/// one; and those for [`TALL`] rows by a single vector.
pub(crate) struct Functions {
    functions: [[[Function; 2]; MOST_VECTORS]; HEIGHTS],
    tall: [Function; 2],
    _memory: Mmap,
}

impl Functions {
    /// Works on blocks of `height` rows: 1, 2, 4, 8, or, with a single vector, [`TALL`].
    ///
    /// # Safety
    /// The panel is one of `vectors` vectors, the last of them only a `part` of one if so; A and B are readable, and
    /// C is writable.
    #[inline(always)]
    pub unsafe fn run(&self, rows: &mut Rows, height: usize, (vectors, part): (usize, bool)) {
        let both = match height {
            TALL => &self.tall,
            _ => &self.functions[height.ilog2() as usize][vectors - 1],
        };
        // SAFETY: the caller promises the panel.
        unsafe { both[usize::from(part)](rows) }
    }

    /// Assembles the loops of a precision, if the system lets code be made.
    pub fn new(double: bool) -> Option<Functions> {
        let mut code = Vec::new();
        let mut emit = |rows, vectors, part| {
            code.resize(usize::next_multiple_of(code.len(), 64), 0x90);
            let start = code.len();
            code.extend(Emitter { assembler: Assembler::default(), rows, vectors, part, double }.function());
            start
        };
        let starts: [[[usize; 2]; MOST_VECTORS]; HEIGHTS] = std::array::from_fn(|height| {
            std::array::from_fn(|v| [false, true].map(|part| emit(1 << height, v + 1, part)))
        });
        let tall = [false, true].map(|part| emit(TALL, 1, part));
        let memory = super::executable(&code)?;
        let base = memory.as_ptr();
        // SAFETY: the code at each start is such a function, and the memory lives as long as it can be called.
        let link = |start| unsafe { std::mem::transmute::<*const u8, Function>(base.add(start)) };
        let functions = starts.map(|height| height.map(|both| both.map(link)));
        Some(Functions { functions, tall: tall.map(link), _memory: memory })
    }
}

/// Rows of a block of a single vector: eight sums would wait for one another.
pub(crate) const TALL: usize = 2 * ROWS;
/// Heights of other blocks: 1, 2, 4 and 8 rows.
const HEIGHTS: usize = ROWS.ilog2() as usize + 1;
/// Vectors of a row that a loop has at most.
const MOST_VECTORS: usize = 3;
/// Bytes of a vector.
const VECTOR: i32 = 64;
/// The mask register.
const PART: u8 = 1;
/// The first register for vectors of B; those below hold C.
const COLUMNS: Zmm = 24;
/// The first register for elements of A, and how many there are.
const ELEMENTS: (Zmm, Zmm) = (27, 5);
/// Saved for the caller.
const SAVED: [Gpr; 6] = [RBX, RBP, 12, 13, 14, 15];

struct Emitter {
    assembler: Assembler,
    /// Rows of a block.
    rows: usize,
    vectors: usize,
    part: bool,
    double: bool,
}

impl Emitter {
    fn function(mut self) -> Vec<u8> {
        for register in SAVED {
            self.assembler.push(register);
        }
        self.assembler.load(RCX, entry(MASK));
        self.assembler.mask_from(PART, RCX);
        let block = self.assembler.label();
        self.assembler.bind(block);
        let ([column, b, row, ahead, left], [at, count, c_row, next]) =
            ([10, RDX, 11, RCX, RBX], [12, 13, 14, 15]);
        let loads = [(column, A_COLUMN), (b, B), (row, B_ROW), (ahead, AHEAD), (left, K)];
        for (register, field) in loads {
            self.assembler.load(register, entry(field));
        }
        self.begin();
        let a = self.a();
        let mut moves = vec![(RSI, column), (RAX, column), (b, row), (ahead, row)];
        if self.rows == TALL {
            moves.extend([(12, column), (13, column)]);
        }
        let [array, claim, rest, steps] = [(); 4].map(|()| self.assembler.label());
        // While there are arrays that are read next: a row of one with each step. Registers of tall blocks are taken.
        if self.rows < TALL {
            let at_block = |emitter: &mut Emitter, none| {
                emitter.assembler.test(at);
                emitter.assembler.jump_if(Condition::Equal, none);
                emitter.assembler.add_from(at, entry(C));
                emitter.assembler.constant(count, emitter.rows as u64);
            };
            let vector =
                |number: usize| Address { base: at, index: None, displacement: number as i32 * VECTOR };
            self.assembler.load_address(next, entry(NEXT));
            self.assembler.load(c_row, entry(C_ROW));
            self.assembler.bind(array);
            self.assembler.load(at, Address { base: next, index: None, displacement: 0 });
            at_block(&mut self, claim);
            self.assembler.add(next, size_of::<isize>() as i32);
            let row_of_array = self.assembler.label();
            self.assembler.bind(row_of_array);
            self.step(&a, b, ahead, &moves);
            (0..self.vectors).for_each(|number| self.assembler.prefetch(vector(number)));
            self.assembler.add_register(at, c_row);
            self.assembler.decrement(count);
            self.assembler.jump_if(Condition::NotEqual, row_of_array);
            self.assembler.add(left, -(self.rows as i32));
            self.assembler.jump(array);
            self.assembler.bind(claim);
            self.assembler.load(at, entry(CLAIM));
            at_block(&mut self, rest);
            let row_of_claim = self.assembler.label();
            self.assembler.bind(row_of_claim);
            for number in 0..self.vectors {
                self.step(&a, b, ahead, &moves);
                self.assembler.rewrite(vector(number));
            }
            self.assembler.add_register(at, c_row);
            self.assembler.decrement(count);
            self.assembler.jump_if(Condition::NotEqual, row_of_claim);
            self.assembler.add(left, -((self.rows * self.vectors) as i32));
        }
        self.assembler.bind(rest);
        self.assembler.align(32);
        self.assembler.bind(steps);
        self.step(&a, b, ahead, &moves);
        self.assembler.decrement(left);
        self.assembler.jump_if(Condition::NotEqual, steps);
        self.end();
        self.assembler.jump_if(Condition::NotEqual, block);
        for register in SAVED.into_iter().rev() {
            self.assembler.pop(register);
        }
        self.assembler.ret();
        self.assembler.finish()
    }

    /// Where a block's rows of A are.
    fn a(&mut self) -> Vec<Address> {
        let mut rows = self.strided(RSI, entry(A), RAX, (8, 9), A_ROW);
        if self.rows == TALL {
            let ninth = Address { base: RAX, index: Some((8, 2)), displacement: 0 };
            self.assembler.load_address(12, ninth);
            rows.extend(self.eight(12, 13, (8, 9)));
        }
        rows
    }

    /// Where eight rows are: `base` becomes the first, `fifth` the fifth one; the stride and three times the stride go to
    /// registers too.
    fn strided(
        &mut self,
        base: Gpr,
        from: Address,
        fifth: Gpr,
        (stride, three): (Gpr, Gpr),
        by: i32,
    ) -> Vec<Address> {
        self.assembler.load(base, from);
        self.assembler.load(stride, entry(by));
        self.assembler
            .load_address(three, Address { base: stride, index: Some((stride, 1)), displacement: 0 });
        self.eight(base, fifth, (stride, three))
    }

    /// The same from a first row that is in its register.
    fn eight(&mut self, base: Gpr, fifth: Gpr, (stride, three): (Gpr, Gpr)) -> Vec<Address> {
        let at = |base, index| Address { base, index, displacement: 0 };
        self.assembler.load_address(fifth, at(base, Some((stride, 2))));
        let row = |row: usize| {
            let index = [None, Some((stride, 0)), Some((stride, 1)), Some((three, 0))][row % 4];
            at(if row < 4 { base } else { fifth }, index)
        };
        (0..ROWS).map(row).collect()
    }

    /// Fills the registers of C, with zeros or with what is there.
    fn begin(&mut self) {
        let [zeros, ready] = [(); 2].map(|()| self.assembler.label());
        self.assembler.load(12, entry(ADD));
        self.assembler.test(12);
        self.assembler.jump_if(Condition::Equal, zeros);
        self.elements(|emitter, at, register, mask| {
            emitter.vector(0x10, register, 0, Operand::Memory(at), Masked { zero: mask.by > 0, ..mask });
        });
        self.assembler.jump(ready);
        self.assembler.bind(zeros);
        for register in 0..(self.rows * self.vectors) as Zmm {
            self.vector(0x57, register, register, Operand::Register(register), WHOLE);
        }
        self.assembler.bind(ready);
    }

    /// Writes C, and goes on to the next block; sets the condition `Equal` if there is none.
    fn end(&mut self) {
        self.elements(|emitter, at, register, mask| {
            emitter.vector(0x11, register, 0, Operand::Memory(at), mask);
        });
        self.assembler.load(RSI, entry(A_BLOCK));
        self.assembler.add_to(entry(A), RSI);
        self.assembler.store(12, entry(C));
        self.assembler.constant(RSI, VECTOR as u64);
        self.assembler.add_to(entry(AHEAD), RSI);
        self.assembler.load(RSI, entry(BLOCKS));
        self.assembler.decrement(RSI);
        self.assembler.store(RSI, entry(BLOCKS));
    }

    /// Does something with each vector of C: where it is, its register, its mask. Afterwards register 12 says where the next
    /// block is.
    fn elements(&mut self, each: impl Fn(&mut Emitter, Address, Zmm, Masked)) {
        let mut c = self.strided(12, entry(C), 15, (14, 13), C_ROW);
        for row in 0..self.rows {
            for vector in 0..self.vectors {
                let at = Address { displacement: vector as i32 * VECTOR, ..c[row % ROWS] };
                each(self, at, (row * self.vectors + vector) as Zmm, self.mask(vector));
            }
            if row + 1 == self.rows || row + 1 == ROWS {
                let scale = self.rows.min(ROWS).ilog2() as u8;
                let next = Address { base: 12, index: Some((14, scale)), displacement: 0 };
                self.assembler.load_address(12, next);
                c = self.eight(12, 15, (14, 13));
            }
        }
    }

    fn mask(&self, vector: usize) -> Masked {
        if self.part && vector + 1 == self.vectors { Masked { by: PART, zero: false } } else { WHOLE }
    }

    /// A step of the inner dimension.
    fn step(&mut self, a: &[Address], b: Gpr, ahead: Gpr, moves: &[(Gpr, Gpr)]) {
        for vector in 0..self.vectors {
            let from = Address { base: b, index: None, displacement: vector as i32 * VECTOR };
            let mask = self.mask(vector);
            let to = COLUMNS + vector as Zmm;
            self.vector(0x10, to, 0, Operand::Memory(from), Masked { zero: mask.by > 0, ..mask });
        }
        self.assembler.prefetch(Address { base: ahead, index: None, displacement: 0 });
        for (row, &at) in a.iter().enumerate().take(self.rows) {
            let x = ELEMENTS.0 + row as Zmm % ELEMENTS.1;
            let broadcast =
                Opcode { map: 2, prefix: 1, byte: 0x18 + u8::from(self.double), wide: self.double };
            self.assembler.vector(broadcast, x, 0, Operand::Memory(at), WHOLE);
            for vector in 0..self.vectors {
                let sum = (row * self.vectors + vector) as Zmm;
                let column = Operand::Register(COLUMNS + vector as Zmm);
                let mul_add = Opcode { map: 2, prefix: 1, byte: 0xb8, wide: self.double };
                self.assembler.vector(mul_add, sum, x, column, WHOLE);
            }
        }
        for &(register, by) in moves {
            self.assembler.add_register(register, by);
        }
    }

    fn vector(&mut self, byte: u8, reg: Zmm, second: Zmm, last: Operand, masked: Masked) {
        let opcode = Opcode { map: 1, prefix: u8::from(self.double), byte, wide: self.double };
        self.assembler.vector(opcode, reg, second, last, masked);
    }
}

/// A field of what the function is given.
fn entry(displacement: i32) -> Address {
    Address { base: RDI, index: None, displacement }
}
