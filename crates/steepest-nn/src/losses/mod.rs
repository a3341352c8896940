//! Losses, one file each.

use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Description, Settings};
use steepest_tensor::Shape;

use crate::Target;
use crate::registry::{Built, registered};

pub mod binary_cross_entropy;
pub mod cross_entropy;
pub mod epsilon_insensitive;
pub mod hinge;
pub mod huber;
pub mod mean_absolute_error;
pub mod mean_squared_error;
pub mod multiclass_hinge;
pub mod own_loss;
pub mod pairwise_logistic;

/// All losses.
pub static LOSSES: &[&LossSpec] = &[
    &mean_squared_error::SPEC,
    &mean_absolute_error::SPEC,
    &huber::SPEC,
    &binary_cross_entropy::SPEC,
    &cross_entropy::SPEC,
    &hinge::SPEC,
    &multiclass_hinge::SPEC,
    &epsilon_insensitive::SPEC,
    &own_loss::SPEC,
    &pairwise_logistic::SPEC,
];

/// What training makes small: a number for each example, of which the trainer takes the (weighted) mean.
///
/// Any function of prediction and target is a loss too, for real-valued targets:
///
/// ```
/// use steepest_graph::{Feeds, Graph, Var, evaluate};
/// use steepest_nn::Loss;
/// fn fourth_power<'g>(prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
///     (prediction - target).powf(4.0)
/// }
/// let graph = Graph::new();
/// let (p, t) = (graph.host_scalar("p"), graph.host_scalar("t"));
/// let loss = fourth_power.per_example(p, t);
/// let feeds = Feeds::new().scalar("p", 5.0).scalar("t", 3.0);
/// assert_eq!(evaluate(&graph, &[loss], &feeds)?[0].to_f64(), [16.0]);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
pub trait Loss: Send + Sync {
    /// The loss of each example, of shape `[batch]`.
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g>;

    /// What kind of target it takes.
    fn target(&self) -> Target {
        Target::Values
    }
}

impl<F> Loss for F
where
    F: for<'g> Fn(Var<'g>, Var<'g>) -> Var<'g> + Send + Sync,
{
    #[track_caller]
    fn per_example<'g>(&self, prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
        self(prediction, target)
    }
}

/// A loss's entry.
#[derive(Debug)]
pub struct LossSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// What kind of target it takes.
    pub target: Target,
    /// The loss from checked settings.
    pub build: fn(&Settings) -> Built<dyn Loss>,
}

registered!(LossSpec, "loss", LOSSES);

/// Prediction and target as `[batch, outputs]`, where either may lack a last axis of size 1.
///
/// Without this, `[batch, 1] − [batch]` would broadcast to `[batch, batch]`, the classic silent mistake.
/// A mismatch is reported, and the target replaced by zeros so that building goes on.
#[track_caller]
fn aligned<'g>(op: &'static str, prediction: Var<'g>, target: Var<'g>) -> (Var<'g>, Var<'g>) {
    let (p, t) = (prediction.shape(), target.shape());
    let rows = |shape: Shape| match shape.split_first() {
        Some((&batch, rest)) => [batch, rest.iter().product()],
        None => [1, 1],
    };
    let fits = p == t || (rows(p) == rows(t) && (p.rank() as isize - t.rank() as isize).abs() == 1);
    if fits && target.ty().is_real() {
        return (prediction.reshape(rows(p)), target.reshape(rows(t)));
    }
    let what = match target.ty().is_real() {
        true => format!("predictions {p} and targets {t} do not have the same shape"),
        false => format!("needs real targets of shape {p}, got indices of shape {t}"),
    };
    let help =
        "give the model as many outputs as an example has targets; for class labels use `cross-entropy`";
    prediction.graph().problem(op, ProblemKind::Layer { what, help: help.to_owned() });
    let prediction = prediction.reshape(rows(p));
    (prediction, prediction.zeros_like())
}

/// The mean over all axes but the first.
#[track_caller]
fn mean_of_rest(x: Var<'_>) -> Var<'_> {
    let axes: Vec<usize> = (1..x.shape().rank()).collect();
    let count: usize = x.shape().iter().skip(1).product();
    if count == 1 { x.sum_over(&axes) } else { x.sum_over(&axes) * (1.0 / count as f64) }
}
