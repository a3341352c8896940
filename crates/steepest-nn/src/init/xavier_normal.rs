//! Xavier (Glorot) initialization, normal.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Init, InitializerSpec, centered};

/// Normal, with the variance that keeps signals and gradients alike for tanh and linear units.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "xavier-normal",
        summary: "Normal, with the variance that keeps signals and gradients alike for tanh and linear units.",
        formula: "W ~ N(0, σ²), σ = gain · √(2 / (n_in + n_out))",
        reference: "Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 12",
        hyperparameters: &[Hyperparameter {
            name: "gain",
            symbol: "",
            summary: "Factor for what the activation does to the variance.",
            accepts: Accepts::POSITIVE,
            default: Default::Number(1.0),
            source: "Glorot and Bengio, 2010: activations that are linear near 0",
        }],
    },
    initial: |s, fans, key| centered(key, s.number("gain") * (2.0 / fans.n_in_plus_n_out()).sqrt()),
};

impl Init {
    /// W ~ N(0, σ²) with σ = gain · √(2 / (n_in + n_out)): Glorot and Bengio (2010), the variance of
    /// equation 12.
    ///
    /// Equal to `torch.nn.init.xavier_normal_`; Keras' `GlorotNormal` cuts the tails at 2σ.
    ///
    /// ```
    /// use steepest_graph::Initial;
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let initial = Init::xavier_normal().initial(Fans::of(&[28, 4]), Key::new(1));
    /// assert!(matches!(initial, Initial::Normal { std: 0.25, .. }));
    /// ```
    pub fn xavier_normal() -> Init {
        Init::of(&SPEC)
    }
}
