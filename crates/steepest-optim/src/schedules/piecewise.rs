//! The rate that is given piece by piece.

use steepest_spec::{Accepts, Default, Description, Hyperparameter, SettingError, Settings};

use crate::join::{WARMUP, warmed_up};
use crate::schedule::{Progress, Schedule, ScheduleSpec};

/// Holds a factor from each of some updates on: f = fᵢ where nᵢ ≤ k < nᵢ₊₁ and k updates have been made.
///
/// Before the first n, f is 1; after the last it holds. PyTorch's `MultiStepLR` and optax's
/// `piecewise_constant_schedule` multiply the factors up; here they are shares of the base rate.
///
/// ```
/// use steepest_optim::{Piecewise, Progress, Schedule};
/// let piecewise = Piecewise { pieces: vec![(10, 0.5), (20, 0.1)] };
/// let at = |t| piecewise.at(Progress { step: t, total: None, steps_per_epoch: None });
/// assert_eq!([at(1), at(10), at(11), at(20), at(21)], [1.0, 1.0, 0.5, 0.5, 0.1]);
/// ```
#[derive(Clone, Debug)]
pub struct Piecewise {
    /// After how many updates each factor begins to hold, in rising order.
    pub pieces: Vec<(u64, f64)>,
}

impl Schedule for Piecewise {
    fn at(&self, progress: Progress) -> f64 {
        let begun = self.pieces.iter().take_while(|(begin, _)| *begin <= progress.done());
        begun.last().map_or(1.0, |(_, factor)| *factor)
    }

    fn lacks(&self, _: Progress) -> bool {
        false
    }
}

fn pieces(settings: &Settings) -> Result<Vec<(u64, f64)>, SettingError> {
    let (steps, factors) = (settings.integers("steps"), settings.numbers("factors"));
    let unacceptable = |key: &str, accepts: String| SettingError::Unacceptable {
        key: key.to_owned(),
        accepts,
        got: settings.get(key).map(ToString::to_string).unwrap_or_default(),
    };
    if !steps.is_sorted_by(|a, b| a < b) {
        return Err(unacceptable("steps", "in rising order".to_owned()));
    }
    if factors.len() != steps.len() {
        return Err(unacceptable("factors", format!("as many numbers as `steps` has: {}", steps.len())));
    }
    if factors.iter().any(|factor| *factor < 0.0) {
        return Err(unacceptable("factors", "numbers of at least 0".to_owned()));
    }
    Ok(steps.into_iter().map(|step| step as u64).zip(factors).collect())
}

/// `kind = "piecewise"`.
pub static SPEC: ScheduleSpec = ScheduleSpec {
    about: Description {
        name: "piecewise",
        summary: "Holds a given share of the base rate from each of some updates on.",
        formula: "f = fᵢ for nᵢ ≤ k < nᵢ₊₁, k updates made",
        reference: "",
        hyperparameters: &[
            Hyperparameter {
                name: "steps",
                symbol: "n",
                summary: "After how many updates each factor begins to hold, in rising order.",
                accepts: Accepts::Integers,
                default: Default::Required,
                source: "",
            },
            Hyperparameter {
                name: "factors",
                symbol: "f",
                summary: "Shares of the base rate, one for each of `steps`.",
                accepts: Accepts::Numbers,
                default: Default::Required,
                source: "",
            },
            WARMUP,
        ],
    },
    build: |settings| warmed_up(settings, Piecewise { pieces: pieces(settings)? }),
};
