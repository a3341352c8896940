//! Matrix products of every size and layout.

use steepest_graph::{Feeds, Graph, Var, evaluate};
use steepest_tensor::{DType, Shape};

use crate::dice::Dice;
use crate::harness::{Compiled, agree, follow, pool};

const SIZES: [usize; 16] = [0, 1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 31, 33, 50, 65, 127];

/// A product of `batch` pairs `m × k` and `k × n`, whose factors may be stored transposed.
#[derive(Clone, Copy, Debug)]
struct Form {
    batch: Option<usize>,
    m: usize,
    n: usize,
    k: usize,
    turned: [bool; 2],
}

fn factor<'g>(
    graph: &'g Graph,
    name: &str,
    form: &Form,
    rows: usize,
    columns: usize,
    turned: bool,
) -> Var<'g> {
    let stored = if turned { [columns, rows] } else { [rows, columns] };
    let sizes: Vec<usize> = form.batch.into_iter().chain(stored).collect();
    let x = graph.input(name, Shape::new(&sizes).unwrap());
    if turned { x.transpose() } else { x }
}

fn check(form: &Form, dice: &mut Dice) {
    let graph = Graph::new();
    let a = factor(&graph, "a", form, form.m, form.k, form.turned[0]);
    let b = factor(&graph, "b", form, form.k, form.n, form.turned[1]);
    let y = a.matmul(b);
    // Alone, and with what rides on it.
    let outputs = [y, (y + 0.5).tanh() * y.sum_last()];
    let mut feeds = Feeds::new();
    for (name, factor, turned) in [("a", a, form.turned[0]), ("b", b, form.turned[1])] {
        let mut sizes = factor.shape().to_vec();
        let last = sizes.len() - 1;
        if turned {
            sizes.swap(last - 1, last);
        }
        feeds = feeds.with(name, dice.reals(Shape::new(&sizes).unwrap(), (-1.0, 1.0)));
    }
    let expected = evaluate(&graph, &outputs, &feeds).unwrap();
    for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-5)] {
        let mut first: Option<Vec<Vec<f64>>> = None;
        for (block, threads) in [(None, 1), (Some(3), 2), (Some(8), 3)] {
            let mut plan = Compiled::new(&graph, &outputs, dtype, block);
            let got = plan.run(&graph, &feeds, &pool(threads));
            for (got, want) in got.iter().zip(&expected) {
                agree(got, &want.to_f64(), tolerance, || format!("{form:?} {dtype:?}\n{}", plan.text));
            }
            let same = *first.get_or_insert_with(|| got.clone()) == got;
            assert!(same, "{form:?} {dtype:?}: other bits in blocks of {block:?}\n{}", plan.text);
        }
    }
}

#[test]
fn random_sizes_and_layouts() {
    let mut dice = Dice::new(31);
    for _ in 0..150 {
        let batch = dice.once_in(3).then(|| dice.below(4));
        let (m, n, k) = (dice.one_of(&SIZES), dice.one_of(&SIZES), dice.one_of(&SIZES));
        let turned = [dice.once_in(2), dice.once_in(2)];
        if m * n * k * batch.unwrap_or(1) <= 60_000 {
            check(&Form { batch, m, n, k, turned }, &mut dice);
        }
    }
}

#[test]
fn long_inner_dimensions_and_single_rows() {
    let mut dice = Dice::new(32);
    let sizes =
        [[3, 5, 257], [9, 17, 300], [1, 1, 600], [7, 1, 513], [1, 300, 260], [1, 5, 256], [2, 49, 512]];
    for [m, n, k] in sizes {
        for turned in [[false, false], [true, false], [false, true], [true, true]] {
            check(&Form { batch: None, m, n, k, turned }, &mut dice);
        }
    }
}

/// Rows go through several products and what is between them a block at a time: what each makes is nowhere whole.
#[test]
fn chains_of_products_over_several_blocks() {
    let mut dice = Dice::new(33);
    for rows in [63, 64, 65, 130, 200] {
        let graph = Graph::new();
        let shapes = [("x", [rows, 9]), ("a", [9, 33]), ("b", [33, 5]), ("c", [5, 17])];
        let [x, a, b, c] = shapes.map(|(name, shape)| graph.input(name, shape));
        let h = x.matmul(a).matmul(b);
        let y = (h.relu() * h.sum_last() + 0.5).matmul(c).tanh();
        let step = shapes.map(|(name, shape)| (name.to_owned(), dice.reals(Shape::from(shape), (-1.0, 1.0))));
        follow(&graph, &[y], &[step.to_vec()], &format!("{rows} rows"));
        let plan = Compiled::new(&graph, &[y], DType::F32, None);
        assert!(plan.text.contains("→own"), "{}", plan.text);
    }
}
