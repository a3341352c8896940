//! Native code gives the bits that the interpreter gives, for random tiles over awkward numbers.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Code;
use crate::kernels::has_avx512;
use crate::machine::Machine;
use crate::program::{
    Access, Group, Instr, Operand, Panels, Place, Program, Region, Source, Space, Target, Tile, TileInstr,
    TileKind,
};
use crate::verify::verify;
use crate::{DType, Key, Pool, Reals, Slice, TileOp};

const OPS: [(TileOp, usize); 29] = [
    (TileOp::Copy, 1),
    (TileOp::Neg, 1),
    (TileOp::Abs, 1),
    (TileOp::Sign, 1),
    (TileOp::Exp, 1),
    (TileOp::Ln, 1),
    (TileOp::Sqrt, 1),
    (TileOp::Tanh, 1),
    (TileOp::Sigmoid, 1),
    (TileOp::Softplus, 1),
    (TileOp::Relu, 1),
    (TileOp::Erf, 1),
    (TileOp::Sin, 1),
    (TileOp::Cos, 1),
    (TileOp::Floor, 1),
    (TileOp::Add, 2),
    (TileOp::Sub, 2),
    (TileOp::Mul, 2),
    (TileOp::Div, 2),
    (TileOp::Pow, 2),
    (TileOp::Maximum, 2),
    (TileOp::Minimum, 2),
    (TileOp::Less, 2),
    (TileOp::LessEqual, 2),
    (TileOp::Equal, 2),
    (TileOp::Select, 3),
    (TileOp::MulAdd, 3),
    (TileOp::MulSub, 3),
    (TileOp::NegMulAdd, 3),
];

/// Random choices, the same in every run.
struct Choices {
    key: Key,
    count: u64,
}

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.count += 1;
        ((self.key.uniform(self.count) * n as f64) as usize).min(n - 1)
    }
}

/// A tile that reads inputs in every way and writes some results to memory.
struct Builder {
    choices: Choices,
    width: usize,
    rows: usize,
    arena: usize,
    tile: Tile,
    /// What later instructions may read: registers by shape.
    registers: Vec<(usize, Access)>,
    inputs: Vec<Operand>,
    /// Whether nothing has one element for each row.
    no_rows: bool,
}

impl Builder {
    fn panels(&self) -> usize {
        self.tile.panels.map_or(1, |panels| panels.count)
    }

    fn place(&mut self, access: Access) -> Place {
        let len = match access {
            Access::Wide => self.rows * self.width * self.panels(),
            Access::Row => self.rows,
            Access::Column => self.width * self.panels(),
            Access::One => 1,
        };
        let place = Place { space: Space::Arena, offset: self.arena, len };
        self.arena += len;
        place
    }

    fn operand(&mut self, shape: Access) -> Operand {
        let fits = |access: Access| shape == Access::Wide || !matches!(access, Access::Wide | Access::Column);
        let registers: Vec<_> = self.registers.iter().filter(|(_, access)| fits(*access)).copied().collect();
        let inputs: Vec<_> = self.inputs.iter().filter(|arg| fits(arg.access)).copied().collect();
        if !registers.is_empty() && self.choices.below(3) > 0 {
            // The latest are the most likely.
            let back = self.choices.below(registers.len()).min(self.choices.below(registers.len()));
            let (register, access) = registers[registers.len() - 1 - back];
            return Operand { source: Source::Register(register), access };
        }
        inputs[self.choices.below(inputs.len())]
    }

    fn instr(&mut self, number: usize, labels: Place) {
        let wide_register = self.registers.iter().rev().find(|(_, access)| *access == Access::Wide);
        // Parts of rows are nothing but elements.
        let choice = if self.tile.panels.is_some() || self.no_rows { 7 } else { self.choices.below(8) };
        let (kind, args, shape) = match (choice, wide_register) {
            (0, Some(&(r, access))) => {
                let kind = if number.is_multiple_of(2) { TileKind::SumRow } else { TileKind::MaxRow };
                (kind, vec![Operand { source: Source::Register(r), access }], Access::Row)
            }
            (1, _) => {
                let args = vec![Operand { source: Source::Memory(labels), access: Access::Row }];
                (TileKind::OneHot, args, Access::Wide)
            }
            (choice, _) => {
                let shape = if choice == 2 { Access::Row } else { Access::Wide };
                let (op, arity) = OPS[self.choices.below(OPS.len())];
                (TileKind::Map(op), (0..arity).map(|_| self.operand(shape)).collect(), shape)
            }
        };
        let to = match self.choices.below(4) {
            0 => Target::Memory(self.place(shape)),
            // A register of the same shape may be written again.
            1 if self.registers.iter().any(|(_, access)| *access == shape) => {
                let same = self.registers.iter().find(|(_, access)| *access == shape);
                Target::Register(same.map_or(0, |(r, _)| *r))
            }
            _ => {
                self.registers.push((self.tile.registers, shape));
                self.tile.registers += 1;
                Target::Register(self.tile.registers - 1)
            }
        };
        self.tile.instrs.push(TileInstr { kind, args, to, shape });
    }
}

fn random_program(seed: u64, dtype: DType) -> Program {
    let mut choices = Choices { key: Key::new(seed), count: 0 };
    let width = [1, 2, 3, 4, 7, 8, 10, 16, 17, 33, 100][choices.below(11)];
    let rows = [1, 1, 2, 5, 40, 300][choices.below(6)];
    let panels = [None, None, Some(2), Some(3)][choices.below(4)].map(|count| Panels { count, height: rows });
    let units = rows * panels.map_or(1, |panels| panels.count);
    let tile = Tile { rows: 1, panels, width, instrs: Vec::new(), registers: 0, flat: false };
    let no_rows = choices.below(3) == 0;
    let (registers, inputs) = (Vec::new(), Vec::new());
    let mut b = Builder { choices, width, rows, arena: 0, tile, registers, inputs, no_rows };
    for access in [Access::Wide, Access::Wide, Access::Row, Access::Column, Access::One, Access::Row] {
        let place = b.place(access);
        b.inputs.push(Operand { source: Source::Memory(place), access });
    }
    b.inputs.retain(|input| !no_rows || input.access != Access::Row);
    b.inputs.push(Operand { source: Source::Scalar(0), access: Access::One });
    let labels = Place { space: Space::Index, offset: 0, len: rows };
    for number in 0..3 + b.choices.below(40) {
        b.instr(number, labels);
    }
    let group =
        Group { extent: units, align: 1, block: units, shared: true, instrs: vec![Instr::Tile(b.tile)] };
    Program {
        dtype,
        arena_len: b.arena,
        own_len: 0,
        index_len: rows,
        variables_len: 0,
        scalars: vec![0.75],
        scalar_instrs: Vec::new(),
        literals: Vec::new(),
        index_literals: Vec::new(),
        regions: vec![Region { groups: vec![group] }],
        parallel: true,
    }
}

/// The bits of the arena after a run. NaNs are alike.
fn bits(program: &Arc<Program>, native: bool, threads: usize) -> Vec<u64> {
    let mut machine = Machine::with_code(Arc::clone(program), Code::build(program, native));
    let key = Key::new(9);
    let whole = Place { space: Space::Arena, offset: 0, len: program.arena_len };
    let edges = [0.0, -0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-40, -3e38, 88.0, 0.5];
    machine.write(whole).fill_with(|i| match key.uniform(i as u64) {
        u if u < 0.1 => edges[(u * 100.0) as usize],
        _ => 3.0 * key.stream("values").normal(i as u64),
    });
    let labels = Place { space: Space::Index, offset: 0, len: program.index_len };
    for (i, label) in machine.write_index(labels).iter_mut().enumerate() {
        *label = (i % 5) as u32;
    }
    let mut variables = Reals::zeros(program.dtype, 0);
    let pool = Pool::new(NonZeroUsize::new(threads).unwrap());
    machine.run(&mut variables, &pool).unwrap();
    match machine.read(whole) {
        Slice::F32(values) => {
            values.iter().map(|x| u64::from(if x.is_nan() { 1 } else { x.to_bits() })).collect()
        }
        Slice::F64(values) => values.iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect(),
    }
}

#[test]
fn native_code_gives_the_interpreters_bits() {
    if !has_avx512() {
        return;
    }
    for seed in 0..600 {
        for dtype in [DType::F32, DType::F64] {
            let program = Arc::new(random_program(seed, dtype));
            verify(&program).unwrap();
            let (native, interpreted) = (bits(&program, true, 1), bits(&program, false, 1));
            assert_eq!(native.len(), interpreted.len());
            let wrong = native.iter().zip(&interpreted).position(|(a, b)| a != b);
            assert_eq!(wrong, None, "seed {seed} {dtype:?}: {:?}", program.regions);
            assert_eq!(native, bits(&program, true, 3), "seed {seed} on three threads");
        }
    }
}
