//! Matrix factorization for what users choose, not for how they rate it.

use steepest_graph::Var;
use steepest_spec::{Default, Description, Hyperparameter};

use super::matrix_factorization::{FACTORS, INIT_STD, PENALTY, lacks_pair};
use super::{Category, Inputs, Model, ModelSpec};
use crate::{Init, Scope, Task};

/// The name of the input with an item for each row that its user has not chosen.
pub const OTHER: &str = "other item";

/// Bayesian personalized ranking: users' items are to score higher than others, drawn at random.
///
/// With the score x̂ᵤᵢ = cᵢ + pᵤ·qᵢ, for each pair of a user and an item i, and a random item j that does not stand
/// beside the user in the training data: ℓ = ln(1 + exp(x̂ᵤⱼ − x̂ᵤᵢ)). The penalty
/// λ·(cᵢ² + cⱼ² + ‖pᵤ‖² + ‖qᵢ‖² + ‖qⱼ‖²) of every pair is added to what is made small. All tables are trained by
/// rows. Parameters are `bpr.item-bias` (c), `bpr.user` (p) and `bpr.item` (q).
///
/// Asked for a prediction, the model gives x̂ᵤᵢ. *Cold start*: a user that training never saw has the vector 0 and gets
/// the items that most users choose; an item that it never saw has the score 0.
///
/// The pairs are the rows whose target is at least `data.relevant`, and the loss is `pairwise-logistic`.
///
/// Reference: Rendle, Freudenthaler, Gantner and Schmidt-Thieme, 2009, *BPR: Bayesian personalized ranking from
/// implicit feedback*, sec. 4.1.
///
/// ```
/// use steepest_graph::{Graph, Feeds, evaluate};
/// use steepest_nn::{Bpr, Inputs, Model, Phase, Trace, bpr::OTHER};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let (user, item) = (graph.index_input("user", [1]), graph.index_input("item", [1]));
/// let score = Inputs::of_category("user", user, 1).with_category("item", item, 2);
/// let both = score.clone().with(OTHER, graph.index_input("other", [1]));
/// let model = Bpr { factors: 1, ..Bpr::default() };
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
/// let y = model.output(&mut trace.scope(), &score);
/// let higher = model.output(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), &both);
/// let feeds = Feeds::new()
///     .with("user", Tensor::u32([1], vec![0])?)
///     .with("item", Tensor::u32([1], vec![1])?)
///     .with("other", Tensor::u32([1], vec![0])?)
///     .with("bpr.item-bias", Tensor::f64([2], vec![0.0, 0.5])?)
///     .with("bpr.user", Tensor::f64([1, 1], vec![2.0])?)
///     .with("bpr.item", Tensor::f64([2, 1], vec![1.0, 3.0])?);
/// let values = evaluate(&graph, &[y, higher], &feeds)?;
/// assert_eq!((values[0].to_f64(), values[1].to_f64()), (vec![6.5], vec![4.5]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bpr {
    /// The length of the vectors.
    pub factors: usize,
    /// λ, the penalty of each pair.
    pub penalty: f64,
    /// The standard deviation of the vectors' initial values.
    pub init_std: f64,
}

impl std::default::Default for Bpr {
    fn default() -> Bpr {
        Bpr { factors: 100, penalty: 0.005, init_std: 0.1 }
    }
}

impl Model for Bpr {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let pair: Vec<Category<'_, 'g>> = inputs.categories().collect();
        let [user, item] = &pair[..] else { return lacks_pair(cx, inputs, "bpr", pair.len()) };
        let rows = user.index.dim(0);
        let init = Init::normal().with("std", self.init_std).unwrap_or_else(|_| Init::normal());
        cx.layer("bpr", |cx| {
            let c = cx.table("item-bias", [item.size], &Init::zeros());
            let p = cx.table("user", [user.size, self.factors], &init).gather_or_zero(user.index);
            let q = cx.table("item", [item.size, self.factors], &init);
            let (ci, qi) = (c.gather_or_zero(item.index), q.gather_or_zero(item.index));
            let Some(other) = inputs.get(OTHER) else {
                return (ci + (p * qi).sum_over(&[1])).reshape([rows, 1]);
            };
            let (cj, qj) = (c.gather_or_zero(other), q.gather_or_zero(other));
            if self.penalty > 0.0 {
                let lengths = (p.square() + qi.square() + qj.square()).sum_over(&[1]);
                cx.penalize(self.penalty * (ci.square() + cj.square() + lengths));
            }
            (ci - cj + (p * (qi - qj)).sum_over(&[1])).reshape([rows, 1])
        })
    }
}

/// Bayesian personalized ranking.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "bpr",
        summary: "A vector for each user and item, such that users' items score higher than others.",
        formula: "x̂ᵤᵢ = cᵢ + pᵤ·qᵢ, min ln(1 + exp(x̂ᵤⱼ − x̂ᵤᵢ)) + λ·(cᵢ² + cⱼ² + ‖pᵤ‖² + ‖qᵢ‖² + ‖qⱼ‖²)",
        reference: "Rendle et al., 2009, BPR: Bayesian personalized ranking from implicit feedback",
        hyperparameters: &[
            Hyperparameter { source: "implicit", ..FACTORS },
            Hyperparameter {
                summary: "The penalty of each pair on the numbers that it uses, in units of the loss.",
                default: Default::Number(0.005),
                source: "implicit's `regularization` 0.01, which is a factor of the gradient",
                ..PENALTY
            },
            Hyperparameter { source: "as the other factorizations here", ..INIT_STD },
        ],
    },
    suits: |task| matches!(task, Task::Ranking { .. }),
    configure: |settings, _| {
        Ok(Box::new(Bpr {
            factors: settings.integer("factors") as usize,
            penalty: settings.number("penalty"),
            init_std: settings.number("init-std"),
        }))
    },
};
