//! Where a layer finds itself while it is traced: its path of names, the phase, its parameters, its
//! random numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use steepest_graph::{Graph, Initial, NodeId, ProblemKind, Var, VariableKind};
use steepest_tensor::{Key, Shape};

use crate::pytorch::{PyTorch, joined};
use crate::{Fans, Init, Layer};

/// The name of the host scalar that numbers the steps.
///
/// Random numbers of a traced model (dropout) are a function of the key, the layer's name, this number
/// and the position.
pub const STEP: &str = "step";

/// The name of the host scalar that is 0 in the first step of an epoch, and 1 in the others. See [`Scope::carried`].
pub const CONTINUES: &str = "continues";

/// What a trace is for. The two are two plans of the same model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// For a training step: dropout drops, batch statistics are those of the batch.
    Train,
    /// For evaluation and prediction: nothing is random, running statistics are used.
    Eval,
}

/// One recording of a model into a graph.
///
/// It owns what the layers declare; they see it through [`Scope`]s.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Dense, Phase, Trace};
/// use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(7), Phase::Train);
/// let x = graph.input("x", [32, 100]);
/// let y = trace.scope().apply("head", &Dense::new(10), x);
/// assert_eq!(*y.shape(), [32, 10]);
/// let names: Vec<&str> = trace.parameters().iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names, ["head.weight", "head.bias"]);
/// ```
#[derive(Debug)]
pub struct Trace<'g> {
    graph: &'g Graph,
    key: Key,
    phase: Phase,
    parameters: Vec<(String, Var<'g>)>,
    /// The parameters that are trained by rows.
    tables: BTreeSet<String>,
    penalties: Vec<Var<'g>>,
    states: Vec<(String, Var<'g>)>,
    draws: BTreeMap<String, u64>,
    pub(crate) pytorch: Vec<(String, PyTorch)>,
    /// Values whose features PyTorch has in another order, with the axes they were flattened from.
    pub(crate) flattened: Vec<(NodeId, Vec<usize>)>,
    /// Whether PyTorch has the channels of sequences before their steps.
    pub(crate) channels_first: bool,
    /// Whether values of three axes are sequences and not images of one channel.
    pub(crate) sequences: bool,
    /// Whether the next token is predicted at each position, so that none may see what is behind it.
    pub(crate) causal: bool,
    /// How many steps of each example count.
    lengths: Option<Lengths<'g>>,
}

/// Where sequences end.
#[derive(Debug)]
struct Lengths<'g> {
    /// Reals of shape `[batch]`.
    value: Var<'g>,
    /// Steps of the longest.
    steps: usize,
    /// Whether a layer wanted to know.
    asked: bool,
}

impl<'g> Trace<'g> {
    /// The beginning of a trace. All initial values and random numbers come from `key`.
    pub fn new(graph: &'g Graph, key: Key, phase: Phase) -> Trace<'g> {
        let (parameters, states, penalties) = (Vec::new(), Vec::new(), Vec::new());
        let (tables, draws) = (BTreeSet::new(), BTreeMap::new());
        let (pytorch, flattened) = (Vec::new(), Vec::new());
        Trace {
            graph,
            key,
            phase,
            parameters,
            tables,
            penalties,
            states,
            draws,
            pytorch,
            flattened,
            channels_first: false,
            sequences: false,
            causal: false,
            lengths: None,
        }
    }

    /// The outermost scope, whose path is empty.
    pub fn scope(&mut self) -> Scope<'_, 'g> {
        Scope { trace: self, path: String::new(), twin: String::new(), twin_of_parent: 0, again: false }
    }

    /// The parameters by full name, in the order of their declaration.
    pub fn parameters(&self) -> &[(String, Var<'g>)] {
        &self.parameters
    }

    /// Whether a step changes only those rows of a parameter that its batch reads. See [`Scope::table`].
    pub fn is_table(&self, name: &str) -> bool {
        self.tables.contains(name)
    }

    /// What is to be made small beside the loss, each one number or `[batch]`. See [`Scope::penalize`].
    pub fn penalties(&self) -> &[Var<'g>] {
        &self.penalties
    }

    /// The states (running statistics, carried values) by full name, in the order of their declaration.
    pub fn states(&self) -> &[(String, Var<'g>)] {
        &self.states
    }
}

/// A layer's place in a [`Trace`].
///
/// Names are joined by dots: a parameter `weight` in the scope `0` of the scope `mlp` is `mlp.0.weight`,
/// in checkpoints, errors and reports alike.
#[derive(Debug)]
pub struct Scope<'t, 'g> {
    pub(crate) trace: &'t mut Trace<'g>,
    path: String,
    /// The path in PyTorch, and how much of it is the parent's.
    pub(crate) twin: String,
    pub(crate) twin_of_parent: usize,
    again: bool,
}

impl<'g> Scope<'_, 'g> {
    /// The graph being built.
    pub fn graph(&self) -> &'g Graph {
        self.trace.graph
    }

    /// Whether the trace is for training or evaluation.
    pub fn phase(&self) -> Phase {
        self.trace.phase
    }

    /// The path of names, empty in the outermost scope.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Traces a part under a name of its own.
    pub fn layer<R>(&mut self, name: &str, build: impl FnOnce(&mut Scope<'_, 'g>) -> R) -> R {
        self.enter(name, self.again, build)
    }

    /// Traces a part that was traced before once more, with the same parameters: both branches of a
    /// Siamese network, a tied head.
    ///
    /// ```
    /// use steepest_graph::Graph;
    /// use steepest_nn::{Dense, Layer, Phase, Trace};
    /// # use steepest_tensor::Key;
    /// let graph = Graph::new();
    /// let (a, b) = (graph.input("a", [8, 4]), graph.input("b", [8, 4]));
    /// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    /// let (mut cx, encoder) = (trace.scope(), Dense::new(2));
    /// let left = cx.layer("encoder", |cx| encoder.forward(cx, a));
    /// let right = cx.again("encoder", |cx| encoder.forward(cx, b));
    /// let distance = (left - right).square().sum_last();
    /// assert_eq!(*distance.shape(), [8, 1]);
    /// assert_eq!(trace.parameters().len(), 2);
    /// ```
    pub fn again<R>(&mut self, name: &str, build: impl FnOnce(&mut Scope<'_, 'g>) -> R) -> R {
        self.enter(name, true, build)
    }

    fn enter<R>(&mut self, name: &str, again: bool, build: impl FnOnce(&mut Scope<'_, 'g>) -> R) -> R {
        let (graph, path) = (self.trace.graph, self.full_name(name));
        let (twin, twin_of_parent) = (joined(&self.twin, name), self.twin.len());
        let mut inner = Scope { trace: &mut *self.trace, path, twin, twin_of_parent, again };
        graph.scoped(name, || build(&mut inner))
    }

    /// Traces a part over sequences of which only the first `lengths` of `steps` steps count (reals of shape `[batch]`);
    /// also whether a layer wanted to know. Layers ask with [`Scope::lengths_of`].
    pub(crate) fn over_lengths<R>(
        &mut self,
        lengths: Var<'g>,
        steps: usize,
        build: impl FnOnce(&mut Scope<'_, 'g>) -> R,
    ) -> (R, bool) {
        let outer = self.trace.lengths.replace(Lengths { value: lengths, steps, asked: false });
        self.trace.sequences = true;
        let built = build(self);
        let inner = std::mem::replace(&mut self.trace.lengths, outer);
        (built, inner.is_some_and(|lengths| lengths.asked))
    }

    /// How many steps of each example of x `[batch, T, features]` count, reals of shape `[batch]`; none: all of them. Layers
    /// that change the number of steps leave no answer, which is a problem of the graph.
    #[track_caller]
    pub fn lengths_of(&mut self, x: Var<'g>) -> Option<Var<'g>> {
        let lengths = self.trace.lengths.as_mut().filter(|_| x.shape().rank() == 3)?;
        lengths.asked = true;
        if x.dim(1) != lengths.steps {
            let what = format!(
                "has to know where sequences end, but the layers before made {} steps of {}",
                x.dim(1),
                lengths.steps
            );
            let help =
                "keep the number of steps (`padding`, no pooling before), or give sequences of one length"
                    .to_owned();
            x.graph().problem("layer", ProblemKind::Layer { what, help });
            return None;
        }
        Some(lengths.value)
    }

    /// Applies a layer under a name of its own.
    #[track_caller]
    pub fn apply<L: Layer + ?Sized>(&mut self, name: &str, layer: &L, x: Var<'g>) -> Var<'g> {
        let applied = Location::caller();
        self.graph().applied_at(applied, || self.layer(name, |cx| layer.forward(cx, x)))
    }

    /// A trained parameter.
    ///
    /// Its full name is the path and `name`; its initial values are drawn from the trace's key and the
    /// full name alone, so they do not change when other parameters are added or reordered. Each name is
    /// declared once; [`Scope::again`] shares parameters on purpose.
    #[track_caller]
    pub fn param(&mut self, name: &str, shape: impl Into<Shape>, init: &Init) -> Var<'g> {
        let shape = shape.into();
        self.param_with_fans(name, shape, init, Fans::of(&shape))
    }

    /// A parameter whose number of inputs and outputs cannot be read from its shape, such as a bias
    /// that is to be scaled like the weight beside it.
    #[track_caller]
    pub fn param_with_fans(
        &mut self,
        name: &str,
        shape: impl Into<Shape>,
        init: &Init,
        fans: Fans,
    ) -> Var<'g> {
        let initial = init.initial(fans, self.trace.key.stream(&self.full_name(name)));
        self.param_from(name, shape, initial)
    }

    /// A parameter with given initial values.
    #[track_caller]
    pub fn param_from(&mut self, name: &str, shape: impl Into<Shape>, initial: Initial) -> Var<'g> {
        let full = self.full_name(name);
        self.declare(name, &full, VariableKind::Parameter, shape.into(), initial)
    }

    /// A parameter of which a step reads and changes only the rows of its batch, optimizer's slots included:
    /// vectors of users or words, weights of sparse features.
    ///
    /// Rows that no batch names stand still: with Adam their moments do not decay, and momentum or decay do not
    /// move them. See `Parameter::by_rows` of the optimizers.
    #[track_caller]
    pub fn table(&mut self, name: &str, shape: impl Into<Shape>, init: &Init) -> Var<'g> {
        self.trace.tables.insert(self.full_name(name));
        self.param(name, shape, init)
    }

    /// Adds to what training makes small, but not to the loss that is reported: one number, or `[batch]`, of
    /// which the mean counts as it does for the loss.
    pub fn penalize(&mut self, penalty: Var<'g>) {
        self.trace.penalties.push(penalty);
    }

    /// A value that the forward pass itself changes (a running mean) or that is carried between steps.
    #[track_caller]
    pub fn state(&mut self, name: &str, shape: impl Into<Shape>, init: &Init) -> Var<'g> {
        let (full, shape) = (self.full_name(name), shape.into());
        let initial = init.initial(Fans::of(&shape), self.trace.key.stream(&full));
        self.declare(name, &full, VariableKind::State, shape, initial)
    }

    /// A state with given initial values.
    #[track_caller]
    pub fn state_from(&mut self, name: &str, shape: impl Into<Shape>, initial: Initial) -> Var<'g> {
        let full = self.full_name(name);
        self.declare(name, &full, VariableKind::State, shape.into(), initial)
    }

    /// A value that is carried from one step of training to the next, and is 0 at the beginning of an epoch: the
    /// variable, to be set with [`Scope::set_state`], and its value.
    ///
    /// It is kept in checkpoints, but does not belong to the model.
    #[track_caller]
    pub fn carried(&mut self, name: &str, shape: impl Into<Shape>) -> (Var<'g>, Var<'g>) {
        let (graph, full) = (self.trace.graph, self.full_name(name));
        let variable = graph.variable(&full, VariableKind::Slot, shape.into(), Initial::Constant(0.0));
        let continues = graph.host_scalar(CONTINUES);
        (variable, continues.select(variable, variable.zeros_like()))
    }

    /// What a state becomes at the end of the step. `state` is what [`Scope::state`] returned.
    #[track_caller]
    pub fn set_state(&mut self, state: Var<'g>, value: Var<'g>) {
        self.trace.graph.assign(state, value);
    }

    #[track_caller]
    fn declare(
        &mut self,
        name: &str,
        full: &str,
        kind: VariableKind,
        shape: Shape,
        initial: Initial,
    ) -> Var<'g> {
        let graph = self.trace.graph;
        let declared = match kind {
            VariableKind::State => &mut self.trace.states,
            _ => &mut self.trace.parameters,
        };
        let before = declared.iter().find(|(known, _)| known == full).map(|(_, var)| *var);
        match (before, self.again) {
            // The derivative is taken by one node, so further uses must be that same node.
            (Some(first), true) if first.shape() == shape => return first,
            (Some(_), false) => graph.problem("param", declared_twice(full)),
            (None, true) => graph.problem("param", declared_never(full)),
            _ => {}
        }
        let variable = graph.variable(full, kind, shape, initial);
        if before.is_none() {
            declared.push((full.to_owned(), variable));
            self.trace.pytorch.push((full.to_owned(), PyTorch::same(joined(&self.twin, name), &shape)));
        }
        variable
    }

    /// Where the initial values of a parameter come from, for those that no initializer describes.
    pub(crate) fn initial_key(&self, name: &str) -> Key {
        self.trace.key.stream(&self.full_name(name))
    }

    /// The key of this layer's random numbers, a stream of its own for each call.
    ///
    /// Equal names give equal streams whatever else the model holds.
    pub fn key(&mut self) -> Key {
        let name = self.full_name("random");
        let draw = self.trace.draws.entry(name.clone()).or_insert(0);
        *draw += 1;
        self.trace.key.stream("random").stream(&format!("{name}.{draw}"))
    }

    /// Fresh uniform random numbers in `[0, 1)` at every step.
    #[track_caller]
    pub fn uniform(&mut self, shape: impl Into<Shape>) -> Var<'g> {
        let (graph, key) = (self.trace.graph, self.key());
        graph.uniform(key, graph.host_scalar(STEP), shape)
    }

    pub(crate) fn full_name(&self, name: &str) -> String {
        joined(&self.path, name)
    }
}

fn declared_twice(full: &str) -> ProblemKind {
    let what = format!("`{full}` is declared a second time");
    let help = "give each layer a name of its own with `cx.layer(\"name\", …)`, or share on purpose with \
                `cx.again(\"name\", …)`";
    ProblemKind::Layer { what, help: help.to_owned() }
}

fn declared_never(full: &str) -> ProblemKind {
    let what = format!("`{full}` is to be shared, but nothing declared it before");
    ProblemKind::Layer {
        what,
        help: "trace it first with `cx.layer(\"name\", …)` of the same name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use steepest_graph::{Feeds, evaluate, gradients};

    use super::*;
    use crate::Dense;

    fn problems(build: impl for<'g> FnOnce(&mut Scope<'_, 'g>, Var<'g>)) -> Vec<String> {
        let graph = Graph::new();
        let x = graph.input("x", [4, 3]);
        build(&mut Trace::new(&graph, Key::new(1), Phase::Train).scope(), x);
        graph.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_follow_the_path_and_the_order_of_declaration() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(1), Phase::Eval);
        let x = graph.input("x", [4, 3]);
        let mut cx = trace.scope();
        let y = cx.layer("block", |cx| {
            let y = cx.apply("b", &Dense::new(5), x);
            cx.apply("a", &Dense::new(2), y)
        });
        cx.state("mean", [2], &Init::zeros());
        assert_eq!(cx.phase(), Phase::Eval);
        assert_eq!(*y.shape(), [4, 2]);
        let names: Vec<&str> = trace.parameters().iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["block.b.weight", "block.b.bias", "block.a.weight", "block.a.bias"]);
        assert_eq!(trace.states()[0].0, "mean");
        let kinds: Vec<VariableKind> = graph.variables().iter().map(|v| v.kind).collect();
        assert_eq!(kinds[3..], [VariableKind::Parameter, VariableKind::State]);
    }

    #[test]
    fn initial_values_do_not_depend_on_the_order() {
        let initial = |names: [&str; 2]| {
            let graph = Graph::new();
            let mut trace = Trace::new(&graph, Key::new(1), Phase::Train);
            for name in names {
                trace.scope().param(name, [3, 2], &Init::he_normal());
            }
            let mut all: Vec<_> =
                graph.variables().into_iter().map(|v| (v.name, v.initial.value(0))).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        assert_eq!(initial(["a", "b"]), initial(["b", "a"]));
        assert_ne!(initial(["a", "b"])[0].1, initial(["a", "b"])[1].1);
    }

    #[test]
    fn sharing_by_accident_is_a_problem() {
        let found = problems(|cx, x| {
            cx.apply("dense", &Dense::new(3), x);
            cx.apply("dense", &Dense::new(3), x);
        });
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("`dense.weight` is declared a second time"), "{}", found[0]);
        assert!(found[0].contains("layer `dense`") && found[0].contains("help: give each layer"));
    }

    #[test]
    fn sharing_what_was_never_declared_is_a_problem() {
        let found = problems(|cx, x| {
            cx.again("dense", |cx| Dense::new(3).forward(cx, x));
        });
        assert!(found[0].contains("`dense.weight` is to be shared"), "{}", found[0]);
    }

    /// y = (x w) w has dy/dw = 2 x w; at w = 1 and x = 3 that is 6, and 3 if only one use counted.
    #[test]
    fn shared_parameters_collect_the_gradient_of_every_use() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(1), Phase::Train);
        let (mut cx, x) = (trace.scope(), graph.host_scalar("x"));
        let first = cx.layer("gain", |cx| cx.param_from("w", Shape::SCALAR, Initial::Constant(1.0)));
        let second = cx.again("gain", |cx| cx.param_from("w", Shape::SCALAR, Initial::Constant(1.0)));
        let y = x * first * second;
        let slope = gradients(y, &[trace.parameters()[0].1])[0].dense();
        let got = evaluate(&graph, &[slope], &Feeds::new().scalar("x", 3.0)).unwrap();
        assert_eq!(got[0].to_f64(), [6.0]);
    }

    #[test]
    fn sharing_with_another_width_is_a_problem() {
        let found = problems(|cx, x| {
            cx.apply("dense", &Dense::new(3), x);
            cx.again("dense", |cx| Dense::new(3).forward(cx, x.transpose()));
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`dense.weight`") && found[0].contains("[4, 3]"), "{}", found[0]);
    }

    #[test]
    fn each_draw_of_a_layer_has_its_own_stream() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(1), Phase::Train);
        let mut cx = trace.scope();
        let (first, second) = (cx.key(), cx.key());
        assert_ne!(first, second);
        assert_ne!(first, cx.layer("a", |cx| cx.key()));
    }
}
