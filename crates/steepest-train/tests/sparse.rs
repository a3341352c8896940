//! Sparse features and categories, from data to predictions: what is learned, and the laws.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use steepest_data::{BatchSize, Codes, Dataset, NO_ROW, SparseRows};
use steepest_nn::{FactorizationMachine, MatrixFactorization, Model, Svm};
use steepest_optim::{Adagrad, Adam, Chain, Momentum, ScaleByRate, Transform};
use steepest_tensor::Key;
use steepest_train::{
    Prediction, Predictor, RunOptions, RunSpec, SavedModel, StopOptions, TrainError, Trainer, Training,
    VectorsError,
};

const USERS: usize = 30;
const ITEMS: usize = 20;

/// Ratings that follow from a number for each user and item, and the product of two vectors.
fn ratings(rows: usize, seed: u64) -> Dataset {
    let (key, hidden) = (Key::new(seed), Key::new(1));
    let value = |kind: &str, at: usize| hidden.stream(kind).normal(at as u64);
    let (mut codes, mut numbers) = (Vec::new(), Vec::new());
    for row in 0..rows as u64 {
        let user = key.stream("user").below(row, USERS as u64) as usize;
        let item = key.stream("item").below(row, ITEMS as u64) as usize;
        let product: f64 = (0..2).map(|f| value("p", 2 * user + f) * value("q", 2 * item + f)).sum();
        numbers.push(0.5 * value("b", user) + 0.5 * value("c", item) + product);
        codes.extend([user as u32, item as u32]);
    }
    let fields = vec![("user".to_owned(), USERS), ("item".to_owned(), ITEMS)];
    Dataset::ratings(Codes { fields, codes }, numbers).unwrap()
}

/// Rows of words, of which those that are in class 1 have some of the first 20 of 500.
fn words(rows: u64, seed: u64) -> Dataset {
    let key = Key::new(seed);
    let (mut sparse, mut labels) = (SparseRows::new(500), Vec::new());
    for row in 0..rows {
        let label = key.stream("label").below(row, 2);
        let length = 3 + key.stream("length").below(row, 60) * u64::from(row % 40 == 3);
        let mut columns: Vec<u32> = (0..length).map(|i| key.at(row).below(i, 480) as u32 + 20).collect();
        columns.extend((0..label * 2).map(|i| key.at(row).stream("own").below(i, 20) as u32));
        columns.sort_unstable();
        columns.dedup();
        sparse.push(columns.into_iter().map(|column| (column, 1.0))).unwrap();
        labels.push(label as u32);
    }
    Dataset::sparse_classification(sparse, labels, ["no".to_owned(), "yes".to_owned()]).unwrap()
}

fn factors() -> MatrixFactorization {
    MatrixFactorization { factors: 4, penalty: 0.001, ..MatrixFactorization::default() }
}

#[test]
fn factors_explain_ratings_that_were_not_seen() {
    for by in ["matrix-factorization", "factorization-machine"] {
        let training = Training::new(ratings(500, 2)).validation(ratings(200, 3));
        let training = match by {
            "matrix-factorization" => training.model(factors()),
            _ => training.model(FactorizationMachine { factors: 4, init_std: 0.1, ..Default::default() }),
        };
        let mut trainer =
            training.batch(BatchSize::new(16).unwrap()).learning_rate(0.02).epochs(60).trainer().unwrap();
        trainer.train().unwrap();
        let rmse = |rows| {
            let score = trainer.model().score(&rows).unwrap();
            score.metric("rmse").unwrap()
        };
        let (seen, unseen) = (rmse(ratings(500, 2)), rmse(ratings(200, 3)));
        // The targets have a standard deviation of about 1.6.
        assert!(seen < 0.2 && unseen < 0.8, "{by}: {seen} and {unseen}");
    }
}

#[test]
fn a_machine_finds_the_words_that_tell() {
    let training = Training::new(words(400, 2)).validation(words(200, 3)).model(Svm::new(1));
    let mut trainer =
        training.batch(BatchSize::new(8).unwrap()).learning_rate(0.05).epochs(20).trainer().unwrap();
    trainer.train().unwrap();
    let score = trainer.model().score(&words(200, 3)).unwrap();
    assert!(score.metric("accuracy").unwrap() > 0.97, "{score}");
}

/// Every kind of table, with rules that have memories of their own.
/// A name, the data, a model and its optimizer.
type Case = (&'static str, Dataset, Box<dyn Model>, Box<dyn Transform>);

fn cases() -> Vec<Case> {
    let adam = || Chain::new().then(Adam::default()).then(ScaleByRate);
    let momentum = Chain::new().then(Momentum::default()).then(ScaleByRate);
    let adagrad = Chain::new().then(Adagrad::default()).then(ScaleByRate);
    vec![
        ("svm", words(230, 2), Box::new(Svm::new(1)), Box::new(adagrad)),
        ("plain", words(230, 2), Box::new(Svm::new(1)), Box::new(Chain::new().then(ScaleByRate))),
        ("fm", words(230, 2), Box::new(FactorizationMachine::default()), Box::new(adam())),
        ("mf", ratings(230, 2), Box::new(factors()), Box::new(momentum)),
        ("mf adam", ratings(230, 2), Box::new(factors()), Box::new(adam())),
    ]
}

/// A model that is the boxed one.
struct Boxed(Box<dyn Model>);

impl Model for Boxed {
    fn output<'g>(
        &self,
        cx: &mut steepest_nn::Scope<'_, 'g>,
        inputs: &steepest_nn::Inputs<'g>,
    ) -> steepest_graph::Var<'g> {
        self.0.output(cx, inputs)
    }

    fn usual_loss(&self, task: &steepest_nn::Task) -> Option<&'static str> {
        self.0.usual_loss(task)
    }

    fn shrinkage(&self) -> steepest_nn::Shrinkage {
        self.0.shrinkage()
    }
}

fn training(case: usize) -> Training {
    let (_, data, model, optimizer) = cases().swap_remove(case);
    Training::new(data).model(Boxed(model)).optimizer(optimizer).batch(BatchSize::new(32).unwrap())
}

fn weights(trainer: &Trainer) -> Vec<u64> {
    let names: Vec<String> = trainer.tensor_names().map(str::to_owned).collect();
    names.iter().flat_map(|name| trainer.tensor(name).unwrap().to_f64()).map(f64::to_bits).collect()
}

fn stop(steps: Option<u64>) -> StopOptions {
    StopOptions { steps, epochs: Some(6), patience: Some(0), ..StopOptions::default() }
}

#[test]
fn no_number_of_threads_changes_a_bit() {
    for (case, (name, ..)) in cases().iter().enumerate() {
        let run = |threads: usize| {
            let options = RunOptions { threads: NonZeroUsize::new(threads), ..RunOptions::default() };
            let mut trainer = training(case).stop(stop(None)).options(options).trainer().unwrap();
            trainer.train().unwrap();
            weights(&trainer)
        };
        let one = run(1);
        for threads in 2..=4 {
            assert!(run(threads) == one, "{name} on {threads} threads");
        }
    }
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    for (case, (name, ..)) in cases().iter().enumerate() {
        let mut whole = training(case).stop(stop(None)).trainer().unwrap();
        whole.train().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = || {
            let directory = Some(folder.path().join("run"));
            let every = Some(steepest_optim::Span::Steps(1));
            RunOptions { directory, checkpoint_every: every, ..RunOptions::default() }
        };
        let mut first = training(case).stop(stop(Some(19))).options(options()).trainer().unwrap();
        first.train().unwrap();
        let mut second = training(case).stop(stop(None)).options(options()).resume().unwrap();
        second.train().unwrap();
        assert!(weights(&second) == weights(&whole), "{name}");
    }
}

/// Ratings as a file: users like items of their own kind.
fn file(folder: &Path) {
    let mut text = "user,item,rating\n".to_owned();
    for user in 0..12 {
        for item in 0..12 {
            if (user + 2 * item) % 5 != 0 {
                let rating = if user % 2 == item % 2 { 5 } else { 1 };
                text += &format!("u{user:02},i{item:02},{rating}\n");
            }
        }
    }
    std::fs::write(folder.join("ratings.csv"), text).unwrap();
}

fn trained(folder: &Path) -> SavedModel {
    file(folder);
    let spec = RunSpec::new(folder.join("ratings.csv"), "rating").unwrap();
    let changes = [
        ("data.embed", "[\"user\", \"item\"]"),
        ("data.task", "regression"),
        ("model.kind", "matrix-factorization"),
        ("model.factors", "3"),
        ("model.penalty", "0.001"),
        ("optimizer.learning-rate", "0.05"),
        ("batch.size", "8"),
        ("data.split.validation", "0.0"),
        ("data.split.test", "0.0"),
        ("stop.epochs", "60"),
    ];
    let spec = changes.iter().fold(spec, |spec, (key, value)| spec.with(key, value).unwrap());
    let mut trainer = Trainer::new(&spec).unwrap();
    trainer.train().unwrap();
    let path = folder.join("model.safetensors");
    trainer.model().save(&path).unwrap();
    SavedModel::load(path).unwrap()
}

#[test]
fn a_saved_model_recommends_what_is_liked_by_the_like_minded() {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(folder.path());
    let ranked = model.recommend("u02", 6, &BTreeSet::new()).unwrap();
    assert_eq!(ranked.len(), 6);
    for item in &ranked {
        let number: usize = item.name[1..].parse().unwrap();
        assert!(number.is_multiple_of(2) && item.score > 3.0, "{ranked:?}");
    }
    let seen = model.items_of("u02", &folder.path().join("ratings.csv")).unwrap();
    assert!(seen.len() == 10 && !seen.contains("i04"), "{seen:?}");
    let rest = model.recommend("u02", 100, &seen).unwrap();
    assert_eq!(rest.len(), 12 - seen.len());
    assert!(rest.iter().all(|item| !seen.contains(&item.name)));
    // Someone unknown gets what everyone likes, in the unit of ratings.
    assert!(model.knows_user("u02") && !model.knows_user("nobody"));
    let cold = model.recommend("nobody", 3, &BTreeSet::new()).unwrap();
    assert!(cold.iter().all(|item| (1.0..5.0).contains(&item.score)), "{cold:?}");

    let vectors = model.vectors(None).unwrap();
    assert_eq!((vectors.column.as_str(), vectors.width), ("item", 3));
    for near in vectors.neighbors("i04", 4).unwrap() {
        assert!(near.name[1..].parse::<usize>().unwrap() % 2 == 0 && near.score > 0.5, "{near:?}");
    }
    let like = vectors.analogy("i00", "i02", "i04", 3).unwrap();
    assert!(like.iter().all(|item| !["i00", "i02", "i04"].contains(&item.name.as_str())), "{like:?}");
    let error = vectors.neighbors("i4", 1).unwrap_err();
    assert!(matches!(&error, VectorsError::Unknown { nearest: Some(_), known: 12, .. }), "{error}");
    let error = model.vectors(Some("when")).unwrap_err();
    assert!(matches!(error, TrainError::Vectors(VectorsError::NoVectors { .. })), "{error}");
}

#[test]
fn a_file_of_pairs_is_predicted_new_ones_included() {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(folder.path());
    let new = folder.path().join("new.csv");
    std::fs::write(&new, "item,user\ni04,u02\ni05,u02\ni04,someone\n").unwrap();
    let mut out = Vec::new();
    let predicted = Predictor::new(&model).unwrap().csv(&new, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let number =
        |line: usize| text.lines().nth(line).unwrap().rsplit(',').next().unwrap().parse::<f64>().unwrap();
    assert!(number(1) > 3.5 && number(2) < 2.5 && (2.0..4.0).contains(&number(3)), "{text}");
    assert_eq!(predicted.findings.len(), 1);
    let (score, _) = model.evaluate(folder.path().join("ratings.csv")).unwrap();
    assert!(score.metric("rmse").unwrap() < 1.0, "{score}");
}

#[test]
fn texts_are_classified_and_a_file_of_them_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.csv");
    let (sport, vote) = (["goal", "match", "team", "score"], ["vote", "law", "party", "senate"]);
    let mut text = "topic,text\n".to_owned();
    for i in 0..160usize {
        let (topic, words) = if i % 2 == 0 { ("sport", sport) } else { ("politics", vote) };
        text += &format!("{topic},the {} and a word{} {}\n", words[i / 2 % 4], i % 37, words[i / 8 % 4]);
    }
    std::fs::write(&path, text).unwrap();
    let changes = [
        ("data.text", "text"),
        ("model.kind", "svm"),
        ("optimizer.learning-rate", "0.02"),
        ("batch.size", "8"),
        ("stop.epochs", "20"),
    ];
    let spec = RunSpec::new(&path, "topic").unwrap();
    let spec = changes.iter().fold(spec, |spec, (key, value)| spec.with(key, value).unwrap());
    let mut trainer = Trainer::new(&spec).unwrap();
    trainer.train().unwrap();
    assert_eq!(trainer.spec().and_then(|spec| spec.loss.as_ref()).map(|loss| loss.kind()), Some("hinge"));
    let saved = folder.path().join("model.safetensors");
    trainer.model().save(&saved).unwrap();
    let model = SavedModel::load(&saved).unwrap();
    let new = folder.path().join("new.csv");
    std::fs::write(&new, "text\nA GOAL for the team!\nthe party of law\n\"\"\n").unwrap();
    let mut out = Vec::new();
    Predictor::new(&model).unwrap().csv(&new, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].contains(",sport,") && lines[2].contains(",politics,"), "{text}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn in_memory_rows_are_predicted_whatever_their_length() {
    let mut trainer = Training::new(words(200, 2)).model(Svm::new(1)).epochs(2).trainer().unwrap();
    trainer.train().unwrap();
    let model = trainer.model();
    let predictions = Predictor::new(&model).unwrap().dataset(&words(700, 5)).unwrap();
    assert_eq!(predictions.len(), 700);
    assert!(
        predictions
            .iter()
            .all(|p| matches!(p, Prediction::Class { probabilities, .. } if probabilities.len() == 2))
    );
    let cold = Codes { fields: vec![("user".to_owned(), 2)], codes: vec![NO_ROW, 1] };
    assert!(Predictor::new(&model).unwrap().dataset(&Dataset::ratings(cold, vec![0.0; 2]).unwrap()).is_err());
}
