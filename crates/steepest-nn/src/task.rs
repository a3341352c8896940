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
}

/// What a loss expects as target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Real numbers, of the shape of the predictions (a last axis of size 1 may be missing).
    Values,
    /// Class labels 0, 1, 2, … as indices, of the shape of the predictions without the last axis.
    Labels,
}

impl Task {
    /// The size of the last axis of the predictions.
    pub fn outputs(&self) -> usize {
        match *self {
            Task::Regression { outputs } => outputs,
            Task::Binary => 1,
            Task::Multiclass { classes } => classes,
            Task::NextToken { vocabulary } => vocabulary,
        }
    }

    /// How many target numbers belong to an example, or to each position of a sequence.
    pub fn targets(&self) -> usize {
        match *self {
            Task::Regression { outputs } => outputs,
            Task::Binary | Task::Multiclass { .. } | Task::NextToken { .. } => 1,
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
            Task::Regression { .. } => prediction,
            Task::Binary => prediction.sigmoid(),
            Task::Multiclass { .. } | Task::NextToken { .. } => {
                let weights = (prediction - prediction.max_last().stop_gradient()).exp();
                weights / weights.sum_last()
            }
        }
    }

    /// What kind of target the usual losses of this task take.
    pub fn target(&self) -> Target {
        match self {
            Task::Regression { .. } | Task::Binary => Target::Values,
            Task::Multiclass { .. } | Task::NextToken { .. } => Target::Labels,
        }
    }

    /// The usual loss: the negative log-likelihood of a Gaussian, Bernoulli or categorical target.
    pub fn default_loss(&self) -> &'static str {
        match self {
            Task::Regression { .. } => "mean-squared-error",
            Task::Binary => "binary-cross-entropy",
            Task::Multiclass { .. } | Task::NextToken { .. } => "cross-entropy",
        }
    }

    /// The usual metrics, the one to choose models by first.
    pub fn default_metrics(&self) -> &'static [&'static str] {
        match self {
            Task::Regression { .. } => &["rmse", "mae", "r2"],
            Task::Binary => &["accuracy", "auc"],
            Task::Multiclass { .. } => &["accuracy"],
            Task::NextToken { .. } => &["bits-per-token", "accuracy"],
        }
    }

    /// The simplest usual model of the task.
    pub fn default_model(&self) -> &'static str {
        match self {
            Task::Regression { .. } => "linear",
            Task::Binary => "logistic",
            Task::Multiclass { .. } => "softmax",
            Task::NextToken { .. } => "gpt",
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
        }
    }
}
