//! An activation function as a layer of its own.

use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::LayerSpec;
use crate::registry::check_text;
use crate::{Activation, ActivationSpec};

/// An activation function as a layer of its own; [`Activation`] is the layer.
pub static SPEC: LayerSpec = LayerSpec {
    about: Description {
        name: "activation",
        summary: "An activation function, element by element.",
        formula: "y = f(x)",
        reference: "the function's own",
        hyperparameters: &[Hyperparameter {
            name: "function",
            symbol: "f",
            summary: "The function, with settings in parentheses: `leaky-relu(slope=0.2)`.",
            accepts: Accepts::Text,
            default: Default::Required,
            source: "no default: it is what is asked for",
        }],
    },
    build: |settings| {
        check_text::<ActivationSpec>(&SPEC.about, settings, "function")?;
        Ok(Box::new(settings.text("function").parse::<Activation>()?))
    },
};
