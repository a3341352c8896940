//! Layers one after the other.

use std::panic::Location;

use steepest_graph::Var;
use steepest_spec::Value;

use crate::{Layer, LayerSpec, NnError, Registered, Scope};

/// Layers one after the other, in scopes of their own: `0`, `1`, … or given names.
///
/// Each layer's input sizes come from the layer before it. Numbering counts all layers, as in PyTorch's
/// `Sequential`.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Activation, Dense, Phase, Sequential, Trace};
/// # use steepest_tensor::Key;
/// let model = Sequential::new().then(Dense::new(64)).then(Activation::relu()).named("head", Dense::new(10));
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let y = trace.scope().apply("net", &model, graph.input("x", [32, 100]));
/// assert_eq!(*y.shape(), [32, 10]);
/// assert_eq!(trace.parameters()[2].0, "net.head.weight");
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Part>,
}

struct Part {
    name: String,
    layer: Box<dyn Layer>,
    /// The line that added it.
    added: &'static Location<'static>,
}

impl Sequential {
    /// No layers: the identity.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// Adds a layer named by its position.
    #[must_use]
    #[track_caller]
    pub fn then(self, layer: impl Layer + 'static) -> Sequential {
        let name = self.layers.len().to_string();
        self.named(&name, layer)
    }

    /// Adds a layer under a name.
    #[must_use]
    #[track_caller]
    pub fn named(mut self, name: &str, layer: impl Layer + 'static) -> Sequential {
        let (name, layer, added) = (name.to_owned(), Box::new(layer), Location::caller());
        self.layers.push(Part { name, layer, added });
        self
    }

    /// Layers from a spec: for each its kind and its settings.
    ///
    /// ```
    /// use steepest_nn::Sequential;
    /// use steepest_spec::Value;
    /// let dense = ("dense".to_owned(), vec![("outputs".to_owned(), Value::Integer(8))]);
    /// let relu = ("activation".to_owned(), vec![("function".to_owned(), Value::Text("relu".into()))]);
    /// assert_eq!(Sequential::from_spec([dense, relu])?.len(), 2);
    /// # Ok::<(), steepest_nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// The first unknown layer or unusable setting.
    pub fn from_spec(
        entries: impl IntoIterator<Item = (String, Vec<(String, Value)>)>,
    ) -> Result<Sequential, NnError> {
        entries.into_iter().try_fold(Sequential::new(), |model, (kind, written)| {
            let spec = LayerSpec::find(&kind)?;
            Ok(model.then((spec.build)(&spec.settings(written)?)?))
        })
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let graph = cx.graph();
        self.layers.iter().fold(x, |x, Part { name, layer, added }| {
            graph.applied_at(added, || cx.layer(name, |cx| layer.forward(cx, x)))
        })
    }
}
