//! Constants.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, Value};

use crate::NnError;

use super::{Init, InitializerSpec};

/// The same value everywhere.
pub static SPEC: InitializerSpec = InitializerSpec {
    about: Description {
        name: "constant",
        summary: "The same value everywhere.",
        formula: "W = c",
        reference: "",
        hyperparameters: &[Hyperparameter {
            name: "value",
            symbol: "c",
            summary: "The value.",
            accepts: Accepts::ANY_NUMBER,
            default: Default::Required,
            source: "no default: it is what is asked for",
        }],
    },
    initial: |s, _, _| steepest_graph::Initial::Constant(s.number("value")),
};

impl Init {
    /// `value` everywhere.
    ///
    /// ```
    /// use steepest_nn::Init;
    /// assert_eq!(Init::constant(1.5)?.to_string(), "constant(value=1.5)");
    /// # Ok::<(), steepest_nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// If the value is not finite.
    pub fn constant(value: f64) -> Result<Init, NnError> {
        Init::new(&SPEC, [("value".to_owned(), Value::Number(value))])
    }
}
