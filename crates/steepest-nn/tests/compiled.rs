//! Compiled plans of every activation, loss and model, with their derivatives, against the reference
//! interpreter: in double precision to the last digits, in single precision to single precision.

use std::num::NonZeroUsize;

use steepest_graph::{Csr, Executor, Feeds, Graph, Plan, PlanOptions, Var, Variables, evaluate, gradients};
use steepest_nn::word2vec::{AROUND, AROUND_AND_NEGATIVES, CENTER, CENTER_AND_NEGATIVES};
use steepest_nn::*;
use steepest_spec::Value;
use steepest_tensor::{Buffer, DType, Key, Pool, Shape, Tensor};

/// A value that a step is fed.
enum Fed {
    Real(&'static str, Tensor),
    Index(&'static str, Tensor),
}

fn normal(shape: &[usize], scale: f64) -> Tensor {
    let shape = Shape::new(shape).unwrap();
    let values = (0..shape.elements()).map(|i| scale * Key::new(6).normal(i as u64)).collect::<Vec<f64>>();
    // Numbers that single precision holds, so that both precisions compute on the same ones.
    let values = values.into_iter().map(|x| f64::from(x as f32)).collect();
    Tensor::new(shape, Buffer::F64(values)).unwrap()
}

fn labels(shape: &[usize], classes: usize) -> Tensor {
    let shape = Shape::new(shape).unwrap();
    let values = (0..shape.elements()).map(|i| Key::new(2).below(i as u64, classes as u64) as u32).collect();
    Tensor::u32(shape, values).unwrap()
}

fn agrees(what: &str, graph: &Graph, outputs: &[Var<'_>], fed: &[Fed]) {
    let names: Vec<String> = (0..outputs.len()).map(|i| i.to_string()).collect();
    let named: Vec<(&str, Var<'_>)> = names.iter().map(String::as_str).zip(outputs.iter().copied()).collect();
    for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-5)] {
        let plan = Plan::compile(graph, &named, &PlanOptions { dtype }).unwrap();
        let mut variables = Variables::new(plan.variables(), dtype);
        let mut feeds = Feeds::new().scalar(STEP, 3.0);
        let mut executor = Executor::new(plan, &variables).unwrap();
        for value in fed {
            match value {
                Fed::Real(name, tensor) => {
                    let values = tensor.to_f64();
                    executor.feed(executor.input(name).unwrap()).fill_with(|i| values[i]);
                    feeds = feeds.with(name, tensor.clone());
                }
                Fed::Index(name, tensor) => {
                    let Buffer::U32(values) = tensor.buffer() else { panic!("labels are indices") };
                    executor.feed_index(executor.input(name).unwrap()).copy_from_slice(values);
                    feeds = feeds.with(name, tensor.clone());
                }
            }
        }
        for variable in variables.specs() {
            feeds = feeds.with(&variable.name, variables.get(&variable.name).unwrap());
        }
        if let Some(step) = executor.scalar(STEP) {
            executor.set_scalar(step, 3.0);
        }
        executor.run(&mut variables, &Pool::new(NonZeroUsize::MIN)).unwrap();
        for (name, expected) in names.iter().zip(evaluate(graph, outputs, &feeds).unwrap()) {
            let got = executor.value(executor.output(name).unwrap());
            for (i, expected) in expected.to_f64().into_iter().enumerate() {
                let error = (got.get(i) - expected).abs();
                let allowed = tolerance * expected.abs().max(1.0);
                assert!(
                    error <= allowed,
                    "{what}, {dtype:?}, output {name} [{i}]: {} not {expected}",
                    got.get(i)
                );
            }
        }
    }
}

#[test]
fn every_activation() {
    for spec in ACTIVATIONS {
        for n in [1, 37] {
            let graph = Graph::new();
            let x = graph.input("x", [n]);
            let y = (spec.apply)(&spec.settings([]).unwrap(), x);
            let slope = gradients(y.sum(), &[x])[0].dense();
            agrees(spec.about.name, &graph, &[y, slope], &[Fed::Real("x", normal(&[n], 3.0))]);
        }
    }
}

#[test]
fn every_loss() {
    for spec in LOSSES {
        for [batch, outputs] in [[1, 1], [7, 3], [5, 33]] {
            let graph = Graph::new();
            let x = graph.input("x", [batch, outputs]);
            let (target, fed) = match spec.target {
                Target::Values => (
                    graph.input("target", [batch, outputs]),
                    Some(Fed::Real("target", normal(&[batch, outputs], 0.5))),
                ),
                Target::Nothing => (x, None),
                Target::Labels => {
                    let labels = labels(&[batch], outputs);
                    (graph.index_input("target", [batch]), Some(Fed::Index("target", labels)))
                }
            };
            let loss = (spec.build)(&spec.settings([]).unwrap()).unwrap().per_example(x, target);
            let slope = gradients(loss.mean(), &[x])[0].dense();
            let x = Fed::Real("x", normal(&[batch, outputs], 4.0));
            let fed: Vec<Fed> = std::iter::once(x).chain(fed).collect();
            agrees(spec.about.name, &graph, &[loss, slope], &fed);
        }
    }
}

#[test]
fn every_model_with_its_usual_loss() {
    for task in [Task::Regression { outputs: 2 }, Task::Binary, Task::Multiclass { classes: 5 }] {
        for spec in MODELS.iter().filter(|spec| (spec.suits)(&task)) {
            let graph = Graph::new();
            // Small ones of those that are large by default.
            let small: &[(&str, &[i64])] = match spec.about.name {
                "cnn" => &[("channels", &[3, 5])],
                "vgg" => &[("channels", &[3, 5])],
                "resnet" => &[("channels", &[3, 5])],
                _ => &[],
            };
            let list = |sizes: &[i64]| Value::List(sizes.iter().map(|&size| Value::Integer(size)).collect());
            let written = small.iter().map(|(key, sizes)| ((*key).to_owned(), list(sizes)));
            let shape: &[usize] = match spec.about.name {
                "cnn" | "vgg" | "resnet" => &[9, 6, 7],
                "lenet" => &[9, 12, 14],
                _ => &[9, 4, 3],
            };
            let model = spec.build(&spec.settings(written).unwrap(), &task).unwrap();
            let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
            let inputs = match spec.about.name {
                "matrix-factorization" => Inputs::of_category("u", graph.index_input("u", [9]), 4)
                    .with_category("i", graph.index_input("i", [9]), 20),
                "svdpp" => Inputs::of_category("u", graph.index_input("u", [9]), 4)
                    .with_category("i", graph.index_input("i", [9]), 20)
                    .with_history(Csr::input(&graph, "h", 9, 30)),
                _ => Inputs::new("x", graph.input("x", Shape::new(shape).unwrap())),
            };
            let prediction = model.output(&mut trace.scope(), &inputs);
            let (target, fed) = match task.target() {
                Target::Values => {
                    let shape = [9, task.targets()];
                    (graph.input("target", shape), Fed::Real("target", normal(&shape, 1.0)))
                }
                Target::Labels => (graph.index_input("target", [9]), Fed::Index("target", labels(&[9], 5))),
                Target::Nothing => continue,
            };
            let loss = LossSpec::find(task.default_loss()).unwrap();
            let loss =
                (loss.build)(&loss.settings([]).unwrap()).unwrap().per_example(prediction, target).mean();
            let parameters: Vec<Var<'_>> =
                trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
            let mut outputs = vec![loss, task.interpret(prediction)];
            outputs.extend(gradients(loss, &parameters).into_iter().map(|gradient| gradient.dense()));
            let fed = match spec.about.name {
                "matrix-factorization" | "svdpp" => {
                    let known = |size: u64| {
                        let index = |i| Key::new(2).below(i, size) as u32;
                        let values = (0..9).map(index).map(|i| if i == 0 { u32::MAX } else { i });
                        Tensor::u32([9], values.collect()).unwrap()
                    };
                    let mut all = vec![Fed::Index("u", known(4)), Fed::Index("i", known(20)), fed];
                    if spec.about.name == "svdpp" {
                        let offsets = Tensor::u32([10], vec![0, 3, 3, 7, 9, 12, 20, 22, 23, 27]).unwrap();
                        all.push(Fed::Index("h.offsets", offsets));
                        all.push(Fed::Index("h.columns", labels(&[30], 20)));
                        all.push(Fed::Real("h.values", normal(&[30], 0.5)));
                    }
                    all
                }
                _ => vec![Fed::Real("x", normal(shape, 1.0)), fed],
            };
            agrees(spec.about.name, &graph, &outputs, &fed);
        }
    }
}

#[test]
fn dropout_drops_the_same_units() {
    let graph = Graph::new();
    let x = graph.input("x", [6, 21]);
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let y = trace.scope().apply("drop", &Dropout { rate: 0.4 }, x);
    agrees("dropout", &graph, &[y], &[Fed::Real("x", normal(&[6, 21], 1.0))]);
}

#[test]
fn language_models_and_masked_encoders() {
    for positions in [PositionKind::Learned, PositionKind::Rotary] {
        let graph = Graph::new();
        let (x, y) = (graph.index_input("x", [3, 7]), graph.index_input("y", [3, 7]));
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let model = Gpt { layers: 2, width: 12, heads: 2, positions, dropout: 0.1, ..Gpt::new(11) };
        let logits = model.forward(&mut trace.scope(), x);
        let loss = CrossEntropy::default().per_example(logits, y).mean();
        let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![loss, logits];
        outputs.extend(gradients(loss, &parameters).into_iter().map(|gradient| gradient.dense()));
        let fed = [Fed::Index("x", labels(&[3, 7], 11)), Fed::Index("y", labels(&[3, 7], 11))];
        agrees("gpt", &graph, &outputs, &fed);
    }
    let graph = Graph::new();
    let inputs = Inputs::new("x", graph.input("x", [4, 5, 3])).with(LENGTHS, graph.input("n", [4]));
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let y = Encoder { layers: 2, width: 8, heads: 2, ..Encoder::new(3) }.output(&mut trace.scope(), &inputs);
    let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
    let mut outputs = vec![y];
    outputs.extend(gradients(y.square().sum(), &parameters).into_iter().map(|gradient| gradient.dense()));
    let lengths = Tensor::f64([4], vec![5.0, 1.0, 3.0, 4.0]).unwrap();
    let fed = [Fed::Real("x", normal(&[4, 5, 3], 1.0)), Fed::Real("n", lengths)];
    agrees("encoder", &graph, &outputs, &fed);
}

#[test]
fn recurrent_networks_in_every_form() {
    for (cell, layers, bidirectional, masked) in [
        (Cell::Rnn, 2, true, true),
        (Cell::Lstm, 1, true, false),
        (Cell::Lstm, 2, false, true),
        (Cell::Gru, 2, true, true),
    ] {
        let graph = Graph::new();
        let x = graph.input("x", [4, 5, 3]);
        let lengths = masked.then(|| graph.input("n", [4]));
        let net = Recurrent { layers, bidirectional, ..Recurrent::new(cell, 6) };
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let states = net.run(&mut trace.scope(), x, lengths);
        let loss = states.all.square().sum() + states.last.sin().sum();
        let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![states.all, states.last];
        outputs.extend(gradients(loss, &parameters).into_iter().map(|gradient| gradient.dense()));
        let counts = Tensor::f64([4], vec![5.0, 1.0, 3.0, 4.0]).unwrap();
        let mut fed = vec![Fed::Real("x", normal(&[4, 5, 3], 1.0))];
        fed.extend(masked.then_some(Fed::Real("n", counts)));
        agrees(&format!("{net:?}"), &graph, &outputs, &fed);
    }
    // Over tokens, and with states that are carried from the step before.
    for carry in [false, true] {
        let graph = Graph::new();
        let (x, y) = (graph.index_input("x", [3, 7]), graph.index_input("y", [3, 7]));
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let model = RecurrentModel { layers: 2, carry, ..RecurrentModel::new(Cell::Lstm, 6, 11) };
        let logits = model.output(&mut trace.scope(), &Inputs::new("x", x));
        let loss = CrossEntropy::default().per_example(logits, y).mean();
        let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![loss, logits];
        outputs.extend(gradients(loss, &parameters).into_iter().map(|gradient| gradient.dense()));
        let fed = [Fed::Index("x", labels(&[3, 7], 11)), Fed::Index("y", labels(&[3, 7], 11))];
        agrees("tokens", &graph, &outputs, &fed);
    }
}

/// Two rows of 22 for each of so many words, three for the first five; the rest of 71 is not used.
fn parts(of: &'static str, words: usize) -> Vec<Fed> {
    let name = |part: &str| -> &'static str { format!("parts of {of}.{part}").leak() };
    let offsets = (0..=words).map(|word| (2 * word + word.min(5)) as u32).collect();
    vec![
        Fed::Index(name("offsets"), Tensor::u32([words + 1], offsets).unwrap()),
        Fed::Index(name("columns"), labels(&[71], 22)),
        Fed::Real(name("values"), normal(&[71], 0.7)),
    ]
}

#[test]
fn word_vectors() {
    let row = words::Row { vocabulary: 13, block: 7, context: 2, negatives: 3 };
    let cases = [Architecture::SkipGram, Architecture::Cbow];
    for (architecture, subwords) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let graph = Graph::new();
        let mut inputs = words::inputs(&graph, 3, row);
        if subwords {
            inputs = words::with_subwords(inputs, 3, row, 9, 71);
        }
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let model = Word2vec { architecture, size: 5, ..Word2vec::default() };
        let losses = model.output(&mut trace.scope(), &inputs);
        let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![losses];
        outputs.extend(gradients(losses.mean(), &parameters).into_iter().map(|gradient| gradient.dense()));
        let sentence = |width: usize| {
            let numbers = (0..3 * width).map(|i| (i % width / 3) as f64).collect();
            Tensor::f64([3, width], numbers).unwrap()
        };
        let (other, width, around) = match architecture {
            Architecture::SkipGram => (AROUND_AND_NEGATIVES, 14, None),
            Architecture::Cbow => (CENTER_AND_NEGATIVES, 10, Some(AROUND)),
        };
        let mut fed = vec![Fed::Index(other, labels(&[3, width], 13))];
        fed.push(Fed::Real("sentence of center", sentence(7)));
        match around {
            None => {
                let words = Fed::Index(CENTER, labels(&[3, 7], 13));
                fed.extend(if subwords { parts("center", 3 * 7) } else { vec![words] });
                fed.push(Fed::Real("sentence of around and negatives", sentence(14)));
            }
            Some(around) => {
                let words = Fed::Index(around, labels(&[3, 11], 13));
                fed.extend(if subwords { parts("around", 3 * 11) } else { vec![words] });
                fed.push(Fed::Real("sentence of around", sentence(11)));
            }
        }
        agrees("word2vec", &graph, &outputs, &fed);
    }
}

#[test]
fn rankings() {
    for both in [true, false] {
        let graph = Graph::new();
        let index = |name| graph.index_input(name, [9]);
        let mut inputs = Inputs::of_category("u", index("u"), 4).with_category("i", index("i"), 20);
        let mut fed = vec![Fed::Index("u", labels(&[9], 4)), Fed::Index("i", labels(&[9], 20))];
        if both {
            inputs = inputs.with(bpr::OTHER, index(bpr::OTHER));
            fed.push(Fed::Index(bpr::OTHER, labels(&[9], 19)));
        }
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let model = Bpr { factors: 3, ..Bpr::default() };
        let y = model.output(&mut trace.scope(), &inputs);
        let loss = PairwiseLogistic {}.per_example(y, y).mean();
        let parameters: Vec<Var<'_>> = trace.parameters().iter().map(|(_, parameter)| *parameter).collect();
        let mut outputs = vec![y];
        outputs.extend(gradients(loss, &parameters).into_iter().map(|gradient| gradient.dense()));
        agrees("bpr", &graph, &outputs, &fed);
    }
}
