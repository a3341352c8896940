//! What is to be predicted, and what follows from it for models, losses and metrics.

use std::fmt;

use serde::{Deserialize, Serialize};
use steepest_graph::Var;

/// What is to be predicted.
///
/// The task tells a model how many outputs it has and the trainer which loss and metrics are usual.
///
/// ```
/// use steepest_nn::Task;
/// let task = Task::Multiclass { classes: 10 };
/// assert_eq!((task.outputs(), task.default_loss()), (10, "cross-entropy"));
/// assert_eq!(task.default_metrics()[0], "accuracy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// Real numbers. Predictions are the numbers themselves, of shape `[batch, outputs]`.
    Regression {
        /// How many numbers belong to an example.
        outputs: usize,
    },
    /// Yes or no. Predictions are logits z of shape `[batch, 1]`; the probability of yes is σ(z).
    Binary,
    /// One of several classes. Predictions are logits of shape `[batch, classes]`; the probabilities are
    /// their softmax.
    Multiclass {
        /// How many classes there are.
        classes: usize,
    },
    /// At each position of a sequence, which token comes next. Predictions are logits of shape
    /// `[batch, length, vocabulary]`.
    NextToken {
        /// How many different tokens there are.
        vocabulary: usize,
    },
    /// Which items each user prefers. A model gives the score of an item, of shape `[batch, 1]`, or, beside
    /// another item, how much higher it is; metrics see the scores of all items of a user.
    Ranking {
        /// How many items there are.
        items: usize,
    },
    /// Which words stand around each word of a text. There is nothing to predict but a vector for each word: the
    /// model's output is its own loss, of shape `[batch, 1]`.
    Context {
        /// How many different words there are.
        vocabulary: usize,
    },
}

/// What a loss expects as target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Real numbers, of the shape of the predictions (a last axis of size 1 may be missing).
    Values,
    /// Class labels 0, 1, 2, … as indices, of the shape of the predictions without the last axis.
    Labels,
    /// Nothing: the model's output is its own loss.
    Nothing,
}

impl Task {
    /// The size of the last axis of the predictions.
    pub fn outputs(&self) -> usize {
        match *self {
            Task::Regression { outputs } => outputs,
            Task::Binary | Task::Context { .. } => 1,
            Task::Multiclass { classes } => classes,
            Task::NextToken { vocabulary } => vocabulary,
            Task::Ranking { items } => items,
        }
    }

    /// How many target numbers belong to an example, or to each position of a sequence.
    pub fn targets(&self) -> usize {
        match *self {
            Task::Regression { outputs } => outputs,
            Task::Binary | Task::Multiclass { .. } | Task::NextToken { .. } => 1,
            Task::Ranking { items } => items,
            Task::Context { .. } => 0,
        }
    }

    /// What a prediction says in the units of the task: probabilities for logits, numbers as they are.
    ///
    /// ```
    /// use steepest_graph::{Feeds, Graph, evaluate};
    /// use steepest_nn::Task;
    /// let graph = Graph::new();
    /// let z = graph.input("z", [1, 2]);
    /// let p = Task::Multiclass { classes: 2 }.interpret(z);
    /// let feeds = Feeds::new().with("z", steepest_tensor::Tensor::f64([1, 2], vec![900.0, 900.0])?);
    /// assert_eq!(evaluate(&graph, &[p], &feeds)?[0].to_f64(), [0.5, 0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn interpret<'g>(&self, prediction: Var<'g>) -> Var<'g> {
        match self {
            Task::Regression { .. } | Task::Ranking { .. } | Task::Context { .. } => prediction,
            Task::Binary => prediction.sigmoid(),
            Task::Multiclass { .. } | Task::NextToken { .. } => prediction.softmax_last(),
        }
    }

    /// What kind of target the usual losses of this task take.
    pub fn target(&self) -> Target {
        match self {
            Task::Regression { .. } | Task::Binary => Target::Values,
            Task::Multiclass { .. } | Task::NextToken { .. } => Target::Labels,
            Task::Ranking { .. } | Task::Context { .. } => Target::Nothing,
        }
    }

    /// The usual loss: the negative log-likelihood of a Gaussian, Bernoulli or categorical target.
    pub fn default_loss(&self) -> &'static str {
        match self {
            Task::Regression { .. } => "mean-squared-error",
            Task::Binary => "binary-cross-entropy",
            Task::Multiclass { .. } | Task::NextToken { .. } => "cross-entropy",
            Task::Ranking { .. } => "pairwise-logistic",
            Task::Context { .. } => "own-loss",
        }
    }

    /// The usual metrics, the one to choose models by first.
    pub fn default_metrics(&self) -> &'static [&'static str] {
        match self {
            Task::Regression { .. } => &["rmse", "mae", "r2"],
            Task::Binary => &["accuracy", "auc"],
            Task::Multiclass { .. } => &["accuracy"],
            Task::NextToken { .. } => &["bits-per-token", "accuracy"],
            Task::Ranking { .. } => &["precision-at-k", "recall-at-k", "ndcg-at-k"],
            Task::Context { .. } => &[],
        }
    }

    /// The simplest usual model of the task.
    pub fn default_model(&self) -> &'static str {
        match self {
            Task::Regression { .. } => "linear",
            Task::Binary => "logistic",
            Task::Multiclass { .. } => "softmax",
            Task::NextToken { .. } => "gpt",
            Task::Ranking { .. } => "bpr",
            Task::Context { .. } => "word2vec",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Regression { outputs: 1 } => write!(f, "regression"),
            Task::Regression { outputs } => write!(f, "regression with {outputs} outputs"),
            Task::Binary => write!(f, "binary classification"),
            Task::Multiclass { classes } => write!(f, "classification into {classes} classes"),
            Task::NextToken { vocabulary } => write!(f, "the next of {vocabulary} tokens"),
            Task::Ranking { items } => write!(f, "ranking {items} items"),
            Task::Context { vocabulary } => write!(f, "vectors of {vocabulary} words"),
        }
    }
}
