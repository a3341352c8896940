//! Hinge losses for several classes.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::cross_entropy::mismatch;
use super::hinge::{SQUARED, hinge};
use super::{Loss, LossSpec};
use crate::Target;
use crate::registry::configure;

/// How the margins of several classes are compared.
#[derive(Clone, Copy, Debug, std::default::Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Each class has a margin of its own against all others: Σₖ max(0, 1 − sₖ zₖ), s = 1 for the right class,
    /// else −1.
    #[default]
    OneVersusRest,
    /// The right class against the best wrong one: max(0, 1 + max_{k ≠ y} zₖ − z_y).
    Best,
}

/// The hinge loss for several classes.
///
/// Margins z of shape `[batch, C]`, labels y of shape `[batch]` (indices 0 … C − 1). One versus rest is
/// ℓ = Σₖ max(0, 1 − sₖ zₖ), C machines that do not know of one another, as in scikit-learn's `SGDClassifier` and
/// LIBLINEAR; against the best it is max(0, 1 + max_{k ≠ y} zₖ − z_y). Either may be squared. PyTorch's
/// `MultiMarginLoss` sums over all wrong classes and divides by C. The class is the largest z. A label outside
/// gives NaN.
///
/// Reference: Crammer and Singer, 2001, *On the algorithmic implementation of multiclass kernel-based vector
/// machines*; Rifkin and Klautau, 2004, *In defense of one-vs-all classification*.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Against, Loss, MulticlassHinge};
/// use steepest_tensor::Tensor;
/// let graph = Graph::new();
/// let (z, y) = (graph.input("z", [1, 3]), graph.index_input("y", [1]));
/// let loss = |against| MulticlassHinge { against, squared: false }.per_example(z, y);
/// let feeds = Feeds::new()
///     .with("z", Tensor::f64([1, 3], vec![0.5, -2.0, 0.75])?)
///     .with("y", Tensor::u32([1], vec![2])?);
/// let values = evaluate(&graph, &[loss(Against::OneVersusRest), loss(Against::Best)], &feeds)?;
/// assert_eq!(values[0].to_f64(), [1.5 + 0.25]);
/// assert_eq!(values[1].to_f64(), [0.75]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, std::default::Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MulticlassHinge {
    /// How margins are compared.
    pub against: Against,
    /// Whether the loss is squared.
    pub squared: bool,
}

impl Loss for MulticlassHinge {
    #[track_caller]
    fn per_example<'g>(&self, margins: Var<'g>, labels: Var<'g>) -> Var<'g> {
        let shape = margins.shape();
        if shape.rank() != 2 || labels.ty().is_real() || labels.shape()[..] != shape[..1] {
            return mismatch("multiclass-hinge", margins, labels);
        }
        let right = labels.one_hot(margins.dim(-1));
        match self.against {
            Against::OneVersusRest => hinge(margins, 2.0 * right - 1.0, self.squared).sum_over(&[1]),
            Against::Best => {
                let own = (right * margins).sum_last();
                // The right class enters with z_y itself, which is the 0 of the outer maximum.
                let loss = (margins + (1.0 - right) - own).max_over(&[1]);
                if self.squared { loss.square() } else { loss }
            }
        }
    }

    fn target(&self) -> Target {
        Target::Labels
    }
}

/// The hinge loss for several classes.
pub static SPEC: LossSpec = LossSpec {
    about: Description {
        name: "multiclass-hinge",
        summary: "What is missing to margins of 1, for several classes.",
        formula: "ℓ = Σₖ max(0, 1 − sₖ zₖ), or max(0, 1 + max_{k≠y} zₖ − z_y)",
        reference: "Crammer and Singer, 2001; Rifkin and Klautau, 2004, In defense of one-vs-all classification",
        hyperparameters: &[
            Hyperparameter {
                name: "against",
                symbol: "",
                summary: "Each class against all others, or the right one against the best wrong one.",
                accepts: Accepts::Choice(&["one-versus-rest", "best"]),
                default: Default::Text("one-versus-rest"),
                source: "scikit-learn SGDClassifier, LIBLINEAR",
            },
            SQUARED,
        ],
    },
    target: Target::Labels,
    build: |settings| Ok(Box::new(configure::<MulticlassHinge>(&SPEC.about, settings, &[])?)),
};
