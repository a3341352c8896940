//! The sections of a run spec, each described as every registered thing is.

use steepest_nn::{LOSSES, MODELS};
use steepest_optim::{OPTIMIZERS, SCHEDULES};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

/// A section: a fixed set of keys, or a registered thing chosen by its `kind`.
#[derive(Debug, Clone, Copy)]
pub enum Section {
    /// A fixed set of keys.
    Fixed(&'static Description),
    /// One of a registry, by `kind`.
    Chosen {
        /// The section's name.
        name: &'static str,
        /// One sentence.
        summary: &'static str,
        /// The `kind` if none is written; none where the data decide.
        default: Option<&'static str>,
        /// The registry.
        all: fn() -> Vec<&'static Description>,
    },
}

impl Section {
    /// The section's name.
    pub fn name(&self) -> &'static str {
        match self {
            Section::Fixed(about) => about.name,
            Section::Chosen { name, .. } => name,
        }
    }
}

/// All sections, in the order in which a spec is written.
pub static SECTIONS: &[Section] = &[
    Section::Fixed(&DATA),
    Section::Chosen {
        name: "model",
        summary: "What is trained.",
        default: Some("mlp"),
        all: || MODELS.iter().map(|spec| &spec.about).collect(),
    },
    Section::Chosen {
        name: "loss",
        summary: "What training makes small; unset: the usual loss of the task.",
        default: None,
        all: || LOSSES.iter().map(|spec| &spec.about).collect(),
    },
    Section::Chosen {
        name: "optimizer",
        summary: "How gradients become updates.",
        default: Some("adam"),
        all: || OPTIMIZERS.iter().map(|spec| &spec.about).collect(),
    },
    Section::Chosen {
        name: "schedule",
        summary: "What the learning rate is multiplied by in the course of training.",
        default: Some("constant"),
        all: || SCHEDULES.iter().map(|spec| &spec.about).collect(),
    },
    Section::Fixed(&BATCH),
    Section::Fixed(&STOP),
    Section::Fixed(&RUN),
];

const fn key(
    name: &'static str,
    summary: &'static str,
    accepts: Accepts,
    default: Default,
    source: &'static str,
) -> Hyperparameter {
    Hyperparameter { name, symbol: "", summary, accepts, default, source }
}

const OURS: &str = "ours";
const SHARE: Accepts = Accepts::Number { min: 0.0, above: false, max: 1.0, below: true };

const fn section(
    name: &'static str,
    summary: &'static str,
    hyperparameters: &'static [Hyperparameter],
) -> Description {
    Description { name, summary, formula: "", reference: "", hyperparameters }
}

/// The keys outside of any section.
pub static ROOT: Description = section(
    "spec",
    "A run: what is trained, on what, how, and until when.",
    &[key(
        "seed",
        "Where all random numbers come from: split, initial values, order of rows, dropout.",
        Accepts::Integer { min: 0, max: i64::MAX as u64 },
        Default::Integer(0),
        OURS,
    )],
);

static DATA: Description = section(
    "data",
    "Which rows, which column to predict, and how columns become numbers.",
    &[
        key(
            "train",
            "The file to train on; relative to the spec's folder.",
            Accepts::Text,
            Default::Required,
            "",
        ),
        key(
            "target",
            "The column to predict; a text (`tokens`) needs none.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key(
            "stream",
            "Take the rows once, in their order, with memory that does not grow with them; unset: where `train` is standard input, `-`.",
            Accepts::Bool,
            Default::Unset,
            "Vowpal Wabbit",
        ),
        key(
            "tokens",
            "What a text is cut into, to predict each token from those before it; unset: the file is a table.",
            Accepts::Choice(&["characters", "bytes", "bpe", "words"]),
            Default::Unset,
            OURS,
        ),
        key(
            "vocabulary",
            "Tokens that byte pair encoding (`tokens = \"bpe\"`) learns, the 256 bytes included.",
            Accepts::Integer { min: 256, max: 1 << 20 },
            Default::Integer(1024),
            "ours, for small corpora; GPT-2 has 50,257",
        ),
        key(
            "words.min-count",
            "Words of a text that occur less often are read over.",
            Accepts::COUNT,
            Default::Integer(5),
            "word2vec, gensim, fastText",
        ),
        key(
            "words.sample",
            "t: words that make up a share f of the text above it are kept with probability √(t/f) + t/f; 0 keeps all.",
            Accepts::Number { min: 0.0, above: false, max: 1.0, below: false },
            Default::Number(1e-3),
            "word2vec, gensim; fastText has 1e-4",
        ),
        key(
            "words.context",
            "The words on each side that count as near.",
            Accepts::COUNT,
            Default::Integer(5),
            "word2vec, gensim, fastText",
        ),
        key(
            "words.block",
            "Words of the text in one row of the data.",
            Accepts::COUNT,
            Default::Integer(32),
            "ours: products of this size are fast",
        ),
        key(
            "words.negatives",
            "Random words that the words of a row are told apart from.",
            Accepts::COUNT,
            Default::Integer(16),
            "ours: products of this size are fast",
        ),
        key(
            "subwords.buckets",
            "Vectors that the character n-grams of words share by their hash, beside the words' own; 0: n-grams have none.",
            Accepts::Integer { min: 0, max: 1 << 30 },
            Default::Integer(0),
            "none, as word2vec; fastText has 2,000,000",
        ),
        key(
            "subwords.shortest",
            "Characters of the shortest of these n-grams, of words between `<` and `>`.",
            Accepts::COUNT,
            Default::Integer(3),
            "fastText `minn`",
        ),
        key(
            "subwords.longest",
            "Characters of the longest ones.",
            Accepts::COUNT,
            Default::Integer(6),
            "fastText `maxn`",
        ),
        key(
            "window",
            "Tokens of a text that the model sees at once.",
            Accepts::COUNT,
            Default::Integer(64),
            OURS,
        ),
        key(
            "stride",
            "Tokens from the beginning of one window to that of the next; unset: a window.",
            Accepts::COUNT,
            Default::Unset,
            OURS,
        ),
        key(
            "validation",
            "A file to validate on; unset: rows held out.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key("test", "A file to test on; unset: rows held out.", Accepts::Text, Default::Unset, OURS),
        key(
            "split.validation",
            "Share of the training file held out to choose the stopping step; unset: 0.15, none of fewer than 1,000 rows.",
            SHARE,
            Default::Unset,
            "ours; scikit-learn holds out 0.1 where asked to",
        ),
        key(
            "split.test",
            "Share of the training file held out to be scored once, at the end; unset: 0.15.",
            SHARE,
            Default::Unset,
            OURS,
        ),
        key(
            "split.folds",
            "Parts of the training file for cross-validation, of which `split.fold` is scored at the end; unset: a share is.",
            Accepts::Integer { min: 2, max: 1 << 20 },
            Default::Unset,
            OURS,
        ),
        key(
            "split.fold",
            "Which of `split.folds` parts is scored, from 0.",
            Accepts::Integer { min: 0, max: 1 << 20 },
            Default::Integer(0),
            OURS,
        ),
        key(
            "stratify",
            "Keep the share of each class in every part; unset: where the target is a class.",
            Accepts::Bool,
            Default::Unset,
            "scikit-learn holds out the rows of `early_stopping` so",
        ),
        key(
            "augment.shift",
            "The most pixels that training images are moved by, along each axis, anew in every epoch.",
            Accepts::Integer { min: 0, max: 1 << 16 },
            Default::Integer(0),
            "none; He et al., 2016, sec. 4.2, have 4 for 32×32 pixels",
        ),
        key(
            "augment.flip",
            "Whether training images are mirrored left and right, half of the time.",
            Accepts::Bool,
            Default::Bool(false),
            "none; He et al., 2016, sec. 4.2, flip",
        ),
        key(
            "task",
            "What the target is; unset: found out from its values.",
            Accepts::Choice(&["regression", "classification"]),
            Default::Unset,
            OURS,
        ),
        key(
            "standardize",
            "Give numeric columns mean 0 and standard deviation 1.",
            Accepts::Bool,
            Default::Bool(true),
            OURS,
        ),
        key(
            "standardize-target",
            "The same for a numeric target; predictions are turned back.",
            Accepts::Bool,
            Default::Bool(true),
            OURS,
        ),
        key(
            "unseen",
            "What to do with a category that training never saw: ignore and count it, or stop.",
            Accepts::Choice(&["ignore", "error"]),
            Default::Text("ignore"),
            OURS,
        ),
        key(
            "max-categories",
            "Categories of a column that get an input of their own, the most frequent first.",
            Accepts::COUNT,
            Default::Integer(256),
            OURS,
        ),
        key(
            "embed",
            "Columns of categories that become indices, for models with a vector for each: a user, an item.",
            Accepts::Texts,
            Default::Texts(&[]),
            OURS,
        ),
        key(
            "text",
            "A column of text whose words become sparse features.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key(
            "ngrams",
            "The longest run of words that is a feature of a text.",
            Accepts::Integer { min: 1, max: 5 },
            Default::Integer(1),
            "scikit-learn `TfidfVectorizer`",
        ),
        key(
            "min-rows",
            "Words of fewer training rows are left out.",
            Accepts::COUNT,
            Default::Integer(1),
            "scikit-learn `min_df`",
        ),
        key(
            "max-terms",
            "Different words and runs that get a feature, the most frequent first.",
            Accepts::COUNT,
            Default::Integer(1 << 20),
            OURS,
        ),
        key(
            "hash-bits",
            "Words, or without `text` all columns, share 2 to this power features by their hash; unset: they have one each, but 18 bits in Vowpal Wabbit's format and in streams of sparse rows.",
            Accepts::Integer { min: 1, max: 26 },
            Default::Unset,
            OURS,
        ),
        key(
            "tf-idf",
            "Weigh words by how telling they are, and scale each text to length 1.",
            Accepts::Bool,
            Default::Bool(true),
            "scikit-learn `TfidfVectorizer(sublinear_tf=True)`",
        ),
        key(
            "history",
            "Keep the items of each user in the training rows, for models that learn from them (`svdpp`).",
            Accepts::Bool,
            Default::Bool(false),
            OURS,
        ),
        key(
            "relevant",
            "The least target of a row whose item the user has chosen; the others are left out, and the task is to rank items (`bpr`).",
            Accepts::ANY_NUMBER,
            Default::Unset,
            OURS,
        ),
        key(
            "weight",
            "A column of numbers that say how much each row counts in training; unset: `weight` in Vowpal Wabbit's format.",
            Accepts::Text,
            Default::Unset,
            "scikit-learn `sample_weight`",
        ),
        key(
            "class-weight",
            "How much the rows of each class count in training: `balanced` gives each class the same sum; unset: all the same.",
            Accepts::Choice(&["balanced"]),
            Default::Unset,
            "scikit-learn `class_weight`",
        ),
        key(
            "crosses",
            "Further columns, each the values of several as one category: `kind*color`.",
            Accepts::Texts,
            Default::Texts(&[]),
            "Vowpal Wabbit `--interactions`",
        ),
        key(
            "format",
            "The file format (`csv`, `idx`, `folder`, `libsvm`, `label-text`, `vowpal-wabbit`); unset: found out.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key(
            "delimiter",
            "The character between fields; unset: found out.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key(
            "decimal",
            "The decimal mark of numbers; unset: found out.",
            Accepts::Choice(&[".", ","]),
            Default::Unset,
            OURS,
        ),
        key(
            "header",
            "Whether the first line holds names; unset: found out.",
            Accepts::Bool,
            Default::Unset,
            OURS,
        ),
        key(
            "missing",
            "Texts that count as a missing value.",
            Accepts::Texts,
            Default::Texts(&steepest_data::MISSING_TEXTS),
            "the common part of pandas' list",
        ),
        key("encoding", "The text encoding; unset: UTF-8.", Accepts::Text, Default::Unset, OURS),
        key(
            "infer-rows",
            "Rows looked at to find out what the columns are.",
            Accepts::COUNT,
            Default::Integer(10_000),
            OURS,
        ),
        key(
            "labels",
            "The file of labels of IDX images; unset: by the name.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
    ],
);

static BATCH: Description = section(
    "batch",
    "How many rows one step sees.",
    &[key(
        "size",
        "Rows per step; 1 is stochastic gradient descent, \"full\" uses all rows for each step.",
        Accepts::CountOr("full"),
        Default::Integer(64),
        "ours; 32 to 256 is the common choice",
    )],
);

static STOP: Description = section(
    "stop",
    "When training ends. The rule that speaks first wins.",
    &[
        key(
            "epochs",
            "At most this many passes over the data; unset: 100, or as many as make 3,000 steps, or `steps`.",
            Accepts::COUNT,
            Default::Unset,
            "ours: an epoch of a small table is a handful of steps",
        ),
        key(
            "steps",
            "At most this many steps; unset: as many as the epochs have.",
            Accepts::COUNT,
            Default::Unset,
            OURS,
        ),
        key(
            "patience",
            "Stop when the validation loss has not improved for so many epochs; the best weights are restored. 0: never; unset: a tenth of the epochs, at least 10.",
            Accepts::Integer { min: 0, max: 1 << 32 },
            Default::Unset,
            "ours; 10 is scikit-learn's `n_iter_no_change`",
        ),
        key(
            "min-delta",
            "What the validation loss must fall by to count as improved.",
            Accepts::NON_NEGATIVE,
            Default::Number(0.0),
            "Keras `EarlyStopping`",
        ),
        key(
            "tolerance",
            "Stop when the training loss changes by less than this share over `window` epochs; unset: never.",
            Accepts::POSITIVE,
            Default::Unset,
            OURS,
        ),
        key("window", "Epochs that `tolerance` looks back.", Accepts::COUNT, Default::Integer(10), OURS),
    ],
);

static RUN: Description = section(
    "run",
    "Where results go, and what they are computed with.",
    &[
        key(
            "directory",
            "The folder of the run; unset: a new one in `runs`, named after the spec, for `steepest train`; nothing is written from Rust.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
        key(
            "metrics",
            "What is measured beside the loss; unset: the usual metrics of the task.",
            Accepts::Texts,
            Default::Unset,
            OURS,
        ),
        key(
            "calibrate",
            "Fit probabilities to the validation rows at the end, by a sigmoid of each output.",
            Accepts::Bool,
            Default::Bool(false),
            "none; scikit-learn `CalibratedClassifierCV(method=\"sigmoid\")`",
        ),
        key(
            "average",
            "The span after which the mean of the weights begins, with which the model is scored and saved; unset: the weights of the last step.",
            Accepts::Span,
            Default::Unset,
            "off, as in PyTorch and scikit-learn; Polyak and Juditsky, 1992",
        ),
        key(
            "precision",
            "The numbers that are computed with.",
            Accepts::Choice(&["f32", "f64"]),
            Default::Text("f32"),
            "every framework",
        ),
        key(
            "threads",
            "Threads; they change the time, never the result. Unset: one per core.",
            Accepts::Integer { min: 1, max: 1024 },
            Default::Unset,
            OURS,
        ),
        key(
            "checkpoint-every",
            "A checkpoint after every such span; unset: by `checkpoint-seconds`.",
            Accepts::Span,
            Default::Unset,
            OURS,
        ),
        key(
            "checkpoint-seconds",
            "A checkpoint whenever so many seconds have passed since the last.",
            Accepts::POSITIVE,
            Default::Number(10.0),
            OURS,
        ),
        key("keep-checkpoints", "Checkpoints kept, the newest.", Accepts::COUNT, Default::Integer(2), OURS),
        key(
            "init-from",
            "Weights to begin with: a model file, or a PyTorch state dictionary in safetensors; unset: the initializers'.",
            Accepts::Text,
            Default::Unset,
            OURS,
        ),
    ],
);
