//! Zeros.

use steepest_spec::Description;

use super::{Init, InitializerSpec};

/// All values 0.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "zeros",
        summary: "All values 0.",
        formula: "W = 0",
        reference: "",
        hyperparameters: &[],
    },
    initial: |_, _, _| steepest_graph::Initial::Constant(0.0),
};

impl Init {
    /// All values 0: biases, and the weights of convex models.
    ///
    /// Hidden layers of zeros never learn, for all their units stay equal.
    pub fn zeros() -> Init {
        Init::of(&SPEC)
    }
}
