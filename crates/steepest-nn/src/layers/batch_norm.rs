//! Batch normalization.

use serde::{Deserialize, Serialize};
use steepest_graph::{Initial, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{LayerSpec, wrong_input};
use crate::registry::configure;
use crate::{Layer, Phase, Scope};

/// Batch normalization over all axes but the last.
///
/// In training ŷ = (x − μ) / √(σ² + ε) with μ and σ² of each channel over the batch (σ² with divisor m, the
/// number of values of a channel), y = γ ŷ + β, and the running statistics become
/// (1 − momentum) · running + momentum · batch, where the batch's variance is taken with divisor m − 1. In
/// evaluation the running statistics stand for μ and σ². For x of shape `[batch, …, C]`, γ (`weight`), β (`bias`),
/// `running_mean` and `running_var` have shape `[C]`.
///
/// As PyTorch's `BatchNorm2d`, momentum included (Keras' momentum is 1 − this one).
///
/// Reference: Ioffe and Szegedy, 2015, *Batch normalization: accelerating deep network training by reducing
/// internal covariate shift*, algorithms 1 and 2.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{BatchNorm, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [2, 1]);
/// let layer = BatchNorm { epsilon: 0.0, ..BatchNorm::default() };
/// let y = Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("bn", &layer, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([2, 1], vec![3.0, 7.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [-1.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BatchNorm {
    /// The share of the batch in the running statistics, in `[0, 1]`.
    pub momentum: f64,
    /// ε, which keeps the divisor away from 0.
    pub epsilon: f64,
    /// Whether there are γ and β.
    pub affine: bool,
}

impl std::default::Default for BatchNorm {
    fn default() -> BatchNorm {
        BatchNorm { momentum: 0.1, epsilon: 1e-5, affine: true }
    }
}

impl Layer for BatchNorm {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        if !x.ty().is_real() || shape.rank() < 2 {
            wrong_input(
                "batch_norm",
                x,
                "real values of shape [batch, …, channels]",
                "add axes with `reshape`",
            );
            return x;
        }
        let channels = x.dim(-1);
        let gain = self.affine.then(|| cx.param_from("weight", [channels], Initial::Constant(1.0)));
        let shift = self.affine.then(|| cx.param_from("bias", [channels], Initial::Constant(0.0)));
        let running_mean = cx.state_from("running_mean", [channels], Initial::Constant(0.0));
        let running_var = cx.state_from("running_var", [channels], Initial::Constant(1.0));
        let y = if cx.phase() == Phase::Train {
            let axes: Vec<usize> = (0..shape.rank() - 1).collect();
            let count = shape.rows() as f64;
            let mean = x.sum_over(&axes) * (1.0 / count);
            // Centred by a number that does not depend on x, so that x's derivative needs two sums, not three:
            // σ² = Σ (x − c)² / n − (μ − c)² for every c, and with c = μ the last term is 0, though not its derivatives.
            let centre = mean.stop_gradient();
            let (centred, drift) = (x - centre, mean - centre);
            let variance = centred.square().sum_over(&axes) * (1.0 / count) - drift.square();
            let unbiased = (variance * (count / (count - 1.0).max(1.0))).stop_gradient();
            for (running, batch) in [(running_mean, centre), (running_var, unbiased)] {
                cx.set_state(running, running * (1.0 - self.momentum) + batch * self.momentum);
            }
            let scale = 1.0 / (variance + self.epsilon).sqrt();
            let scale = gain.map_or(scale, |gain| gain * scale);
            let drift = drift * scale;
            centred * scale + shift.map_or(-drift, |shift| shift - drift)
        } else {
            let y = (x - running_mean) * (1.0 / (running_var + self.epsilon).sqrt());
            let scaled = gain.map_or(y, |gain| y * gain);
            shift.map_or(scaled, |shift| scaled + shift)
        };
        cx.normalizes(&["weight", "bias", "running_mean", "running_var"], x, y);
        y
    }
}

/// Batch normalization.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "batch-norm",
        summary: "Batch normalization over all axes but the last, with running statistics for evaluation.",
        formula: "y = γ (x − μ) / √(σ² + ε) + β, μ and σ² of each channel over the batch",
        reference: "Ioffe and Szegedy, 2015, Batch normalization, algorithms 1 and 2",
        hyperparameters: &[
            Hyperparameter {
                name: "momentum",
                symbol: "",
                summary: "The share of the batch in the running statistics.",
                accepts: Accepts::Number { min: 0.0, above: false, max: 1.0, below: false },
                default: Default::Number(0.1),
                source: "PyTorch BatchNorm2d",
            },
            Hyperparameter {
                name: "epsilon",
                symbol: "ε",
                summary: "Keeps the divisor away from 0.",
                accepts: Accepts::NON_NEGATIVE,
                default: Default::Number(1e-5),
                source: "PyTorch BatchNorm2d",
            },
            Hyperparameter {
                name: "affine",
                symbol: "γ, β",
                summary: "Whether channels are scaled and shifted afterwards.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "Ioffe and Szegedy, 2015",
            },
        ],
    },
    build: |settings| Ok(Box::new(configure::<BatchNorm>(&SPEC.about, settings, &[])?)),
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Feeds, Graph, advance};
    use steepest_tensor::{Key, Tensor};

    use super::*;
    use crate::Trace;

    /// Channel values 3 and 7: mean 5, unbiased variance 8. Twice with momentum ½.
    #[test]
    fn running_statistics_follow_the_batches_and_serve_evaluation() {
        let layer = BatchNorm { momentum: 0.5, epsilon: 0.0, affine: true };
        let graph = Graph::new();
        let x = graph.input("x", [2, 1, 1]);
        let y = Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("bn", &layer, x);
        let batch = Tensor::f64([2, 1, 1], vec![3.0, 7.0]).unwrap();
        let mut feeds = Feeds::new().with("x", batch);
        for (mean, variance) in [(2.5, 4.5), (3.75, 6.25)] {
            advance(&graph, &[y], &mut feeds).unwrap();
            assert_eq!(feeds.get("bn.running_mean").unwrap().to_f64(), [mean]);
            assert_eq!(feeds.get("bn.running_var").unwrap().to_f64(), [variance]);
        }
        let graph = Graph::new();
        let x = graph.input("x", [2, 1, 1]);
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
        let y = trace.scope().apply("bn", &layer, x);
        let got = advance(&graph, &[y], &mut feeds).unwrap()[0].to_f64();
        assert!((got[0] + 0.3).abs() < 1e-15 && (got[1] - 1.3).abs() < 1e-15, "{got:?}");
        assert_eq!(feeds.get("bn.running_mean").unwrap().to_f64(), [3.75]);
        let names: Vec<&str> = trace.states().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["bn.running_mean", "bn.running_var"]);
    }
}
