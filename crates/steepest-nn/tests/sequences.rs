//! Transformer blocks and normalizations against PyTorch, in double precision.
//!
//! `golden/sequences.py` wrote the numbers; `sequences.json` records the version it ran with.

use std::collections::BTreeMap;

use serde::Deserialize;
use steepest_graph::{Feeds, Graph, Var, evaluate, gradients};
use steepest_nn::*;
use steepest_tensor::{Key, Shape, Tensor};

/// Both sides are in double precision and round differently.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Golden {
    blocks: Vec<Block>,
    norms: Vec<Norm>,
    recurrent: Vec<Net>,
}

#[derive(Deserialize)]
struct Net {
    cell: Cell,
    layers: usize,
    bidirectional: bool,
    lengths: Vec<f64>,
    hidden: usize,
    shape: Vec<usize>,
    last: Vec<f64>,
    last_weights: Vec<f64>,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Deserialize)]
struct Block {
    causal: bool,
    lengths: Vec<f64>,
    activation: String,
    shape: Vec<usize>,
    heads: usize,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Deserialize)]
struct Norm {
    layer: String,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Deserialize)]
struct Numbers {
    x: Vec<f64>,
    x_gradient: Vec<f64>,
    weights: Vec<f64>,
    y: Vec<f64>,
    parameters: BTreeMap<String, Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    shape: Vec<usize>,
    value: Vec<f64>,
    gradient: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/sequences.json")).unwrap()
}

fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::f64(Shape::new(shape).unwrap(), values.to_vec()).unwrap()
}

#[track_caller]
fn assert_near(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= TOLERANCE * e.abs().max(1.0), "{what} [{i}]: {g} instead of {e}");
    }
}

/// Builds y from x and compares it, and the gradients of Σ weights · y, with PyTorch's.
fn agrees(
    what: &str,
    shape: &[usize],
    numbers: &Numbers,
    build: impl for<'g> FnOnce(&mut Scope<'_, 'g>, Var<'g>) -> Var<'g>,
) {
    let graph = Graph::new();
    let shape = Shape::new(shape).unwrap();
    let x = graph.input("x", shape);
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let y = build(&mut trace.scope(), x);
    let weights = graph.literal(tensor(&shape, &numbers.weights));
    let counts = weights.equal(weights.constant(0.0));
    let shown = counts.select(y.zeros_like(), y);
    let (names, mut wrt): (Vec<String>, Vec<Var<'_>>) = trace.parameters().iter().cloned().unzip();
    assert_eq!(names.len(), numbers.parameters.len(), "{what}: {names:?}");
    wrt.push(x);
    let mut outputs = vec![shown];
    outputs.extend(gradients((y * weights).sum(), &wrt).iter().map(|gradient| gradient.dense()));
    let mut feeds = Feeds::new().with("x", tensor(&shape, &numbers.x));
    for (name, parameter) in &numbers.parameters {
        feeds = feeds.with(name, tensor(&parameter.shape, &parameter.value));
    }
    let got = evaluate(&graph, &outputs, &feeds).unwrap();
    assert_near(what, &got[0].to_f64(), &numbers.y);
    for (name, gradient) in names.iter().zip(&got[1..]) {
        assert_near(&format!("{what}, {name}"), &gradient.to_f64(), &numbers.parameters[name].gradient);
    }
    assert_near(&format!("{what}, x"), &got[names.len() + 1].to_f64(), &numbers.x_gradient);
}

#[test]
fn transformer_blocks_are_those_of_pytorch() {
    for row in golden().blocks {
        let what = format!("causal {}, lengths {:?}, {}", row.causal, row.lengths, row.activation);
        let block = TransformerBlock {
            causal: row.causal,
            activation: row.activation.parse().unwrap(),
            ..TransformerBlock::new(row.heads)
        };
        agrees(&what, &row.shape, &row.numbers, |cx, x| {
            let lengths = (!row.lengths.is_empty())
                .then(|| cx.graph().literal(tensor(&[row.lengths.len()], &row.lengths)));
            block.masked(cx, x, lengths)
        });
    }
}

/// All states and the last ones, of one and several layers, in both directions, of all and of varied lengths.
#[test]
fn recurrent_networks_are_those_of_pytorch() {
    for row in golden().recurrent {
        let what =
            format!("{:?}, {} layers, both {}, {:?}", row.cell, row.layers, row.bidirectional, row.lengths);
        let net = Recurrent {
            layers: row.layers,
            bidirectional: row.bidirectional,
            ..Recurrent::new(row.cell, row.hidden)
        };
        let graph = Graph::new();
        let x = graph.input("x", Shape::new(&row.shape).unwrap());
        let lengths =
            (!row.lengths.is_empty()).then(|| graph.literal(tensor(&[row.lengths.len()], &row.lengths)));
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let states = net.run(&mut trace.scope(), x, lengths);
        let all = graph.literal(tensor(&states.all.shape(), &row.numbers.weights));
        let last = graph.literal(tensor(&states.last.shape(), &row.last_weights));
        let loss = (states.all * all).sum() + (states.last * last).sum();
        let (names, mut wrt): (Vec<String>, Vec<Var<'_>>) = trace.parameters().iter().cloned().unzip();
        assert_eq!(names.len(), row.numbers.parameters.len(), "{what}: {names:?}");
        wrt.push(x);
        let mut outputs = vec![states.all, states.last];
        outputs.extend(gradients(loss, &wrt).iter().map(|gradient| gradient.dense()));
        let mut feeds = Feeds::new().with("x", tensor(&x.shape(), &row.numbers.x));
        for (name, parameter) in &row.numbers.parameters {
            feeds = feeds.with(name, tensor(&parameter.shape, &parameter.value));
        }
        let got = evaluate(&graph, &outputs, &feeds).unwrap();
        assert_near(&what, &got[0].to_f64(), &row.numbers.y);
        assert_near(&format!("{what}, last"), &got[1].to_f64(), &row.last);
        for (name, gradient) in names.iter().zip(&got[2..]) {
            assert_near(
                &format!("{what}, {name}"),
                &gradient.to_f64(),
                &row.numbers.parameters[name].gradient,
            );
        }
        assert_near(&format!("{what}, x"), &got[names.len() + 2].to_f64(), &row.numbers.x_gradient);
    }
}

#[test]
fn normalizations_are_those_of_pytorch() {
    for row in golden().norms {
        let spec = LayerSpec::find(&row.layer).unwrap();
        let layer = (spec.build)(&spec.settings([]).unwrap()).unwrap();
        agrees(&row.layer, &[4, 3, 6], &row.numbers, |cx, x| layer.forward(cx, x));
    }
}

/// What a position gives does not change with what stands behind it.
#[test]
fn causal_models_do_not_look_ahead() {
    for positions in
        [PositionKind::Learned, PositionKind::Sinusoidal, PositionKind::Rotary, PositionKind::None]
    {
        let graph = Graph::new();
        let x = graph.index_input("x", [2, 6]);
        let model = Gpt { layers: 2, width: 8, heads: 2, positions, ..Gpt::new(5) };
        let z = model.forward(&mut Trace::new(&graph, Key::new(3), Phase::Eval).scope(), x);
        let run = |tokens: [u32; 12]| {
            let feeds = Feeds::new().with("x", Tensor::u32([2, 6], tokens.to_vec()).unwrap());
            evaluate(&graph, &[z], &feeds).unwrap()[0].to_f64()
        };
        let (one, other) =
            (run([0, 1, 2, 3, 4, 0, 1, 1, 1, 1, 1, 1]), run([0, 1, 2, 4, 4, 1, 1, 1, 1, 1, 1, 1]));
        // Tokens differ from position 3 of the first example on: 3 positions of 5 logits.
        assert_eq!(one[..15], other[..15], "{positions:?}");
        assert_ne!(one[15..30], other[15..30], "{positions:?}");
        assert_eq!(one[30..], other[30..], "{positions:?}");
    }
}

/// A position gives what it would give if all behind it were padding, whatever block of positions it is in.
#[test]
fn causal_attention_is_attention_to_what_stands_before() {
    const LENGTH: usize = 70;
    let run = |layer: &MultiHeadAttention, position: usize| {
        let graph = Graph::new();
        let x = graph.input("x", [2, LENGTH, 6]);
        let lengths = (!layer.causal).then(|| graph.literal(tensor(&[2], &[position as f64 + 1.0; 2])));
        let mut trace = Trace::new(&graph, Key::new(3), Phase::Train);
        let y = layer.masked(&mut trace.scope(), x, lengths);
        let row = y.slice(1, position, position + 1);
        let slopes = gradients(row.square().sum(), &[x, trace.parameters()[0].1]);
        let values = (0..2 * LENGTH * 6).map(|i| (i as f64 * 0.7).sin()).collect::<Vec<_>>();
        let feeds = Feeds::new().with("x", tensor(&[2, LENGTH, 6], &values));
        let outputs = [row, slopes[0].dense(), slopes[1].dense()];
        evaluate(&graph, &outputs, &feeds).unwrap().iter().map(|v| v.to_f64()).collect::<Vec<_>>()
    };
    for rotary in [false, true] {
        let causal = MultiHeadAttention { rotary, ..MultiHeadAttention::causal(3) };
        let whole = MultiHeadAttention { causal: false, ..causal.clone() };
        for position in [0, 1, 31, 32, 63, 64, 69] {
            for (got, wanted) in run(&causal, position).iter().zip(&run(&whole, position)) {
                assert_near(&format!("position {position}"), got, wanted);
            }
        }
    }
}

/// What stands behind the end of an example does not matter.
#[test]
fn padding_changes_nothing() {
    let encoder =
        Encoder { layers: 2, width: 8, heads: 2, positions: PositionKind::Sinusoidal, ..Encoder::new(2) };
    let last = |cell| Recurrent { bidirectional: true, last: true, ..Recurrent::new(cell, 4) };
    let recurrent = Sequential::new().then(Recurrent::new(Cell::Gru, 5)).then(last(Cell::Lstm));
    let block = Sequential::new().then(Dense::new(8)).then(TransformerBlock::new(2));
    let mixed = Sequential::new().then(Dense::new(6)).then(MultiHeadAttention::new(3));
    let models: [Box<dyn Model>; 4] = [
        Box::new(encoder),
        Box::new(recurrent),
        Box::new(block.then(GlobalAvgPool {})),
        Box::new(mixed.then(GlobalAvgPool {})),
    ];
    models.iter().for_each(|model| does_not_see_padding(&**model));
}

fn does_not_see_padding(model: &dyn Model) {
    let run = |steps: usize, fill: f64| {
        let graph = Graph::new();
        let x = graph.input("x", [1, steps, 3]);
        let lengths = graph.input("lengths", [1]);
        let inputs = Inputs::new("x", x).with(LENGTHS, lengths);
        let y = model.output(&mut Trace::new(&graph, Key::new(3), Phase::Eval).scope(), &inputs);
        let values = (0..steps * 3).map(|i| if i < 12 { (i as f64).sin() } else { fill }).collect();
        let feeds = Feeds::new()
            .with("x", Tensor::f64([1, steps, 3], values).unwrap())
            .with("lengths", Tensor::f64([1], vec![4.0]).unwrap());
        evaluate(&graph, &[y], &feeds).unwrap()[0].to_f64()
    };
    let short = run(4, 0.0);
    for (steps, fill) in [(7, 0.0), (7, 100.0)] {
        assert_near("padded", &run(steps, fill), &short);
    }
}

/// Behind layers over sequences, pooling is along their steps, and images are refused.
#[test]
fn sequences_are_pooled_along_their_steps() {
    let graph = Graph::new();
    let x = graph.input("x", [1, 5, 2]);
    let identity = Conv1d { use_bias: false, groups: 2, ..Conv1d::new(2, 1) };
    let run = |layer: &dyn Layer| {
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
        let y = trace.scope().apply("conv", &identity, x);
        let y = trace.scope().apply("layer", layer, y);
        let feeds = Feeds::new()
            .with("x", tensor(&[1, 5, 2], &[1.0, 50.0, 2.0, 40.0, 3.0, 30.0, 4.0, 20.0, 5.0, 10.0]))
            .with("conv.weight", tensor(&[1, 1, 2], &[1.0, 1.0]));
        (y.shape().to_vec(), evaluate(&graph, &[y], &feeds).unwrap()[0].to_f64())
    };
    assert_eq!(run(&MaxPool::new(2)), (vec![1, 2, 2], vec![2.0, 50.0, 4.0, 30.0]));
    assert_eq!(run(&AvgPool::new(2)), (vec![1, 2, 2], vec![1.5, 45.0, 3.5, 25.0]));
    let thirds = AdaptiveAvgPool { size: 2.into() };
    assert_eq!(run(&thirds), (vec![1, 2, 2], vec![2.0, 40.0, 4.0, 20.0]));
    assert!(graph.problems().is_empty());
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
    let y = trace.scope().apply("conv", &identity, x);
    trace.scope().apply("image", &Conv2d::new(3, 1), y);
    let problem = graph.problems()[0].to_string();
    assert!(problem.contains("not sequences") && problem.contains("conv1d"), "{problem}");
}

/// A layer that does not ask where sequences end takes none of varied length.
#[test]
fn a_model_that_would_learn_from_padding_says_so() {
    let graph = Graph::new();
    let inputs = Inputs::new("x", graph.input("x", [2, 4, 3])).with(LENGTHS, graph.input("lengths", [2]));
    let model = Sequential::new().then(Flatten {}).then(Dense::new(2));
    model.output(&mut Trace::new(&graph, Key::new(0), Phase::Train).scope(), &inputs);
    let problem = graph.problems()[0].to_string();
    assert!(problem.contains("varied length") && problem.contains("`recurrent`"), "{problem}");
}

/// Positions by complex numbers: a pair of coordinates turns by t / 10000^(2i/d).
#[test]
fn positions_are_those_of_the_papers() {
    const STEPS: usize = 5;
    const WIDTH: usize = 6;
    let angle = |t: usize, i: usize| t as f64 * (10_000f64.ln() * -2.0 * i as f64 / WIDTH as f64).exp();
    let graph = Graph::new();
    let x = graph.input("x", [1, STEPS, WIDTH]);
    let waves = Positions { encoding: PositionKind::Sinusoidal };
    let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("p", &waves, x);
    let feeds = Feeds::new().with("x", tensor(&[1, STEPS, WIDTH], &[0.0; STEPS * WIDTH]));
    let got = evaluate(&graph, &[y], &feeds).unwrap()[0].to_f64();
    let pairs = (0..STEPS).flat_map(|t| (0..WIDTH / 2).map(move |i| (t, i)));
    let wanted: Vec<f64> = pairs.flat_map(|(t, i)| [angle(t, i).sin(), angle(t, i).cos()]).collect();
    assert_near("waves", &got, &wanted);

    // Attention with one head whose queries and keys are x itself and whose values are x: only positions turn them.
    let attention = MultiHeadAttention { rotary: true, use_bias: false, ..MultiHeadAttention::new(1) };
    let graph = Graph::new();
    let x = graph.input("x", [1, STEPS, WIDTH]);
    let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("a", &attention, x);
    let row: Vec<f64> = (0..STEPS * WIDTH).map(|k| (k as f64 * 0.9).sin()).collect();
    let eye = |columns: usize| -> Vec<f64> {
        (0..WIDTH * columns).map(|k| f64::from(u8::from(k % columns % WIDTH == k / columns))).collect()
    };
    let feeds = Feeds::new()
        .with("x", tensor(&[1, STEPS, WIDTH], &row))
        .with("a.in_proj.weight", tensor(&[WIDTH, 3 * WIDTH], &eye(3 * WIDTH)))
        .with("a.out_proj.weight", tensor(&[WIDTH, WIDTH], &eye(WIDTH)));
    let got = evaluate(&graph, &[y], &feeds).unwrap()[0].to_f64();
    // The product of two turned vectors: Re Σᵢ aᵢ b̄ᵢ e^(i(t − s)θᵢ), with the halves as real and imaginary parts.
    let half = WIDTH / 2;
    let score = |t: usize, s: usize| -> f64 {
        let part = |k: usize, i: usize| (row[k * WIDTH + i], row[k * WIDTH + half + i]);
        let product = |i: usize| {
            let ((a, b), (c, d), turn) = (part(t, i), part(s, i), angle(t, i) - angle(s, i));
            (a * c + b * d) * turn.cos() - (b * c - a * d) * turn.sin()
        };
        (0..half).map(product).sum::<f64>() / (WIDTH as f64).sqrt()
    };
    let wanted: Vec<f64> = (0..STEPS)
        .flat_map(|t| {
            let powers: Vec<f64> = (0..STEPS).map(|s| score(t, s).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let row = &row;
            (0..WIDTH)
                .map(move |c| (0..STEPS).map(|s| powers[s] / sum * row[s * WIDTH + c]).sum())
                .collect::<Vec<f64>>()
        })
        .collect();
    assert_near("rotary", &got, &wanted);
}
