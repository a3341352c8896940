//! `steepest generate`: a language model writes on.

use std::io::Write as _;

use steepest::train::{Generator, Sampling, TrainError};

use super::load_model;
use crate::arguments::Generate;
use crate::failure::Failure;

/// Bytes of the longest UTF-8 character: a text that ends inside one is not shown before.
const LONGEST: usize = 4;

pub fn run(arguments: &Generate) -> Result<(), Failure> {
    let model = load_model(&arguments.model)?;
    let task = || TrainError::NotALanguageModel { task: model.task().to_string() };
    let tokenizer = model.tokenizer().ok_or_else(task)?;
    // Where a text may begin, if nobody says.
    let usual = || ["\n", " "].into_iter().find(|text| tokenizer.encode(text).is_ok()).unwrap_or_default();
    let text = arguments.prompt.as_deref().unwrap_or_else(usual);
    let prompt = tokenizer.encode(text)?;
    let (temperature, top_k, seed) = (arguments.temperature, arguments.top_k, arguments.seed);
    let mut generator = Generator::new(&model, &prompt, Sampling { temperature, top_k, seed })?;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    let mut pending = Vec::with_capacity(LONGEST);
    for _ in 0..arguments.length {
        pending.push(generator.step()?);
        let text = tokenizer.decode(&pending);
        if !text.contains(char::REPLACEMENT_CHARACTER) || pending.len() >= LONGEST {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            pending.clear();
        }
    }
    out.write_all(tokenizer.decode(&pending).as_bytes())?;
    writeln!(out)?;
    Ok(out.flush()?)
}
