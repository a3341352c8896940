//! The machine: runs a verified program over its own arena and the caller's variables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::calls::{Call, Calls};
use crate::flat::{Flat, Plain, Repr};
use crate::kernels::gemm::Product;
use crate::kernels::tile::{self, Step};
use crate::kernels::{self, Kernels};
use crate::memory::Memory;
use crate::native::{Code, Steps};
use crate::pool::Barrier;
use crate::prefetch::prefetch_line;
use crate::program::{Group, Instr, Loop, MOST_NEXT, MOST_STRIDES, MatMul, Place, Program, Space};
use crate::real::{LANES_F32, LANES_F64, PORTABLE, Real};
use crate::subnormal::Flush;
use crate::verify::{ProgramError, verify};
use crate::{DType, Pool, Reals, Slice, SliceMut, prefetch};

/// A program with its memory, ready to run.
pub struct Machine {
    program: Arc<Program>,
    scalars: Vec<f64>,
    index: Flat<u32>,
    state: State,
}

enum State {
    F32(Typed<f32>),
    F64(Typed<f64>),
}

struct Typed<T: Real> {
    arena: Flat<T>,
    scratch: Vec<Flat<T>>,
    /// What is left to do, by group and thread.
    left: Vec<Left>,
    reals: Vec<T>,
    code: Code,
    /// What a run on one thread calls.
    calls: Calls,
    kernels: &'static Kernels<T>,
}

impl<T: Real + Plain> Typed<T> {
    fn new(program: &Program, code: Code, lanes: usize, kernels: &'static Kernels<T>) -> Typed<T> {
        let mut arena = Flat::zeros(program.arena_len);
        for (place, values) in &program.literals {
            for (x, &value) in arena.as_mut_slice()[place.offset..].iter_mut().zip(values) {
                *x = T::from_f64(value);
            }
        }
        let mut typed = Typed {
            arena,
            scratch: Vec::new(),
            left: Vec::new(),
            reals: vec![T::ZERO; program.scalars.len()],
            calls: Calls::new(program, &code, lanes),
            code,
            kernels,
        };
        typed.grow(program, lanes, 1);
        typed
    }

    /// Takes over the step's scalars.
    fn set(&mut self, scalars: &[f64]) {
        for (real, &scalar) in self.reals.iter_mut().zip(scalars) {
            *real = T::from_f64(scalar);
        }
    }

    /// Makes memory for `threads` threads: what kernels work in, behind what the program's own places are in.
    #[inline]
    fn grow(&mut self, program: &Program, lanes: usize, threads: usize) {
        if self.scratch.len() < threads {
            self.grow_to(program, lanes, threads);
        }
    }

    #[cold]
    fn grow_to(&mut self, program: &Program, lanes: usize, threads: usize) {
        let instrs = program.regions.iter().flat_map(|r| &r.groups).flat_map(|g| &g.instrs);
        let len = instrs.map(|instr| scratch_len(instr, lanes)).max().unwrap_or(0);
        while self.scratch.len() < threads {
            self.scratch.push(Flat::zeros(own_len(program) + len));
        }
        let groups = program.regions.iter().map(|region| region.groups.len()).sum::<usize>();
        self.left.resize_with(groups * threads, Left::default);
    }
}

/// Elements of a thread's own memory, to whole cache lines.
fn own_len(program: &Program) -> usize {
    program.own_len.next_multiple_of(16)
}

/// Elements of scratch memory that an instruction needs.
fn scratch_len(instr: &Instr, lanes: usize) -> usize {
    match instr {
        Instr::Tile(tile) => tile::scratch_len(tile, lanes),
        // Its table of positions has elements of 32 bits, not more than a real number.
        Instr::FirstOccurrence { indices, .. } => kernels::rows::hash_len(indices.len),
        Instr::Conv(conv) => kernels::conv::scratch_len(conv),
        Instr::Loop(repeated) => {
            repeated.body.iter().map(|(_, instr)| scratch_len(instr, lanes)).max().unwrap_or(0)
        }
        _ => 0,
    }
}

impl Machine {
    /// Verifies a program and makes its memory.
    ///
    /// # Errors
    /// If an instruction reaches outside its buffers, or threads could disturb one another.
    pub fn new(program: Arc<Program>) -> Result<Machine, ProgramError> {
        verify(&program)?;
        let code = Code::new(&program);
        Ok(Machine::with_code(program, code))
    }

    /// A machine for a verified program.
    pub(crate) fn with_code(program: Arc<Program>, code: Code) -> Machine {
        let state = match program.dtype {
            DType::F64 => State::F64(Typed::new(&program, code, LANES_F64, kernels::f64_kernels())),
            DType::F32 | DType::U32 => {
                State::F32(Typed::new(&program, code, LANES_F32, kernels::f32_kernels()))
            }
        };
        let mut index = Flat::zeros(program.index_len);
        for (place, values) in &program.index_literals {
            index.as_mut_slice()[place.offset..place.offset + values.len()].copy_from_slice(values);
        }
        Machine { scalars: program.scalars.clone(), program, index, state }
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The host scalars and what is computed of them.
    pub fn scalars_mut(&mut self) -> &mut [f64] {
        &mut self.scalars
    }

    /// A range of the arena; empty if it is outside.
    pub fn read(&self, place: Place) -> Slice<'_> {
        let range = place.offset..place.offset + place.len;
        match &self.state {
            State::F32(typed) => Slice::F32(typed.arena.as_slice().get(range).unwrap_or_default()),
            State::F64(typed) => Slice::F64(typed.arena.as_slice().get(range).unwrap_or_default()),
        }
    }

    /// A range of the arena to write; empty if it is outside.
    pub fn write(&mut self, place: Place) -> SliceMut<'_> {
        let range = place.offset..place.offset + place.len;
        match &mut self.state {
            State::F32(typed) => SliceMut::F32(typed.arena.as_mut_slice().get_mut(range).unwrap_or_default()),
            State::F64(typed) => SliceMut::F64(typed.arena.as_mut_slice().get_mut(range).unwrap_or_default()),
        }
    }

    /// A range of the index space; empty if it is outside.
    pub fn read_index(&self, place: Place) -> &[u32] {
        self.index.as_slice().get(place.offset..place.offset + place.len).unwrap_or_default()
    }

    /// A range of the index space to write; empty if it is outside.
    pub fn write_index(&mut self, place: Place) -> &mut [u32] {
        self.index.as_mut_slice().get_mut(place.offset..place.offset + place.len).unwrap_or_default()
    }

    /// Asks the processor's cache for the rows of variables that a run will read by the indices at a place, if these
    /// will be the indices. Changes nothing but time.
    pub fn prefetch(&self, variables: &Reals, place: Place, indices: &[u32]) {
        let rows = |table: &Place, width: usize| match (&variables.0, table.space) {
            (Repr::F32(flat), Space::Variables) => ask(flat.as_slice(), table, width, indices),
            (Repr::F64(flat), Space::Variables) => ask(flat.as_slice(), table, width, indices),
            _ => {}
        };
        for instr in self.program.regions.iter().flat_map(|r| &r.groups).flat_map(|g| &g.instrs) {
            match instr {
                Instr::Gather { table, width, indices, .. } if *indices == place => rows(table, *width),
                Instr::SparseMatMul { columns, dense, width, .. } if *columns == place => rows(dense, *width),
                _ => {}
            }
        }
    }

    /// Runs the program once.
    ///
    /// # Errors
    /// If the variables are not of the program's precision and number.
    pub fn run(&mut self, variables: &mut Reals, pool: &Pool) -> Result<(), ProgramError> {
        let (got, len) = (variables.dtype(), variables.as_slice().len());
        if len != self.program.variables_len || got != self.program.dtype {
            return Err(ProgramError::Variables { expected: self.program.variables_len, got: len });
        }
        for instr in &self.program.scalar_instrs {
            let args = instr.args.map(|i| self.scalars[i]);
            self.scalars[instr.to] = (instr.eval)(args);
        }
        let threads = if self.program.parallel { pool.threads() } else { 1 };
        let (index, scalars) = (self.index.as_mut_ptr(), self.scalars.as_ptr());
        match (&mut self.state, &mut variables.0) {
            (State::F32(typed), Repr::F32(flat)) => {
                typed.grow(&self.program, LANES_F32, threads);
                typed.set(&self.scalars);
                execute(&self.program, typed, index, scalars, flat.as_mut_ptr(), pool, threads);
            }
            (State::F64(typed), Repr::F64(flat)) => {
                typed.grow(&self.program, LANES_F64, threads);
                typed.set(&self.scalars);
                execute(&self.program, typed, index, scalars, flat.as_mut_ptr(), pool, threads);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Asks the cache for rows of a table.
fn ask<T>(all: &[T], table: &Place, width: usize, indices: &[u32]) {
    let table = all.get(table.offset..table.offset + table.len).unwrap_or_default();
    if width * size_of::<T>() <= 64 {
        // One instruction for each row, or little more: a step of one row touches a hundred of them.
        return indices
            .iter()
            .for_each(|&index| prefetch_line(table.as_ptr().wrapping_add(index as usize * width)));
    }
    for &index in indices {
        let at = index as usize * width;
        prefetch(table.get(at..at + width).unwrap_or_default());
    }
}

/// The buffers' bases, shared among the threads of one run.
struct Shared<T> {
    arena: *mut T,
    index: *mut u32,
    variables: *mut T,
    scalars: *const f64,
    reals: *const T,
}

// SAFETY: a verified program writes each element from one thread only within a region, and no other
// thread reads it within that region.
unsafe impl<T> Sync for Shared<T> {}

fn execute<T: Real + Plain>(
    program: &Program,
    typed: &mut Typed<T>,
    index: *mut u32,
    scalars: *const f64,
    variables: *mut T,
    pool: &Pool,
    threads: usize,
) {
    let kernels = typed.kernels;
    let reals = typed.reals.as_ptr();
    let bases = Shared { arena: typed.arena.as_mut_ptr(), index, variables, scalars, reals };
    let own_len = own_len(program);
    let memory = |bases: &Shared<T>, own: *mut T| Memory {
        arena: bases.arena,
        index: bases.index,
        variables: bases.variables,
        moving: std::ptr::null(),
        scalars: bases.scalars,
        reals: bases.reals,
        // SAFETY: a thread's memory begins with what its own places are in.
        scratch: unsafe { own.add(own_len) },
        own,
        start: 0,
    };
    if threads == 1 {
        let _flush = Flush::begin();
        if let Some(scratch) = typed.scratch.first_mut() {
            let own = scratch.as_mut_ptr();
            let memory = || memory(&bases, own);
            let calls = typed.calls.placed(variables.cast(), || memory().bases());
            run_calls(program, calls, &typed.code.steps, kernels, memory);
        }
        return;
    }
    let (code, left) = (&typed.code, &typed.left);
    let of_region = program.regions.iter().scan(left.as_slice(), |rest, region| {
        let (own, behind) = rest.split_at(region.groups.len() * threads);
        *rest = behind;
        Some(own)
    });
    for (region, left) in program.regions.iter().zip(of_region.clone()) {
        for ((number, group), left) in region.groups.iter().enumerate().zip(left.chunks(threads)) {
            for (thread, left) in left.iter().enumerate() {
                let (first, end) = share(group, number, thread, threads);
                left.fill((end - first).div_ceil(group.block));
            }
        }
    }
    let scratch = ScratchTable(typed.scratch.as_mut_ptr());
    let job = |thread: usize, barrier: &Barrier| {
        let _flush = Flush::begin();
        // SAFETY: there is scratch for `threads` threads, and each takes its own.
        let own = unsafe { (*scratch.get().add(thread)).as_mut_ptr() };
        let memory = memory(&bases, own);
        for ((region, steps), left) in program.regions.iter().zip(&code.steps).zip(of_region.clone()) {
            // First a thread's own share of each group, then, while others are not done, the end of theirs.
            for other in 0..threads {
                let whose = (thread + other) % threads;
                let groups = region.groups.iter().zip(steps).zip(left.chunks(threads));
                for (number, ((group, steps), left)) in groups.enumerate() {
                    let (first, end) = share(group, number, whose, threads);
                    let Some(left) = left.get(whose) else { continue };
                    while let Some(block) = if other == 0 { left.first() } else { left.last() } {
                        let start = first + block * group.block;
                        run_block(group, steps, kernels, &memory, start, end.min(start + group.block));
                    }
                }
            }
            barrier.wait();
        }
    };
    pool.run(&job);
}

/// The blocks of a thread's share of a group that nobody has taken: from the first to the last, 32 bits for each end.
#[derive(Default)]
struct Left(AtomicU64);

impl Left {
    /// Before a step: all of them.
    fn fill(&self, blocks: usize) {
        self.0.store((blocks as u64) << 32, Ordering::Relaxed);
    }

    /// Takes the first one.
    fn first(&self) -> Option<usize> {
        self.take(1).map(|ends| ends as u32 as usize)
    }

    /// Takes the last one.
    fn last(&self) -> Option<usize> {
        self.take((1_u64 << 32).wrapping_neg()).map(|ends| (ends >> 32) as usize - 1)
    }

    /// Moves an end, if there is a block between both; the ends before. What a block reads was made before the
    /// last barrier, so that the order of memory does not matter here.
    fn take(&self, change: u64) -> Option<u64> {
        let taken = |ends: u64| (ends as u32 as u64 != ends >> 32).then(|| ends.wrapping_add(change));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).ok()
    }
}

struct ScratchTable<T>(*mut Flat<T>);

impl<T> ScratchTable<T> {
    fn get(&self) -> *mut Flat<T> {
        self.0
    }
}

// SAFETY: each thread uses only its own entry.
unsafe impl<T> Sync for ScratchTable<T> {}

/// The units of a group that fall to a thread. Where the cuts lie changes no result.
fn share(group: &Group, number: usize, thread: usize, threads: usize) -> (usize, usize) {
    if !group.shared {
        return if number % threads == thread { (0, group.extent) } else { (0, 0) };
    }
    let units = group.extent.div_ceil(group.align);
    let cut = |t: usize| (units * t / threads * group.align).min(group.extent);
    (cut(thread), cut(thread + 1))
}

/// A step on one thread.
fn run_calls<T: Real>(
    program: &Program,
    calls: &mut [Call],
    steps: &Steps,
    kernels: &Kernels<T>,
    memory: impl Fn() -> Memory<T>,
) {
    for call in calls {
        match *call {
            // SAFETY: the program was verified: the loop lies inside the buffers, and its code is the machine's.
            Call::Loop(ref mut ready) => unsafe { ready.run() },
            // SAFETY: the same, and elements are the machine's.
            Call::Dots(ref dots) => unsafe { dots.run(kernels) },
            Call::Instr { region, group, instr } => {
                let (of, steps) = (&program.regions[region].groups[group], &steps[region][group][instr]);
                // SAFETY: the program was verified for all units of the group.
                unsafe { run_instr(&of.instrs[instr], steps, kernels, &memory(), 0, of.extent) };
            }
            Call::Group { region, group } => {
                let (of, steps) = (&program.regions[region].groups[group], &steps[region][group]);
                for start in (0..of.extent).step_by(of.block) {
                    run_block(of, steps, kernels, &memory(), start, of.extent.min(start + of.block));
                }
            }
        }
    }
}

fn run_block<T: Real>(
    group: &Group,
    steps: &[Vec<Vec<Step>>],
    kernels: &Kernels<T>,
    memory: &Memory<T>,
    start: usize,
    stop: usize,
) {
    let memory = &Memory { start, ..*memory };
    for (instr, steps) in group.instrs.iter().zip(steps) {
        // SAFETY: the program was verified: the units `start..stop` of every instruction lie inside
        // the buffers, and no other thread touches what they write.
        unsafe { run_instr(instr, steps, kernels, memory, start, stop) };
    }
}

/// # Safety
/// The instruction was verified for units up to `end`, which belong to this thread.
unsafe fn run_instr<T: Real>(
    instr: &Instr,
    steps: &[Vec<Step>],
    kernels: &Kernels<T>,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    // SAFETY: passed on to each kernel.
    unsafe {
        match instr {
            Instr::Loop(repeated) => run_loop(repeated, steps, kernels, memory, first, end),
            Instr::Tile(tile) => (kernels.tile)(
                tile,
                steps.first().map_or(&[], Vec::as_slice),
                memory,
                first * tile.rows,
                end * tile.rows,
            ),
            Instr::MatMul(product) => matmul(product, kernels, memory, first, end),
            Instr::ColumnSum { from, rows, columns, to } => {
                (kernels.column_sum)(memory.real(*from), *rows, *columns, memory.real(*to), first, end);
            }
            Instr::PartSum { from, times, rows, columns, to, .. } => {
                for part in first..end {
                    let skip = part * rows * columns;
                    let (from, to) = (memory.at(*from, skip), memory.at(*to, part * columns));
                    match times {
                        Some(times) => {
                            let times = memory.at(*times, skip);
                            (kernels.column_dot)(from, times, *rows, *columns, to);
                        }
                        None => (kernels.column_sum)(from, *rows, *columns, to, 0, *columns),
                    }
                }
            }
            Instr::Conv(conv) => (kernels.conv)(conv, memory, first, end),
            Instr::ConvWeight(conv) => (kernels.conv_weight)(conv, memory, first, end),
            Instr::MaxPool(pool) => (kernels.max_pool)(pool, memory, first, end),
            Instr::Copy(copy) => {
                let sizes = copy.shape;
                let mut part = [0; 6];
                part[..sizes.len()].copy_from_slice(&sizes);
                let (part, units) = match sizes.len() {
                    0 => (&part[..0], 0),
                    n => {
                        part[0] = end - first;
                        (&part[..n], first)
                    }
                };
                let from_at = units * copy.from_strides.first().copied().unwrap_or(0);
                let to_at = units * copy.to_strides.first().copied().unwrap_or(0);
                if copy.from.space == Space::Index {
                    let (from, to) = (memory.index(copy.from).add(from_at), memory.index(copy.to).add(to_at));
                    kernels::layout::copy::<u32, PORTABLE>(
                        part,
                        from,
                        &copy.from_strides,
                        to,
                        &copy.to_strides,
                    );
                } else {
                    let (from, to) = (memory.real(copy.from).add(from_at), memory.real(copy.to).add(to_at));
                    (kernels.copy)(part, from, &copy.from_strides, to, &copy.to_strides);
                }
            }
            Instr::Join(join) if join.to.space == Space::Index => {
                let at = |place: Place| memory.index(place);
                kernels::layout::join(join, at, 0, |a, _| a, first, end);
            }
            Instr::Join(join) => {
                let at = |place: Place| memory.real(place);
                kernels::layout::join(join, at, T::ZERO, |a, b| a + b, first, end);
            }
            Instr::Gather { table, rows, width, indices, outside, to } => {
                let (indices, to) = (memory.index(*indices).add(first), memory.real(*to).add(first * width));
                let (table, outside) = (memory.real(*table).cast_const(), T::from_f64(*outside));
                (kernels.gather)(table, (*rows, *width), indices, outside, to, end - first);
            }
            Instr::WriteRows { table, indices, values, width, add, to } => {
                let target = memory.real(*to);
                if table != to {
                    let (at, len) = (first * width, (end - first) * width);
                    std::ptr::copy_nonoverlapping(memory.real(*table).add(at), target.add(at), len);
                }
                let values = (memory.real(*values).cast_const(), *width);
                let indices = (memory.index(*indices).cast_const(), indices.len);
                (kernels.write_rows)(values, indices, *add, target, (first, end));
            }
            Instr::FirstOccurrence { indices, rows, to } => {
                let (from, to) = (memory.index(*indices).cast_const(), memory.index(*to));
                kernels::rows::first_occurrence(from, indices.len, *rows, memory.scratch.cast(), to);
            }
            Instr::Distinct { indices, first: firsts, to } => {
                let (indices, firsts) = (memory.index(*indices), memory.index(*firsts));
                kernels::rows::distinct(indices, firsts, memory.index(*to), first, end);
            }
            Instr::Segments { offsets, to } => {
                let rows = offsets.len.saturating_sub(1);
                kernels::rows::segments(memory.index(*offsets), rows, memory.index(*to), to.len);
            }
            Instr::SparseMatMul { offsets, columns, values, dense, features, width, to } => {
                let csr = kernels::rows::Entries {
                    offsets: memory.index(*offsets).cast_const(),
                    columns: memory.index(*columns).cast_const(),
                    values: memory.real(*values).cast_const(),
                    capacity: columns.len.min(values.len),
                };
                let dense = memory.real(*dense).cast_const();
                let size = (*features, *width);
                (kernels.sparse_product)(&csr, dense, size, memory.real(*to), (first, end));
            }
            Instr::AddProduct { offsets, columns, values, by, factors, negate, table, width, to } => {
                let target = memory.real(*to);
                if table != to {
                    let (at, len) = (first * width, (end - first) * width);
                    std::ptr::copy_nonoverlapping(memory.real(*table).add(at), target.add(at), len);
                }
                let csr = kernels::rows::Entries {
                    offsets: memory.index(*offsets).cast_const(),
                    columns: memory.index(*columns).cast_const(),
                    values: memory.real(*values).cast_const(),
                    capacity: columns.len.min(values.len),
                };
                let one = if *negate { T::ZERO - T::ONE } else { T::ONE };
                let scale = factors.iter().fold(one, |scale, &factor| scale * *memory.reals.add(factor));
                let by = (memory.real(*by).cast_const(), offsets.len.saturating_sub(1), scale);
                (kernels.add_product)(&csr, by, *width, target, (first, end));
            }
            Instr::ScatterAdd { values, indices, width, rows, to } => {
                let (from, to) = (memory.real(*values).cast_const(), memory.real(*to));
                let at = memory.index(*indices);
                kernels::layout::scatter_add(from, at, indices.len, *width, to, *rows, first, end);
            }
            Instr::ArgMax { from, width, to } => {
                let source = memory.real(*from).add(first * width);
                kernels::layout::arg_max(
                    source.cast_const(),
                    *width,
                    memory.index(*to).add(first),
                    end - first,
                );
            }
        }
    }
}

/// # Safety
/// As for [`run_instr`].
unsafe fn run_loop<T: Real>(
    repeated: &Loop,
    steps: &[Vec<Step>],
    kernels: &Kernels<T>,
    memory: &Memory<T>,
    first: usize,
    end: usize,
) {
    let mut moved = [memory.arena; MOST_STRIDES];
    let bases = moved.as_mut_ptr();
    let inner = Memory { moving: bases, ..*memory };
    for step in 0..repeated.steps {
        let time = if repeated.reverse { repeated.steps - 1 - step } else { step };
        for (number, stride) in repeated.strides.iter().enumerate() {
            // SAFETY: the loop was verified to have no more strides than that.
            unsafe { *bases.add(number) = memory.arena.wrapping_add(time * stride) };
        }
        for ((units, instr), steps) in repeated.body.iter().zip(steps) {
            let (first, end) = if repeated.by_rows { (first, end) } else { (0, *units) };
            // SAFETY: the loop was verified for all times, and its rows belong to this thread.
            unsafe { run_instr(instr, std::slice::from_ref(steps), kernels, &inner, first, end) };
        }
    }
}

/// # Safety
/// As for [`run_instr`].
unsafe fn matmul<T: Real>(p: &MatMul, kernels: &Kernels<T>, memory: &Memory<T>, first: usize, end: usize) {
    // SAFETY: the caller promises the operands for all units; each product below names a part of them.
    unsafe {
        let b = memory.real(p.b.place);
        if p.by_columns {
            let (a, c) = (memory.real(p.a.place), memory.real(p.c));
            let part = Product {
                m: 1,
                n: end - first,
                k: p.k,
                a: a.cast_const(),
                a_row: p.a.row,
                a_column: p.a.column,
                b: b.add(first).cast_const(),
                b_row: p.b.row,
                b_column: 1,
                c: c.add(first),
                c_row: p.n,
                next: [0; MOST_NEXT],
                claim: 0,
            };
            return (kernels.product)(&part);
        }
        let mut row = first;
        while row < end {
            let (batch, i) = if row < p.m { (0, row) } else { (row / p.m, row % p.m) };
            let rows = (p.m - i).min(end - row);
            let a = memory.at(p.a.place, p.a.batch.at(batch) + i * p.a.row).cast_const();
            let b = b.add(p.b.batch.at(batch)).cast_const();
            let (skip, c_row) = match &p.rows {
                Some(to) => (to.batch.at(batch) + i * to.row, to.row),
                None => (row * p.n, p.n),
            };
            let c = memory.at(p.c, skip);
            // Nothing is read of what is asked for, and what is claimed belongs to the same rows.
            let from_c = |place: &Place| memory.real(*place).wrapping_add(skip) as isize - c as isize;
            let mut next = [0; MOST_NEXT];
            next.iter_mut().zip(&p.next).for_each(|(bytes, place)| *bytes = from_c(place));
            let claim = p.claim.as_ref().map_or(0, from_c);
            if p.is_dots() {
                for r in 0..rows {
                    *c.add(r) = (kernels.dot)(a.add(r * p.a.row), b, p.k);
                }
            } else {
                let (a_row, a_column, b_row) = (p.a.row, p.a.column, p.b.row);
                let b_column = if p.n > 1 { p.b.column } else { 1 };
                let (m, n, k) = (rows, p.n, p.k);
                let part = Product { m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, next, claim };
                (kernels.product)(&part);
            }
            row += rows;
        }
    }
}
