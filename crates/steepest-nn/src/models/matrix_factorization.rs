//! Matrix factorization with biases.

use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Category, Inputs, Model, ModelSpec};
use crate::{Init, Scope, Task};

/// Matrix factorization with biases, for ratings that users give items.
///
/// ŷ = μ + bᵤ + cᵢ + pᵤ·qᵢ, with a user and an item for each row: the first two categories of the data. The
/// penalty λ·(bᵤ² + cᵢ² + ‖pᵤ‖² + ‖qᵢ‖²) of every rating is added to what is made small, so that what is rated
/// often is not penalized more per rating. All tables are trained by rows: a step touches the users and items of
/// its batch. Parameters are `matrix-factorization.bias` (μ), `.user-bias`, `.item-bias`, `.user` and `.item`.
///
/// *Cold start*: a user or item that training never saw has bias and vector 0, so that the prediction is what is
/// left of the sum: the item's own mean for a new user, μ for a new pair.
///
/// Where the loss is the squared error this is the `SVD` of Surprise. Where the target is yes or no, ŷ is a logit.
///
/// Reference: Koren, Bell and Volinsky, 2009, *Matrix factorization techniques for recommender systems*, eq. 5.
///
/// ```
/// use steepest_graph::{Graph, Feeds, evaluate};
/// use steepest_nn::{Inputs, MatrixFactorization, Model, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let (user, item) = (graph.index_input("user", [2]), graph.index_input("item", [2]));
/// let inputs = Inputs::of_category("user", user, 3).with_category("item", item, 2);
/// let model = MatrixFactorization { factors: 1, ..MatrixFactorization::default() };
/// let y = model.output(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), &inputs);
/// let feeds = Feeds::new()
///     .with("user", Tensor::u32([2], vec![1, u32::MAX])?)
///     .with("item", Tensor::u32([2], vec![0, 0])?)
///     .with("matrix-factorization.bias", Tensor::f64([1], vec![3.0])?)
///     .with("matrix-factorization.user-bias", Tensor::f64([3], vec![0.0, 0.5, 0.0])?)
///     .with("matrix-factorization.item-bias", Tensor::f64([2], vec![0.25, 0.0])?)
///     .with("matrix-factorization.user", Tensor::f64([3, 1], vec![0.0, 2.0, 0.0])?)
///     .with("matrix-factorization.item", Tensor::f64([2, 1], vec![10.0, 0.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [23.75, 3.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixFactorization {
    /// The length of the vectors.
    pub factors: usize,
    /// λ, the penalty of each rating.
    pub penalty: f64,
    /// The standard deviation of the vectors' initial values.
    pub init_std: f64,
}

impl std::default::Default for MatrixFactorization {
    fn default() -> MatrixFactorization {
        MatrixFactorization { factors: 100, penalty: 0.02, init_std: 0.1 }
    }
}

impl Model for MatrixFactorization {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let pair: Vec<Category<'_, 'g>> = inputs.categories().collect();
        let [user, item] = pair[..] else {
            return lacks_pair(cx, inputs, "matrix-factorization", pair.len());
        };
        let rows = user.index.dim(0);
        let init = Init::normal().with("std", self.init_std).unwrap_or_else(|_| Init::normal());
        cx.layer("matrix-factorization", |cx| {
            cx.called_in_pytorch("");
            let mu = cx.param("bias", [1], &Init::zeros());
            let b = cx.table("user-bias", [user.size], &Init::zeros()).gather_or_zero(user.index);
            let c = cx.table("item-bias", [item.size], &Init::zeros()).gather_or_zero(item.index);
            let p = cx.table("user", [user.size, self.factors], &init).gather_or_zero(user.index);
            let q = cx.table("item", [item.size, self.factors], &init).gather_or_zero(item.index);
            if self.penalty > 0.0 {
                let lengths = (p.square() + q.square()).sum_over(&[1]);
                cx.penalize(self.penalty * (b.square() + c.square() + lengths));
            }
            (b + c + (p * q).sum_over(&[1]) + mu).reshape([rows, 1])
        })
    }
}

/// What stands in for the prediction where there is no user and item.
#[track_caller]
pub(super) fn lacks_pair<'g>(
    cx: &mut Scope<'_, 'g>,
    inputs: &Inputs<'g>,
    model: &str,
    got: usize,
) -> Var<'g> {
    let what = format!("`{model}` needs a user and an item, got {got} columns of categories");
    let help = "name the two columns in the data: `embed = [\"user\", \"item\"]`".to_owned();
    cx.graph().problem("model", ProblemKind::Layer { what, help });
    let rows = inputs.first().dim(0);
    cx.graph().constant(0.0).broadcast_to([rows, 1])
}

/// k, of every factorization.
pub(super) const FACTORS: Hyperparameter = Hyperparameter {
    name: "factors",
    symbol: "k",
    summary: "The length of the vectors.",
    accepts: Accepts::SIZE,
    default: Default::Integer(100),
    source: "Surprise SVD",
};

/// λ, of every factorization.
pub(super) const PENALTY: Hyperparameter = Hyperparameter {
    name: "penalty",
    symbol: "λ",
    summary: "The penalty of each rating on the numbers that it uses, in units of the loss.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(0.02),
    source: "Surprise SVD, `reg_all`",
};

/// σ, of every factorization.
pub(super) const INIT_STD: Hyperparameter = Hyperparameter {
    name: "init-std",
    symbol: "σ",
    summary: "The standard deviation of the vectors' initial values.",
    accepts: Accepts::POSITIVE,
    default: Default::Number(0.1),
    source: "Surprise SVD, `init_std_dev`",
};

/// Matrix factorization with biases.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "matrix-factorization",
        summary: "A vector and a bias for each user and item, whose product predicts the rating.",
        formula: "ŷ = μ + bᵤ + cᵢ + pᵤ·qᵢ, min ℓ + λ·(bᵤ² + cᵢ² + ‖pᵤ‖² + ‖qᵢ‖²)",
        reference: "Koren, Bell and Volinsky, 2009, Matrix factorization techniques for recommender systems",
        hyperparameters: &[FACTORS, PENALTY, INIT_STD],
    },
    suits: |task| matches!(task, Task::Regression { outputs: 1 } | Task::Binary),
    configure: |settings, _| {
        Ok(Box::new(MatrixFactorization {
            factors: settings.integer("factors") as usize,
            penalty: settings.number("penalty"),
            init_std: settings.number("init-std"),
        }))
    },
};
