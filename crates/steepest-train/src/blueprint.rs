//! The graphs of a run: what is computed in training, evaluation and diagnosis, for a number of rows.

use steepest_graph::{
    Graph, Initial, Plan, PlanOptions, ProblemKind, Var, VariableKind, VariableSpec, gradients,
};
use steepest_nn::{Inputs, Loss, Model, Phase, Target, Task, Trace};
use steepest_optim::{Parameter, Transform, apply_updates, minimize};
use steepest_tensor::{DType, Key, Shape};

use crate::TrainError;

/// The name of the input that holds the features of the batch.
pub(crate) const FEATURES: &str = "features";
/// The name of the input that holds the targets of the batch.
pub(crate) const TARGETS: &str = "targets";
/// The name of the output that holds the mean (or, in parts of a batch, the summed) loss.
pub(crate) const LOSS: &str = "loss";
/// The name of the output that holds the loss of every row.
pub(crate) const LOSSES: &str = "losses";
/// The name of the output that holds what the model predicts.
pub(crate) const PREDICTIONS: &str = "predictions";

/// Model and loss, and the shapes they are for: everything that the graphs of a run are made of.
pub(crate) struct Blueprint {
    pub model: Box<dyn Model>,
    pub loss: Box<dyn Loss>,
    pub task: Task,
    /// The shape of one row's features.
    pub example: Shape,
    /// Whether features are indices: tokens of a text.
    pub indices: bool,
    /// Where initial values and dropout come from.
    pub key: Key,
    pub precision: DType,
}

/// A forward pass in a graph.
struct Traced<'g> {
    predictions: Var<'g>,
    /// The loss of each row.
    losses: Var<'g>,
    parameters: Vec<Parameter<'g>>,
}

impl<'g> Traced<'g> {
    fn values(&self) -> Vec<Var<'g>> {
        self.parameters.iter().map(|parameter| parameter.value).collect()
    }
}

impl Blueprint {
    /// One update on a batch: forward, loss, backward, transform, θ ← θ − u.
    pub fn train(&self, rows: usize, optimizer: &dyn Transform) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, rows, Phase::Train)?;
        let loss = traced.losses.mean();
        minimize(loss, &traced.parameters, optimizer);
        self.compile(&graph, &[(LOSS, loss)])
    }

    /// A part of an update on more rows than fit: adds the gradients of the summed loss to sums.
    pub fn accumulate(&self, rows: usize) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, rows, Phase::Train)?;
        let loss = traced.losses.sum();
        for (parameter, gradient) in traced.parameters.iter().zip(gradients(loss, &traced.values())) {
            let sum = accumulator(&graph, &parameter.name, parameter.value.shape());
            graph.assign(sum, sum + gradient.dense());
        }
        self.compile(&graph, &[(LOSS, loss)])
    }

    /// The end of such an update: the mean gradient over `rows` through the transform; sums back to 0.
    pub fn apply(
        &self,
        parameters: &[VariableSpec],
        rows: usize,
        optimizer: &dyn Transform,
    ) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let (mut all, mut means) = (Vec::new(), Vec::new());
        for spec in parameters.iter().filter(|spec| spec.kind == VariableKind::Parameter) {
            let value = graph.variable(&spec.name, spec.kind, spec.shape, spec.initial.clone());
            let sum = accumulator(&graph, &spec.name, spec.shape);
            graph.assign(sum, sum.zeros_like());
            means.push(steepest_graph::Gradient::Dense(sum * (1.0 / rows as f64)));
            all.push(Parameter::new(&spec.name, value));
        }
        apply_updates(&graph, &all, means, optimizer);
        self.compile(&graph, &[])
    }

    /// Predictions and the loss of each row, with the weights as they are.
    pub fn evaluate(&self, rows: usize) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, rows, Phase::Eval)?;
        self.compile(&graph, &[(LOSSES, traced.losses), (PREDICTIONS, traced.predictions)])
    }

    /// Predictions alone.
    pub fn predict(&self, rows: usize) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let (predictions, _) = self.forward(&graph, rows, Phase::Eval)?;
        self.compile(&graph, &[(PREDICTIONS, predictions)])
    }

    /// For each parameter max|g| and Σ(g/max|g|)², two numbers that hold a norm of any size.
    pub fn gradient_norms(&self, rows: usize) -> Result<(Plan, Vec<[String; 2]>), TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, rows, Phase::Train)?;
        let slopes = gradients(traced.losses.mean(), &traced.values());
        let mut outputs = Vec::new();
        for (parameter, slope) in traced.parameters.iter().zip(slopes) {
            let slope = slope.dense();
            if slope.shape().elements() == 0 {
                continue;
            }
            let axes: Vec<usize> = (0..slope.shape().rank()).collect();
            let largest = slope.abs().max_over(&axes);
            let divisor = largest.select(largest, largest.constant(1.0));
            let squares = (slope / divisor).square().sum();
            let name = &parameter.name;
            outputs.push(([format!("{name} largest"), format!("{name} squares")], [largest, squares]));
        }
        let flat = outputs.iter().flat_map(|(names, values)| names.iter().map(String::as_str).zip(*values));
        let flat: Vec<(&str, Var<'_>)> = flat.collect();
        let plan = self.compile(&graph, &flat)?;
        Ok((plan, outputs.iter().map(|(names, _)| names.clone()).collect()))
    }

    fn forward<'g>(
        &self,
        graph: &'g Graph,
        rows: usize,
        phase: Phase,
    ) -> Result<(Var<'g>, Vec<Parameter<'g>>), TrainError> {
        let shape = self.batch_shape(rows, &self.example)?;
        let x = if self.indices { graph.index_input(FEATURES, shape) } else { graph.input(FEATURES, shape) };
        let mut trace = Trace::new(graph, self.key, phase);
        let predictions = self.model.output(&mut trace.scope(), &Inputs::new(FEATURES, x));
        let parameters =
            trace.parameters().iter().map(|(name, value)| Parameter::new(name, *value)).collect();
        Ok((predictions, parameters))
    }

    fn trace<'g>(&self, graph: &'g Graph, rows: usize, phase: Phase) -> Result<Traced<'g>, TrainError> {
        let (predictions, parameters) = self.forward(graph, rows, phase)?;
        let predictions = self.checked(predictions);
        let targets = match self.loss.target() {
            Target::Labels if matches!(self.task, Task::NextToken { .. }) => {
                graph.index_input(TARGETS, self.batch_shape(rows, &self.example)?)
            }
            Target::Labels => graph.index_input(TARGETS, [rows]),
            Target::Values => graph.input(TARGETS, [rows, self.task.targets()]),
        };
        let losses = self.loss.per_example(predictions, targets);
        Ok(Traced { predictions, losses, parameters })
    }

    /// A model with too few or too many logits would learn something, and never say that it is wrong.
    fn checked<'g>(&self, predictions: Var<'g>) -> Var<'g> {
        let (Task::Multiclass { classes } | Task::NextToken { vocabulary: classes }) = self.task else {
            return predictions;
        };
        if self.loss.target() != Target::Labels || predictions.dim(-1) == classes {
            return predictions;
        }
        let what = format!("the model has {} outputs, the data have {classes} classes", predictions.dim(-1));
        let help = format!("give the last layer {classes} outputs");
        predictions.invalid("loss", ProblemKind::Layer { what, help })
    }

    fn batch_shape(&self, rows: usize, example: &Shape) -> Result<Shape, TrainError> {
        let sizes: Vec<usize> = std::iter::once(rows).chain(example.iter().copied()).collect();
        let bytes = rows.saturating_mul(example.elements()).saturating_mul(self.precision.size_bytes());
        Shape::new(&sizes)
            .ok()
            .filter(|_| isize::try_from(bytes).is_ok())
            .ok_or(TrainError::BatchTooLarge { rows, bytes })
    }

    fn compile(&self, graph: &Graph, outputs: &[(&str, Var<'_>)]) -> Result<Plan, TrainError> {
        Ok(Plan::compile(graph, outputs, &PlanOptions { dtype: self.precision })?)
    }
}

fn accumulator<'g>(graph: &'g Graph, parameter: &str, shape: Shape) -> Var<'g> {
    graph.variable(&format!("{parameter}/gradient-sum"), VariableKind::Slot, shape, Initial::Constant(0.0))
}
