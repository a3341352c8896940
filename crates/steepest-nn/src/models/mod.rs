//! Ready-made models, one file each.

use steepest_graph::{Csr, ProblemKind, Var};
use steepest_spec::{Description, Settings};
use steepest_tensor::Tensor;

use crate::layers::wrong_input;
use crate::registry::{Built, registered};
use crate::{Layer, NnError, Registered, Scope, Task};

pub mod bpr;
pub mod cnn;
pub mod elastic_net;
pub mod encoder;
pub mod factorization_machine;
pub mod gpt;
pub mod lasso;
pub mod lenet;
pub mod linear;
pub mod logistic;
pub mod matrix_factorization;
pub mod mlp;
pub mod nystroem;
pub mod random_fourier;
pub mod recurrent;
pub mod resnet;
pub mod ridge;
pub mod sequential;
pub mod softmax;
pub mod svd_plus_plus;
pub mod svm;
pub mod vgg;
pub mod word2vec;

/// All models that a spec can name.
pub static MODELS: &[&ModelSpec] = &[
    &linear::SPEC,
    &logistic::SPEC,
    &softmax::SPEC,
    &mlp::SPEC,
    &sequential::SPEC,
    &cnn::SPEC,
    &lenet::SPEC,
    &vgg::SPEC,
    &resnet::SPEC,
    &encoder::SPEC,
    &gpt::SPEC,
    &recurrent::RNN,
    &recurrent::LSTM,
    &recurrent::GRU,
    &ridge::SPEC,
    &lasso::SPEC,
    &elastic_net::SPEC,
    &svm::SPEC,
    &random_fourier::SPEC,
    &nystroem::SPEC,
    &factorization_machine::SPEC,
    &matrix_factorization::SPEC,
    &svd_plus_plus::SPEC,
    &bpr::SPEC,
    &word2vec::SPEC,
];

/// The name of the input that holds how many steps each sequence has; without it, all of them.
pub const LENGTHS: &str = "lengths";

/// What is trained: a function from named inputs to a prediction (numbers or logits, see [`Task`]).
///
/// Every [`Layer`] is a model with one input; implement this for models with several.
pub trait Model: Send + Sync {
    /// Records what the model predicts, of shape `[batch, outputs]`.
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g>;

    /// The loss that the model is trained with where none is named; none: that of the task.
    fn usual_loss(&self, _task: &Task) -> Option<&'static str> {
        None
    }

    /// Whether the model carries values from step to step of training, so that batches have to be streams.
    fn carries(&self) -> bool {
        false
    }

    /// How many training rows [`Model::states_of`] takes; 0: none.
    fn rows_of_states(&self) -> usize {
        0
    }

    /// The states that follow from some training rows, `[rows, inputs]`: a trainer draws the rows at random and sets the states
    /// before the first step.
    fn states_of(&self, _rows: &Tensor) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// What the optimizer adds to the model's weights.
    fn shrinkage(&self) -> Shrinkage {
        Shrinkage::default()
    }
}

/// The penalties λ₁·Σ|w| + λ₂/2·Σw² on a model's weights (parameters with two axes; biases go free), which the
/// optimizer applies: λ₁ by a proximal step, so that weights become exactly 0, λ₂ in the gradient; both only in
/// the rows of the batch where a table is trained by rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shrinkage {
    /// λ₁.
    pub l1: f64,
    /// λ₂.
    pub l2: f64,
}

impl<L: Layer> Model for L {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        if let Some(sparse) = inputs.sparse() {
            return self.forward_sparse(cx, sparse);
        }
        if let (Some(lengths), [_, _]) = (inputs.get(LENGTHS), inputs.named.as_slice()) {
            let x = inputs.first;
            let steps = x.shape().get(1).copied().unwrap_or(0);
            let (y, asked) = cx.over_lengths(lengths, steps, |cx| self.forward(cx, x));
            if !asked {
                let what =
                    "takes no sequences of varied length: none of its layers asks where they end".to_owned();
                let help = "choose `lstm`, `gru`, `rnn` or `encoder`, or list layers with `recurrent`, `transformer-block` or `global-avg-pool`";
                x.graph().problem("model", ProblemKind::Layer { what, help: help.to_owned() });
            }
            return y;
        }
        if let [_, second, ..] = inputs.named.as_slice() {
            let needs = format!("one input, but there is also `{}`, a value", second.name);
            wrong_input("model", second.value, &needs, "join the inputs with `concat`, or implement `Model`");
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
    named: Vec<Named<'g>>,
    sparse: Option<Sparse<'g>>,
    history: Option<Csr<'g>>,
    parts: Vec<(String, Sparse<'g>)>,
}

#[derive(Clone, Debug)]
struct Named<'g> {
    name: String,
    value: Var<'g>,
    categories: Option<usize>,
}

/// Sparse features: compressed rows, and how many columns there are.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'g> {
    /// The entries.
    pub csr: Csr<'g>,
    /// The number of columns.
    pub columns: usize,
}

/// A category of each example: an index below `size`, or no row for one that training never saw.
#[derive(Clone, Copy, Debug)]
pub struct Category<'i, 'g> {
    /// The column's name.
    pub name: &'i str,
    /// The indices, of shape `[batch]`.
    pub index: Var<'g>,
    /// The number of categories.
    pub size: usize,
}

impl<'g> Inputs<'g> {
    /// One input.
    pub fn new(name: &str, x: Var<'g>) -> Inputs<'g> {
        Inputs::beginning(x).with(name, x)
    }

    fn beginning(first: Var<'g>) -> Inputs<'g> {
        Inputs { first, named: Vec::new(), sparse: None, history: None, parts: Vec::new() }
    }

    /// Sparse features.
    pub fn of_sparse(csr: Csr<'g>, columns: usize) -> Inputs<'g> {
        let sparse = Some(Sparse { csr, columns });
        Inputs { sparse, ..Inputs::beginning(csr.values) }
    }

    /// A category of each example, one of `size`.
    pub fn of_category(name: &str, index: Var<'g>, size: usize) -> Inputs<'g> {
        Inputs::beginning(index).with_category(name, index, size)
    }

    /// Adds another one.
    #[must_use]
    pub fn with(mut self, name: &str, x: Var<'g>) -> Inputs<'g> {
        self.named.push(Named { name: name.to_owned(), value: x, categories: None });
        self
    }

    /// Adds a category of each example, one of `size`.
    #[must_use]
    pub fn with_category(mut self, name: &str, index: Var<'g>, size: usize) -> Inputs<'g> {
        self.named.push(Named { name: name.to_owned(), value: index, categories: Some(size) });
        self
    }

    /// Adds the second category's values that stand beside each row's first one in the training data: the items of its
    /// user, each 1/√n of n.
    #[must_use]
    pub fn with_history(self, history: Csr<'g>) -> Inputs<'g> {
        Inputs { history: Some(history), ..self }
    }

    /// The items of each row's user in the training data.
    pub fn history(&self) -> Option<Csr<'g>> {
        self.history
    }

    /// Adds what each index of another input is made of: sparse rows, one for each index, of a table with `columns` rows.
    #[must_use]
    pub fn with_parts(mut self, of: &str, csr: Csr<'g>, columns: usize) -> Inputs<'g> {
        self.parts.push((of.to_owned(), Sparse { csr, columns }));
        self
    }

    /// What each index of an input is made of, if not of one row of a table.
    pub fn parts(&self, of: &str) -> Option<Sparse<'g>> {
        self.parts.iter().find(|(name, _)| name == of).map(|(_, parts)| *parts)
    }

    /// The input of this name.
    pub fn get(&self, name: &str) -> Option<Var<'g>> {
        self.named.iter().find(|known| known.name == name).map(|known| known.value)
    }

    /// The first input, the features of a model that has only one.
    pub fn first(&self) -> Var<'g> {
        self.first
    }

    /// The sparse features, if that is what there is.
    pub fn sparse(&self) -> Option<Sparse<'g>> {
        self.sparse
    }

    /// The categories, in the order in which they were added.
    pub fn categories(&self) -> impl Iterator<Item = Category<'_, 'g>> {
        self.named.iter().filter_map(|known| {
            Some(Category { name: &known.name, index: known.value, size: known.categories? })
        })
    }

    /// All inputs by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Var<'g>)> {
        self.named.iter().map(|known| (known.name.as_str(), known.value))
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
    /// let help = error.help().unwrap();
    /// assert!(help.starts_with("suited are softmax, mlp, ") && help.contains("svm"), "{help}");
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
