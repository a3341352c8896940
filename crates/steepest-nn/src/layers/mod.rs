//! Layers, one file each.

use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Description, Settings};

use crate::registry::{Built, registered};
use crate::{Scope, Sparse};

pub mod activation;
pub mod attention;
pub mod batch_norm;
pub mod conv;
pub mod conv_transpose2d;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod flatten;
pub mod group_norm;
pub mod layer_norm;
pub mod pool;
pub mod positions;
pub mod recurrent;
pub mod residual_block;
pub mod rms_norm;
pub mod transformer_block;
pub(crate) mod window;

/// All layers that a spec can name.
pub static LAYERS: &[&LayerSpec] = &[
    &dense::SPEC,
    &activation::SPEC,
    &dropout::SPEC,
    &flatten::SPEC,
    &conv::SPEC,
    &conv::SEQUENCES,
    &conv_transpose2d::SPEC,
    &pool::MAX,
    &pool::AVG,
    &pool::GLOBAL_AVG,
    &pool::ADAPTIVE_AVG,
    &batch_norm::SPEC,
    &group_norm::SPEC,
    &residual_block::SPEC,
    &layer_norm::SPEC,
    &rms_norm::SPEC,
    &recurrent::SPEC,
    &embedding::SPEC,
    &positions::SPEC,
    &attention::SPEC,
    &transformer_block::SPEC,
];

/// A part of a model: plain configuration that records its mathematics when it is traced.
///
/// Parameters are declared where they are used; their sizes come from the traced value. The same layer
/// can be traced many times: for training, for evaluation, for another batch size.
///
/// ```
/// use steepest_graph::{Graph, Var};
/// use steepest_nn::{Init, Layer, Phase, Scope, Trace};
/// # use steepest_tensor::Key;
/// /// y = x + tanh(x W).
/// struct Residual;
///
/// impl Layer for Residual {
///     fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
///         let width = x.dim(-1);
///         let weight = cx.param("weight", [width, width], &Init::xavier_normal());
///         x + x.matmul(weight).tanh()
///     }
/// }
///
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("residual", &Residual, graph.input("x", [8, 5]));
/// assert_eq!(*y.shape(), [8, 5]);
/// assert_eq!(trace.parameters()[0].0, "residual.weight");
/// ```
pub trait Layer: Send + Sync {
    /// Records what the layer computes from `x`, whose first axis is the batch.
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g>;

    /// Records what the layer computes from sparse features; most layers take none.
    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        let what = "takes dense features, but those of the data are sparse".to_owned();
        let help = "choose a model for sparse features: `logistic`, `softmax`, `linear`, `svm`, `mlp`, `factorization-machine`";
        cx.graph().problem("model", ProblemKind::Layer { what, help: help.to_owned() });
        cx.graph().constant(0.0).broadcast_to([x.csr.rows(), 1])
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        (**self).forward(cx, x)
    }

    #[track_caller]
    fn forward_sparse<'g>(&self, cx: &mut Scope<'_, 'g>, x: Sparse<'g>) -> Var<'g> {
        (**self).forward_sparse(cx, x)
    }
}

/// A layer's entry.
#[derive(Debug)]
pub struct LayerSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// The layer from checked settings.
    pub build: fn(&Settings) -> Built<dyn Layer>,
}

registered!(LayerSpec, "layer", LAYERS);

/// Reports a layer that shows a position what is behind it, where the next token is predicted.
#[track_caller]
pub(crate) fn not_ahead<'g>(cx: &Scope<'_, 'g>, op: &'static str, x: Var<'g>, sees: bool, help: &str) {
    if cx.trace.causal && sees {
        let what = "lets a position see what is behind it, but the next token is to be predicted".to_owned();
        x.graph().problem(op, ProblemKind::Layer { what, help: help.to_owned() });
    }
}

/// Reports that `x` does not have the axes a layer needs, and how to mend it.
#[track_caller]
pub(crate) fn wrong_input(op: &'static str, x: Var<'_>, needs: &str, help: &str) {
    let what = format!("needs {needs}, got {}", x.shape());
    x.graph().problem(op, ProblemKind::Layer { what, help: help.to_owned() });
}
