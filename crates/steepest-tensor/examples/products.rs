//! The speed of matrix products: `cargo run --release -p steepest-tensor --example products`.
//!
//! One thread, f32. Each line: rows × inner × columns, rows of a block, whether the left factor is transposed, and
//! 10⁹ operations a second.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use steepest_tensor::program::{Group, Instr, MatMul, Matrix, Place, Program, Region, Space, Stride};
use steepest_tensor::{DType, Machine, Pool, Reals};

fn program(batches: usize, (m, k, n): (usize, usize, usize), block: usize, transposed: bool) -> Program {
    let mut end = 0;
    let mut matrix = |rows: usize, columns: usize, transposed: bool| {
        let place = Place { space: Space::Arena, offset: end, len: batches * rows * columns };
        end += place.len.next_multiple_of(16);
        let (row, column) = if transposed { (1, rows) } else { (columns, 1) };
        Matrix { place, row, column, batch: Stride::plain(rows * columns) }
    };
    let (a, b, c) = (matrix(m, k, transposed), matrix(k, n, false), matrix(m, n, false).place);
    let (next, claim) = (Vec::new(), None);
    let product = MatMul { batches, m, n, k, a, b, c, rows: None, by_columns: false, next, claim };
    let instrs = vec![Instr::MatMul(product)];
    let group = Group { extent: batches * m, align: 8, block, shared: true, instrs };
    Program { arena_len: end, regions: vec![Region { groups: vec![group] }], ..Program::new(DType::F32) }
}

fn main() -> Result<(), steepest_tensor::ProgramError> {
    let pool = Pool::new(NonZeroUsize::MIN);
    let mut variables = Reals::zeros(DType::F32, 0);
    for (batches, shape, block, transposed) in [
        (1, (128, 784, 512), 64, false),
        (1, (128, 784, 512), 128, false),
        (1, (128, 512, 256), 64, false),
        (1, (784, 128, 512), 64, true),
        (1, (512, 128, 256), 64, true),
        (1, (1024, 128, 128), 64, false),
        (1, (1024, 128, 96), 64, false),
        (1, (1024, 128, 384), 64, false),
        (1, (1024, 128, 512), 64, false),
        (1, (1024, 512, 128), 64, false),
        (1, (128, 1024, 512), 64, true),
        (1, (512, 1024, 128), 64, true),
        (64, (64, 64, 32), 2048, true),
        (64, (64, 32, 64), 64, false),
        (64, (64, 64, 32), 64, false),
        (16, (256, 32, 256), 64, false),
        (16, (256, 256, 32), 64, false),
        (1, (32, 256, 1024), 64, false),
        (1, (16, 256, 1024), 64, false),
        (1, (32, 1024, 256), 64, false),
        (1, (256, 2048, 1024), 64, true),
        (1, (2048, 256, 1024), 64, false),
    ] {
        let mut machine = Machine::new(Arc::new(program(batches, shape, block, transposed)))?;
        let (m, k, n) = shape;
        let work = 2.0 * (batches * m * k * n) as f64;
        let turns = (4e8 / work).ceil() as usize;
        let mut least = f64::INFINITY;
        for _ in 0..30 {
            let start = Instant::now();
            for _ in 0..turns {
                machine.run(&mut variables, &pool)?;
            }
            least = least.min(start.elapsed().as_secs_f64() / turns as f64);
        }
        let left = if transposed { "left transposed" } else { "" };
        println!("{batches:3} × {m:4} × {k:4} × {n:4}  block {block:3} {left:15} {:6.1}", work / least / 1e9);
    }
    Ok(())
}
