//! Programs that a machine must refuse, next to ones that it runs.

use std::num::NonZeroUsize;
use std::sync::Arc;

use steepest_tensor::program::Stride;
use steepest_tensor::program::{
    Access, Copy, Group, Instr, MatMul, Matrix, Operand, Place, Program, Region, ScalarInstr, Source, Space,
    Target, Tile, TileInstr, TileKind,
};
use steepest_tensor::{DType, Machine, Pool, ProgramError, Reals, TileOp};

fn arena(offset: usize, len: usize) -> Place {
    Place { space: Space::Arena, offset, len }
}

fn program(groups: Vec<Group>) -> Program {
    Program {
        dtype: DType::F64,
        arena_len: 64,
        own_len: 16,
        index_len: 8,
        variables_len: 0,
        scalars: vec![3.0, 0.0],
        scalar_instrs: Vec::new(),
        literals: vec![(arena(0, 16), (0..16).map(f64::from).collect())],
        index_literals: Vec::new(),
        regions: vec![Region { groups }],
        parallel: true,
    }
}

fn group(extent: usize, instrs: Vec<Instr>) -> Group {
    Group { extent, align: 1, block: 2, shared: true, instrs }
}

/// `to[r, c] = from[r, c] · scalar`.
fn scaled(width: usize, from: Place, scalar: usize, to: Place) -> Instr {
    let args = vec![
        Operand { source: Source::Memory(from), access: Access::Wide },
        Operand { source: Source::Scalar(scalar), access: Access::One },
    ];
    let kind = TileKind::Map(TileOp::Mul);
    let instr = TileInstr { kind, args, to: Target::Memory(to), shape: Access::Wide };
    Instr::Tile(Tile { width, instrs: vec![instr], registers: 0, rows: 1, panels: None, flat: true })
}

fn product(a: Place, b: Place, c: Place, row: usize) -> Instr {
    let factor = |place| Matrix { place, row, column: 1, batch: Stride::plain(0) };
    Instr::MatMul(MatMul {
        batches: 1,
        m: 4,
        n: 4,
        k: 4,
        a: factor(a),
        b: factor(b),
        c,
        rows: None,
        by_columns: false,
        next: Vec::new(),
        claim: None,
    })
}

/// A product that claims an array meanwhile.
fn claiming(a: Place, c: Place, claim: Place) -> Instr {
    match product(a, a, c, 4) {
        Instr::MatMul(product) => Instr::MatMul(MatMul { claim: Some(claim), ..product }),
        other => other,
    }
}

fn copy(from: Place, to: Place, to_strides: [usize; 2]) -> Instr {
    let shape = [4, 4].into();
    Instr::Copy(Copy { shape, from, from_strides: vec![1, 4], to, to_strides: to_strides.to_vec() })
}

fn sparse(offsets: Place, columns: Place, values: Place, features: usize, to: Place) -> Instr {
    Instr::SparseMatMul { offsets, columns, values, dense: arena(0, 16), features, width: 4, to }
}

fn refused(program: Program) -> ProgramError {
    Machine::new(Arc::new(program)).err().expect("the program is refused")
}

#[test]
fn a_sound_program_runs() {
    let groups = vec![
        group(4, vec![scaled(4, arena(0, 16), 0, arena(16, 16))]),
        group(4, vec![product(arena(0, 16), arena(0, 16), arena(32, 16), 4)]),
        group(4, vec![copy(arena(0, 16), arena(48, 16), [4, 1])]),
    ];
    let mut machine = Machine::new(Arc::new(program(groups))).unwrap();
    let pool = Pool::new(NonZeroUsize::new(2).unwrap());
    machine.run(&mut Reals::zeros(DType::F64, 0), &pool).unwrap();
    let at = |offset| machine.read(arena(offset, 16)).to_f64();
    assert_eq!(at(16)[..4], [0.0, 3.0, 6.0, 9.0]);
    assert_eq!(at(32)[..4], [56.0, 62.0, 68.0, 74.0]);
    assert_eq!(at(48)[..4], [0.0, 4.0, 8.0, 12.0]);
    let got = machine.run(&mut Reals::zeros(DType::F32, 0), &pool);
    assert_eq!(got, Err(ProgramError::Variables { expected: 0, got: 0 }));
}

fn own(offset: usize, stride: usize, len: usize) -> Place {
    Place { space: Space::Own { stride }, offset, len }
}

#[test]
fn a_threads_own_memory_holds_a_block() {
    let (a, to) = (arena(0, 16), arena(16, 16));
    // Two rows of four at a time; the second value takes the place of the first when that is used up.
    let (first, second) = (own(8, 4, 8), own(0, 4, 8));
    let chain = vec![product(a, a, first, 4), scaled(4, first, 0, second), scaled(4, second, 0, to)];
    let mut machine = Machine::new(Arc::new(program(vec![group(4, chain)]))).unwrap();
    for threads in 1..4 {
        let pool = Pool::new(NonZeroUsize::new(threads).unwrap());
        machine.run(&mut Reals::zeros(DType::F64, 0), &pool).unwrap();
        let got = machine.read(to).to_f64();
        assert_eq!((&got[..2], got[15]), (&[9.0 * 56.0, 9.0 * 62.0][..], 9.0 * 506.0));
    }
    let malformed = |instr| ProgramError::Malformed { region: 0, group: 0, instr };
    let outside = |instr| ProgramError::OutOfBounds { region: 0, group: 0, instr };
    let cases = [
        // Nothing has been written there, or something else, or it has been written over.
        (vec![scaled(4, first, 0, to)], malformed(0)),
        (vec![product(a, a, first, 4), scaled(2, own(8, 2, 4), 0, to)], malformed(1)),
        (vec![product(a, a, first, 4), scaled(4, a, 0, own(4, 4, 8)), scaled(4, first, 0, to)], malformed(2)),
        // Not unit by unit, or by a kernel that knows nothing of it.
        (vec![product(a, a, first, 4), product(a, first, to, 4)], malformed(1)),
        (vec![scaled(4, a, 0, own(8, 3, 8))], malformed(0)),
        (vec![copy(a, first, [4, 1])], malformed(0)),
        // A result over what is still read, too little room for a block, and a place outside.
        (vec![product(a, a, first, 4), scaled(4, first, 0, own(4, 4, 8))], malformed(1)),
        (vec![product(a, a, own(8, 4, 7), 4)], outside(0)),
        (vec![product(a, a, own(12, 4, 8), 4)], outside(0)),
    ];
    for (at, (instrs, error)) in cases.into_iter().enumerate() {
        assert_eq!(refused(program(vec![group(4, instrs)])), error, "case {at}");
    }
    // Another group's is another's.
    let groups = vec![group(4, vec![product(a, a, first, 4)]), group(4, vec![scaled(4, first, 0, to)])];
    assert_eq!(refused(program(groups)), ProgramError::Malformed { region: 0, group: 1, instr: 0 });
}

#[test]
fn places_outside_their_buffers() {
    let outside = ProgramError::OutOfBounds { region: 0, group: 0, instr: 0 };
    for to in [arena(49, 16), arena(usize::MAX, 16), arena(16, 15), arena(60, usize::MAX)] {
        assert_eq!(refused(program(vec![group(4, vec![scaled(4, arena(0, 16), 0, to)])])), outside, "{to:?}");
    }
    let mut literal = program(Vec::new());
    literal.literals[0].0 = arena(0, 15);
    assert_eq!(refused(literal), outside);
}

#[test]
fn operands_that_do_not_fit() {
    let malformed = ProgramError::Malformed { region: 0, group: 0, instr: 0 };
    let index = Place { space: Space::Index, offset: 0, len: 8 };
    let (a, to) = (arena(0, 16), arena(16, 16));
    let instrs = [
        scaled(4, a, 2, to),
        scaled(1, index, 0, to),
        product(a, a, to, 5),
        product(a, a, to, usize::MAX / 2),
        product(a, index, to, 4),
        claiming(a, to, arena(32, 15)),
        claiming(a, to, Place { len: 16, ..index }),
        copy(arena(0, 15), to, [4, 1]),
        copy(a, to, [0, 1]),
        copy(a, to, [1, 1]),
        copy(a, index, [4, 1]),
        Instr::ColumnSum { from: a, rows: 5, columns: 4, to },
        Instr::ColumnSum { from: a, rows: usize::MAX / 2, columns: 4, to },
        Instr::Gather { table: a, rows: 4, width: 4, indices: arena(0, 4), outside: 0.0, to },
        Instr::Gather { table: a, rows: 5, width: 4, indices: Place { len: 4, ..index }, outside: 0.0, to },
        Instr::ScatterAdd { values: a, indices: index, width: 4, rows: 4, to },
        Instr::WriteRows { table: a, indices: arena(32, 4), values: a, width: 4, add: true, to },
        Instr::WriteRows { table: a, indices: index, values: a, width: 4, add: true, to },
        Instr::WriteRows {
            table: a,
            indices: Place { len: 4, ..index },
            values: a,
            width: 5,
            add: false,
            to,
        },
        Instr::FirstOccurrence { indices: index, rows: 4, to: index },
        Instr::Distinct { indices: index, first: a, to: index },
        Instr::Segments { offsets: index, to: index },
        sparse(index, index, a, 4, to),
        sparse(Place { len: 5, ..index }, a, a, 4, to),
        sparse(Place { len: 5, ..index }, index, a, 5, to),
        Instr::ArgMax { from: a, width: 0, to: index },
        Instr::ArgMax { from: a, width: 4, to },
    ];
    for instr in instrs {
        let text = format!("{instr:?}");
        assert_eq!(refused(program(vec![group(4, vec![instr])])), malformed, "{text}");
    }
}

#[test]
fn groups_and_rows_that_disturb_each_other() {
    let (a, to) = (arena(0, 16), arena(16, 16));
    let write = |to| group(4, vec![scaled(4, a, 0, to)]);
    let race = |first, second| ProgramError::Race { region: 0, first, second };
    // Both write; one reads what the other writes.
    assert_eq!(refused(program(vec![write(to), write(arena(20, 16))])), race(0, 1));
    let read = group(4, vec![scaled(4, to, 0, arena(32, 16))]);
    assert_eq!(refused(program(vec![read.clone(), write(to)])), race(0, 1));
    let claim = group(4, vec![claiming(a, arena(32, 16), to)]);
    assert_eq!(refused(program(vec![read.clone(), claim])), race(0, 1));
    // A row reads what another row of its group writes: shifted, or all of it.
    let shifted = scaled(4, arena(20, 16), 0, arena(40, 16));
    assert_eq!(refused(program(vec![group(4, vec![scaled(4, a, 0, to), shifted])])), race(0, 0));
    let all = product(a, to, arena(32, 16), 4);
    assert_eq!(refused(program(vec![group(4, vec![scaled(4, a, 0, to), all])])), race(0, 0));
    // Instructions that write over their own operands, even on one thread.
    let few = Place { space: Space::Index, offset: 0, len: 4 };
    let onto_values = Instr::WriteRows { table: to, indices: few, values: a, width: 4, add: true, to: a };
    for instr in [product(a, to, a, 4), product(to, a, a, 4), copy(a, arena(8, 16), [4, 1]), onto_values] {
        let alone = Group { shared: false, block: 4, ..group(4, vec![instr]) };
        assert_eq!(refused(program(vec![alone])), race(0, 0));
    }
    // In place, element by element, is sound; so is what is behind a barrier.
    let in_place = program(vec![group(4, vec![scaled(4, a, 0, a)])]);
    assert!(Machine::new(Arc::new(in_place)).is_ok());
    let mut behind = program(vec![write(to)]);
    behind.regions.push(Region { groups: vec![read] });
    assert!(Machine::new(Arc::new(behind)).is_ok());
}

#[test]
fn scalars_that_do_not_exist() {
    for (args, to) in [([0, 0, 2], 1), ([0, 0, 0], 2)] {
        let mut scalars = program(Vec::new());
        scalars.scalar_instrs = vec![ScalarInstr { eval: |[a, ..]| a, args, to }];
        assert_eq!(refused(scalars), ProgramError::Scalar { instr: 0 });
    }
}
