//! Machine code: the few instructions of x86-64 and AVX-512 that loops over vectors need.
//!
//! Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, sections 2.1 (general)
//! and 2.7 (EVEX). Displacements are always 32 bits long; code size does not matter here.

/// A general register by its number.
pub(crate) type Gpr = u8;
/// A vector register, 0 to 31.
pub(crate) type Zmm = u8;
/// A mask register, 0 to 7; 0 as a mask means none.
pub(crate) type Mask = u8;

pub(crate) const RAX: Gpr = 0;
pub(crate) const RCX: Gpr = 1;
pub(crate) const RDX: Gpr = 2;
pub(crate) const RBX: Gpr = 3;
pub(crate) const RSP: Gpr = 4;
pub(crate) const RBP: Gpr = 5;
pub(crate) const RSI: Gpr = 6;
pub(crate) const RDI: Gpr = 7;

/// An address: `base + index · scale + displacement`.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub base: Gpr,
    /// Register and the logarithm of the scale.
    pub index: Option<(Gpr, u8)>,
    pub displacement: i32,
}

/// The last operand of a vector instruction.
#[derive(Clone, Copy)]
pub(crate) enum Operand {
    Register(Zmm),
    Memory(Address),
}

/// A vector instruction: its opcode map, mandatory prefix, opcode byte, and whether the wide bit is set.
#[derive(Clone, Copy)]
pub(crate) struct Opcode {
    pub map: u8,
    pub prefix: u8,
    pub byte: u8,
    pub wide: bool,
}

/// How the result of a vector instruction is masked: by which register, and whether other lanes become 0.
#[derive(Clone, Copy)]
pub(crate) struct Masked {
    pub by: Mask,
    pub zero: bool,
}

pub(crate) const WHOLE: Masked = Masked { by: 0, zero: false };

/// A place in the code that jumps go to.
#[derive(Clone, Copy)]
pub(crate) struct Label(usize);

/// Conditions of jumps, by their number in the opcode.
#[derive(Clone, Copy)]
pub(crate) enum Condition {
    Below = 2,
    Equal = 4,
    NotEqual = 5,
}

/// Code under construction.
#[derive(Default)]
pub(crate) struct Assembler {
    pub code: Vec<u8>,
    labels: Vec<usize>,
    /// Where a 32-bit distance to a label stands.
    jumps: Vec<(usize, Label)>,
    /// Whether vectors are half as long: 256 bits.
    pub half: bool,
}

impl Assembler {
    fn bytes(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    fn double(&mut self, value: i32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Aligns what follows with instructions that do nothing.
    pub fn align(&mut self, to: usize) {
        while !self.code.len().is_multiple_of(to) {
            self.bytes(&[0x90]);
        }
    }

    /// A label to be bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(usize::MAX);
        Label(self.labels.len() - 1)
    }

    /// Binds a label to what follows.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = self.code.len();
    }

    pub fn jump(&mut self, to: Label) {
        self.bytes(&[0xe9]);
        self.distance(to);
    }

    pub fn jump_if(&mut self, condition: Condition, to: Label) {
        self.bytes(&[0x0f, 0x80 + condition as u8]);
        self.distance(to);
    }

    fn distance(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.double(0);
    }

    /// The finished code.
    pub fn finish(mut self) -> Vec<u8> {
        for (at, label) in &self.jumps {
            let distance = self.labels[label.0] as i64 - (*at as i64 + 4);
            self.code[*at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
        }
        self.code
    }

    /// The bytes that name a register and a register or memory operand.
    fn operand(&mut self, reg: u8, operand: Operand) {
        let reg = (reg & 7) << 3;
        match operand {
            Operand::Register(r) => self.bytes(&[0xc0 | reg | r & 7]),
            Operand::Memory(Address { base, index, displacement }) => {
                match index {
                    Some((index, scale)) => {
                        self.bytes(&[0x80 | reg | 4, scale << 6 | (index & 7) << 3 | base & 7]);
                    }
                    // The number of the stack pointer announces an index byte; 4 there means none.
                    None if base & 7 == RSP => self.bytes(&[0x80 | reg | 4, 4 << 3 | base & 7]),
                    None => self.bytes(&[0x80 | reg | base & 7]),
                }
                self.double(displacement);
            }
        }
    }

    /// A general instruction on 64-bit registers.
    fn general(&mut self, opcode: u8, reg: Gpr, operand: Operand) {
        let (base, index) = match operand {
            Operand::Register(r) => (r, 0),
            Operand::Memory(a) => (a.base, a.index.map_or(0, |(index, _)| index)),
        };
        self.bytes(&[0x48 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3, opcode]);
        self.operand(reg, operand);
    }

    pub fn load(&mut self, to: Gpr, from: Address) {
        self.general(0x8b, to, Operand::Memory(from));
    }

    /// Sets a register to a number.
    pub fn constant(&mut self, to: Gpr, value: u64) {
        self.bytes(&[0x48 | to >> 3, 0xb8 | to & 7]);
        self.bytes(&value.to_le_bytes());
    }

    pub fn store(&mut self, from: Gpr, to: Address) {
        self.general(0x89, from, Operand::Memory(to));
    }

    /// The address itself.
    pub fn load_address(&mut self, to: Gpr, address: Address) {
        self.general(0x8d, to, Operand::Memory(address));
    }

    pub fn add_register(&mut self, to: Gpr, from: Gpr) {
        self.general(0x01, from, Operand::Register(to));
    }

    pub fn add_to(&mut self, to: Address, from: Gpr) {
        self.general(0x01, from, Operand::Memory(to));
    }

    /// Asks for a cache line in the second-level cache; any address will do.
    pub fn prefetch(&mut self, at: Address) {
        let index = at.index.map_or(0, |(index, _)| index);
        self.bytes(&[0x40 | (index >> 3) << 1 | at.base >> 3, 0x0f, 0x18]);
        self.operand(2, Operand::Memory(at));
    }

    /// Writes four bytes as they are.
    pub fn rewrite(&mut self, at: Address) {
        let index = at.index.map_or(0, |(index, _)| index);
        self.bytes(&[0x40 | (index >> 3) << 1 | at.base >> 3, 0x83]);
        self.operand(1, Operand::Memory(at));
        self.bytes(&[0]);
    }

    pub fn add_from(&mut self, to: Gpr, from: Address) {
        self.general(0x03, to, Operand::Memory(from));
    }

    pub fn add(&mut self, to: Gpr, value: i32) {
        self.general(0x81, 0, Operand::Register(to));
        self.double(value);
    }

    pub fn compare(&mut self, a: Gpr, b: Gpr) {
        self.general(0x39, b, Operand::Register(a));
    }

    /// Sets the condition `Equal` if the register is 0.
    pub fn test(&mut self, a: Gpr) {
        self.general(0x85, a, Operand::Register(a));
    }

    pub fn clear(&mut self, a: Gpr) {
        self.general(0x31, a, Operand::Register(a));
    }

    /// Subtracts one; sets the condition `Equal` if 0 is left.
    pub fn decrement(&mut self, a: Gpr) {
        self.general(0xff, 1, Operand::Register(a));
    }

    pub fn push(&mut self, a: Gpr) {
        self.bytes(&[0x40 | a >> 3, 0x50 | a & 7]);
    }

    pub fn pop(&mut self, a: Gpr) {
        self.bytes(&[0x40 | a >> 3, 0x58 | a & 7]);
    }

    /// Ends the function; the upper halves of the vector registers are cleared for code without vectors.
    pub fn ret(&mut self) {
        self.bytes(&[0xc5, 0xf8, 0x77, 0xc3]);
    }

    /// The lowest 16 bits of a general register (0 to 7) into a mask register.
    pub fn mask_from(&mut self, mask: Mask, from: Gpr) {
        self.bytes(&[0xc5, 0xf8, 0x92, 0xc0 | mask << 3 | from]);
    }

    /// The lanes that two masks share.
    pub fn mask_and(&mut self, to: Mask, a: Mask, b: Mask) {
        self.bytes(&[0xc5, 0x84 | (!a & 15) << 3, 0x41, 0xc0 | to << 3 | b]);
    }

    /// A vector instruction: `reg` is mostly the result, `second` the first operand (0 if there is none), the last
    /// one a register or memory.
    pub fn vector(&mut self, opcode: Opcode, reg: u8, second: Zmm, last: Operand, masked: Masked) {
        let (b, x) = match last {
            Operand::Register(r) => (r >> 3 & 1, r >> 4 & 1),
            Operand::Memory(a) => (a.base >> 3, a.index.map_or(0, |(index, _)| index >> 3)),
        };
        let length = if self.half { 1 } else { 2 };
        let inverted = |bit: u8, at: u8| (bit & 1 ^ 1) << at;
        self.bytes(&[
            0x62,
            inverted(reg >> 3, 7) | inverted(x, 6) | inverted(b, 5) | inverted(reg >> 4, 4) | opcode.map,
            u8::from(opcode.wide) << 7 | (!second & 15) << 3 | 4 | opcode.prefix,
            u8::from(masked.zero) << 7 | length << 5 | inverted(second >> 4, 3) | masked.by,
            opcode.byte,
        ]);
        self.operand(reg, last);
    }

    /// As [`Assembler::vector`] with a byte behind it.
    pub fn vector_with(
        &mut self,
        opcode: Opcode,
        reg: u8,
        second: Zmm,
        last: Operand,
        masked: Masked,
        byte: u8,
    ) {
        self.vector(opcode, reg, second, last, masked);
        self.bytes(&[byte]);
    }
}
