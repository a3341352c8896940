//! Initial values of parameters, one file for each rule.

use steepest_graph::Initial;
use steepest_spec::{Description, Settings};
use steepest_tensor::Key;

use crate::registry::{Configured, registered};

mod constant;
mod he_normal;
mod he_uniform;
mod lecun_normal;
mod normal;
mod torch_linear;
mod uniform;
mod xavier_normal;
mod xavier_uniform;
mod zeros;

/// All initializers.
pub static INITIALIZERS: &[&InitializerSpec] = &[
    &zeros::SPEC,
    &constant::SPEC,
    &uniform::SPEC,
    &normal::SPEC,
    &xavier_uniform::SPEC,
    &xavier_normal::SPEC,
    &he_uniform::SPEC,
    &he_normal::SPEC,
    &lecun_normal::SPEC,
    &torch_linear::SPEC,
];

/// An initializer's entry.
#[derive(Debug)]
pub struct InitializerSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// The distribution of the initial values, from settings and fans.
    pub initial: fn(&Settings, Fans, Key) -> Initial,
}

registered!(InitializerSpec, "initializer", INITIALIZERS);

/// An initializer with its settings, written `he-normal` or `normal(std=0.02)` in a spec.
pub type Init = Configured<InitializerSpec>;

impl Init {
    /// The initial values for a parameter with these fans, drawn from `key`.
    pub fn initial(&self, fans: Fans, key: Key) -> Initial {
        (self.spec().initial)(self.settings(), fans, key)
    }
}

/// How many inputs feed an output of a parameter, and how many outputs an input feeds.
///
/// Weights are laid out with the outputs on the last axis and the inputs on the one before; leading
/// axes are a receptive field whose size multiplies both.
///
/// ```
/// use steepest_nn::Fans;
/// assert_eq!(Fans::of(&[100, 10]), Fans { inputs: 100, outputs: 10 });
/// assert_eq!(Fans::of(&[3, 3, 16, 32]), Fans { inputs: 144, outputs: 288 });
/// assert_eq!(Fans::of(&[10]), Fans { inputs: 10, outputs: 10 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fans {
    /// Inputs of each output, n_in.
    pub inputs: usize,
    /// Outputs of each input, n_out.
    pub outputs: usize,
}

impl Fans {
    /// The fans of a parameter of this shape.
    pub fn of(shape: &[usize]) -> Fans {
        match *shape {
            [] => Fans { inputs: 1, outputs: 1 },
            [n] => Fans { inputs: n, outputs: n },
            [ref field @ .., inputs, outputs] => {
                let field = field.iter().product::<usize>();
                Fans { inputs: field * inputs, outputs: field * outputs }
            }
        }
    }

    /// n_in as a divisor, at least 1.
    fn n_in(self) -> f64 {
        self.inputs.max(1) as f64
    }

    /// n_in + n_out as a divisor, at least 1.
    fn n_in_plus_n_out(self) -> f64 {
        (self.inputs + self.outputs).max(1) as f64
    }
}

/// U(−a, a).
fn symmetric(key: Key, a: f64) -> Initial {
    Initial::Uniform { key, low: -a, high: a }
}

/// N(0, σ²).
fn centered(key: Key, std: f64) -> Initial {
    Initial::Normal { key, mean: 0.0, std }
}

#[cfg(test)]
mod tests {
    use steepest_spec::{Default, Value};

    use super::*;

    /// The declared mean and standard deviation of every initializer, and the sampled ones.
    #[test]
    fn moments_are_those_of_the_formulas() {
        let (fans, n) = (Fans { inputs: 300, outputs: 200 }, 20_000usize);
        let table: &[(&str, f64, f64)] = &[
            ("zeros", 0.0, 0.0),
            ("constant(value=0.25)", 0.25, 0.0),
            ("uniform(low=-1, high=3)", 1.0, 4.0 / 12f64.sqrt()),
            ("normal(mean=2, std=0.5)", 2.0, 0.5),
            ("xavier-uniform", 0.0, (2.0f64 / 500.0).sqrt()),
            ("xavier-normal(gain=2)", 0.0, 2.0 * (2.0f64 / 500.0).sqrt()),
            ("he-uniform", 0.0, (2.0f64 / 300.0).sqrt()),
            ("he-normal", 0.0, (2.0f64 / 300.0).sqrt()),
            ("he-normal(negative-slope=1)", 0.0, (1.0f64 / 300.0).sqrt()),
            ("lecun-normal", 0.0, (1.0f64 / 300.0).sqrt()),
            ("torch-linear", 0.0, (1.0f64 / 900.0).sqrt()),
        ];
        for &(text, mean, std) in table {
            let initial = text.parse::<Init>().unwrap().initial(fans, Key::new(3));
            let values: Vec<f64> = (0..n).map(|i| initial.value(i)).collect();
            let got_mean = values.iter().sum::<f64>() / n as f64;
            let got_std = (values.iter().map(|v| (v - got_mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            // Four standard errors of mean and standard deviation.
            let error = 4.0 * std / (n as f64).sqrt() + 1e-12;
            assert!((got_mean - mean).abs() < error, "{text}: mean {got_mean}");
            assert!((got_std - std).abs() < error, "{text}: std {got_std}");
        }
        for spec in INITIALIZERS {
            let name = spec.about.name;
            assert!(table.iter().any(|(text, ..)| text.split('(').next() == Some(name)), "{name} has no row");
        }
    }

    #[test]
    fn an_empty_parameter_has_finite_settings() {
        for spec in INITIALIZERS {
            let required = spec.about.hyperparameters.iter().filter(|h| h.default == Default::Required);
            let init = Init::new(spec, required.map(|h| (h.name.to_owned(), Value::Number(1.0)))).unwrap();
            let value = init.initial(Fans::of(&[0, 0]), Key::new(1)).value(0);
            assert!(value.is_finite(), "{init}");
        }
    }
}
