//! How transforms and optimizers are registered, and the settings that optimizers share.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, SettingError, Settings};

use crate::chain::Chain;
use crate::transform::Transform;
use crate::transforms;

/// A link of a chain, by name.
#[derive(Debug)]
pub struct TransformSpec {
    /// What it says of itself.
    pub about: Description,
    /// Makes it from checked settings.
    pub build: Build,
}

/// A complete chain from gradient to update, by name: `kind = "adam"`.
///
/// Every optimizer has a setting `learning-rate`. The chain does not contain its value: the host feeds
/// `learning-rate · schedule` at each step as the host scalar [`LEARNING_RATE`](crate::LEARNING_RATE).
#[derive(Debug)]
pub struct OptimizerSpec {
    /// What it says of itself.
    pub about: Description,
    /// Makes it from checked settings.
    pub build: Build,
}

/// Makes a transform from settings that have been checked against its description.
///
/// An error is for settings that exclude each other; values out of range have been refused before.
pub type Build = fn(&Settings) -> Result<Box<dyn Transform>, SettingError>;

/// The learning rate: each optimizer has its own default.
pub(crate) const fn learning_rate(default: f64, source: &'static str) -> Hyperparameter {
    Hyperparameter {
        name: crate::LEARNING_RATE,
        symbol: "α",
        summary: "Length of a step, in units of the update.",
        accepts: Accepts::POSITIVE,
        default: Default::Number(default),
        source,
    }
}

/// Strength of an L2 penalty, a setting of every optimizer that has no other decay.
pub(crate) const L2: Hyperparameter = Hyperparameter {
    name: "l2",
    symbol: "λ",
    summary: "Strength of the L2 penalty λ/2·‖θ‖² whose gradient is added to that of the loss; unset: 0, and in a run on fewer than 1,000 training rows 3/rows (linear models 1/rows; regression twice that).",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Unset,
    source: "PyTorch `weight_decay`; scikit-learn's LogisticRegression has 1/rows, Ridge 2/rows, MLPClassifier 1e-4/rows",
};

/// Clipping by global norm, a setting of every optimizer.
pub(crate) const CLIP_NORM: Hyperparameter = Hyperparameter {
    name: "clip-norm",
    symbol: "c",
    summary: "The largest Euclidean norm of the gradient of all parameters together.",
    accepts: Accepts::POSITIVE,
    default: Default::Unset,
    source: "off, as in PyTorch",
};

/// Clipping of each element, a setting of every optimizer.
pub(crate) const CLIP_VALUE: Hyperparameter = Hyperparameter {
    name: "clip-value",
    symbol: "c",
    summary: "The largest absolute value of an element of the gradient; applied before `clip-norm`.",
    accepts: Accepts::POSITIVE,
    default: Default::Unset,
    source: "off, as in PyTorch",
};

/// The beginning of every optimizer's chain: what its settings ask to be done to the gradient.
pub(crate) fn on_gradient(settings: &Settings) -> Chain {
    let lambda = settings.optional_number(L2.name).filter(|lambda| *lambda > 0.0);
    Chain::new()
        .then_some(settings.optional_number(CLIP_VALUE.name).map(|limit| transforms::ClipValue { limit }))
        .then_some(settings.optional_number(CLIP_NORM.name).map(|norm| transforms::ClipGlobalNorm { norm }))
        .then_some(lambda.map(transforms::L2::new))
}
