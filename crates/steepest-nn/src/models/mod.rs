//! Ready-made models, one file each.

use steepest_graph::Var;
use steepest_spec::{Description, Settings};

use crate::layers::wrong_input;
use crate::registry::{Built, registered};
use crate::{Layer, NnError, Registered, Scope, Task};

pub mod cnn;
pub mod encoder;
pub mod gpt;
pub mod lenet;
pub mod linear;
pub mod logistic;
pub mod mlp;
pub mod recurrent;
pub mod resnet;
pub mod softmax;
pub mod vgg;

/// All models that a spec can name.
pub static MODELS: &[&ModelSpec] = &[
    &linear::SPEC,
    &logistic::SPEC,
    &softmax::SPEC,
    &mlp::SPEC,
    &cnn::SPEC,
    &lenet::SPEC,
    &vgg::SPEC,
    &resnet::SPEC,
    &encoder::SPEC,
    &gpt::SPEC,
    &recurrent::RNN,
    &recurrent::LSTM,
    &recurrent::GRU,
];

/// What is trained: a function from named inputs to a prediction (numbers or logits, see [`Task`]).
///
/// Every [`Layer`] is a model with one input; implement this for models with several.
pub trait Model: Send + Sync {
    /// Records what the model predicts, of shape `[batch, outputs]`.
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g>;
}

impl<L: Layer> Model for L {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        if let [_, (name, second), ..] = inputs.named.as_slice() {
            let needs = format!("one input, but there is also `{name}`, a value");
            wrong_input("model", *second, &needs, "join the inputs with `concat`, or implement `Model`");
        }
        self.forward(cx, inputs.first)
    }
}

/// The inputs of a model by name; there is at least one.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::Inputs;
/// let graph = Graph::new();
/// let inputs = Inputs::new("user", graph.index_input("user", [32])).with("item", graph.index_input("item", [32]));
/// assert_eq!(*inputs.get("item").unwrap().shape(), [32]);
/// ```
#[derive(Clone, Debug)]
pub struct Inputs<'g> {
    first: Var<'g>,
    named: Vec<(String, Var<'g>)>,
}

impl<'g> Inputs<'g> {
    /// One input.
    pub fn new(name: &str, x: Var<'g>) -> Inputs<'g> {
        Inputs { first: x, named: vec![(name.to_owned(), x)] }
    }

    /// Adds another one.
    #[must_use]
    pub fn with(mut self, name: &str, x: Var<'g>) -> Inputs<'g> {
        self.named.push((name.to_owned(), x));
        self
    }

    /// The input of this name.
    pub fn get(&self, name: &str) -> Option<Var<'g>> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, x)| *x)
    }

    /// The first input, the features of a model that has only one.
    pub fn first(&self) -> Var<'g> {
        self.first
    }

    /// All inputs by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Var<'g>)> {
        self.named.iter().map(|(name, x)| (name.as_str(), *x))
    }
}

/// A model's entry.
#[derive(Debug)]
pub struct ModelSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// Whether the model is made for a task.
    pub suits: fn(&Task) -> bool,
    /// The model for a task, from checked settings; use [`ModelSpec::build`], which asks `suits` first.
    pub configure: fn(&Settings, &Task) -> Built<dyn Model>,
}

registered!(ModelSpec, "model", MODELS);

impl ModelSpec {
    /// The model for a task, from checked settings.
    ///
    /// ```
    /// use steepest_nn::{ModelSpec, Registered, Task};
    /// let spec = ModelSpec::find("logistic")?;
    /// let settings = spec.settings([])?;
    /// assert!(spec.build(&settings, &Task::Binary).is_ok());
    /// let error = spec.build(&settings, &Task::Multiclass { classes: 3 }).err().unwrap();
    /// assert_eq!(error.to_string(), "the model `logistic` is not for classification into 3 classes");
    /// assert_eq!(error.help().unwrap(), "suited are softmax, mlp, cnn, lenet, vgg, resnet, encoder, rnn, lstm, gru");
    /// # Ok::<(), steepest_nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// If the model is not made for the task, or a setting names nothing usable.
    pub fn build(&self, settings: &Settings, task: &Task) -> Result<Box<dyn Model>, NnError> {
        if (self.suits)(task) {
            return (self.configure)(settings, task);
        }
        let suited = MODELS.iter().filter(|spec| (spec.suits)(task)).map(|spec| spec.about.name).collect();
        Err(NnError::Unsuited { kind: Self::KIND, name: self.about.name, task: *task, suited })
    }
}
