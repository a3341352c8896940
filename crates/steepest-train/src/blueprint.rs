//! The graphs of a run: what is computed in training, evaluation and diagnosis, for a number of rows.

use std::panic::Location;

use steepest_data::{FeatureForm, WordRow};
use steepest_graph::{
    Csr, Graph, Initial, Plan, PlanOptions, ProblemKind, Var, VariableKind, VariableSpec, gradients,
};
use steepest_nn::{Inputs, LENGTHS, Loss, Model, Phase, PyTorch, Target, Task, Trace, bpr, words};
use steepest_optim::{Parameter, Transform, apply_updates, minimize};
use steepest_tensor::{DType, Key, Shape};

use crate::TrainError;

/// The name of the input that holds the features of the batch.
pub(crate) const FEATURES: &str = "features";
/// The names of the inputs that hold sparse features begin with this: see [`Csr::input`].
pub(crate) const SPARSE: &str = FEATURES;
/// The names of the inputs that hold the items of each row's user begin with this.
pub(crate) const HISTORY: &str = "history";
/// The name of the input that holds the targets of the batch.
pub(crate) const TARGETS: &str = "targets";
/// The name of the input that holds how much each row of the batch counts.
pub(crate) const WEIGHTS: &str = "weights";
/// The name of the output that holds the mean (or, in parts of a batch, the summed) loss.
pub(crate) const LOSS: &str = "loss";
/// The name of the output that holds the loss of every row.
pub(crate) const LOSSES: &str = "losses";
/// The name of the output that holds what the model predicts.
pub(crate) const PREDICTIONS: &str = "predictions";

/// Model and loss, and the shapes they are for: everything that the graphs of a run are made of.
pub(crate) struct Blueprint {
    pub model: Box<dyn Model>,
    /// The line of the user's program that chose the model.
    pub model_at: Option<&'static Location<'static>>,
    pub loss: Box<dyn Loss>,
    pub task: Task,
    /// The shape of one row's features.
    pub example: Shape,
    /// Whether features are dense, sparse, or categories.
    pub form: FeatureForm,
    /// Where initial values and dropout come from.
    pub key: Key,
    pub precision: DType,
    /// Whether rows count differently in training: their losses are multiplied by their weights.
    pub weighted: bool,
}

/// What a plan has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Extent {
    pub rows: usize,
    /// Entries of sparse features, items of users, or parts of words; 0 for others.
    pub entries: usize,
}

impl Extent {
    /// Room for rows of dense features, or of categories.
    pub fn of(rows: usize) -> Extent {
        Extent { rows, entries: 0 }
    }
}

/// The name of the input that holds a column's categories.
pub(crate) fn category(field: &str) -> String {
    format!("category {field}")
}

/// A forward pass in a graph.
struct Traced<'g> {
    predictions: Var<'g>,
    /// The loss of each row.
    losses: Var<'g>,
    /// What is made small beside the loss: one number, or one for each row.
    penalties: Vec<Var<'g>>,
    parameters: Vec<Parameter<'g>>,
}

/// What a model records.
struct Forward<'g> {
    predictions: Var<'g>,
    penalties: Vec<Var<'g>>,
    parameters: Vec<Parameter<'g>>,
}

impl<'g> Traced<'g> {
    fn values(&self) -> Vec<Var<'g>> {
        self.parameters.iter().map(|parameter| parameter.value).collect()
    }

    /// What a step makes smaller: the mean over the rows, or their sum.
    fn objective(&self, mean: bool) -> Var<'g> {
        let loss = if mean { self.losses.mean() } else { self.losses.sum() };
        self.penalties.iter().fold(loss, |sum, penalty| {
            let each = penalty.broadcast_to(self.losses.shape());
            sum + if mean { each.mean() } else { each.sum() }
        })
    }
}

impl Blueprint {
    /// One update on a batch: forward, loss, backward, transform, θ ← θ − u.
    pub fn train(&self, extent: Extent, optimizer: &dyn Transform) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let loss = self.train_graph(&graph, extent, optimizer)?;
        self.compile(&graph, &[(LOSS, loss)])
    }

    /// The same update, and what was predicted before it.
    pub fn train_and_predict(&self, extent: Extent, optimizer: &dyn Transform) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, extent, Phase::Train)?;
        let outputs = [(LOSS, traced.losses.mean()), (PREDICTIONS, traced.predictions)];
        minimize(traced.objective(true), &traced.parameters, optimizer);
        self.compile(&graph, &outputs)
    }

    /// The graph of that update; returns the loss.
    pub fn train_graph<'g>(
        &self,
        graph: &'g Graph,
        extent: Extent,
        optimizer: &dyn Transform,
    ) -> Result<Var<'g>, TrainError> {
        let traced = self.trace(graph, extent, Phase::Train)?;
        let loss = traced.losses.mean();
        minimize(traced.objective(true), &traced.parameters, optimizer);
        Ok(loss)
    }

    /// A part of an update on more rows than fit: adds the gradients of the summed loss to sums.
    pub fn accumulate(&self, extent: Extent) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, extent, Phase::Train)?;
        let loss = traced.losses.sum();
        let slopes = gradients(traced.objective(false), &traced.values());
        for (parameter, gradient) in traced.parameters.iter().zip(slopes) {
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
    pub fn evaluate(&self, extent: Extent) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, extent, Phase::Eval)?;
        self.compile(&graph, &[(LOSSES, traced.losses), (PREDICTIONS, traced.predictions)])
    }

    /// Predictions alone.
    pub fn predict(&self, extent: Extent) -> Result<Plan, TrainError> {
        let graph = Graph::new();
        let Forward { predictions, .. } = self.forward(&graph, extent, Phase::Eval, false)?;
        self.compile(&graph, &[(PREDICTIONS, predictions)])
    }

    /// How PyTorch stores the model's parameters and states.
    pub fn pytorch(&self) -> Result<Vec<(String, PyTorch)>, TrainError> {
        let graph = Graph::new();
        let inputs = self.inputs(&graph, Extent { rows: 1, entries: 1 }, false)?;
        let mut trace = Trace::new(&graph, self.key, Phase::Eval);
        self.model.output(&mut trace.scope(), &inputs);
        Ok(trace.pytorch().to_vec())
    }

    /// For each parameter max|g| and Σ(g/max|g|)², two numbers that hold a norm of any size; and the loss.
    pub fn gradient_norms(&self, extent: Extent) -> Result<(Plan, Vec<[String; 2]>), TrainError> {
        let graph = Graph::new();
        let traced = self.trace(&graph, extent, Phase::Train)?;
        let objective = traced.objective(true);
        let slopes = gradients(objective, &traced.values());
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
        let flat: Vec<(&str, Var<'_>)> = flat.chain([(LOSS, objective)]).collect();
        let plan = self.compile(&graph, &flat)?;
        Ok((plan, outputs.iter().map(|(names, _)| names.clone()).collect()))
    }

    /// What the host feeds the model.
    fn inputs<'g>(&self, graph: &'g Graph, extent: Extent, losses: bool) -> Result<Inputs<'g>, TrainError> {
        let Extent { rows, entries } = extent;
        Ok(match &self.form {
            FeatureForm::Dense => {
                Inputs::new(FEATURES, graph.input(FEATURES, self.batch_shape(rows, &self.example)?))
            }
            FeatureForm::Sequences => {
                let x = graph.input(FEATURES, self.batch_shape(rows, &self.example)?);
                Inputs::new(FEATURES, x).with(LENGTHS, graph.input(LENGTHS, [rows]))
            }
            FeatureForm::Tokens => {
                Inputs::new(FEATURES, graph.index_input(FEATURES, self.batch_shape(rows, &self.example)?))
            }
            FeatureForm::Words { row } => {
                let WordRow { vocabulary, block, context, negatives, buckets } = *row;
                self.batch_shape(rows, &Shape::from([block + 2 * context + negatives]))?;
                let row = words::Row { vocabulary, block, context, negatives };
                let inputs = words::inputs(graph, rows, row);
                if buckets == 0 {
                    return Ok(inputs);
                }
                self.batch_shape(entries, &Shape::SCALAR)?;
                words::with_subwords(inputs, rows, row, buckets, entries)
            }
            FeatureForm::Sparse { columns } => {
                self.batch_shape(entries, &Shape::SCALAR)?;
                Inputs::of_sparse(Csr::input(graph, SPARSE, rows, entries), *columns)
            }
            FeatureForm::Categories { fields, history, ranked } => {
                let column = |(name, size): &(String, usize)| {
                    (name.clone(), graph.index_input(&category(name), [rows]), *size)
                };
                let mut columns = fields.iter().map(column);
                // A data set of categories has at least one column.
                let (name, index, size) =
                    columns.next().ok_or(TrainError::NoRows { what: "read columns of" })?;
                let mut inputs = Inputs::of_category(&name, index, size);
                for (name, index, size) in columns {
                    inputs = inputs.with_category(&name, index, size);
                }
                if *history {
                    self.batch_shape(entries, &Shape::SCALAR)?;
                    inputs = inputs.with_history(Csr::input(graph, HISTORY, rows, entries));
                }
                // A score needs no other item beside it, a loss does.
                if *ranked && losses {
                    inputs = inputs.with(bpr::OTHER, graph.index_input(bpr::OTHER, [rows]));
                }
                inputs
            }
        })
    }

    /// What a model makes of a batch: what losses need, or what it predicts.
    fn forward<'g>(
        &self,
        graph: &'g Graph,
        extent: Extent,
        phase: Phase,
        losses: bool,
    ) -> Result<Forward<'g>, TrainError> {
        let inputs = self.inputs(graph, extent, losses)?;
        let mut trace = Trace::new(graph, self.key, phase);
        let predictions = match self.model_at {
            Some(at) => graph.applied_at(at, || self.model.output(&mut trace.scope(), &inputs)),
            None => self.model.output(&mut trace.scope(), &inputs),
        };
        let parameter = |(name, value): &(String, Var<'g>)| {
            let parameter = Parameter::new(name, *value);
            if trace.is_table(name) { parameter.by_rows() } else { parameter }
        };
        let parameters = trace.parameters().iter().map(parameter).collect();
        Ok(Forward { predictions, penalties: trace.penalties().to_vec(), parameters })
    }

    fn trace<'g>(&self, graph: &'g Graph, extent: Extent, phase: Phase) -> Result<Traced<'g>, TrainError> {
        let Forward { predictions, penalties, parameters } = self.forward(graph, extent, phase, true)?;
        let predictions = self.checked(predictions);
        let rows = extent.rows;
        let targets = match self.loss.target() {
            Target::Labels if matches!(self.task, Task::NextToken { .. }) => {
                graph.index_input(TARGETS, self.batch_shape(rows, &self.example)?)
            }
            Target::Labels => graph.index_input(TARGETS, [rows]),
            Target::Values => graph.input(TARGETS, [rows, self.task.targets()]),
            Target::Nothing => predictions,
        };
        let mut losses = self.loss.per_example(predictions, targets);
        if self.weighted && phase == Phase::Train {
            let weights = graph.input(WEIGHTS, [rows]);
            losses = losses * weights;
        }
        Ok(Traced { predictions, losses, penalties, parameters })
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
