//! LeCun initialization.

use steepest_spec::Description;

use super::{Init, InitializerSpec, centered};

/// Normal, with variance 1 / n_in: linear and self-normalizing (SELU) units.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "lecun-normal",
        summary: "Normal, with variance 1 / n_in: linear and self-normalizing (SELU) units.",
        formula: "W ~ N(0, σ²), σ = √(1 / n_in)",
        reference: "LeCun, Bottou, Orr and Müller, 1998, Efficient BackProp, eq. 16; Klambauer et al., 2017, for SELU",
        hyperparameters: &[],
    },
    initial: |_, fans, key| centered(key, (1.0 / fans.n_in()).sqrt()),
};

impl Init {
    /// W ~ N(0, σ²) with σ = √(1 / n_in): LeCun et al. (1998), equation 16; what SELU networks need
    /// (Klambauer et al., 2017).
    ///
    /// Keras' `LecunNormal` cuts the tails at 2σ.
    ///
    /// ```
    /// use steepest_graph::Initial;
    /// use steepest_nn::{Fans, Init};
    /// use steepest_tensor::Key;
    /// let initial = Init::lecun_normal().initial(Fans::of(&[16, 4]), Key::new(1));
    /// assert!(matches!(initial, Initial::Normal { std: 0.25, .. }));
    /// ```
    pub fn lecun_normal() -> Init {
        Init::of(&SPEC)
    }
}
