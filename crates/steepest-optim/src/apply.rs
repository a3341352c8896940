//! The end of every chain: the one place where a training step changes its parameters.

use steepest_graph::{Gradient, Graph, ProblemKind, Var, gradients};

use crate::scope::UpdateScope;
use crate::transform::Transform;
use crate::updates::{Parameter, Updates};

/// What a chain has written into the graph, besides the assignments to parameters and slots.
#[derive(Clone, Debug, Default)]
pub struct Applied<'g> {
    /// Values of the step that transforms show, such as `gradient-norm`, by name.
    pub reports: Vec<(String, Var<'g>)>,
    /// The host scalars that must be fed at every step, such as `step` and `learning-rate`.
    pub scalars: Vec<String>,
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

#[track_caller]
fn write<'g>(
    mut scope: UpdateScope<'_, 'g>,
    gradients: Vec<Gradient<'g>>,
    transform: &dyn Transform,
) -> Applied<'g> {
    if gradients.len() != scope.parameters().len() {
        let what = format!("{} gradients for {} parameters", gradients.len(), scope.parameters().len());
        let help = "give one gradient for each parameter, in the same order".to_owned();
        scope.graph().problem("update", ProblemKind::Layer { what, help });
    }
    let gradients = Updates::from_gradients(gradients, scope.parameters(), transform.is_linear());
    let updates = scope.run(transform, gradients);
    for (parameter, part) in scope.parameters().iter().zip(updates.parts()) {
        let (theta, u) = (parameter.value, part.value);
        let graph = theta.graph();
        graph.scoped(&parameter.name, || match part.rows {
            None => graph.assign(theta, theta - u),
            Some(rows) => graph.assign(theta, theta.add_rows(rows, -u)),
        });
    }
    scope.applied
}
