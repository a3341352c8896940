//! Dropout.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::LayerSpec;
use crate::registry::configure;
use crate::{Layer, Phase, Scope};

/// Dropout, in its inverted form.
///
/// In training y = x ⊙ m / (1 − p), where each mᵢ is 1 with probability 1 − p and else 0; in evaluation
/// y = x. The mask is a function of key, layer name, step and position: a resumed run drops the same
/// units. As in PyTorch and Keras, the scaling is done in training.
///
/// p = 0 is the identity. Above 0.8 little of the signal is left.
///
/// Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, 2014, *Dropout: a simple way
/// to prevent neural networks from overfitting*, section 10 for the inverted form.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Dropout, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1000]);
/// let y = Trace::new(&graph, Key::new(1), Phase::Train).scope().apply("drop", &Dropout { rate: 0.2 }, x);
/// let feeds = Feeds::new().with("x", Tensor::f64([1000], vec![1.0; 1000])?).scalar("step", 1.0);
/// let kept = evaluate(&graph, &[y], &feeds)?[0].to_f64().iter().filter(|&&y| y == 1.25).count();
/// assert!((760..840).contains(&kept));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dropout {
    /// p, the share of units dropped, in `[0, 1)`.
    pub rate: f64,
}

impl Layer for Dropout {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        if cx.phase() == Phase::Eval || self.rate == 0.0 {
            return x;
        }
        let random = cx.uniform(x.shape());
        let kept = x.constant(self.rate).less_equal(random);
        let y = x * kept * (1.0 / (1.0 - self.rate));
        cx.same_features(x, y);
        y
    }
}

/// Dropout, in its inverted form.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "dropout",
        summary: "Drops random units in training; the identity in evaluation.",
        formula: "y = x ⊙ m / (1 − p), mᵢ ~ Bernoulli(1 − p)",
        reference: "Srivastava et al., 2014, Dropout, sec. 10",
        hyperparameters: &[Hyperparameter {
            name: "rate",
            symbol: "p",
            summary: "The share of units dropped.",
            accepts: Accepts::FRACTION,
            default: Default::Number(0.5),
            source: "Srivastava et al., 2014, for hidden units; PyTorch",
        }],
    },
    build: |settings| Ok(Box::new(configure::<Dropout>(&SPEC.about, settings, &[])?)),
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Feeds, Graph, evaluate, gradients};
    use steepest_tensor::{Key, Tensor};

    use super::*;
    use crate::Trace;

    #[test]
    fn the_mask_changes_with_the_step_and_is_its_own_derivative() {
        let graph = Graph::new();
        let x = graph.input("x", [4, 50]);
        let y = Trace::new(&graph, Key::new(1), Phase::Train).scope().apply("d", &Dropout { rate: 0.5 }, x);
        let slope = gradients(y.sum(), &[x])[0].dense();
        let at = |step: f64| {
            let ones = Tensor::f64([4, 50], vec![1.0; 200]).unwrap();
            evaluate(&graph, &[y, slope], &Feeds::new().with("x", ones).scalar("step", step)).unwrap()
        };
        assert_eq!(at(1.0)[0], at(1.0)[1]);
        assert_eq!(at(1.0)[0], at(1.0)[0]);
        assert_ne!(at(1.0)[0], at(2.0)[0]);
        assert!(at(1.0)[0].to_f64().iter().all(|&v| v == 0.0 || v == 2.0));
    }

    #[test]
    fn evaluation_is_the_identity() {
        let graph = Graph::new();
        let x = graph.input("x", [4]);
        let y = Trace::new(&graph, Key::new(1), Phase::Eval).scope().apply("d", &Dropout { rate: 0.5 }, x);
        assert_eq!(y.id(), x.id());
    }
}
