//! The linear support vector machine.

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Inputs, Model, ModelSpec, Shrinkage};
use crate::{Dense, Flatten, Init, Layer, Scope, Task};

/// A linear support vector machine.
///
/// z = x W + b, trained to make max(0, 1 − s z) + λ/2·‖W‖² small: the widest margin between classes. The sign of
/// z (or the largest z) is the class. It is meant for the hinge losses, `hinge` for two classes,
/// `multiclass-hinge` for several, `epsilon-insensitive` for numbers, which are its usual ones. Features may be
/// dense `[batch, …]` or sparse. Parameters are `svm.weight` and `svm.bias`; the bias is not penalized.
///
/// With n rows, λ is 1/(n C) of LIBSVM and scikit-learn's `LinearSVC`, and `alpha` of `SGDClassifier`. A linear
/// machine is meant; for a kernel, give it random features of the kernel.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Inputs, Model, Phase, Svm, Task, Trace};
/// use steepest_tensor::Key;
/// let svm = Svm { l2: 0.01, ..Svm::new(1) };
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let z = svm.output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [8, 5])));
/// assert_eq!(*z.shape(), [8, 1]);
/// assert_eq!((svm.usual_loss(&Task::Binary), svm.shrinkage().l2), (Some("hinge"), 0.01));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Svm {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// λ, the strength of the penalty on W.
    pub l2: f64,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Svm {
    /// A machine that starts at zero.
    pub fn new(outputs: usize) -> Svm {
        Svm { outputs, l2: 1e-4, use_bias: true }
    }
}

impl Model for Svm {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        linear(cx, "svm", inputs, self.outputs, self.use_bias)
    }

    fn usual_loss(&self, task: &Task) -> Option<&'static str> {
        usual_hinge(task)
    }

    fn shrinkage(&self) -> Shrinkage {
        Shrinkage { l1: 0.0, l2: self.l2 }
    }
}

/// The hinge loss of a task.
pub(super) fn usual_hinge(task: &Task) -> Option<&'static str> {
    match task {
        Task::Regression { .. } => Some("epsilon-insensitive"),
        Task::Binary => Some("hinge"),
        Task::Multiclass { .. } => Some("multiclass-hinge"),
        Task::NextToken { .. } | Task::Context { .. } | Task::Ranking { .. } => None,
    }
}

/// x W + b from zero, on dense or sparse features.
#[track_caller]
pub(super) fn linear<'g>(
    cx: &mut Scope<'_, 'g>,
    name: &str,
    inputs: &Inputs<'g>,
    outputs: usize,
    use_bias: bool,
) -> Var<'g> {
    let dense = Dense { use_bias, ..Dense::new(outputs) }.weight_init(Init::zeros());
    match inputs.sparse() {
        Some(sparse) => cx.layer(name, |cx| {
            cx.called_in_pytorch("");
            dense.forward_sparse(cx, sparse)
        }),
        None => {
            let x = Flatten {}.forward(cx, inputs.first());
            cx.layer(name, |cx| {
                cx.called_in_pytorch("");
                dense.forward(cx, x)
            })
        }
    }
}

pub(super) const USE_BIAS: Hyperparameter = Hyperparameter {
    name: "use-bias",
    symbol: "b",
    summary: "Whether b is added.",
    accepts: Accepts::Bool,
    default: Default::Bool(true),
    source: "scikit-learn fit_intercept",
};

pub(super) const L2: Hyperparameter = Hyperparameter {
    name: "l2",
    symbol: "λ₂",
    summary: "Strength of the penalty λ₂/2·‖W‖²; larger means smaller weights.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(1e-4),
    source: "scikit-learn SGDClassifier and SGDRegressor, `alpha`",
};

/// A linear support vector machine.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "svm",
        summary: "A linear support vector machine, trained by a hinge loss.",
        formula: "z = x W + b, min max(0, 1 − s z) + λ₂/2·‖W‖²",
        reference: "Cortes and Vapnik, 1995, Support-vector networks; Shalev-Shwartz et al., 2011, Pegasos",
        hyperparameters: &[L2, USE_BIAS],
    },
    suits: |task| matches!(task, Task::Regression { .. } | Task::Binary | Task::Multiclass { .. }),
    configure: |settings, task| {
        let (l2, use_bias) = (settings.number("l2"), settings.flag("use-bias"));
        Ok(Box::new(Svm { outputs: task.outputs(), l2, use_bias }))
    },
};
