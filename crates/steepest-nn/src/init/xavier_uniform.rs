//! Xavier (Glorot) initialization, uniform.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Init, InitializerSpec, symmetric};

/// Uniform, with the variance that keeps signals and gradients alike for tanh and linear units.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "xavier-uniform",
        summary: "Uniform, with the variance that keeps signals and gradients alike for tanh and linear units.",
        formula: "W ~ U(−a, a), a = gain · √(6 / (n_in + n_out))",
        reference: "Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 16",
        hyperparameters: &[Hyperparameter {
            name: "gain",
            symbol: "",
            summary: "Factor for what the activation does to the variance.",
            accepts: Accepts::POSITIVE,
            default: Default::Number(1.0),
            source: "Glorot and Bengio, 2010: activations that are linear near 0",
        }],
    },
    initial: |s, fans, key| symmetric(key, s.number("gain") * (6.0 / fans.n_in_plus_n_out()).sqrt()),
};

impl Init {
    /// W ~ U(−a, a) with a = gain · √(6 / (n_in + n_out)): Glorot and Bengio (2010), equation 16.
    ///
    /// Equal to `torch.nn.init.xavier_uniform_` and Keras' `GlorotUniform` in distribution.
    ///
    /// ```
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let a = (6.0f64 / 54.0).sqrt();
    /// let initial = Init::xavier_uniform().initial(Fans::of(&[50, 4]), Key::new(1));
    /// let largest = (0..200).map(|i| initial.value(i).abs()).fold(0.0, f64::max);
    /// assert!(0.95 * a < largest && largest <= a);
    /// ```
    pub fn xavier_uniform() -> Init {
        Init::of(&SPEC)
    }
}
