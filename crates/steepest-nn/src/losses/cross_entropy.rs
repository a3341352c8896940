//! Cross-entropy.

use serde::{Deserialize, Serialize};
use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Accepts, Description, Hyperparameter};

use super::{Loss, LossSpec, mean_of_rest};
use crate::Target;
use crate::registry::configure;

/// Cross-entropy of logits and class labels.
///
/// ℓ = −Σₖ qₖ ln pₖ with p = softmax(x) and q = (1 − ε) onehot(y) + ε / C, with logits x of shape
/// `[batch, …, C]` and labels y of shape `[batch, …]` (indices 0 … C − 1). Losses of the axes between
/// (positions of a sequence, pixels) are averaged.
///
/// Computed as ln Σₖ e^(xₖ − m) − Σₖ qₖ (xₖ − m) with m = max x, which overflows for no x; m counts as a
/// constant, so the derivative is exactly softmax(x) − q. A label outside the range gives NaN, which the
/// trainer reports by name.
///
/// ε near 1 would teach nothing. The same as PyTorch's `CrossEntropyLoss(label_smoothing=ε)`.
///
/// Reference: Bridle, 1990, *Probabilistic interpretation of feedforward classification network outputs*;
/// label smoothing: Szegedy et al., 2016, *Rethinking the Inception architecture*, section 7.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{CrossEntropy, Loss};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let (x, y) = (graph.input("x", [1, 3]), graph.index_input("y", [1]));
/// let loss = CrossEntropy::default().per_example(x, y);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 3], vec![1.0, 2.0, 3.0])?)
///     .with("y", Tensor::u32([1], vec![2])?);
/// let expected = (1.0 + (-1.0f64).exp() + (-2.0f64).exp()).ln();
/// assert!((evaluate(&graph, &[loss], &feeds)?[0].to_f64()[0] - expected).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrossEntropy {
    /// ε, the share of the target spread evenly over all classes, in `[0, 1)`.
    pub label_smoothing: f64,
}

impl Loss for CrossEntropy {
    #[track_caller]
    fn per_example<'g>(&self, logits: Var<'g>, labels: Var<'g>) -> Var<'g> {
        let (x, epsilon) = (logits.shape(), self.label_smoothing);
        if x.rank() < 2 || x[..x.rank() - 1] != labels.shape()[..] || labels.ty().is_real() {
            return mismatch("cross-entropy", logits, labels);
        }
        let classes = logits.dim(-1);
        let shifted = logits - logits.max_last().stop_gradient();
        let log_sum = shifted.exp().sum_last().ln();
        let picked = (labels.one_hot(classes) * shifted).sum_last();
        let losses = if epsilon == 0.0 {
            log_sum - picked
        } else {
            log_sum - (1.0 - epsilon) * picked - (epsilon / classes as f64) * shifted.sum_last()
        };
        mean_of_rest(losses)
    }

    fn target(&self) -> Target {
        Target::Labels
    }
}

#[track_caller]
pub(super) fn mismatch<'g>(op: &'static str, logits: Var<'g>, labels: Var<'g>) -> Var<'g> {
    let element = if labels.ty().is_real() { "real numbers" } else { "indices" };
    let what = format!(
        "needs logits [batch, …, classes] and index labels [batch, …], got logits {} and {element} {}",
        logits.shape(),
        labels.shape()
    );
    let help = "feed one class index for each row of logits, with `Graph::index_input`";
    logits.graph().problem(op, ProblemKind::Layer { what, help: help.to_owned() });
    mean_of_rest(logits)
}

/// Cross-entropy of logits and class labels.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "cross-entropy",
        summary: "The negative log-likelihood of the right class, from logits.",
        formula: "ℓ = ln Σₖ eˣᵏ − Σₖ qₖ xₖ, q = (1 − ε) onehot(y) + ε / C",
        reference: "Bridle, 1990; label smoothing: Szegedy et al., 2016, sec. 7",
        hyperparameters: &[Hyperparameter {
            name: "label-smoothing",
            symbol: "ε",
            summary: "The share of the target spread evenly over all classes.",
            accepts: Accepts::FRACTION,
            default: steepest_spec::Default::Number(0.0),
            source: "PyTorch CrossEntropyLoss; Szegedy et al., 2016, used 0.1",
        }],
    },
    target: Target::Labels,
    build: |settings| Ok(Box::new(configure::<CrossEntropy>(&SPEC.about, settings, &[])?)),
};
