//! Layers of a spec, one after the other.

use std::collections::BTreeMap;

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter, SettingError, Value};

use super::ModelSpec;
use crate::layers::{embedding, wrong_input};
use crate::registry::Built;
use crate::{Dense, Flatten, Layer, LayerSpec, NnError, Registered, Scope, Sequential, Task};

/// Layers of a spec, one after the other; in Rust it is [`Sequential`].
///
/// ```toml
/// [model]
/// kind = "sequential"
///
/// [[model.layers]]
/// kind = "dense"
/// outputs = 64
///
/// [[model.layers]]
/// kind = "activation"
/// function = "tanh"
/// ```
///
/// h₀ = x, hₗ = layerₗ(hₗ₋₁), ŷ = h_L W + b: a dense layer `head` with as many outputs as the task needs comes
/// last, as in [`Mlp`](crate::Mlp), unless `head = false`. Parameters are named by the place of their layer, as
/// in PyTorch's `Sequential`: `sequential.0.weight`, …, `sequential.head.weight`.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "sequential",
        summary: "Layers one after the other, each of any registered kind.",
        formula: "hₗ = layerₗ(hₗ₋₁), ŷ = h_L W + b",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "layers",
                symbol: "",
                summary: "The layers, first to last: `[[model.layers]]` tables; `steepest list layers` has their kinds.",
                accepts: Accepts::Layers,
                default: Default::Unset,
                source: "none: the head alone, a linear model",
            },
            Hyperparameter {
                name: "head",
                symbol: "W",
                summary: "Whether a dense layer with as many outputs as the task needs comes last, its input flattened but for texts.",
                accepts: Accepts::Bool,
                default: Default::Bool(true),
                source: "as `mlp`",
            },
        ],
    },
    suits: |task| !matches!(task, Task::Context { .. } | Task::Ranking { .. }),
    configure: |settings, task| {
        let mut model = Sequential::new();
        for (place, entries) in settings.tables("layers").into_iter().enumerate() {
            let written = Value::Table(entries.clone()).to_string();
            let listed = |source| NnError::Listed { place, written, source: Box::new(source) };
            model = model.then(layer(entries, task).map_err(listed)?);
        }
        let of_tokens = matches!(task, Task::NextToken { .. });
        if settings.flag("head") {
            let layers = model.len();
            model = model.named("head", Head { outputs: task.outputs(), layers, of_tokens });
        }
        Ok(Box::new(Outermost { layers: model, of_tokens }))
    },
};

/// What the task needs, from features with any axes.
struct Head {
    outputs: usize,
    /// Layers before it.
    layers: usize,
    /// Whether each position of a text has outputs of its own.
    of_tokens: bool,
}

/// The layers under the model's name.
struct Outermost {
    layers: Sequential,
    /// Whether the next token is predicted at each position.
    of_tokens: bool,
}

impl Layer for Outermost {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        cx.trace.causal = self.of_tokens;
        cx.layer("sequential", |cx| {
            cx.called_in_pytorch("");
            self.layers.forward(cx, x)
        })
    }
}

impl Layer for Head {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let flattened = !self.of_tokens && x.shape().rank() > 2;
        // PyTorch's `Sequential` counts the flattening.
        cx.called_in_pytorch(&(self.layers + usize::from(flattened)).to_string());
        if self.of_tokens && x.shape().rank() != 3 {
            let help = "leave out what joins positions: `flatten`, `last = true`, `global-avg-pool`";
            wrong_input("head", x, "a vector for each position of the text, [batch, length, width]", help);
        }
        let x = if self.of_tokens { x } else { Flatten {}.forward(cx, x) };
        Dense::new(self.outputs).forward(cx, x)
    }
}

/// The layer that a table with a `kind` describes. A text decides how many tokens there are.
fn layer(mut entries: BTreeMap<String, Value>, task: &Task) -> Built<dyn Layer> {
    let kind = match entries.remove("kind") {
        Some(Value::Text(kind)) => kind,
        _ => String::new(),
    };
    let spec = LayerSpec::find(&kind)?;
    if let (&Task::NextToken { .. }, true) = (task, std::ptr::eq(spec, &embedding::SPEC)) {
        let tokens = i64::try_from(task.outputs()).unwrap_or(i64::MAX);
        let got = entries.entry("vocabulary".to_owned()).or_insert(Value::Integer(tokens)).clone();
        if matches!(got, Value::Integer(rows) if rows < tokens) {
            let (key, accepts) =
                ("vocabulary".to_owned(), format!("at least {tokens}, the tokens of the text"));
            let source = SettingError::Unacceptable { key, accepts, got: got.to_string() };
            return Err(NnError::Setting { owner: "embedding", source });
        }
    }
    (spec.build)(&spec.settings(entries)?)
}

#[cfg(test)]
mod tests {
    use steepest_graph::Graph;
    use steepest_tensor::Key;

    use super::*;
    use crate::{Inputs, Phase, Task, Trace};

    fn table(entries: &[(&str, Value)]) -> Value {
        Value::Table(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn layers(list: Vec<Value>) -> Vec<(String, Value)> {
        vec![("layers".to_owned(), Value::List(list))]
    }

    #[test]
    fn layers_come_in_order_and_the_head_suits_the_task() {
        let dense = table(&[("kind", Value::Text("dense".into())), ("outputs", Value::Integer(7))]);
        let tanh =
            table(&[("kind", Value::Text("activation".into())), ("function", Value::Text("tanh".into()))]);
        let settings = SPEC.settings(layers(vec![dense, tanh])).unwrap();
        let model = SPEC.build(&settings, &Task::Multiclass { classes: 3 }).unwrap();
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
        let y = model.output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [4, 5])));
        assert_eq!(*y.shape(), [4, 3]);
        let shapes: Vec<String> =
            trace.parameters().iter().map(|(name, p)| format!("{name} {}", p.shape())).collect();
        assert_eq!(
            shapes,
            [
                "sequential.0.weight [5, 7]",
                "sequential.0.bias [7]",
                "sequential.head.weight [7, 3]",
                "sequential.head.bias [3]"
            ]
        );
    }

    #[test]
    fn a_wrong_layer_is_named_with_its_place() {
        let good = table(&[("kind", Value::Text("flatten".into()))]);
        let bad = table(&[("kind", Value::Text("dens".into())), ("outputs", Value::Integer(7))]);
        let settings = SPEC.settings(layers(vec![good, bad])).unwrap();
        let error = SPEC.build(&settings, &Task::Binary).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("layer 1 of the list, counted from 0, `{ kind = \"dens\", outputs = 7 }`"),
            "{error}"
        );
        assert!(error.help().unwrap().contains("`dense`"), "{:?}", error.help());
        let nameless = SPEC.settings(layers(vec![table(&[("outputs", Value::Integer(7))])]));
        assert!(nameless.unwrap_err().to_string().contains("each with the `kind` of a layer"));
    }
}
