//! The fully connected layer.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::Shape;

use super::{LayerSpec, wrong_input};
use crate::registry::{check_text, configure};
use crate::{Fans, Init, InitializerSpec, Layer, Scope, Sparse};

/// A fully connected layer.
///
/// y = x W + b, with x of shape `[batch, …, inputs]`, W of shape `[inputs, outputs]` and b of shape
/// `[outputs]`; `inputs` is the last axis of what it is traced with.
///
/// PyTorch stores the transpose, `[outputs, inputs]`, and initializes both with `torch-linear`.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Dense, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.input("x", [1, 2]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("out", &Dense::new(1), x);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 2], vec![2.0, 3.0])?)
///     .with("out.weight", Tensor::f64([2, 1], vec![10.0, 100.0])?)
///     .with("out.bias", Tensor::f64([1], vec![0.5])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [320.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dense {
    /// The size of the output's last axis.
    pub outputs: usize,
    /// Initial values of W.
    pub weight_init: Init,
    /// Initial values of b; scaled by the fans of W.
    pub bias_init: Init,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Dense {
    /// A layer with Xavier-uniform weights and zero bias.
    pub fn new(outputs: usize) -> Dense {
        Dense { outputs, weight_init: Init::xavier_uniform(), bias_init: Init::zeros(), use_bias: true }
    }

    /// The same with other initial weights.
    #[must_use]
    pub fn weight_init(self, weight_init: Init) -> Dense {
        Dense { weight_init, ..self }
    }
}

impl Layer for Dense {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        if !x.ty().is_real() || x.shape().rank() < 2 || self.outputs == 0 {
            let help = match (x.ty().is_real(), self.outputs) {
                (_, 0) => "give it at least one output",
                (false, _) => {
                    "turn indices into reals with `one_hot`, or look up rows of a table with `gather`"
                }
                _ => "add the missing axis with `reshape`",
            };
            wrong_input("dense", x, "real values of shape [batch, …, inputs] and at least one output", help);
            return cx.graph().constant(0.0).broadcast_to([x.dim(0), self.outputs]);
        }
        let weight = cx.param("weight", [x.dim(-1), self.outputs], &self.weight_init);
        cx.transposed_in_pytorch("weight", Some(x), x.dim(-1), self.outputs);
        self.with_bias(cx, x.matmul(weight), x.dim(-1))
    }

    /// Of sparse features, W is trained by rows: a step touches the weights of the features that it sees.
    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        let weight = cx.table("weight", [x.columns, self.outputs], &self.weight_init);
        cx.transposed_in_pytorch("weight", None, x.columns, self.outputs);
        self.with_bias(cx, x.csr.matmul(weight), x.columns)
    }
}

impl Dense {
    fn with_bias<'g>(&self, cx: &mut Scope<'_, 'g>, y: Var<'g>, inputs: usize) -> Var<'g> {
        if !self.use_bias {
            return y;
        }
        let fans = Fans { inputs, outputs: self.outputs };
        y + cx.param_with_fans("bias", Shape::from([self.outputs]), &self.bias_init, fans)
    }
}

/// A fully connected layer.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "dense",
        summary: "A fully connected layer.",
        formula: "y = x W + b",
        reference: "Rosenblatt, 1958, The perceptron; Keras Dense, PyTorch Linear",
        hyperparameters: &[
            Hyperparameter {
                name: "outputs",
                symbol: "",
                summary: "The number of outputs.",
                accepts: Accepts::SIZE,
                default: Default::Required,
                source: "no default: it is the layer's size",
            },
            Hyperparameter {
                name: "weight-init",
                symbol: "W",
                summary: "Initial weights: an initializer, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("xavier-uniform"),
                source: "Keras Dense; Glorot and Bengio, 2010",
            },
            Hyperparameter {
                name: "bias-init",
                symbol: "b",
                summary: "Initial bias: an initializer, scaled by the inputs and outputs of W.",
                accepts: Accepts::Text,
                default: Default::Text("zeros"),
                source: "Keras Dense; Glorot and Bengio, 2010, sec. 2.3",
            },
            Hyperparameter {
                name: "use-bias",
                symbol: "",
                summary: "Whether b is added.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "Keras Dense, PyTorch Linear",
            },
        ],
    },
    build: |settings| {
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        check_text::<InitializerSpec>(&SPEC.about, settings, "bias-init")?;
        Ok(Box::new(configure::<Dense>(&SPEC.about, settings, &[])?))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Graph, Initial};
    use steepest_tensor::Key;

    use super::*;
    use crate::{Phase, Trace};

    #[test]
    fn a_wrong_input_names_layer_and_remedy() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let (flat, labels) = (graph.input("flat", [32]), graph.index_input("labels", [32, 4]));
        let line = line!() + 1;
        trace.scope().layer("mlp", |cx| cx.layer("2", |cx| Dense::new(10).forward(cx, flat)));
        trace.scope().apply("head", &Dense::new(10), labels);
        let problems: Vec<String> = graph.problems().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("layer `mlp.2`") && problems[0].contains("got [32]"), "{}", problems[0]);
        assert!(problems[0].contains("help: add the missing axis"), "{}", problems[0]);
        assert!(problems[1].contains("layer `head`") && problems[1].contains("help: turn indices"));
        assert!(problems[0].contains(&format!("dense.rs:{line}:")), "{}", problems[0]);
    }

    #[test]
    fn the_bias_is_scaled_by_the_fans_of_the_weight() {
        let graph = Graph::new();
        let layer = Dense { bias_init: Init::torch_linear(), ..Dense::new(3) };
        let x = graph.input("x", [8, 16]);
        Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("a", &layer, x);
        let bias = &graph.variables()[1];
        assert!(matches!(bias.initial, Initial::Uniform { high: 0.25, .. }), "{:?}", bias.initial);
    }

    #[test]
    fn leading_axes_are_kept() {
        let graph = Graph::new();
        let x = graph.input("x", [2, 5, 4]);
        let layer = Dense { use_bias: false, ..Dense::new(3) };
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        assert_eq!(*trace.scope().apply("a", &layer, x).shape(), [2, 5, 3]);
        assert_eq!(trace.parameters().len(), 1);
    }
}
