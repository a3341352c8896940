//! Where there is no native code: everything is interpreted.

use crate::kernels::tile::Step;
use crate::machine::Memory;
use crate::program::{Instr, Program};
use crate::real::Real;

/// There is none.
pub(crate) enum Native {}

/// The rows of a tile that a step works on.
pub(crate) struct Block {
    pub panel: usize,
    pub row: usize,
    pub rows: usize,
    pub width: usize,
    pub register: usize,
}

impl Native {
    pub fn uses_registers(&self) -> bool {
        match *self {}
    }

    /// # Safety
    /// It cannot be called.
    pub unsafe fn run<T: Real, const L: usize>(&self, _memory: &Memory<T>, _block: &Block) {
        match *self {}
    }
}

/// The steps of every instruction of a program, by region, group, instruction and instruction of a loop.
pub(crate) struct Code {
    pub steps: Vec<Vec<Vec<Vec<Vec<Step>>>>>,
}

impl Code {
    pub fn new(program: &Program) -> Code {
        let tile = |instr: &Instr| match instr {
            Instr::Tile(tile) => (0..tile.instrs.len()).map(Step::Interpret).collect(),
            _ => Vec::new(),
        };
        let instr = |instr: &Instr| match instr {
            Instr::Loop(repeated) => repeated.body.iter().map(|(_, instr)| tile(instr)).collect(),
            Instr::Tile(_) => vec![tile(instr)],
            _ => Vec::new(),
        };
        let regions = program.regions.iter();
        let steps = regions.map(|r| r.groups.iter().map(|g| g.instrs.iter().map(instr).collect()).collect());
        Code { steps: steps.collect() }
    }
}
