//! Convolutions and pooling of every geometry, alone and in networks.

use steepest_graph::{Graph, Initial, Var, VariableKind, Window, gradients};
use steepest_tensor::{Key, Shape, Tensor};

use crate::dice::Dice;
use crate::harness::follow;
use crate::operations::check;
use crate::table::{Argument, Case, Leaf};

fn case<F>(op: &'static str, shapes: &[&[usize]], build: F) -> Case
where
    F: for<'g> Fn(&'g Graph, &[Var<'g>]) -> Var<'g> + 'static,
{
    let argument =
        |shape: &&[usize]| Argument { leaf: Leaf::Input, shape: shape.to_vec(), range: (-1.0, 1.0) };
    Case { op, arguments: shapes.iter().map(argument).collect(), build: Box::new(build) }
}

/// A window that takes at least one position over an image.
fn window(dice: &mut Dice, image: [usize; 2]) -> Window {
    loop {
        let mut pair = |from: usize, below: usize| [from + dice.below(below), from + dice.below(below)];
        let window =
            Window { kernel: pair(1, 5), stride: pair(1, 3), padding: pair(0, 3), dilation: pair(1, 3) };
        if window.positions(image).is_some() {
            return window;
        }
    }
}

#[test]
fn convolutions_of_random_geometry() {
    let mut dice = Dice::new(41);
    for seed in 0..60 {
        let image = [1 + dice.below(9), 1 + dice.below(12)];
        let window = window(&mut dice, image);
        let counts = [1, 2, 3, 5, 8, 17];
        let depthwise = dice.once_in(5);
        let groups = if depthwise { dice.one_of(&[2, 5, 16, 19, 35]) } else { dice.one_of(&[1, 1, 1, 2, 3]) };
        let (c, k) = if depthwise { (1, 1) } else { (dice.one_of(&counts), dice.one_of(&counts)) };
        let (c, k) = (c * groups, k * groups);
        let [kh, kw] = window.kernel;
        let images = 1 + dice.below(3);
        let shapes: [&[usize]; 2] = [&[images, image[0], image[1], c], &[kh, kw, c / groups, k]];
        check(&case("conv2d", &shapes, move |_, v| v[0].conv2d(v[1], window, groups) * 1.5), seed);
    }
}

#[test]
fn channels_around_the_width_of_a_panel() {
    let pairs = [(15, 16), (16, 17), (17, 15), (31, 32), (32, 33), (33, 31), (1, 48), (48, 1), (40, 65)];
    for (seed, (c, k)) in pairs.into_iter().enumerate() {
        for window in [Window::new([3, 3]).padding([1, 1]), Window::new([2, 2]).stride([2, 2])] {
            let [kh, kw] = window.kernel;
            let shapes: [&[usize]; 2] = [&[2, 5, 9, c], &[kh, kw, c, k]];
            let case = case("conv2d", &shapes, move |_, v| v[0].conv2d(v[1], window, 1).relu());
            check(&case, seed as u64);
        }
    }
}

#[test]
fn pooling_of_random_geometry() {
    let mut dice = Dice::new(42);
    for seed in 0..40 {
        let image = [1 + dice.below(9), 1 + dice.below(9)];
        let window = window(&mut dice, image);
        let channels = dice.one_of(&[1, 2, 7, 16, 21, 33]);
        let graph = Graph::new();
        let x = graph.input("probe", [2, image[0], image[1], channels]);
        x.max_pool2d(window);
        // Some windows see no pixel; that is a problem of the graph.
        if !graph.problems().is_empty() {
            continue;
        }
        let shape: &[usize] = &[2, image[0], image[1], channels];
        check(&case("max_pool", &[shape], move |_, v| v[0].max_pool2d(window).exp()), seed);
        check(&case("conv2d", &[shape], move |_, v| v[0].avg_pool2d(window)), seed);
    }
}

fn parameter<'g>(graph: &'g Graph, name: &str, shape: &[usize], std: f64) -> Var<'g> {
    let initial = Initial::Normal { key: Key::new(5).stream(name), mean: 0.0, std };
    graph.variable(name, VariableKind::Parameter, Shape::new(shape).unwrap(), initial)
}

/// A network with everything that shares a group with convolutions: bias, activation, batch statistics,
/// pooling, a shortcut, a dense head, updates with momentum.
fn train(images: usize, steps: usize) {
    let graph = Graph::new();
    let x = graph.input("x", [images, 7, 6, 3]);
    let target = graph.input("target", [images, 4]);
    let w1 = parameter(&graph, "w1", &[3, 3, 3, 8], 0.3);
    let b1 = parameter(&graph, "b1", &[8], 0.1);
    let w2 = parameter(&graph, "w2", &[3, 3, 8, 8], 0.2);
    let gain = parameter(&graph, "gain", &[8], 1.0);
    let w3 = parameter(&graph, "w3", &[2, 2, 8, 33], 0.2);
    let head = parameter(&graph, "head", &[2 * 33, 4], 0.2);
    let h = (x.conv2d(w1, Window::new([3, 3]).padding([1, 1]), 1) + b1).relu();
    let z = h.conv2d(w2, Window::new([3, 3]).padding([1, 1]), 1);
    let count = 1.0 / (images * 7 * 6) as f64;
    let mean = z.sum_over(&[0, 1, 2]) * count;
    let centred = z - mean;
    let variance = centred.square().sum_over(&[0, 1, 2]) * count;
    let h = (centred / (variance + 1e-5).sqrt() * gain + h).relu();
    let h = h.max_pool2d(Window::new([2, 2]).stride([2, 2]));
    let h = h.conv2d(w3, Window::new([2, 2]).padding([0, 1]).stride([1, 2]), 1).tanh();
    let h = h.sum_over(&[1]).reshape([images, 2 * 33]);
    let loss = (h.matmul(head) - target).square().mean();
    let parameters = [w1, b1, w2, gain, w3, head];
    for (k, (theta, g)) in parameters.iter().zip(gradients(loss, &parameters)).enumerate() {
        let (g, shape) = (g.dense(), theta.shape());
        let m = graph.variable(&format!("m{k}"), VariableKind::Slot, shape, Initial::Constant(0.0));
        let next = 0.9 * m + g;
        graph.assign(m, next);
        graph.assign(*theta, *theta - 0.1 * next);
    }
    let mut dice = Dice::new(7);
    let feeds: Vec<Vec<(String, Tensor)>> = (0..steps)
        .map(|_| {
            vec![
                ("x".to_owned(), dice.reals(x.shape(), (-1.0, 1.0))),
                ("target".to_owned(), dice.reals(target.shape(), (-1.0, 1.0))),
            ]
        })
        .collect();
    follow(&graph, &[loss, h], &feeds, &format!("network over {images} images"));
}

#[test]
fn networks_train_as_the_reference_does() {
    train(1, 2);
    train(5, 2);
    train(16, 1);
}
