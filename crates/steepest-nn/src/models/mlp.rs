//! The multilayer perceptron.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::registry::{check_text, configure};
use crate::{
    Activation, ActivationSpec, Dense, Dropout, Flatten, Init, InitializerSpec, Layer, Registered, Scope,
    Sparse, Task,
};

/// A multilayer perceptron.
///
/// h₀ = x, hₗ = dropout(f(hₗ₋₁ Wₗ + bₗ)), ŷ = h_L W + b, with features x of shape `[batch, …]` (further
/// axes are flattened). The prediction has no activation: it is numbers or logits. Parameters are
/// `mlp.0.weight`, `mlp.0.bias`, `mlp.1.weight`, …
///
/// Unless set, the first layer and the linear output layer are initialized by Xavier, hidden layers between
/// them as recommended for the activation (He for rectifiers, Xavier for tanh and sigmoid, LeCun for
/// SELU); biases are zero. He's variance 2/inputs would make the first layer of a table with few columns
/// and many units rough from the start, which small tables do not recover from; Xavier's also counts
/// the units. PyTorch's `Linear` would take `torch-linear`; scikit-learn's `MLPClassifier` Xavier throughout.
///
/// No hidden layers make a linear model. Beyond about ten hidden layers plain perceptrons train badly.
///
/// Reference: Rumelhart, Hinton and Williams, 1986, *Learning representations by back-propagating errors*.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Layer, Mlp, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = Mlp::new(&[512, 256], 10).forward(&mut trace.scope(), graph.input("x", [128, 28, 28]));
/// assert_eq!(*logits.shape(), [128, 10]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mlp {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// The sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// f, the activation of the hidden layers.
    pub activation: Activation,
    /// The share of hidden units dropped in training.
    pub dropout: f64,
    /// Initial weights of all layers; unset: Xavier for the first and the output layer, between them as the
    /// activation recommends.
    #[serde(default)]
    pub weight_init: Option<Init>,
    /// Whether layers have a bias.
    pub use_bias: bool,
}

impl Mlp {
    /// A perceptron with rectifiers, without dropout.
    pub fn new(hidden: &[usize], outputs: usize) -> Mlp {
        let (hidden, activation) = (hidden.to_vec(), Activation::relu());
        Mlp { outputs, hidden, activation, dropout: 0.0, weight_init: None, use_bias: true }
    }

    fn dense(&self, outputs: usize, recommended: Init) -> Dense {
        let weight_init = self.weight_init.clone().unwrap_or(recommended);
        Dense { use_bias: self.use_bias, weight_init, ..Dense::new(outputs) }
    }

    /// The place of a dense layer in PyTorch's `Sequential`, where activations and dropouts count too.
    fn place(&self, index: usize) -> String {
        (index * if self.dropout > 0.0 { 3 } else { 2 }).to_string()
    }

    fn hidden_init(&self, index: usize) -> Init {
        if index == 0 {
            return Init::xavier_uniform();
        }
        // The registries' tests look up every recommended name.
        let spec = InitializerSpec::find(self.activation.spec().initializer);
        spec.map_or_else(|_| Init::xavier_uniform(), Init::of)
    }
}

impl Mlp {
    /// The layers, of which `first` makes the first product.
    #[track_caller]
    fn layers<'g>(
        &self,
        cx: &mut Scope<'_, 'g>,
        first: impl FnOnce(&Dense, &mut Scope<'_, 'g>) -> Var<'g>,
    ) -> Var<'g> {
        let (mut first, mut h) = (Some(first), None);
        let mut product = |dense: Dense, cx: &mut Scope<'_, 'g>, h: Option<Var<'g>>| match (h, first.take()) {
            (None, Some(first)) => first(&dense, cx),
            (h, _) => dense.forward(cx, h.unwrap_or_else(|| cx.graph().constant(0.0))),
        };
        cx.layer("mlp", |cx| {
            cx.called_in_pytorch("");
            for (index, &width) in self.hidden.iter().enumerate() {
                h = Some(cx.layer(&index.to_string(), |cx| {
                    cx.called_in_pytorch(&self.place(index));
                    let h = product(self.dense(width, self.hidden_init(index)), cx, h);
                    Dropout { rate: self.dropout }.forward(cx, self.activation.apply(h))
                }));
            }
            let output = self.dense(self.outputs, Init::xavier_uniform());
            cx.layer(&self.hidden.len().to_string(), |cx| {
                cx.called_in_pytorch(&self.place(self.hidden.len()));
                product(output, cx, h)
            })
        })
    }
}

impl Layer for Mlp {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let x = Flatten {}.forward(cx, x);
        self.layers(cx, |dense, cx| dense.forward(cx, x))
    }

    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        self.layers(cx, |dense, cx| dense.forward_sparse(cx, x))
    }
}

/// A multilayer perceptron.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "mlp",
        summary: "A multilayer perceptron.",
        formula: "hₗ = f(hₗ₋₁ Wₗ + bₗ), ŷ = h_L W + b",
        reference: "Rumelhart, Hinton and Williams, 1986, Learning representations by back-propagating errors",
        hyperparameters: &[
            Hyperparameter {
                name: "hidden",
                symbol: "",
                summary: "The sizes of the hidden layers, in units.",
                accepts: Accepts::Integers,
                default: Default::Integers(&[100]),
                source: "scikit-learn MLPClassifier",
            },
            Hyperparameter {
                name: "activation",
                symbol: "f",
                summary: "The activation of the hidden layers, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("relu"),
                source: "scikit-learn MLPClassifier; Glorot, Bordes and Bengio, 2011",
            },
            Hyperparameter {
                name: "dropout",
                symbol: "p",
                summary: "The share of hidden units dropped in training.",
                accepts: Accepts::FRACTION,
                default: Default::Number(0.0),
                source: "scikit-learn has none; Srivastava et al., 2014, recommend 0.5 for large layers",
            },
            Hyperparameter {
                name: "weight-init",
                symbol: "W",
                summary: "Initial weights of all layers; unset: Xavier for the first layer and the output, between them as the activation recommends.",
                accepts: Accepts::Text,
                default: Default::Unset,
                source: "Glorot and Bengio, 2010, as scikit-learn; He et al., 2015; Klambauer et al., 2017",
            },
            Hyperparameter {
                name: "use-bias",
                symbol: "b",
                summary: "Whether layers have a bias.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "Rumelhart, Hinton and Williams, 1986",
            },
        ],
    },
    suits: |task| !matches!(task, Task::NextToken { .. } | Task::Context { .. } | Task::Ranking { .. }),
    configure: |settings, task| {
        check_text::<ActivationSpec>(&SPEC.about, settings, "activation")?;
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        Ok(Box::new(configure::<Mlp>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Graph, Initial};
    use steepest_tensor::Key;

    use super::*;
    use crate::{Phase, Trace};

    fn initial(mlp: &Mlp) -> Vec<Initial> {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        mlp.forward(&mut trace.scope(), graph.input("x", [4, 8]));
        graph.variables().into_iter().filter(|v| v.name.ends_with("weight")).map(|v| v.initial).collect()
    }

    /// Xavier for the first layer and the output (√(6/(8+16)) = √(6/(16+8)) = ½), between them He for
    /// rectifiers (√(2/32) = ¼) and Xavier for tanh (√(6/(32+16))).
    #[test]
    fn hidden_layers_start_as_their_activation_recommends() {
        let relu = initial(&Mlp::new(&[16, 32, 16], 8));
        assert!(matches!(relu[0], Initial::Uniform { high: 0.5, .. }), "{relu:?}");
        assert!(matches!(relu[2], Initial::Normal { std: 0.25, .. }), "{relu:?}");
        assert!(matches!(relu[3], Initial::Uniform { high: 0.5, .. }), "{relu:?}");
        let tanh = initial(&Mlp { activation: Activation::tanh(), ..Mlp::new(&[16, 32, 16], 8) });
        assert!(matches!(tanh[2], Initial::Uniform { high, .. } if high == 0.125_f64.sqrt()), "{tanh:?}");
        let own = initial(&Mlp { weight_init: Some(Init::zeros()), ..Mlp::new(&[16], 8) });
        assert_eq!(own, [Initial::Constant(0.0), Initial::Constant(0.0)]);
    }

    #[test]
    fn names_count_the_dense_layers() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let mlp = Mlp { dropout: 0.5, use_bias: false, ..Mlp::new(&[3, 3], 1) };
        mlp.forward(&mut trace.scope(), graph.input("x", [4, 8]));
        let names: Vec<&str> = trace.parameters().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["mlp.0.weight", "mlp.1.weight", "mlp.2.weight"]);
    }
}
