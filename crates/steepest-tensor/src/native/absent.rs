//! Where there is no native code: everything is interpreted.

use crate::kernels::tile::Step;
use crate::memory::{Bases, Memory};
use crate::program::{Instr, Program};
use crate::real::Real;

/// There is none.
pub(crate) enum Native {}

/// There is none.
pub(crate) enum Ready {}

impl Ready {
    pub fn place(&mut self, _bases: &Bases) {
        match *self {}
    }

    /// # Safety
    /// It cannot be called.
    pub unsafe fn run(&mut self) {
        match *self {}
    }
}

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

    pub fn ready(&self, _block: &Block, _lanes: usize, _size: usize) -> Option<Ready> {
        match *self {}
    }

    /// # Safety
    /// It cannot be called.
    pub unsafe fn run<T: Real, const L: usize>(&self, _memory: &Memory<T>, _block: &Block) {
        match *self {}
    }
}

/// The steps of every instruction by region, group, instruction and, for a loop, instruction of its body.
pub(crate) type Steps = Vec<Vec<Vec<Vec<Vec<Step>>>>>;

/// The steps of every instruction of a program.
pub(crate) struct Code {
    pub steps: Steps,
}

/// What loops count lanes by: nothing counts here.
pub(crate) static LANES: [[u32; 16]; 4] = [[0; 16]; 4];

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
