//! Language models from a text file to generated text: the laws that hold for tables hold for text.

use std::fs;
use std::path::Path;

use steepest_data::{BatchSize, Dataset};
use steepest_nn::{Cell, RecurrentModel};
use steepest_train::{Event, Generator, RunSpec, Sampling, SavedModel, Trainer, Training};

/// A text with structure, longer than some windows.
fn text() -> String {
    (0..200).map(|i| format!("{} and {};\n", i % 7, (i * i) % 5)).collect()
}

fn spec(folder: &Path, more: &str) -> RunSpec {
    let text = format!(
        "seed = 3\n[data]\ntrain = \"corpus.txt\"\ntokens = \"characters\"\nwindow = 8\nstride = 5\n\
         split = {{ validation = 0.1, test = 0.1 }}\n[model]\nkind = \"gpt\"\nlayers = 2\nwidth = 16\nheads = 2\n\
         dropout = 0.1\n[optimizer]\nkind = \"adamw\"\nlearning-rate = 0.01\n[batch]\nsize = 16\n\
         [stop]\nepochs = 3\npatience = 0\n[run]\n{more}\n"
    );
    RunSpec::parse(&text, folder.join("spec.toml"), &[]).unwrap()
}

fn bytes(trainer: &Trainer) -> Vec<(String, Vec<u64>)> {
    let numbers = |name: &str| trainer.tensor(name).unwrap().to_f64().into_iter().map(f64::to_bits).collect();
    trainer.tensor_names().map(|name| (name.to_owned(), numbers(name))).collect()
}

#[test]
fn a_text_becomes_a_model_that_writes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("corpus.txt"), text()).unwrap();
    let run = |threads: usize| {
        let mut trainer = Trainer::new(&spec(folder.path(), &format!("threads = {threads}"))).unwrap();
        trainer.train().unwrap();
        trainer
    };
    let one = run(1);
    let weights = bytes(&one);
    for threads in [2, 3] {
        assert!(bytes(&run(threads)) == weights, "{threads} threads");
    }
    let model = one.model();
    let scores = model.scores();
    let bits = scores.iter().find(|(part, _)| part == "test").unwrap().1.metric("bits-per-token").unwrap();
    // Sixteen different characters: 4 bits if nothing was learned.
    assert!(bits < 2.5, "{bits}");

    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    let loaded = SavedModel::load(&path).unwrap();
    let tokenizer = loaded.tokenizer().unwrap();
    let write = |seed: u64| {
        let sampling = Sampling { seed, top_k: Some(5), ..Sampling::default() };
        let prompt = tokenizer.encode("1 and ").unwrap();
        tokenizer.decode(&Generator::new(&loaded, &prompt, sampling).unwrap().take(40).unwrap())
    };
    assert_eq!(write(1), write(1));
    assert_ne!(write(1), write(2));
    fs::write(folder.path().join("more.txt"), "3 and 4;\n5 and 1;\n").unwrap();
    let (evaluation, _) = loaded.evaluate(folder.path().join("more.txt")).unwrap();
    assert_eq!(evaluation.rows, 2);
    assert!(evaluation.metric("bits-per-token").unwrap() < 2.5);
}

#[test]
fn parts_of_words_are_tokens_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("corpus.txt"), text()).unwrap();
    let of = |vocabulary: &str| {
        spec(folder.path(), "").with("data.tokens", "bpe").unwrap().with("data.vocabulary", vocabulary)
    };
    let mut trainer = Trainer::new(&of("270").unwrap()).unwrap();
    trainer.train().unwrap();
    let path = folder.path().join("model.safetensors");
    trainer.model().save(&path).unwrap();
    let loaded = SavedModel::load(&path).unwrap();
    let tokenizer = loaded.tokenizer().unwrap();
    // More pairs do not occur twice: there are fewer tokens than asked for.
    assert_eq!(tokenizer.vocabulary(), 262);
    // " and " and its neighbours have become one token or two.
    let (prompt, letters) = (tokenizer.encode("1 and 1;").unwrap(), "1 and 1;".len());
    assert!(prompt.len() <= letters / 2, "{prompt:?}");
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    assert_eq!(Generator::new(&loaded, &prompt, greedy).unwrap().take(5).unwrap().len(), 5);
    assert!(of("255").is_err());
}

#[test]
fn an_interrupted_run_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("corpus.txt"), text()).unwrap();
    let mut whole = Trainer::new(&spec(folder.path(), "")).unwrap();
    whole.train().unwrap();
    let more = "directory = \"run\"\ncheckpoint-every = \"3 steps\""
        .replace("run", &folder.path().join("run").display().to_string());
    let mut first = Trainer::new(&spec(folder.path(), &more)).unwrap();
    let interrupt = first.interrupt();
    for (number, event) in first.run().enumerate() {
        event.unwrap();
        if number == 20 {
            interrupt.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    drop(first);
    let mut resumed = Trainer::resume(folder.path().join("run"), &[]).unwrap();
    resumed.train().unwrap();
    assert!(bytes(&resumed) == bytes(&whole));
}

/// In a b b a a b b a …, a token alone does not tell the next: a window of three sees too little at its first place, unless
/// states are carried.
#[test]
fn carried_states_remember_what_windows_do_not_hold() {
    let tokens: Vec<u32> = (0..1601).map(|i| u32::from(i % 4 == 1 || i % 4 == 2)).collect();
    let loss = |carry: bool| {
        let data = Dataset::language(tokens.clone(), 3, 3, ["a", "b"].map(str::to_owned)).unwrap();
        let model = RecurrentModel { carry, ..RecurrentModel::new(Cell::Gru, 8, 2) };
        let training = Training::new(data).model(model).batch(BatchSize::new(8).unwrap());
        let mut trainer = training.learning_rate(0.02).epochs(6).trainer().unwrap();
        let last = trainer.run().filter_map(|event| match event.unwrap() {
            Event::Step(report) => Some(report.loss),
            _ => None,
        });
        last.last().unwrap()
    };
    let (carried, fresh) = (loss(true), loss(false));
    // Without a state, a third of the tokens are a toss: ln 2 / 3 = 0.23 at best.
    assert!(carried < 0.1 && fresh > 0.22, "{carried} {fresh}");
    let overlapping = Dataset::language(tokens, 3, 1, ["a", "b"].map(str::to_owned)).unwrap();
    let model = RecurrentModel { carry: true, ..RecurrentModel::new(Cell::Gru, 8, 2) };
    let error = Training::new(overlapping).model(model).trainer().err().unwrap();
    assert!(error.help().unwrap().contains("data.stride"), "{error}");
}

#[test]
fn what_is_wrong_with_a_text_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus.txt");
    let say = || Trainer::new(&spec(folder.path(), "")).err().unwrap().to_string();
    assert!(say().contains("no such file"), "{}", say());
    fs::write(&corpus, "").unwrap();
    assert!(say().contains("corpus.txt is empty"), "{}", say());
    fs::write(&corpus, "too short").unwrap();
    assert!(say().contains("a window needs 9"), "{}", say());
    fs::write(&corpus, text()).unwrap();
    let of = |key: &str, value: &str| spec(folder.path(), "").with(key, value).unwrap();
    let table = Trainer::new(&of("model.kind", "mlp")).err().unwrap().to_string();
    assert!(table.contains("the model `mlp` is not for the next of"), "{table}");
}
