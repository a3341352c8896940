//! He (Kaiming) initialization, uniform.

use steepest_spec::Description;

use super::he_normal::NEGATIVE_SLOPE;
use super::{Init, InitializerSpec, symmetric};

/// Uniform, with the variance that keeps signals alike through rectifiers.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "he-uniform",
        summary: "Uniform, with the variance that keeps signals alike through rectifiers.",
        formula: "W ~ U(−b, b), b = √(6 / ((1 + a²) n_in))",
        reference: "He, Zhang, Ren and Sun, 2015, Delving Deep into Rectifiers, eq. 10 and 15",
        hyperparameters: &[NEGATIVE_SLOPE],
    },
    initial: |s, fans, key| {
        symmetric(key, (6.0 / ((1.0 + s.number("negative-slope").powi(2)) * fans.n_in())).sqrt())
    },
};

impl Init {
    /// W ~ U(−b, b) with b = √(6 / ((1 + a²) n_in)): the variance of He et al. (2015), equations 10 and 15.
    ///
    /// Equal to `torch.nn.init.kaiming_uniform_` with `a` = the slope, and Keras' `HeUniform`, in
    /// distribution.
    ///
    /// ```
    /// use steepest_graph::Initial;
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let initial = Init::he_uniform().initial(Fans::of(&[24, 4]), Key::new(1));
    /// assert!(matches!(initial, Initial::Uniform { high: 0.5, .. }));
    /// ```
    pub fn he_uniform() -> Init {
        Init::of(&SPEC)
    }
}
