//! The end of every chain: the one place where a training step changes its parameters.

use steepest_graph::{Gradient, Graph, Initial, Var, VariableKind, gradients};
use steepest_tensor::Shape;

use crate::scope::UpdateScope;
use crate::transform::Transform;
use crate::updates::{Parameter, Updates};

/// What a chain has written into the graph.
#[derive(Clone, Debug, Default)]
pub struct Applied<'g> {
    /// The slots at the beginning of the step, by name.
    pub slots: Vec<(String, Var<'g>)>,
    /// What parameters and slots become at the end of the step, by name.
    pub assigned: Vec<(String, Var<'g>)>,
    /// Values of the step that transforms show, such as `gradient-norm`, by name.
    pub reports: Vec<(String, Var<'g>)>,
    /// The host scalars that must be fed at every step, such as `step` and `learning-rate`.
    pub scalars: Vec<String>,
}

impl<'g> Applied<'g> {
    /// What the parameter or slot of this name becomes at the end of the step.
    pub fn next(&self, name: &str) -> Option<Var<'g>> {
        self.assigned.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// A slot of this name, declared once.
    #[track_caller]
    pub(crate) fn declare(
        &mut self,
        graph: &'g Graph,
        name: String,
        shape: Shape,
        initial: Initial,
    ) -> Var<'g> {
        let slot = graph.variable(&name, VariableKind::Slot, shape, initial);
        if !self.slots.iter().any(|(known, _)| *known == name) {
            self.slots.push((name, slot));
        }
        slot
    }

    /// Assigns to a slot that has been declared.
    #[track_caller]
    pub(crate) fn assign(&mut self, slot: Var<'g>, value: Var<'g>) {
        slot.graph().assign(slot, value);
        let declared = self.slots.iter().find(|(_, known)| known.id() == slot.id());
        if let Some(name) = declared.map(|(name, _)| name.clone()) {
            self.record(name, value);
        }
    }

    fn record(&mut self, name: String, value: Var<'g>) {
        self.assigned.retain(|(known, _)| *known != name);
        self.assigned.push((name, value));
    }
}

/// Subtracts from each parameter its update: θ ← θ − u, where u is what leaves the transform when the
/// gradients enter it.
///
/// `gradients` has one entry for each parameter, in the same order.
#[track_caller]
pub fn apply_updates<'g>(
    graph: &'g Graph,
    parameters: &[Parameter<'g>],
    gradients: Vec<Gradient<'g>>,
    transform: &dyn Transform,
) -> Applied<'g> {
    write(UpdateScope::new(graph, parameters, None), gradients, transform)
}

/// One step of descent on a loss: its gradients through the transform, then θ ← θ − u.
///
/// Like [`apply_updates`], and the transform also sees the loss.
#[track_caller]
pub fn minimize<'g>(loss: Var<'g>, parameters: &[Parameter<'g>], transform: &dyn Transform) -> Applied<'g> {
    let values: Vec<Var<'g>> = parameters.iter().map(|parameter| parameter.value).collect();
    let gradients = gradients(loss, &values);
    write(UpdateScope::new(loss.graph(), parameters, Some(loss)), gradients, transform)
}

fn write<'g>(
    mut scope: UpdateScope<'_, 'g>,
    gradients: Vec<Gradient<'g>>,
    transform: &dyn Transform,
) -> Applied<'g> {
    let updates = scope.run(transform, Updates::from_gradients(gradients));
    let parameters = scope.parameters();
    let mut applied = scope.applied;
    for (parameter, u) in parameters.iter().zip(updates.iter()) {
        let theta = parameter.value;
        let graph = theta.graph();
        graph.scoped(&parameter.name, || {
            let next = theta - u;
            graph.assign(theta, next);
            applied.record(parameter.name.clone(), next);
        });
    }
    applied
}
