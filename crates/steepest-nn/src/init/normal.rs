//! The normal distribution.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Init, InitializerSpec};

/// Normally distributed.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "normal",
        summary: "Normally distributed.",
        formula: "W ~ N(mean, std²)",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "mean",
                symbol: "μ",
                summary: "The mean.",
                accepts: Accepts::ANY_NUMBER,
                default: Default::Number(0.0),
                source: "GPT-2",
            },
            Hyperparameter {
                name: "std",
                symbol: "σ",
                summary: "The standard deviation.",
                accepts: Accepts::NON_NEGATIVE,
                default: Default::Number(0.02),
                source: "GPT-2 (Radford et al., 2019) and BERT; Keras RandomNormal has 0.05",
            },
        ],
    },
    initial: |s, _, key| steepest_graph::Initial::Normal {
        key,
        mean: s.number("mean"),
        std: s.number("std"),
    },
};

impl Init {
    /// Normally distributed, with mean 0 and standard deviation 0.02 unless set.
    ///
    /// PyTorch's `normal_` has the standard deviation 1 by default.
    pub fn normal() -> Init {
        Init::of(&SPEC)
    }
}
