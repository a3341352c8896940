//! He (Kaiming) initialization, normal.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::{Init, InitializerSpec, centered};

/// The slope a of He's initializers.
pub(super) const NEGATIVE_SLOPE: Hyperparameter = Hyperparameter {
    name: "negative-slope",
    symbol: "a",
    summary: "Slope of the rectifier for negative inputs.",
    accepts: Accepts::ANY_NUMBER,
    default: Default::Number(0.0),
    source: "He et al., 2015, eq. 10: the plain rectifier",
};

/// Normal, with the variance that keeps signals alike through rectifiers.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "he-normal",
        summary: "Normal, with the variance that keeps signals alike through rectifiers.",
        formula: "W ~ N(0, σ²), σ = √(2 / ((1 + a²) n_in))",
        reference: "He, Zhang, Ren and Sun, 2015, Delving Deep into Rectifiers, eq. 10 and 15",
        hyperparameters: &[NEGATIVE_SLOPE],
    },
    initial: |s, fans, key| {
        centered(key, (2.0 / ((1.0 + s.number("negative-slope").powi(2)) * fans.n_in())).sqrt())
    },
};

impl Init {
    /// W ~ N(0, σ²) with σ = √(2 / ((1 + a²) n_in)): He et al. (2015), equations 10 and 15.
    ///
    /// Equal to `torch.nn.init.kaiming_normal_` with `a` = the slope; Keras' `HeNormal` cuts the tails at 2σ.
    ///
    /// ```
    /// use steepest_graph::Initial;
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let initial = Init::he_normal().initial(Fans::of(&[8, 4]), Key::new(1));
    /// assert!(matches!(initial, Initial::Normal { std: 0.5, .. }));
    /// ```
    pub fn he_normal() -> Init {
        Init::of(&SPEC)
    }
}
