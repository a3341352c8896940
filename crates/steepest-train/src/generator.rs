//! Text from a language model, token by token.

use steepest_data::Tokenizer;
use steepest_graph::Variables;
use steepest_nn::Task;
use steepest_tensor::{Key, Pool, Slice};

use crate::blueprint::Extent;
use crate::program::Program;
use crate::{SavedModel, TrainError};

/// How the next token is chosen from the probabilities of all.
///
/// P(k) ∝ e^(zₖ / temperature) over the `top_k` largest logits z. Temperature 0 always takes the largest; 1 samples
/// from what the model learned; beyond 1 it dares more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// What logits are divided by, at least 0. Default: 1.
    pub temperature: f64,
    /// Only so many of the largest logits count; none: all.
    pub top_k: Option<usize>,
    /// Where random numbers come from. Default: 0.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling { temperature: 1.0, top_k: None, seed: 0 }
    }
}

/// Writes on from a prompt with a saved language model.
///
/// The same model, prompt, sampling and seed give the same text, on any number of threads. A model sees as many tokens
/// as its training windows had; of a longer text it sees the last ones.
///
/// ```
/// use steepest_data::{BatchSize, Dataset, Tokenizer};
/// use steepest_nn::Gpt;
/// use steepest_train::{Generator, Sampling, Training};
/// let text = "abc".repeat(50);
/// let tokenizer = Tokenizer::characters(&text);
/// let data = Dataset::language(tokenizer.encode(&text)?, 6, 1, tokenizer.names())?;
/// let gpt = Gpt { layers: 1, width: 8, heads: 2, ..Gpt::new(3) };
/// let mut trainer =
///     Training::new(data).model(gpt).batch(BatchSize::new(8)?).learning_rate(0.02).epochs(20).trainer()?;
/// trainer.train()?;
/// let model = trainer.model();
/// let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
/// let mut generator = Generator::new(&model, &tokenizer.encode("ab")?, greedy)?;
/// assert_eq!(tokenizer.decode(&generator.take(7)?), "cabcabc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Generator {
    program: Program,
    variables: Variables,
    pool: Pool,
    sampling: Sampling,
    vocabulary: usize,
    /// The tokens in the model's sight: the prompt and what was generated.
    seen: Vec<u32>,
    /// Tokens that the model sees at once.
    window: usize,
    drawn: u64,
    /// Room for the logits of a position, with their tokens.
    ranked: Vec<(f64, u32)>,
}

impl Generator {
    /// Compiles the model for one sequence and takes in the prompt.
    ///
    /// # Errors
    /// [`TrainError::NotALanguageModel`]; [`TrainError::Prompt`] if the prompt is empty; [`TrainError::Sampling`].
    pub fn new(model: &SavedModel, prompt: &[u32], sampling: Sampling) -> Result<Generator, TrainError> {
        let Task::NextToken { vocabulary } = model.task() else {
            return Err(TrainError::NotALanguageModel { task: model.task().to_string() });
        };
        if prompt.is_empty() {
            return Err(TrainError::Prompt);
        }
        if !(sampling.temperature >= 0.0 && sampling.temperature.is_finite()) {
            let (key, accepts) = ("temperature", "a number of at least 0");
            return Err(TrainError::Sampling { key, accepts, got: sampling.temperature.to_string() });
        }
        if sampling.top_k == Some(0) {
            let (key, accepts) = ("top-k", "a whole number of at least 1");
            return Err(TrainError::Sampling { key, accepts, got: "0".to_owned() });
        }
        let plan = model.blueprint.predict(Extent::of(1))?;
        let variables = model.variables(&plan)?;
        Ok(Generator {
            program: Program::new(plan, &variables, &model.blueprint.form)?,
            variables,
            pool: Pool::for_this_machine(),
            sampling,
            vocabulary,
            seen: prompt.to_vec(),
            window: model.example().elements().max(1),
            drawn: 0,
            ranked: Vec::with_capacity(vocabulary),
        })
    }

    /// The next token.
    ///
    /// # Errors
    /// Those of running the plan.
    pub fn step(&mut self) -> Result<u32, TrainError> {
        let first = self.seen.len().saturating_sub(self.window);
        self.seen.drain(..first);
        let sequence = self.program.tokens();
        // What stands behind the text does not matter to a causal model.
        sequence.fill(0);
        for (slot, &token) in sequence.iter_mut().zip(&self.seen) {
            *slot = token;
        }
        self.program.run(&mut self.variables, &self.pool)?;
        let last = self.seen.len() - 1;
        let logits = self.program.predictions();
        let random = Key::new(self.sampling.seed).stream("generate").uniform(self.drawn);
        let token =
            choose(logits, last * self.vocabulary, self.vocabulary, self.sampling, random, &mut self.ranked);
        self.drawn += 1;
        self.seen.push(token);
        Ok(token)
    }

    /// The next `count` tokens.
    ///
    /// # Errors
    /// Those of [`Generator::step`].
    pub fn take(&mut self, count: usize) -> Result<Vec<u32>, TrainError> {
        (0..count).map(|_| self.step()).collect()
    }
}

/// The token that a uniform random number in `[0, 1)` falls on.
fn choose(
    logits: Slice<'_>,
    start: usize,
    vocabulary: usize,
    sampling: Sampling,
    random: f64,
    ranked: &mut Vec<(f64, u32)>,
) -> u32 {
    ranked.clear();
    ranked.extend((0..vocabulary).map(|k| (logits.get(start + k), k as u32)));
    // The largest first; of equal ones, the first.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let best = ranked.first().copied().unwrap_or((0.0, 0));
    if sampling.temperature == 0.0 {
        return best.1;
    }
    ranked.truncate(sampling.top_k.unwrap_or(vocabulary).max(1));
    for (logit, _) in ranked.iter_mut() {
        *logit = ((*logit - best.0) / sampling.temperature).exp();
    }
    let total: f64 = ranked.iter().map(|(weight, _)| weight).sum();
    let mut left = random * total;
    for &(weight, token) in ranked.iter() {
        left -= weight;
        if left < 0.0 {
            return token;
        }
    }
    best.1
}

impl SavedModel {
    /// What turns text into the tokens of a language model and back; none for other models.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.preprocessor.as_ref()?.tokenizer.as_ref()
    }
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator").field("sampling", &self.sampling).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(sampling: Sampling) -> [f64; 4] {
        let logits = [1.0, 3.0, 2.0, 3.0].map(f64::ln);
        let (mut counts, n) = ([0.0; 4], 9000);
        for i in 0..n {
            let random = (f64::from(i) + 0.5) / f64::from(n);
            counts[choose(Slice::F64(&logits), 0, 4, sampling, random, &mut Vec::new()) as usize] += 1.0;
        }
        counts.map(|count| count / f64::from(n))
    }

    #[test]
    fn tokens_come_as_often_as_they_are_probable() {
        let plain = frequencies(Sampling::default());
        let cold = frequencies(Sampling { temperature: 0.5, ..Sampling::default() });
        let two = frequencies(Sampling { top_k: Some(2), ..Sampling::default() });
        let near =
            |got: [f64; 4], expected: [f64; 4]| got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-3);
        assert!(near(plain, [1.0 / 9.0, 3.0 / 9.0, 2.0 / 9.0, 3.0 / 9.0]), "{plain:?}");
        // Half the temperature squares the weights.
        assert!(near(cold, [1.0 / 23.0, 9.0 / 23.0, 4.0 / 23.0, 9.0 / 23.0]), "{cold:?}");
        assert!(near(two, [0.0, 0.5, 0.0, 0.5]), "{two:?}");
        assert_eq!(frequencies(Sampling { temperature: 0.0, ..Sampling::default() }), [0.0, 1.0, 0.0, 0.0]);
    }
}
