//! The uniform distribution.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Init, InitializerSpec};

/// Uniform between two bounds.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "uniform",
        summary: "Uniform between two bounds.",
        formula: "W ~ U(low, high)",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "low",
                symbol: "",
                summary: "The lower end.",
                accepts: Accepts::ANY_NUMBER,
                default: Default::Number(-0.05),
                source: "Keras RandomUniform",
            },
            Hyperparameter {
                name: "high",
                symbol: "",
                summary: "The upper end.",
                accepts: Accepts::ANY_NUMBER,
                default: Default::Number(0.05),
                source: "Keras RandomUniform",
            },
        ],
    },
    initial: |s, _, key| steepest_graph::Initial::Uniform {
        key,
        low: s.number("low"),
        high: s.number("high"),
    },
};

impl Init {
    /// Uniform between two bounds, in `[low, high)`; −0.05 and 0.05 unless set.
    ///
    /// PyTorch's `uniform_` has the bounds 0 and 1 by default.
    pub fn uniform() -> Init {
        Init::of(&SPEC)
    }
}
