//! Steps on sparse features: one kernel that adds a transposed product to a table, held against the reference.

use steepest_graph::{Csr, Graph, Initial, VariableKind, gradients};
use steepest_tensor::{DType, Key, Tensor};

use crate::harness::{Compiled, follow};

/// Rows of so many entries each, in `features` columns, padded to a capacity; some columns stand twice or outside.
fn batch(lens: &[usize], features: usize, capacity: usize, seed: u64) -> Vec<(String, Tensor)> {
    let key = Key::new(seed);
    let mut offsets = vec![0u32];
    lens.iter().for_each(|len| offsets.push(offsets[offsets.len() - 1] + *len as u32));
    let column = |i: u64| match key.below(2 * i, 9) {
        0 => u32::MAX,
        1 => 0,
        _ => key.below(2 * i + 1, features as u64 + 1) as u32,
    };
    let columns = (0..capacity as u64).map(column).collect();
    let values = (0..capacity as u64).map(|i| key.normal(1000 + i)).collect();
    vec![
        ("x.offsets".to_owned(), Tensor::u32([offsets.len()], offsets).unwrap()),
        ("x.columns".to_owned(), Tensor::u32([capacity], columns).unwrap()),
        ("x.values".to_owned(), Tensor::f64([capacity], values).unwrap()),
        ("rate".to_owned(), Tensor::f64([], vec![0.3]).unwrap()),
    ]
}

fn step(graph: &Graph, rows: usize, capacity: usize, features: usize, width: usize, negate: bool) {
    let x = Csr::input(graph, "x", rows, capacity);
    let initial = Initial::Normal { key: Key::new(9), mean: 0.0, std: 1.0 };
    let w = graph.variable("w", VariableKind::Parameter, [features, width], initial);
    let y = x.matmul(w);
    let steepest_graph::Gradient::Rows { indices, values, .. } =
        gradients((y.tanh() * 0.5).square().sum(), &[w])[0]
    else {
        panic!("the gradient of a sparse product has rows")
    };
    let rate = graph.host_scalar("rate");
    let change = rate * (values * 1.5);
    graph.assign(w, w.add_rows(indices, if negate { -change } else { change }));
}

#[test]
fn a_step_on_sparse_features_is_what_the_reference_says() {
    for (lens, capacity) in
        [(&[][..], 1), (&[0], 1), (&[1], 1), (&[7], 16), (&[3, 0, 5], 8), (&[2, 17, 0, 0, 1, 4, 13], 64)]
    {
        for (features, width) in [(1, 1), (5, 1), (300, 1), (5, 3), (40, 17)] {
            for negate in [true, false] {
                let graph = Graph::new();
                step(&graph, lens.len(), capacity, features, width, negate);
                let steps: Vec<_> = (0..3).map(|seed| batch(lens, features, capacity, seed)).collect();
                follow(&graph, &[], &steps, &format!("{lens:?}, {features} × {width}"));
            }
        }
    }
}

#[test]
fn it_is_one_kernel_without_anything_in_between() {
    let graph = Graph::new();
    step(&graph, 3, 8, 5, 2, true);
    let text = Compiled::new(&graph, &[], DType::F32, None).text;
    let program = text.split("after `program`").nth(1).unwrap();
    assert!(program.contains("add_product") && !program.contains("gather"), "{program}");
    assert!(!program.contains("segments") && !program.contains("add_rows"), "{program}");
}
