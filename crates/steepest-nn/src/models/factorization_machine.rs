//! The factorization machine.

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::svm::USE_BIAS;
use super::{Inputs, Model, ModelSpec, Sparse};
use crate::{Flatten, Init, Layer, Scope, Task};

/// A factorization machine: linear regression, and a weight for each pair of features that is the product of two
/// short vectors.
///
/// ŷ = w₀ + Σᵢ wᵢ xᵢ + Σ_{i<j} vᵢ·vⱼ xᵢ xⱼ, of which the pairs are ½ Σ_f ((Σᵢ v_if xᵢ)² − Σᵢ v_if² xᵢ²), in time
/// that grows with the features and not with their pairs. Features x are dense `[batch, …]`, sparse, or categories
/// (each a feature of 1). Of sparse features and categories, weights are trained by rows. The penalty
/// λ·(Σ wᵢ² + Σ ‖vᵢ‖²) over the features of each row is added to what is made small. Parameters are
/// `factorization-machine.bias`, `.weight` and `.factors` (of categories `.{column}.weight`, `.{column}.factors`).
///
/// On users and items alone it is matrix factorization with biases.
///
/// Reference: Rendle, 2010, *Factorization machines*, eq. 1 and lemma 3.1.
///
/// ```
/// use steepest_graph::{Graph, Feeds, evaluate};
/// use steepest_nn::{FactorizationMachine, Inputs, Model, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let inputs = Inputs::new("x", graph.input("x", [1, 3]));
/// let fm = FactorizationMachine { factors: 1, ..FactorizationMachine::default() };
/// let y = fm.output(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), &inputs);
/// let feeds = Feeds::new()
///     .with("x", Tensor::f64([1, 3], vec![1.0, 2.0, 3.0])?)
///     .with("factorization-machine.weight", Tensor::f64([3], vec![0.0, 0.0, 10.0])?)
///     .with("factorization-machine.factors", Tensor::f64([3, 1], vec![1.0, 5.0, 7.0])?);
/// // Pairs: 1·5·1·2 + 1·7·1·3 + 5·7·2·3.
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [30.0 + 10.0 + 21.0 + 210.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FactorizationMachine {
    /// The length of the vectors.
    pub factors: usize,
    /// λ, the penalty on what a row uses.
    pub penalty: f64,
    /// The standard deviation of the vectors' initial values.
    pub init_std: f64,
    /// Whether there is a w₀.
    pub use_bias: bool,
}

impl std::default::Default for FactorizationMachine {
    fn default() -> FactorizationMachine {
        FactorizationMachine { factors: 8, penalty: 0.0, init_std: 0.01, use_bias: true }
    }
}

/// What a row's features add up to.
struct Sums<'g> {
    /// Σ wᵢ xᵢ, `[batch]`.
    linear: Var<'g>,
    /// Σ v_if xᵢ, `[batch, factors]`.
    first: Var<'g>,
    /// Σ v_if² xᵢ², `[batch, factors]`.
    second: Var<'g>,
    /// Σ wᵢ² + ‖vᵢ‖², `[batch]` or one number.
    size: Var<'g>,
}

impl FactorizationMachine {
    fn init(&self) -> Init {
        Init::normal().with("std", self.init_std).unwrap_or_else(|_| Init::normal())
    }

    #[track_caller]
    fn dense<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Sums<'g> {
        let (rows, n) = (x.dim(0), x.dim(-1));
        let w = cx.param("weight", [n], &Init::zeros());
        let v = cx.param("factors", [n, self.factors], &self.init());
        Sums {
            linear: x.matmul(w.reshape([n, 1])).reshape([rows]),
            first: x.matmul(v),
            second: x.square().matmul(v.square()),
            size: w.square().sum() + v.square().sum(),
        }
    }

    #[track_caller]
    fn sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Sums<'g> {
        let (rows, of, n) = (x.csr.rows(), x.csr.rows_of_entries(), x.csr.capacity());
        let w = cx.table("weight", [x.columns], &Init::zeros()).gather_or_zero(x.csr.columns);
        let v = cx.table("factors", [x.columns, self.factors], &self.init()).gather_or_zero(x.csr.columns);
        let scaled = v * x.csr.values.reshape([n, 1]);
        Sums {
            linear: (w * x.csr.values).scatter_add(of, rows),
            first: scaled.scatter_add(of, rows),
            second: scaled.square().scatter_add(of, rows),
            size: (w.square() + v.square().sum_over(&[1])).scatter_add(of, rows),
        }
    }

    #[track_caller]
    fn categories<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Option<Sums<'g>> {
        let one = inputs.categories().map(|category| {
            cx.layer(category.name, |cx| {
                let w = cx.table("weight", [category.size], &Init::zeros()).gather_or_zero(category.index);
                let v = cx.table("factors", [category.size, self.factors], &self.init());
                let v = v.gather_or_zero(category.index);
                let size = w.square() + v.square().sum_over(&[1]);
                Sums { linear: w, first: v, second: v.square(), size }
            })
        });
        one.reduce(|a, b| Sums {
            linear: a.linear + b.linear,
            first: a.first + b.first,
            second: a.second + b.second,
            size: a.size + b.size,
        })
    }
}

impl Model for FactorizationMachine {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        cx.layer("factorization-machine", |cx| {
            cx.called_in_pytorch("");
            let sums = match inputs.sparse() {
                Some(sparse) => self.sparse(cx, sparse),
                None => match self.categories(cx, inputs) {
                    Some(sums) => sums,
                    None => {
                        let x = Flatten {}.forward(cx, inputs.first());
                        self.dense(cx, x)
                    }
                },
            };
            if self.penalty > 0.0 {
                cx.penalize(self.penalty * sums.size);
            }
            let pairs = 0.5 * (sums.first.square() - sums.second).sum_over(&[1]);
            let y = (sums.linear + pairs).reshape([sums.first.dim(0), 1]);
            if self.use_bias { y + cx.param("bias", [1], &Init::zeros()) } else { y }
        })
    }
}

/// A factorization machine.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "factorization-machine",
        summary: "A linear model with weights for pairs of features, each the product of two short vectors.",
        formula: "ŷ = w₀ + Σᵢ wᵢ xᵢ + Σ_{i<j} vᵢ·vⱼ xᵢ xⱼ",
        reference: "Rendle, 2010, Factorization machines",
        hyperparameters: &[
            Hyperparameter {
                name: "factors",
                symbol: "k",
                summary: "The length of the vectors.",
                accepts: Accepts::SIZE,
                default: Default::Integer(8),
                source: "libFM, `-dim 1,1,8`",
            },
            Hyperparameter {
                name: "penalty",
                symbol: "λ",
                summary: "The penalty of each row on the weights and vectors that it uses.",
                accepts: Accepts::NON_NEGATIVE,
                default: Default::Number(0.0),
                source: "libFM, `-regular 0`",
            },
            Hyperparameter {
                name: "init-std",
                symbol: "σ",
                summary: "The standard deviation of the vectors' initial values.",
                accepts: Accepts::POSITIVE,
                default: Default::Number(0.01),
                source: "fastFM, xLearn; libFM has 0.1",
            },
            USE_BIAS,
        ],
    },
    suits: |task| matches!(task, Task::Regression { outputs: 1 } | Task::Binary),
    configure: |settings, _| {
        Ok(Box::new(FactorizationMachine {
            factors: settings.integer("factors") as usize,
            penalty: settings.number("penalty"),
            init_std: settings.number("init-std"),
            use_bias: settings.flag("use-bias"),
        }))
    },
};
