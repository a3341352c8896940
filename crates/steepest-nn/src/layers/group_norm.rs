//! Group normalization.

use serde::{Deserialize, Serialize};
use steepest_graph::{Initial, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::Shape;

use super::{LayerSpec, wrong_input};
use crate::registry::configure;
use crate::{Layer, Scope};

/// Group normalization: each example's groups of channels have mean 0 and variance 1.
///
/// ŷ = (x − μ) / √(σ² + ε), with μ and σ² over all axes of one example and the C / g channels of one group;
/// y = γ ŷ + β with γ (`weight`) and β (`bias`) of shape `[C]`, for x of shape `[batch, …, C]`. It does not depend
/// on the batch, and is the same in training and evaluation. g = 1 normalizes each example as a whole, g = C
/// each of its channels (instance normalization).
///
/// PyTorch's `GroupNorm` with channels last.
///
/// Reference: Wu and He, 2018, *Group normalization*, equations 1 and 7.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{GroupNorm, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2, 2]);
/// let layer = GroupNorm { groups: 2, epsilon: 0.0, ..GroupNorm::default() };
/// let y = Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("gn", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1, 2, 2], vec![3.0, 10.0, 7.0, 40.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [-1.0, -1.0, 1.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GroupNorm {
    /// g, the number of groups; it divides the channels.
    pub groups: usize,
    /// ε, which keeps the divisor away from 0.
    pub epsilon: f64,
    /// Whether there are γ and β.
    pub affine: bool,
}

impl std::default::Default for GroupNorm {
    fn default() -> GroupNorm {
        GroupNorm { groups: 32, epsilon: 1e-5, affine: true }
    }
}

impl GroupNorm {
    /// The mean of each example and group, repeated for the group's channels: `[N, 1, C]` of `[N, S, C]`.
    #[track_caller]
    fn mean<'g>(&self, x: Var<'g>) -> Var<'g> {
        let (n, pixels, channels) = (x.dim(0), x.dim(1), x.dim(2));
        let width = channels / self.groups;
        let sum = x.sum_over(&[1]).reshape([n, self.groups, width]).sum_last();
        let mean = sum * (1.0 / (pixels * width) as f64);
        mean.broadcast_to([n, self.groups, width]).reshape([n, 1, channels])
    }
}

impl Layer for GroupNorm {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let (shape, channels) = (x.shape(), x.dim(-1));
        let fits = self.groups > 0 && channels.is_multiple_of(self.groups);
        if !x.ty().is_real() || shape.rank() < 2 || !fits {
            let needs =
                format!("real values [batch, …, channels] with channels a multiple of {}", self.groups);
            wrong_input("group_norm", x, &needs, "choose a number of groups that divides the channels");
            return x;
        }
        let pixels = shape.elements().checked_div(shape[0] * channels).unwrap_or(0);
        let flat = x.reshape(Shape::from([shape[0], pixels, channels]));
        let centred = flat - self.mean(flat);
        let y = centred * (1.0 / (self.mean(centred.square()) + self.epsilon).sqrt());
        let y = y.reshape(shape);
        if !self.affine {
            return y;
        }
        let gain = cx.param_from("weight", [channels], Initial::Constant(1.0));
        y * gain + cx.param_from("bias", [channels], Initial::Constant(0.0))
    }
}

/// Group normalization.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "group-norm",
        summary: "Normalizes groups of channels of each example.",
        formula: "y = γ (x − μ) / √(σ² + ε) + β, μ and σ² over one example and group",
        reference: "Wu and He, 2018, Group normalization, eq. 1 and 7",
        hyperparameters: &[
            Hyperparameter {
                name: "groups",
                symbol: "g",
                summary: "The number of groups; it divides the channels.",
                accepts: Accepts::SIZE,
                default: Default::Integer(32),
                source: "Wu and He, 2018, sec. 3.1",
            },
            Hyperparameter {
                name: "epsilon",
                symbol: "ε",
                summary: "Keeps the divisor away from 0.",
                accepts: Accepts::NON_NEGATIVE,
                default: Default::Number(1e-5),
                source: "PyTorch GroupNorm",
            },
            Hyperparameter {
                name: "affine",
                symbol: "γ, β",
                summary: "Whether channels are scaled and shifted afterwards.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "Wu and He, 2018, eq. 6",
            },
        ],
    },
    build: |settings| Ok(Box::new(configure::<GroupNorm>(&SPEC.about, settings, &[])?)),
};
