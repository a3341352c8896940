//! The calls of a step on one thread, worked out beforehand: a step on one row is little more than them.

use crate::kernels::tile;
use crate::native::{Code, Ready};
use crate::program::{Group, Instr, Program};

/// A part of a step.
pub(crate) enum Call {
    /// A compiled loop over all rows of a tile.
    Loop(Ready),
    /// An instruction, by number, of a group whose units make one block.
    Instr { region: usize, group: usize, instr: usize },
    /// A group that is cut into blocks.
    Group { region: usize, group: usize },
}

/// A program's calls in their order; vectors have so many lanes.
pub(crate) fn of(program: &Program, code: &Code, lanes: usize) -> Vec<Call> {
    let size = program.dtype.size_bytes();
    let ready = |group: &Group, instr: &Instr, steps: &[Vec<tile::Step>]| match (instr, steps.first()) {
        (Instr::Tile(tile), Some(steps)) => tile::ready(tile, steps, group.extent * tile.rows, lanes, size),
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
                ready(group, instr, steps).map_or(other, Call::Loop)
            }));
        }
    }
    calls
}
