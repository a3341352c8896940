//! A workload's step as one plan: forward, loss, backward and update.

use bench_protocol::{Model, Optimizer, Workload};
use steepest_graph::{Gradient, Graph, Initial, Plan, PlanErrors, PlanOptions, VariableKind};
use steepest_nn::{BinaryCrossEntropy, CrossEntropy, Layer, Logistic, Loss, Mlp, Phase, Trace};
use steepest_optim::{Adam, Chain, Momentum, Parameter, ScaleByRate, apply_updates, minimize};
use steepest_tensor::Key;

/// The output that holds the loss.
pub const LOSS: &str = "loss";

/// Compiles the step of a workload. Its inputs are `x` and `y`, or `gradient` for an update alone.
///
/// # Errors
/// If the graph has problems.
pub fn compile(workload: &Workload) -> Result<Plan, PlanErrors> {
    let graph = Graph::new();
    let chain = chain(&workload.optimizer);
    let options = PlanOptions::default();
    if let Model::Update { parameters } = workload.model {
        let parameter =
            graph.variable("parameter", VariableKind::Parameter, [parameters], Initial::Constant(0.0));
        let gradient = Gradient::Dense(graph.input("gradient", [parameters]));
        apply_updates(&graph, &[Parameter::new("parameter", parameter)], vec![gradient], &chain);
        return Plan::compile(&graph, &[], &options);
    }
    let layers = workload.model.layers();
    let (batch, inputs) = (workload.batch, layers[0].0);
    let x = graph.input("x", [batch, inputs]);
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let losses = if let Model::Mlp { .. } = workload.model {
        let outputs: Vec<usize> = layers.iter().map(|(_, outputs)| *outputs).collect();
        let (hidden, classes) = outputs.split_at(outputs.len() - 1);
        let logits = Mlp::new(hidden, classes[0]).forward(&mut trace.scope(), x);
        CrossEntropy::default().per_example(logits, graph.index_input("y", [batch]))
    } else {
        let logits = Logistic::new(1).forward(&mut trace.scope(), x);
        BinaryCrossEntropy {}.per_example(logits, graph.input("y", [batch]))
    };
    let loss = losses.mean();
    let parameters: Vec<Parameter<'_>> =
        trace.parameters().iter().map(|(name, value)| Parameter::new(name, *value)).collect();
    minimize(loss, &parameters, &chain);
    Plan::compile(&graph, &[(LOSS, loss)], &options)
}

fn chain(optimizer: &Optimizer) -> Chain {
    match *optimizer {
        Optimizer::Adam { beta1, beta2, epsilon, .. } => {
            Chain::new().then(Adam { beta1, beta2, epsilon }).then(ScaleByRate)
        }
        Optimizer::Sgd { momentum: 0.0, .. } => Chain::new().then(ScaleByRate),
        Optimizer::Sgd { momentum: gamma, .. } => Chain::new().then(Momentum { gamma }).then(ScaleByRate),
    }
}
