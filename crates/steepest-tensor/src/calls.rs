//! The calls of a step on one thread, worked out beforehand: a step on one row is little more than them.

use crate::kernels::{Kernels, tile};
use crate::memory::{Address, Bases};
use crate::native::{Code, Ready};
use crate::program::{Group, Instr, MatMul, Program};
use crate::real::Real;

/// A part of a step. Its tag is a number of its own, that one look tells.
#[repr(u8)]
pub(crate) enum Call {
    /// A compiled loop over all rows of a tile.
    Loop(Ready),
    /// A product with one column.
    Dots(Dots),
    /// An instruction, by number, of a group whose units make one block.
    Instr { region: usize, group: usize, instr: usize },
    /// A group that is cut into blocks.
    Group { region: usize, group: usize },
}

/// Products of rows with one column, both of neighbouring elements.
pub(crate) struct Dots {
    /// The rows, the column, and the products.
    operands: [Address; 3],
    /// The same in the memory that they were placed in.
    placed: [*mut u8; 3],
    rows: usize,
    /// Elements from one row to the next.
    row: usize,
    /// Elements of a row.
    width: usize,
}

// SAFETY: the addresses are followed only in a run, whose memory is the runner's own.
unsafe impl Send for Dots {}
// SAFETY: as above.
unsafe impl Sync for Dots {}

impl Dots {
    fn of(product: &MatMul, extent: usize, size: usize) -> Option<Dots> {
        let one = extent == product.m && product.is_dots();
        let operands = [product.a.place, product.b.place, product.c].map(|place| Address::of(place, size));
        let MatMul { m: rows, k: width, .. } = *product;
        let row = product.a.row;
        one.then_some(Dots { operands, placed: [std::ptr::null_mut(); 3], rows, row, width })
    }

    /// Computes the products.
    ///
    /// # Safety
    /// It was placed in memory that the program was verified for, and elements are of the type.
    #[inline(always)]
    pub unsafe fn run<T: Real>(&self, kernels: &Kernels<T>) {
        let [a, b, c] = self.placed.map(<*mut u8>::cast::<T>);
        for r in 0..self.rows {
            // SAFETY: the rows, the column and the products are inside the buffers.
            unsafe { *c.add(r) = (kernels.dot)(a.add(r * self.row), b, self.width) };
        }
    }
}

/// A step's calls.
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// The variables that they were placed for: all other memory is the machine's own, and stays where it is.
    variables: *mut u8,
}

// SAFETY: the address is only compared.
unsafe impl Send for Calls {}
// SAFETY: as above.
unsafe impl Sync for Calls {}

impl Calls {
    /// A program's calls in their order; vectors have so many lanes.
    pub fn new(program: &Program, code: &Code, lanes: usize) -> Calls {
        let size = program.dtype.size_bytes();
        let ready = |group: &Group, instr: &Instr, steps: &[Vec<tile::Step>]| match (instr, steps.first()) {
            (Instr::Tile(tile), Some(steps)) => {
                tile::ready(tile, steps, group.extent * tile.rows, lanes, size).map(Call::Loop)
            }
            (Instr::MatMul(product), _) => Dots::of(product, group.extent, size).map(Call::Dots),
            _ => None,
        };
        let mut calls = Vec::new();
        for (region, (groups, steps)) in program.regions.iter().zip(&code.steps).enumerate() {
            for (number, (group, steps)) in groups.groups.iter().zip(steps).enumerate() {
                if group.extent == 0 {
                    continue;
                }
                if group.extent > group.block {
                    calls.push(Call::Group { region, group: number });
                    continue;
                }
                calls.extend(group.instrs.iter().zip(steps).enumerate().map(|(at, (instr, steps))| {
                    let other = Call::Instr { region, group: number, instr: at };
                    ready(group, instr, steps).unwrap_or(other)
                }));
            }
        }
        Calls { calls, variables: std::ptr::null_mut() }
    }

    /// The calls, for a run with these variables.
    #[inline(always)]
    pub fn placed(&mut self, variables: *mut u8, bases: impl FnOnce() -> Bases) -> &mut [Call] {
        if self.variables != variables {
            self.place(&bases());
            self.variables = variables;
        }
        &mut self.calls
    }

    #[cold]
    fn place(&mut self, bases: &Bases) {
        for call in &mut self.calls {
            match call {
                Call::Loop(ready) => ready.place(bases),
                Call::Dots(dots) => dots.placed = dots.operands.map(|operand| operand.at(bases)),
                Call::Instr { .. } | Call::Group { .. } => {}
            }
        }
    }
}
