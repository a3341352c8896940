//! Layers, losses, initializers, metrics and ready-made models.
//!
//! A [`Layer`] is plain configuration; traced into a [`Scope`] it declares its parameters and records
//! mathematics on graph variables. Sizes of inputs come from the traced values. Everything that a spec
//! can name is listed in a registry: [`LAYERS`], [`ACTIVATIONS`], [`INITIALIZERS`], [`LOSSES`],
//! [`METRICS`], [`MODELS`].
//!
//! ```
//! use steepest_graph::{Graph, Initial, Var, gradients};
//! use steepest_nn::*;
//! use steepest_tensor::Key;
//!
//! // A layer of one's own: y = x W · g.
//! struct Scaled { outputs: usize }
//!
//! impl Layer for Scaled {
//!     fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
//!         let weight = cx.param("weight", [x.dim(-1), self.outputs], &Init::he_normal());
//!         let gain = cx.param_from("gain", [self.outputs], Initial::Constant(1.0));
//!         x.matmul(weight) * gain
//!     }
//! }
//!
//! let graph = Graph::new();
//! let (x, label) = (graph.input("x", [32, 100]), graph.index_input("label", [32]));
//! let mut trace = Trace::new(&graph, Key::new(7), Phase::Train);
//! let logits = trace.scope().apply("head", &Scaled { outputs: 10 }, x);
//! let loss = CrossEntropy::default().per_example(logits, label).mean();
//! let parameters: Vec<_> = trace.parameters().iter().map(|(_, var)| *var).collect();
//! assert_eq!(gradients(loss, &parameters).len(), 2);
//! assert!(graph.problems().is_empty());
//! ```
#![forbid(unsafe_code)]

mod activations;
mod error;
mod init;
mod layers;
mod losses;
mod metrics;
mod models;
mod pytorch;
mod registry;
mod scope;
mod sequential;
mod task;

pub use activations::{ACTIVATIONS, Activation, ActivationSpec};
pub use error::NnError;
pub use init::{Fans, INITIALIZERS, Init, InitializerSpec};
pub use layers::attention::MultiHeadAttention;
pub use layers::batch_norm::BatchNorm;
pub use layers::conv::{Conv1d, Conv2d};
pub use layers::conv_transpose2d::ConvTranspose2d;
pub use layers::dense::Dense;
pub use layers::dropout::Dropout;
pub use layers::embedding::Embedding;
pub use layers::flatten::Flatten;
pub use layers::group_norm::GroupNorm;
pub use layers::layer_norm::LayerNorm;
pub use layers::pool::{AdaptiveAvgPool, AvgPool, GlobalAvgPool, MaxPool};
pub use layers::positions::{PositionKind, Positions};
pub use layers::recurrent::{Cell, Recurrent, States};
pub use layers::residual_block::{ResidualBlock, Shortcut};
pub use layers::rms_norm::RmsNorm;
pub use layers::transformer_block::TransformerBlock;
pub use layers::window::Pair;
pub use layers::{LAYERS, Layer, LayerSpec};
pub use losses::binary_cross_entropy::BinaryCrossEntropy;
pub use losses::cross_entropy::CrossEntropy;
pub use losses::epsilon_insensitive::EpsilonInsensitive;
pub use losses::hinge::Hinge;
pub use losses::huber::Huber;
pub use losses::mean_absolute_error::MeanAbsoluteError;
pub use losses::mean_squared_error::MeanSquaredError;
pub use losses::multiclass_hinge::{Against, MulticlassHinge};
pub use losses::own_loss::OwnLoss;
pub use losses::pairwise_logistic::PairwiseLogistic;
pub use losses::{LOSSES, Loss, LossSpec};
pub use metrics::confusion_matrix::ConfusionMatrix;
pub use metrics::{Direction, METRICS, Metric, MetricSpec, Values};
pub use models::bpr::{self, Bpr};
pub use models::cnn::Cnn;
pub use models::elastic_net::ElasticNet;
pub use models::encoder::Encoder;
pub use models::factorization_machine::FactorizationMachine;
pub use models::gpt::Gpt;
pub use models::lenet::LeNet;
pub use models::linear::Linear;
pub use models::logistic::Logistic;
pub use models::matrix_factorization::MatrixFactorization;
pub use models::mlp::Mlp;
pub use models::nystroem::Nystroem;
pub use models::random_fourier::RandomFourier;
pub use models::recurrent::RecurrentModel;
pub use models::resnet::ResNet;
pub use models::softmax::Softmax;
pub use models::svd_plus_plus::SvdPlusPlus;
pub use models::svm::Svm;
pub use models::vgg::Vgg;
pub use models::word2vec::{self, Architecture, Word2vec, words};
pub use models::{Category, Inputs, LENGTHS, MODELS, Model, ModelSpec, Shrinkage, Sparse};
pub use pytorch::PyTorch;
pub use registry::{Built, Configured, Registered};
pub use scope::{CONTINUES, Phase, STEP, Scope, Trace};
pub use sequential::Sequential;
pub use task::{Target, Task};
