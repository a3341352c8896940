//! Sparse features: the same models as on the dense matrix, weights trained by rows.

use steepest_graph::{Csr, Feeds, Graph, evaluate, gradients};
use steepest_nn::*;
use steepest_tensor::{Key, Tensor};

/// [[0, 2, 0, 0, −1], [0, 0, 0, 0, 0], [3, 0, 0.5, 0, 0]] and room for two more entries.
const OFFSETS: [u32; 4] = [0, 2, 2, 4];
const COLUMNS: [u32; 6] = [1, 4, 0, 2, u32::MAX, u32::MAX];
const VALUES: [f64; 6] = [2.0, -1.0, 3.0, 0.5, 0.0, 0.0];
const DENSE: [f64; 15] = [0.0, 2.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.5, 0.0, 0.0];

/// Predictions, and the gradients of their squares, with random weights.
fn run(spec: &'static ModelSpec, task: &Task, sparse: bool) -> Vec<Vec<f64>> {
    let graph = Graph::new();
    let inputs = match sparse {
        true => Inputs::of_sparse(Csr::input(&graph, "x", 3, 6), 5),
        false => Inputs::new("x", graph.input("x", [3, 5])),
    };
    let model = spec.build(&spec.settings([]).unwrap(), task).unwrap();
    let mut trace = Trace::new(&graph, Key::new(1), Phase::Train);
    let y = model.output(&mut trace.scope(), &inputs);
    let names: Vec<String> = trace.parameters().iter().map(|(name, _)| name.clone()).collect();
    for name in &names {
        // Of a perceptron only the first weights meet sparse features.
        let first = !name.starts_with("mlp") || name == "mlp.0.weight";
        assert_eq!(trace.is_table(name), sparse && first && !name.ends_with("bias"), "{name}");
    }
    let parameters: Vec<_> = trace.parameters().iter().map(|(_, value)| *value).collect();
    let slopes = gradients((y * (y + 1.0)).sum(), &parameters);
    let mut feeds = Feeds::new()
        .with("x.offsets", Tensor::u32([4], OFFSETS.to_vec()).unwrap())
        .with("x.columns", Tensor::u32([6], COLUMNS.to_vec()).unwrap())
        .with("x.values", Tensor::f64([6], VALUES.to_vec()).unwrap())
        .with("x", Tensor::f64([3, 5], DENSE.to_vec()).unwrap());
    for (name, value) in trace.parameters() {
        let values =
            (0..value.shape().elements()).map(|i| Key::new(7).stream(name).normal(i as u64)).collect();
        feeds = feeds.with(name, Tensor::f64(value.shape(), values).unwrap());
    }
    let outputs: Vec<_> = [y].into_iter().chain(slopes.into_iter().map(|slope| slope.dense())).collect();
    evaluate(&graph, &outputs, &feeds).unwrap().iter().map(Tensor::to_f64).collect()
}

#[test]
fn linear_models_are_the_same_on_sparse_and_dense_features() {
    let names =
        ["linear", "logistic", "softmax", "svm", "ridge", "lasso", "elastic-net", "factorization-machine"];
    for task in [Task::Regression { outputs: 1 }, Task::Binary, Task::Multiclass { classes: 4 }] {
        for spec in MODELS.iter().filter(|spec| names.contains(&spec.about.name) && (spec.suits)(&task)) {
            let (dense, sparse) = (run(spec, &task, false), run(spec, &task, true));
            for (dense, sparse) in dense.iter().flatten().zip(sparse.iter().flatten()) {
                assert!(
                    (dense - sparse).abs() < 1e-12,
                    "{} for {task}: {sparse} for {dense}",
                    spec.about.name
                );
            }
        }
    }
}

#[test]
fn what_takes_dense_features_says_so() {
    let graph = Graph::new();
    let inputs = Inputs::of_sparse(Csr::input(&graph, "x", 3, 6), 5);
    let flat = Flatten {};
    flat.output(&mut Trace::new(&graph, Key::new(1), Phase::Train).scope(), &inputs);
    let problem = graph.problems()[0].to_string();
    assert!(problem.contains("takes dense features") && problem.contains("`svm`"), "{problem}");
}

#[test]
fn factorization_needs_a_user_and_an_item() {
    let graph = Graph::new();
    let inputs = Inputs::new("x", graph.input("x", [3, 2]));
    MatrixFactorization::default()
        .output(&mut Trace::new(&graph, Key::new(1), Phase::Train).scope(), &inputs);
    let problem = graph.problems()[0].to_string();
    assert!(problem.contains("got 0 columns of categories") && problem.contains("embed ="), "{problem}");
}

#[test]
fn penalties_are_recorded_per_example() {
    let graph = Graph::new();
    let (user, item) = (graph.index_input("u", [3]), graph.index_input("i", [3]));
    let inputs = Inputs::of_category("u", user, 4).with_category("i", item, 4);
    let mut trace = Trace::new(&graph, Key::new(1), Phase::Train);
    MatrixFactorization::default().output(&mut trace.scope(), &inputs);
    assert_eq!(trace.penalties().iter().map(|penalty| penalty.shape().to_vec()).collect::<Vec<_>>(), [[3]]);
    let tables: Vec<bool> = trace.parameters().iter().map(|(name, _)| trace.is_table(name)).collect();
    assert_eq!(tables, [false, true, true, true, true]);
}
