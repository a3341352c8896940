//! Matrix factorization with implicit feedback.

use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Default, Description, Hyperparameter};

use super::matrix_factorization::{FACTORS, INIT_STD, PENALTY};
use super::{Category, Inputs, Model, ModelSpec};
use crate::{Init, Scope, Task};

/// SVD++: matrix factorization with biases that also learns from which items a user has rated, whatever the rating.
///
/// ŷ = μ + bᵤ + cᵢ + qᵢ·(pᵤ + |N(u)|^−½ Σ_{j∈N(u)} yⱼ), where N(u) are the items that stand beside the user in the
/// training data (`data.history = true`). The penalty λ·(bᵤ² + cᵢ² + ‖pᵤ‖² + ‖qᵢ‖² + ‖|N(u)|^−½ Σ yⱼ‖²) of every rating
/// is added to what is made small; Koren and Surprise penalize each ‖yⱼ‖² instead of their sum, which costs another
/// pass over N(u). All tables are trained by rows. Parameters are `svdpp.bias` (μ), `.user-bias`, `.item-bias`,
/// `.user` (p), `.item` (q) and `.implicit` (y).
///
/// *Cold start*: a user or item that training never saw has bias and vector 0 and an empty N(u), so that the
/// prediction is what is left of the sum.
///
/// Reference: Koren, 2008, *Factorization meets the neighborhood*, eq. 15.
///
/// ```
/// use steepest_graph::{Csr, Graph, Feeds, evaluate};
/// use steepest_nn::{Inputs, Model, Phase, SvdPlusPlus, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let (user, item) = (graph.index_input("user", [1]), graph.index_input("item", [1]));
/// let history = Csr::input(&graph, "history", 1, 4);
/// let inputs = Inputs::of_category("user", user, 2).with_category("item", item, 4).with_history(history);
/// let model = SvdPlusPlus { factors: 1, ..SvdPlusPlus::default() };
/// let y = model.output(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), &inputs);
/// let feeds = Feeds::new()
///     .with("user", Tensor::u32([1], vec![1])?)
///     .with("item", Tensor::u32([1], vec![3])?)
///     .with("history.offsets", Tensor::u32([2], vec![0, 4])?)
///     .with("history.columns", Tensor::u32([4], vec![0, 1, 2, 3])?)
///     .with("history.values", Tensor::f64([4], vec![0.5; 4])?)
///     .with("svdpp.bias", Tensor::f64([1], vec![3.0])?)
///     .with("svdpp.user", Tensor::f64([2, 1], vec![9.0, 1.0])?)
///     .with("svdpp.item", Tensor::f64([4, 1], vec![9.0, 9.0, 9.0, 2.0])?)
///     .with("svdpp.implicit", Tensor::f64([4, 1], vec![1.0, 2.0, 3.0, 4.0])?);
/// // 3 + 2·(1 + 10/√4)
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [15.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SvdPlusPlus {
    /// The length of the vectors.
    pub factors: usize,
    /// λ, the penalty of each rating.
    pub penalty: f64,
    /// The standard deviation of the vectors' initial values.
    pub init_std: f64,
}

impl std::default::Default for SvdPlusPlus {
    fn default() -> SvdPlusPlus {
        SvdPlusPlus { factors: 20, penalty: 0.02, init_std: 0.1 }
    }
}

impl Model for SvdPlusPlus {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let pair: Vec<Category<'_, 'g>> = inputs.categories().collect();
        let ([user, item], Some(history)) = (&pair[..], inputs.history()) else {
            return lacks_history(cx, inputs);
        };
        let rows = user.index.dim(0);
        let init = Init::normal().with("std", self.init_std).unwrap_or_else(|_| Init::normal());
        cx.layer("svdpp", |cx| {
            let mu = cx.param("bias", [1], &Init::zeros());
            let b = cx.table("user-bias", [user.size], &Init::zeros()).gather_or_zero(user.index);
            let c = cx.table("item-bias", [item.size], &Init::zeros()).gather_or_zero(item.index);
            let p = cx.table("user", [user.size, self.factors], &init).gather_or_zero(user.index);
            let q = cx.table("item", [item.size, self.factors], &init).gather_or_zero(item.index);
            let h = history.matmul(cx.table("implicit", [item.size, self.factors], &init));
            if self.penalty > 0.0 {
                let lengths = (p.square() + q.square() + h.square()).sum_over(&[1]);
                cx.penalize(self.penalty * (b.square() + c.square() + lengths));
            }
            (b + c + (q * (p + h)).sum_over(&[1]) + mu).reshape([rows, 1])
        })
    }
}

/// What stands in for the prediction where there is no user, item and history.
#[track_caller]
fn lacks_history<'g>(cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
    let what = "`svdpp` needs a user, an item, and the items of each user".to_owned();
    let help = "name the two columns and ask for the items: `data.embed = [\"user\", \"item\"]`, `data.history = true`";
    cx.graph().problem("model", ProblemKind::Layer { what, help: help.to_owned() });
    let rows = inputs.first().dim(0);
    cx.graph().constant(0.0).broadcast_to([rows, 1])
}

/// SVD++.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "svdpp",
        summary: "Matrix factorization that also learns from which items a user has rated.",
        formula: "ŷ = μ + bᵤ + cᵢ + qᵢ·(pᵤ + |N(u)|^−½ Σ_{j∈N(u)} yⱼ)",
        reference: "Koren, 2008, Factorization meets the neighborhood, eq. 15",
        hyperparameters: &[
            Hyperparameter { default: Default::Integer(20), source: "Surprise SVDpp", ..FACTORS },
            Hyperparameter { source: "Surprise SVDpp, `reg_all`", ..PENALTY },
            Hyperparameter { source: "Surprise SVDpp, `init_std_dev`", ..INIT_STD },
        ],
    },
    suits: |task| matches!(task, Task::Regression { outputs: 1 } | Task::Binary),
    configure: |settings, _| {
        Ok(Box::new(SvdPlusPlus {
            factors: settings.integer("factors") as usize,
            penalty: settings.number("penalty"),
            init_std: settings.number("init-std"),
        }))
    },
};
