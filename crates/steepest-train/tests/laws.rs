//! The laws, for every registered model: the number of threads never changes a bit of losses or weights, and a
//! training step allocates nothing.

mod counting;

use std::num::NonZeroUsize;

use steepest_data::{BatchSize, Codes, Dataset, History, SparseRows, Subwords, WordOptions};
use steepest_graph::Var;
use steepest_nn::{Inputs, MODELS, Model, ModelSpec, Registered, Scope, Shrinkage, Task};
use steepest_spec::Value;
use steepest_tensor::{Key, Tensor};
use steepest_train::{Event, RunOptions, StopOptions, Training};

/// What a model is trained on.
#[derive(Clone, Copy, Debug)]
enum Data {
    /// Rows of so many numbers, to numbers.
    Numbers(usize),
    /// Rows of so many numbers, to one of three classes.
    Classes(usize),
    /// Rows of so many numbers, to yes or no.
    Binary(usize),
    /// Images of so many pixels and channels.
    Images(usize, usize),
    /// Sequences of up to eleven steps of five numbers.
    Sequences,
    /// Tokens, in windows that overlap.
    Text,
    /// Tokens, in windows that follow one another: nine for each row of a batch.
    Stream,
    /// Sparse features, to yes or no.
    Words,
    /// Sparse features, to numbers.
    WordsToNumbers,
    /// Users and items.
    Ratings,
    /// Users and items, and the items of each user.
    RatingsBesideOthers,
    /// Users and the items that they chose.
    Choices,
    /// Sentences of words.
    Sentences,
    /// Sentences of words that are made of n-grams.
    SentencesOfSubwords,
}

/// A model, how it is set, and what it is trained on. Every registered model stands here at least once; the sizes are
/// odd, so that nothing divides evenly among threads.
const TABLE: &[(&str, &str, Data)] = &[
    ("linear", "", Data::Numbers(13)),
    ("linear", "", Data::WordsToNumbers),
    ("ridge", "l2 = 0.1", Data::Numbers(13)),
    ("lasso", "l1 = 0.1", Data::Numbers(13)),
    ("elastic-net", "l1 = 0.1", Data::Numbers(13)),
    ("logistic", "", Data::Binary(13)),
    ("logistic", "", Data::Words),
    ("softmax", "", Data::Classes(13)),
    ("svm", "", Data::Classes(13)),
    ("svm", "", Data::Words),
    ("mlp", "hidden = [37, 19]\ndropout = 0.2", Data::Classes(13)),
    ("mlp", "hidden = [37, 19]", Data::Words),
    (
        "sequential",
        "layers = [{ kind = \"conv2d\", outputs = 5, kernel = 3 }, { kind = \"group-norm\", groups = 5 }, \
         { kind = \"activation\", function = \"gelu\" }, { kind = \"avg-pool\", kernel = 2 }]",
        Data::Images(9, 1),
    ),
    (
        "sequential",
        "layers = [{ kind = \"recurrent\", cell = \"gru\", hidden = 9, bidirectional = true }, \
         { kind = \"recurrent\", hidden = 7, last = true }]",
        Data::Sequences,
    ),
    (
        "sequential",
        "layers = [{ kind = \"conv1d\", outputs = 12, padding = 1 }, { kind = \"positions\", encoding = \"sinusoidal\" }, \
         { kind = \"transformer-block\", heads = 3 }, { kind = \"global-avg-pool\" }]",
        Data::Sequences,
    ),
    (
        "sequential",
        "layers = [{ kind = \"embedding\", width = 12 }, { kind = \"positions\" }, \
         { kind = \"transformer-block\", heads = 3, causal = true }, { kind = \"layer-norm\" }]",
        Data::Text,
    ),
    ("cnn", "channels = [5, 7]\nhidden = 11\ndropout = 0.1", Data::Images(9, 1)),
    ("lenet", "", Data::Images(28, 1)),
    ("vgg", "channels = [5, 7]\nhidden = 11", Data::Images(9, 3)),
    ("resnet", "channels = [5, 7]\nblocks = 1", Data::Images(9, 3)),
    ("resnet", "channels = [5, 7]\nblocks = 2\nshortcut = \"project\"", Data::Images(8, 2)),
    ("encoder", "layers = 1\nwidth = 12\nheads = 3", Data::Sequences),
    ("gpt", "layers = 2\nwidth = 12\nheads = 3\ndropout = 0.1", Data::Text),
    ("gpt", "layers = 1\nwidth = 12\nheads = 2\npositions = \"rotary\"\ntied = false", Data::Text),
    ("rnn", "hidden = 9", Data::Sequences),
    ("lstm", "hidden = 9\nlayers = 2\ndropout = 0.1", Data::Sequences),
    ("lstm", "hidden = 9", Data::Text),
    ("lstm", "hidden = 9\ncarry = true", Data::Stream),
    ("gru", "hidden = 9\nbidirectional = true", Data::Sequences),
    ("gru", "hidden = 9\nembedding = 5", Data::Text),
    ("random-fourier", "", Data::Classes(13)),
    ("nystroem", "landmarks = 9", Data::Classes(13)),
    ("factorization-machine", "factors = 3\npenalty = 0.01", Data::Numbers(13)),
    ("factorization-machine", "factors = 3", Data::Words),
    ("factorization-machine", "factors = 3", Data::Ratings),
    ("matrix-factorization", "factors = 5", Data::Ratings),
    ("svdpp", "factors = 5", Data::RatingsBesideOthers),
    ("bpr", "factors = 5", Data::Choices),
    ("word2vec", "size = 9", Data::Sentences),
    ("word2vec", "size = 9\narchitecture = \"cbow\"", Data::Sentences),
    ("word2vec", "size = 9", Data::SentencesOfSubwords),
    ("word2vec", "size = 9\narchitecture = \"cbow\"", Data::SentencesOfSubwords),
];

/// Rows of each data set: not a multiple of the batch, so that an epoch has a tail.
const ROWS: usize = 130;
const BATCH: i64 = 16;
const STEPS_PER_EPOCH: u64 = 9;
const EPOCHS: u64 = 5;

impl Data {
    fn task(self) -> Task {
        match self {
            Data::Numbers(_) | Data::WordsToNumbers | Data::Ratings | Data::RatingsBesideOthers => {
                Task::Regression { outputs: 1 }
            }
            Data::Choices => Task::Ranking { items: 40 },
            Data::Sentences | Data::SentencesOfSubwords => Task::Context { vocabulary: 20 },
            Data::Classes(_) | Data::Images(..) | Data::Sequences => Task::Multiclass { classes: 3 },
            Data::Binary(_) | Data::Words => Task::Binary,
            Data::Text | Data::Stream => Task::NextToken { vocabulary: 7 },
        }
    }

    fn make(self) -> Dataset {
        let key = Key::new(3);
        let numbers = |count: usize| (0..count as u64).map(|i| key.normal(i) as f32).collect::<Vec<f32>>();
        let targets = || (0..ROWS as u64).map(|i| key.stream("target").normal(i)).collect::<Vec<f64>>();
        let labels = |classes: u64| {
            (0..ROWS as u64).map(|i| key.stream("label").below(i, classes) as u32).collect::<Vec<u32>>()
        };
        let names =
            |count: usize| ["a", "b", "c", "d", "e", "f", "g"].into_iter().take(count).map(str::to_owned);
        let classes = |example: &[usize], classes: usize| {
            let size: usize = example.iter().product();
            let shape = steepest_tensor::Shape::new(example).unwrap();
            Dataset::classification(shape, numbers(ROWS * size), labels(classes as u64), names(classes))
                .unwrap()
        };
        match self {
            Data::Numbers(width) => Dataset::regression([width], numbers(ROWS * width), targets()).unwrap(),
            Data::Classes(width) => classes(&[width], 3),
            Data::Binary(width) => classes(&[width], 2),
            Data::Images(size, channels) => classes(&[size, size, channels], 3),
            Data::Sequences => {
                let lengths =
                    (0..ROWS as u64).map(|i| key.stream("length").below(i, 11) as u32 + 1).collect();
                classes(&[11, 5], 3).with_lengths(lengths).unwrap()
            }
            Data::Text => {
                let tokens = (0..ROWS as u64 + 11).map(|i| key.stream("token").below(i, 7) as u32).collect();
                Dataset::language(tokens, 12, 1, names(7)).unwrap()
            }
            Data::Stream => {
                let count = 4 * STEPS_PER_EPOCH * BATCH as u64 + 1;
                let tokens = (0..count).map(|i| key.stream("token").below(i, 7) as u32).collect();
                Dataset::language(tokens, 4, 4, names(7)).unwrap()
            }
            Data::Words => Dataset::sparse_classification(words(), labels(2), names(2)).unwrap(),
            Data::WordsToNumbers => Dataset::sparse_regression(words(), targets()).unwrap(),
            Data::Ratings => {
                let codes = (0..2 * ROWS as u64).map(|i| key.below(i, 40) as u32).collect();
                let fields = vec![("user".to_owned(), 40), ("item".to_owned(), 40)];
                Dataset::ratings(Codes { fields, codes }, targets()).unwrap()
            }
            Data::RatingsBesideOthers | Data::Choices => {
                let pairs = (0..ROWS as u64).map(|i| [2 * i, 2 * i + 1].map(|i| key.below(i, 40) as u32));
                let history = History::new(40, 40, pairs.map(|[user, item]| (user, item)));
                Data::Ratings.make().with_history(history, matches!(self, Data::Choices), 1)
            }
            Data::Sentences => {
                let word = |i: u64, j| key.at(i).below(j, 20) as u32;
                let sentences = (0..ROWS as u64).map(|i| (0..7).map(|j| word(i, j)).collect());
                let options = WordOptions { sample: 0.0, block: 7, ..WordOptions::default() };
                Dataset::words(sentences, &[46; 20], &options, 1).unwrap()
            }
            Data::SentencesOfSubwords => {
                let names: Vec<String> = (0..20)
                    .map(|word| ["ba", "na"].repeat(word % 7).concat() + "n" + &word.to_string())
                    .collect();
                let subwords = Subwords { buckets: 61, ..Subwords::default() };
                Data::Sentences.make().with_subwords(subwords, &names).unwrap()
            }
        }
    }
}

/// Rows of 0 to 8 words of 300.
fn words() -> SparseRows {
    let mut sparse = SparseRows::new(300);
    for row in 0..ROWS as u64 {
        let key = Key::new(4).at(row);
        let mut words: Vec<u32> = (0..row % 9).map(|i| key.below(i, 300) as u32).collect();
        words.sort_unstable();
        words.dedup();
        sparse.push(words.into_iter().map(|word| (word, 1.0))).unwrap();
    }
    sparse
}

/// A model built from its entry.
struct Built(Box<dyn Model>);

impl Model for Built {
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        self.0.output(cx, inputs)
    }

    fn usual_loss(&self, task: &Task) -> Option<&'static str> {
        self.0.usual_loss(task)
    }

    fn carries(&self) -> bool {
        self.0.carries()
    }

    fn shrinkage(&self) -> Shrinkage {
        self.0.shrinkage()
    }

    fn rows_of_states(&self) -> usize {
        self.0.rows_of_states()
    }

    fn states_of(&self, rows: &Tensor) -> Vec<(String, Tensor)> {
        self.0.states_of(rows)
    }
}

fn setting(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => Value::Number(number),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Array(list) => Value::List(list.into_iter().map(setting).collect()),
        toml::Value::Table(entries) => {
            Value::Table(entries.into_iter().map(|(key, value)| (key, setting(value))).collect())
        }
        toml::Value::Datetime(_) => unreachable!("the table has none"),
    }
}

fn build(kind: &str, settings: &str, task: Task) -> Built {
    let spec = ModelSpec::find(kind).unwrap();
    let table: toml::Table = settings.parse().unwrap();
    let settings = spec.settings(table.into_iter().map(|(key, value)| (key, setting(value)))).unwrap();
    Built(spec.build(&settings, &task).unwrap())
}

/// What a training came to.
#[derive(PartialEq)]
struct Outcome {
    losses: Vec<u64>,
    weights: Vec<(String, Vec<u64>)>,
}

/// Trains five epochs; the outcome, and the allocations in the steps of an epoch behind the first, but for its last
/// one, which also ends it: the least of four such epochs, because a worker may begin its life late.
fn train(kind: &str, settings: &str, data: Data, threads: usize) -> (Outcome, u64) {
    let options = RunOptions { threads: NonZeroUsize::new(threads), ..RunOptions::default() };
    let stop = StopOptions { epochs: Some(EPOCHS), patience: Some(0), ..StopOptions::default() };
    let training = Training::new(data.make()).model(build(kind, settings, data.task())).learning_rate(0.01);
    let training = training.batch(BatchSize::new(BATCH).unwrap()).stop(stop).options(options);
    let mut trainer = training.trainer().unwrap();
    assert_eq!(trainer.overview().steps_per_epoch, STEPS_PER_EPOCH);
    let (mut losses, mut allocations) = (Vec::new(), [0; EPOCHS as usize]);
    let mut run = trainer.run();
    loop {
        let before = counting::allocations();
        let event = run.next();
        let made = counting::allocations() - before;
        match event {
            Some(Ok(Event::Step(report))) => {
                losses.push(report.loss.to_bits());
                if !report.step.is_multiple_of(STEPS_PER_EPOCH) {
                    allocations[(report.step / STEPS_PER_EPOCH) as usize] += made;
                }
            }
            Some(event) => drop(event.unwrap()),
            None => break,
        }
    }
    let bits = |name: &str| trainer.tensor(name).unwrap().to_f64().into_iter().map(f64::to_bits).collect();
    let weights = trainer.tensor_names().map(|name| (name.to_owned(), bits(name))).collect();
    let least = allocations[1..].iter().copied().min().unwrap_or(0);
    (Outcome { losses, weights }, least)
}

/// One test, because the counter counts what every thread of the process does. That includes the test harness, which
/// may make an allocation of its own at any time: a training that allocates is looked at again.
#[test]
fn every_model_keeps_the_laws() {
    let absent: Vec<&str> = MODELS.iter().map(|spec| spec.about.name).collect();
    let absent: Vec<&str> =
        absent.into_iter().filter(|name| TABLE.iter().all(|(kind, ..)| kind != name)).collect();
    assert!(absent.is_empty(), "registered models without a row in the table: {absent:?}");
    let mut broken = Vec::new();
    for &(kind, settings, data) in TABLE {
        let mut one = None;
        for threads in 1..=4 {
            let (outcome, mut allocations) = train(kind, settings, data, threads);
            for _ in 0..2 {
                if allocations > 0 {
                    allocations = allocations.min(train(kind, settings, data, threads).1);
                }
            }
            if allocations > 0 {
                broken.push(format!("{kind} on {data:?}, {threads} threads: {allocations} allocations"));
            }
            let one = one.get_or_insert_with(|| {
                assert_eq!(outcome.losses.len() as u64, EPOCHS * STEPS_PER_EPOCH);
                let finite = outcome.losses.iter().all(|&loss| f64::from_bits(loss).is_finite());
                assert!(
                    finite && outcome.losses[0] != outcome.losses[40],
                    "{kind} on {data:?} does not learn"
                );
                Outcome { losses: outcome.losses.clone(), weights: outcome.weights.clone() }
            });
            if *one != outcome {
                let step = one.losses.iter().zip(&outcome.losses).position(|(a, b)| a != b);
                broken.push(format!(
                    "{kind} on {data:?}, {threads} threads: other bits, losses from step {step:?}"
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
