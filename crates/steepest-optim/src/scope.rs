//! What a transform may use while it writes its formula: parameters, slots, the step, the rate.

use steepest_graph::{Graph, Initial, NodeId, ProblemKind, Var, VariableKind};
use steepest_tensor::Shape;

use crate::apply::Applied;
use crate::transform::Transform;
use crate::updates::{Parameter, Part, Updates};
use crate::{LEARNING_RATE, STEP};

/// What a transform may use while it writes its formula, over all parameters.
#[derive(Debug)]
pub struct UpdateScope<'s, 'g> {
    graph: &'g Graph,
    parameters: &'s [Parameter<'g>],
    loss: Option<Var<'g>>,
    /// Names of the transforms entered so far, so that the second of a kind gets a number.
    entered: Vec<String>,
    /// The unique name of the transform that is writing.
    transform: String,
    pub(crate) applied: Applied<'g>,
}

impl<'s, 'g> UpdateScope<'s, 'g> {
    pub(crate) fn new(
        graph: &'g Graph,
        parameters: &'s [Parameter<'g>],
        loss: Option<Var<'g>>,
    ) -> UpdateScope<'s, 'g> {
        let applied = Applied::default();
        UpdateScope { graph, parameters, loss, entered: Vec::new(), transform: String::new(), applied }
    }

    /// Runs a transform inside this one, with slots of its own: `adam`, and `adam-2` for a second one.
    pub fn run(&mut self, transform: &dyn Transform, updates: Updates<'g>) -> Updates<'g> {
        let name = transform.name();
        self.entered.push(name.to_owned());
        let unique = match self.entered.iter().filter(|entered| *entered == name).count() {
            1 => name.to_owned(),
            nth => format!("{name}-{nth}"),
        };
        let outer = std::mem::replace(&mut self.transform, unique);
        let updates = if transform.works_on_rows() { updates } else { updates.whole(self.parameters) };
        let updates = transform.apply(self, updates);
        self.transform = outer;
        updates
    }

    /// Rewrites the update of each parameter: `rule(p, g)` returns what replaces `g`.
    #[track_caller]
    pub fn each(
        &mut self,
        updates: Updates<'g>,
        mut rule: impl FnMut(&mut ParameterScope<'_, 'g>, Var<'g>) -> Var<'g>,
    ) -> Updates<'g> {
        let (graph, parameters) = (self.graph, self.parameters);
        let mut parts = Vec::with_capacity(parameters.len());
        for (parameter, part) in parameters.iter().zip(updates.parts()) {
            let (update, rows) = (part.value, part.rows);
            let layer = format!("{}/{}", parameter.name, self.transform);
            let slots = Vec::new();
            let mut scope = ParameterScope { graph, parameter, transform: &self.transform, rows, slots };
            let rewritten = graph.scoped(&layer, || rule(&mut scope, update));
            if rewritten.shape() != update.shape() {
                let (name, expected, got) = (&parameter.name, update.shape(), rewritten.shape());
                let what = format!(
                    "transform `{}` makes of the update {expected} of `{name}` one of shape {got}",
                    self.transform
                );
                let help =
                    format!("return a value of the shape of `g`; `broadcast_to({expected})` repeats one");
                graph.problem("update", ProblemKind::Layer { what, help });
            }
            parts.push(Part { value: rewritten, rows });
        }
        Updates::from_parts(parts)
    }

    /// The graph that the step is written into.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// The parameters, in the order of the updates.
    pub fn parameters(&self) -> &'s [Parameter<'g>] {
        self.parameters
    }

    /// The loss whose gradients entered the chain; none where gradients come from elsewhere, as when
    /// they are summed over many batches.
    pub fn loss(&self) -> Option<Var<'g>> {
        self.loss
    }

    /// A number in the formula. Arithmetic among numbers, [`step`](Self::step) and
    /// [`schedule`](Self::schedule) is done in double precision, once per step.
    #[track_caller]
    pub fn number(&self, value: f64) -> Var<'g> {
        self.graph.constant(value)
    }

    /// The number of this update, 1 at the first, so that 1 − βᵗ is never 0.
    #[track_caller]
    pub fn step(&mut self) -> Var<'g> {
        self.schedule(STEP)
    }

    /// The learning rate of this update.
    #[track_caller]
    pub fn rate(&mut self) -> Var<'g> {
        self.schedule(LEARNING_RATE)
    }

    /// A number that the host computes for each update and feeds under this name.
    #[track_caller]
    pub fn schedule(&mut self, name: &str) -> Var<'g> {
        if !self.applied.scalars.iter().any(|known| known == name) {
            self.applied.scalars.push(name.to_owned());
        }
        self.graph.host_scalar(name)
    }

    /// A memory that belongs to no single parameter, named `{transform}.{name}`.
    #[track_caller]
    pub fn slot(&mut self, name: &str, shape: impl Into<Shape>, initial: f64) -> Var<'g> {
        let path = format!("{}.{name}", self.transform);
        self.graph.variable(&path, VariableKind::Slot, shape, Initial::Constant(initial))
    }

    /// What a memory of [`slot`](Self::slot) becomes at the end of the step.
    #[track_caller]
    pub fn set_slot(&mut self, slot: Var<'g>, value: Var<'g>) {
        self.graph.assign(slot, value);
    }

    /// Shows a value of this step to the host under a name, such as `gradient-norm`.
    pub fn report(&mut self, name: &str, value: Var<'g>) {
        self.applied.reports.retain(|(known, _)| known != name);
        self.applied.reports.push((name.to_owned(), value));
    }
}

/// What a transform may use for one parameter.
#[derive(Debug)]
pub struct ParameterScope<'a, 'g> {
    graph: &'g Graph,
    parameter: &'a Parameter<'g>,
    transform: &'a str,
    /// The rows that the update belongs to, if it is not all of the parameter.
    rows: Option<Var<'g>>,
    /// The slots of which rows were handed out: those rows, and the whole.
    slots: Vec<(NodeId, Var<'g>)>,
}

impl<'g> ParameterScope<'_, 'g> {
    /// The parameter's name.
    pub fn name(&self) -> &str {
        &self.parameter.name
    }

    /// The parameter's value at the beginning of the step, or the rows of it that the update belongs to.
    #[track_caller]
    pub fn value(&self) -> Var<'g> {
        let value = self.parameter.value;
        self.rows.map_or(value, |rows| value.gather_or_zero(rows))
    }

    /// A memory of this parameter's shape, as it was at the beginning of the step; of a table that is
    /// trained by rows, the rows that the update belongs to.
    ///
    /// It is a variable named `{parameter}/{transform}.{name}`, as in `mlp.0.weight/adam.m`, which exists
    /// before the first step, holds `initial` everywhere, and is saved in every checkpoint.
    #[track_caller]
    pub fn slot(&mut self, name: &str, initial: f64) -> Var<'g> {
        self.slot_of(name, self.parameter.value.shape(), Initial::Constant(initial))
    }

    /// A memory of any shape, such as one number for the whole parameter. See [`slot`](Self::slot), also for
    /// what becomes of one of the parameter's own shape.
    #[track_caller]
    pub fn slot_of(&mut self, name: &str, shape: impl Into<Shape>, initial: Initial) -> Var<'g> {
        let (path, shape) = (format!("{}/{}.{name}", self.parameter.name, self.transform), shape.into());
        let slot = self.graph.variable(&path, VariableKind::Slot, shape, initial);
        match self.rows {
            Some(rows) if shape == self.parameter.value.shape() => {
                let part = slot.gather_or_zero(rows);
                self.slots.push((part.id(), slot));
                part
            }
            _ => slot,
        }
    }

    /// What a memory becomes at the end of the step; `slot` is what [`slot`](Self::slot) returned.
    #[track_caller]
    pub fn set_slot(&mut self, slot: Var<'g>, value: Var<'g>) {
        let whole = self.slots.iter().find(|(part, _)| *part == slot.id()).map(|(_, whole)| *whole);
        match (whole, self.rows) {
            (Some(whole), Some(rows)) => self.graph.assign(whole, whole.set_rows(rows, value)),
            _ => self.graph.assign(slot, value),
        }
    }

    /// Adds to a memory of this parameter's shape that begins with zeros. Unlike what [`set_slot`](Self::set_slot)
    /// writes, rows that the update has several times all count.
    #[track_caller]
    pub fn add_to_slot(&mut self, name: &str, value: Var<'g>) {
        let path = format!("{}/{}.{name}", self.parameter.name, self.transform);
        let shape = self.parameter.value.shape();
        let slot = self.graph.variable(&path, VariableKind::Slot, shape, Initial::Constant(0.0));
        match self.rows {
            Some(rows) => self.graph.assign(slot, slot.add_rows(rows, value)),
            None => self.graph.assign(slot, slot + value),
        }
    }

    /// Reads a memory that begins with zeros, rewrites it, and returns the new value: m ← rule(m).
    #[track_caller]
    pub fn update_slot(&mut self, name: &str, rule: impl FnOnce(Var<'g>) -> Var<'g>) -> Var<'g> {
        self.update_slot_from(name, 0.0, rule)
    }

    /// Like [`update_slot`](Self::update_slot), for a memory that begins with `initial` everywhere.
    #[track_caller]
    pub fn update_slot_from(
        &mut self,
        name: &str,
        initial: f64,
        rule: impl FnOnce(Var<'g>) -> Var<'g>,
    ) -> Var<'g> {
        let slot = self.slot(name, initial);
        let value = rule(slot);
        self.set_slot(slot, value);
        value
    }
}
