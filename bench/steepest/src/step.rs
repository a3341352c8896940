//! A workload's step as one plan: forward, loss, backward and update.

use bench_protocol::{Model, Optimizer, Workload};
use steepest_graph::{Gradient, Graph, Initial, Plan, PlanErrors, PlanOptions, Var, VariableKind};
use steepest_nn::{
    BinaryCrossEntropy, Cell, Cnn, CrossEntropy, Gpt, Inputs, Layer, Logistic, Loss, Mlp, Model as _, Phase,
    RecurrentModel, ResNet, Scope, Trace,
};
use steepest_optim::{Adam, Chain, Momentum, Parameter, ScaleByRate, apply_updates, minimize};
use steepest_tensor::{Key, Shape};

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
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let losses = losses(&graph, &mut trace, workload);
    let loss = losses.mean();
    let parameters: Vec<Parameter<'_>> =
        trace.parameters().iter().map(|(name, value)| Parameter::new(name, *value)).collect();
    minimize(loss, &parameters, &chain);
    Plan::compile(&graph, &[(LOSS, loss)], &options)
}

/// The loss of each example, or of each token.
fn losses<'g>(graph: &'g Graph, trace: &mut Trace<'g>, workload: &Workload) -> Var<'g> {
    let (model, batch) = (&workload.model, workload.batch);
    let shape: Vec<usize> = std::iter::once(batch).chain(model.example()).collect();
    let shape = Shape::new(&shape).unwrap_or(Shape::SCALAR);
    if let Model::Logistic { .. } = model {
        let logits = Logistic::new(1).forward(&mut trace.scope(), graph.input("x", shape));
        return BinaryCrossEntropy {}.per_example(logits, graph.input("y", [batch]));
    }
    let (x, y) = if model.vocabulary().is_some() {
        (graph.index_input("x", shape), graph.index_input("y", shape))
    } else {
        (graph.input("x", shape), graph.index_input("y", [batch]))
    };
    let logits = logits(&mut trace.scope(), model, x);
    CrossEntropy::default().per_example(logits, y)
}

fn logits<'g>(cx: &mut Scope<'_, 'g>, model: &Model, x: Var<'g>) -> Var<'g> {
    let recurrent = |cx: &mut Scope<'_, 'g>, cell, hidden, vocabulary| {
        RecurrentModel::new(cell, hidden, vocabulary).output(cx, &Inputs::new("x", x))
    };
    match *model {
        Model::Cnn { ref channels, hidden, classes, .. } => {
            Cnn { channels: channels.clone(), hidden, ..Cnn::new(classes) }.forward(cx, x)
        }
        Model::ResNet { blocks, ref channels, classes, .. } => {
            ResNet { blocks, channels: channels.clone(), ..ResNet::new(classes) }.forward(cx, x)
        }
        Model::Lstm { vocabulary, hidden, .. } => recurrent(cx, Cell::Lstm, hidden, vocabulary),
        Model::Gru { vocabulary, hidden, .. } => recurrent(cx, Cell::Gru, hidden, vocabulary),
        Model::Gpt { vocabulary, layers, width, heads, .. } => {
            Gpt { layers, width, heads, ..Gpt::new(vocabulary) }.forward(cx, x)
        }
        Model::Mlp { .. } | Model::Logistic { .. } | Model::Update { .. } => {
            let outputs: Vec<usize> = model.layers().iter().map(|(_, outputs)| *outputs).collect();
            let classes = outputs.last().copied().unwrap_or(1);
            Mlp::new(&outputs[..outputs.len().saturating_sub(1)], classes).forward(cx, x)
        }
    }
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
