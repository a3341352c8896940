//! What PyTorch's `Linear` does by default.

use steepest_spec::Description;

use super::{Init, InitializerSpec, symmetric};

/// Uniform within ±1/√n_in, as PyTorch initializes weight and bias of `Linear`.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "torch-linear",
        summary: "Uniform within ±1/√n_in, as PyTorch initializes weight and bias of `Linear`.",
        formula: "W ~ U(−1/√n_in, 1/√n_in)",
        reference: "PyTorch torch.nn.Linear.reset_parameters: kaiming_uniform_ with a = √5",
        hyperparameters: &[],
    },
    initial: |_, fans, key| symmetric(key, 1.0 / fans.n_in().sqrt()),
};

impl Init {
    /// W ~ U(−1/√n_in, 1/√n_in): what PyTorch's `Linear` does by default for weight and bias
    /// (`kaiming_uniform_` with a = √5, that is √(6 / (6 n_in))).
    ///
    /// The variance 1/(3 n_in) is a sixth of He's; it is here to compare runs, not because it is better.
    ///
    /// ```
    /// use steepest_graph::Initial;
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let initial = Init::torch_linear().initial(Fans::of(&[16, 4]), Key::new(1));
    /// assert!(matches!(initial, Initial::Uniform { high: 0.25, .. }));
    /// ```
    pub fn torch_linear() -> Init {
        Init::of(&SPEC)
    }
}
