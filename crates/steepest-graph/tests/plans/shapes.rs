//! Shapes that operations may meet: every set of axes, every order, every way to repeat, and tails.

use steepest_graph::{Graph, Var};
use steepest_tensor::Tensor;

use crate::operations::check;
use crate::table::{Argument, Case, Leaf};

fn case<F>(op: &'static str, shapes: &[&[usize]], build: F) -> Case
where
    F: for<'g> Fn(&'g Graph, &[Var<'g>]) -> Var<'g> + 'static,
{
    let argument =
        |shape: &&[usize]| Argument { leaf: Leaf::Input, shape: shape.to_vec(), range: (-1.9, 2.1) };
    Case { op, arguments: shapes.iter().map(argument).collect(), build: Box::new(build) }
}

fn check_all(cases: &[Case]) {
    for (k, case) in cases.iter().enumerate() {
        check(case, 1000 + k as u64);
    }
}

/// The positions of the ones of `bits`.
fn subset(bits: usize, of: usize) -> Vec<usize> {
    (0..of).filter(|i| bits >> i & 1 == 1).collect()
}

fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let longer = |order: Vec<usize>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, n - 1);
            order
        })
    };
    orders(n - 1).into_iter().flat_map(longer).collect()
}

#[test]
fn reductions_over_every_set_of_axes() {
    let shapes: [&[usize]; 7] =
        [&[2, 3, 4], &[3, 1, 2], &[2, 3, 2, 2], &[17, 65], &[66, 7], &[1, 33], &[2, 1, 3, 1, 2, 2]];
    let mut cases = Vec::new();
    for shape in shapes {
        for bits in 1..1 << shape.len() {
            let (a, b) = (subset(bits, shape.len()), subset(bits, shape.len()));
            cases.push(case("sum", &[shape], move |_, v| v[0].exp().sum_over(&a) * 0.5 + 1.0));
            cases.push(case("max", &[shape], move |_, v| v[0].sin().max_over(&b).exp()));
        }
    }
    let empty: [&[usize]; 4] = [&[0, 3], &[3, 0], &[2, 0, 3], &[0]];
    for shape in empty {
        for bits in 1..1 << shape.len() {
            let axes = subset(bits, shape.len());
            cases
                .push(case("sum", &[shape], move |_, v| v[0].exp().sum_over(&axes) * 2.0 + v[0].sum().exp()));
        }
    }
    check_all(&cases);
}

#[test]
fn every_pattern_of_repetition() {
    let mut cases = Vec::new();
    for full in [&[5, 4, 3][..], &[2, 3, 2, 2], &[9, 33], &[3, 1, 17]] {
        let rank = full.len();
        for bits in 0..1 << rank {
            let unit: Vec<usize> = (0..rank).map(|i| if bits >> i & 1 == 1 { 1 } else { full[i] }).collect();
            let first_kept = unit.iter().position(|&size| size != 1).unwrap_or(rank);
            let other: Vec<usize> = (0..rank).map(|i| if bits >> i & 1 == 1 { full[i] } else { 1 }).collect();
            for repeated in [&unit[..], &unit[first_kept..]] {
                cases.push(case("broadcast", &[full, repeated], |_, v| (v[0] * v[1]).exp() + v[1]));
                cases.push(case("broadcast", &[repeated, full], |_, v| (v[0].sin() - v[1]) * v[0]));
            }
            cases.push(case("broadcast", &[&unit, &other], |_, v| v[0] / (v[1].exp() + v[0] * v[0])));
            let shape = steepest_tensor::Shape::new(full).unwrap();
            cases.push(case("broadcast", &[&unit], move |_, v| v[0].exp().broadcast_to(shape)));
            cases.push(case("select", &[full, &unit, &other], |_, v| v[0].relu().select(v[1], v[2])));
        }
    }
    check_all(&cases);
}

#[test]
fn axes_in_every_order() {
    let mut cases = Vec::new();
    for shape in [&[2, 3, 4][..], &[2, 3, 4, 5], &[17, 33], &[16, 32], &[3, 1, 18], &[2, 1, 3, 1, 2, 2]] {
        let orders = orders(shape.len());
        let step = orders.len().div_ceil(24);
        for order in orders.into_iter().step_by(step) {
            cases.push(case("permute", &[shape], move |_, v| v[0].sin().permute(&order).exp()));
        }
    }
    cases.push(case("permute", &[&[3, 0, 2]], |_, v| v[0].permute(&[2, 0, 1])));
    cases.push(case("permute", &[&[3, 4, 5]], |_, v| v[0].permute(&[2, 0, 1]).exp().permute(&[2, 0, 1])));
    check_all(&cases);
}

#[test]
fn ranges_along_every_axis() {
    let mut cases = Vec::new();
    for shape in [&[3, 4, 5][..], &[2, 3, 3, 2], &[18, 35], &[2, 1, 3, 2, 2, 3], &[7]] {
        for axis in 0..shape.len() {
            let n = shape[axis];
            cases.push(case("slice", &[shape], move |_, v| v[0].slice(axis, n / 2, n).exp()));
            cases.push(case("slice", &[shape], move |_, v| v[0].sin().slice(axis, 0, n / 2)));
            cases.push(case("slice", &[shape], move |_, v| v[0].slice(axis, n, n)));
            cases.push(case("pad", &[shape], move |_, v| v[0].exp().pad(axis, 2, 1).sin()));
            cases.push(case("pad", &[shape], move |_, v| v[0].pad(axis, 0, 3)));
            cases.push(case("concat", &[shape, shape], move |_, v| {
                v[0].exp().concat(&[v[1], v[0].slice(axis, 0, 0), v[1].slice(axis, 0, 1)], axis).sin()
            }));
        }
    }
    check_all(&cases);
}

/// Products beside and over one another, in another order of the axes before and after: none need be moved.
#[test]
fn products_put_together_in_every_order() {
    let mut cases = Vec::new();
    let shapes: [&[usize]; 3] = [&[2, 3, 5, 4], &[2, 3, 4, 5], &[2, 3, 4, 5]];
    for (k, order) in orders(4).into_iter().enumerate() {
        for axis in 0..4 {
            // Where the axes were before, so that both products are `[2, 3, 5, 5]` once more.
            let inner = [[0, 1, 2, 3], [0, 1, 3, 2]][(k + axis) % 2];
            let (a, b, c) = (order.clone(), order.clone(), order.clone());
            cases.push(case("concat", &shapes, move |_, v| {
                let (left, right) = (v[0].matmul(v[1]), v[0].matmul(v[2]).permute(&inner));
                left.concat(&[right], axis).permute(&a).sin()
            }));
            cases.push(case("pad", &shapes, move |_, v| {
                let (left, right) = (v[0].matmul(v[1]), v[0].matmul(v[2]).permute(&inner));
                (left.pad(axis, 0, 3) + right.pad(axis, 3, 0)).permute(&b).sin()
            }));
            // One of them is used besides.
            cases.push(case("add", &shapes, move |_, v| {
                let (left, right) = (v[0].matmul(v[1]), v[0].matmul(v[2]).permute(&inner));
                (left.pad(axis, 1, 1) + right.pad(axis, 2, 0)).permute(&c) * right.sum()
            }));
        }
    }
    check_all(&cases);
}

#[test]
fn tables_and_their_rows() {
    let mut cases = Vec::new();
    for shape in [&[5][..], &[5, 1], &[5, 3], &[5, 17], &[5, 2, 3]] {
        // The fifth index is outside: a row of NaN, or nothing added.
        for list in [&[4, 1, 1, 0][..], &[2, 2, 2, 9, 4], &[]] {
            let indices = move || Tensor::u32([list.len()], list.to_vec()).unwrap();
            cases.push(case("gather", &[shape], move |g, v| v[0].exp().gather(g.literal(indices()))));
            let long = [&[list.len()], &shape[1..]].concat();
            cases.push(case("scatter_add", &[&long], move |g, v| {
                v[0].sin().scatter_add(g.literal(indices()), 5).exp()
            }));
        }
    }
    let square = || Tensor::u32([2, 2], vec![3, 0, 7, 3]).unwrap();
    cases.push(case("gather", &[&[4, 3]], move |g, v| v[0].gather(g.literal(square()))));
    cases.push(case("scatter_add", &[&[2, 2, 3]], move |g, v| v[0].scatter_add(g.literal(square()), 4)));
    for classes in [1, 2, 4, 17] {
        cases.push(case("one_hot", &[&[3, 4]], move |_, v| v[0].arg_max().one_hot(classes) * v[0].sum()));
        cases.push(case("one_hot", &[&[2, 3, 4]], move |_, v| v[0].arg_max().one_hot(classes) * v[0].sum()));
        cases.push(case("one_hot", &[&[5]], move |g, v| {
            let indices = Tensor::u32([5], vec![0, 1, 3, 0, 2]).unwrap();
            g.literal(indices).one_hot(classes) * v[0].reshape([5, 1]) + v[0].exp().reshape([5, 1])
        }));
    }
    cases.push(case("arg_max", &[&[4, 6]], |_, v| {
        // Indices are moved and repeated like other values.
        let at = v[0].arg_max().slice(0, 1, 3).reshape([2, 1]).broadcast_to([2, 3]).transpose();
        v[0].gather(at.concat(&[at], 1))
    }));
    check_all(&cases);
}
