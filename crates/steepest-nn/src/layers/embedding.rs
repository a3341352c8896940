//! The embedding of tokens.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{LayerSpec, wrong_input};
use crate::registry::{check_text, configure};
use crate::{Init, InitializerSpec, Layer, Scope};

/// A table of vectors, one for each token.
///
/// y = E[x], with indices x of shape `[batch, …]`, E of shape `[vocabulary, width]` and y of shape
/// `[batch, …, width]`. An index outside the table gives NaN. The gradient of E is row-sparse: only the rows
/// that the batch reads receive anything.
///
/// PyTorch's `Embedding` starts from N(0, 1); language models since GPT-2 start from N(0, 0.02²), which is
/// the default here.
///
/// Reference: Bengio, Ducharme, Vincent and Jauvin, 2003, *A neural probabilistic language model*.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::{Embedding, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let x = graph.index_input("x", [1, 2]);
/// let y = Trace::new(&graph, Key::new(0), Phase::Eval).scope().apply("embed", &Embedding::new(3, 2), x);
/// let feeds = Feeds::new()
///     .with("x", Tensor::u32([1, 2], vec![2, 0])?)
///     .with("embed.weight", Tensor::f64([3, 2], vec![0.0, 1.0, 10.0, 11.0, 20.0, 21.0])?);
/// assert_eq!(evaluate(&graph, &[y], &feeds)?[0].to_f64(), [20.0, 21.0, 0.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Embedding {
    /// The number of tokens.
    pub vocabulary: usize,
    /// The size of each vector.
    pub width: usize,
    /// Initial values of E.
    pub weight_init: Init,
}

impl Embedding {
    /// A table that starts from N(0, 0.02²).
    pub fn new(vocabulary: usize, width: usize) -> Embedding {
        Embedding { vocabulary, width, weight_init: Init::normal() }
    }

    /// Declares E, for those who also use it elsewhere: a tied head multiplies by its transpose.
    #[track_caller]
    pub fn table<'g>(&self, cx: &mut Scope<'_, 'g>) -> Var<'g> {
        cx.param("weight", [self.vocabulary, self.width], &self.weight_init)
    }
}

impl Layer for Embedding {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        cx.trace.sequences = true;
        let table = self.table(cx);
        if x.ty().is_real() {
            let help = "feed token indices with `Graph::index_input`; real features go through `dense`";
            wrong_input("embedding", x, "indices of shape [batch, …]", help);
            return table.slice(0, 0, 1).broadcast_to([x.dim(0), self.width]);
        }
        table.gather(x)
    }
}

/// A table of vectors, one for each token.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "embedding",
        summary: "A table of vectors, one for each token.",
        formula: "y = E[x]",
        reference: "Bengio et al., 2003, A neural probabilistic language model; PyTorch Embedding",
        hyperparameters: &[
            Hyperparameter {
                name: "vocabulary",
                symbol: "V",
                summary: "The number of tokens.",
                accepts: Accepts::SIZE,
                default: Default::Required,
                source: "no default; in the list of layers of a model over a text, its tokens",
            },
            Hyperparameter {
                name: "width",
                symbol: "d",
                summary: "The size of each vector.",
                accepts: Accepts::SIZE,
                default: Default::Required,
                source: "no default: it is the layer's size",
            },
            Hyperparameter {
                name: "weight-init",
                symbol: "E",
                summary: "Initial values: an initializer, with settings in parentheses.",
                accepts: Accepts::Text,
                default: Default::Text("normal"),
                source: "GPT-2 (Radford et al., 2019): N(0, 0.02²); PyTorch has N(0, 1)",
            },
        ],
    },
    build: |settings| {
        check_text::<InitializerSpec>(&SPEC.about, settings, "weight-init")?;
        Ok(Box::new(configure::<Embedding>(&SPEC.about, settings, &[])?))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Gradient, Graph, gradients};
    use steepest_tensor::Key;

    use super::*;
    use crate::{Phase, Trace};

    #[test]
    fn the_gradient_is_in_the_rows_that_were_read() {
        let graph = Graph::new();
        let x = graph.index_input("x", [2, 3]);
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let y = trace.scope().apply("embed", &Embedding::new(100, 4), x);
        let gradient = gradients(y.sum(), &[trace.parameters()[0].1])[0];
        assert!(matches!(gradient, Gradient::Rows { values, rows: 100, .. } if *values.shape() == [6, 4]));
    }

    #[test]
    fn real_values_are_no_tokens() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        trace.scope().apply("embed", &Embedding::new(100, 4), graph.input("x", [2, 3]));
        let text = graph.problems()[0].to_string();
        assert!(text.contains("layer `embed`") && text.contains("help: feed token indices"), "{text}");
    }
}
