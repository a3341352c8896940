//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Trains models by gradient descent, and uses them.
#[derive(Debug, Parser)]
#[command(
    name = "steepest",
    version,
    max_term_width = 100,
    after_help = "Start with `steepest train DATA.csv --target COLUMN`."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model, from a spec or straight from a data file
    Train(Train),
    /// Score a model on a data file that holds the target
    Evaluate(Evaluate),
    /// Predict the rows of a data file; CSV in, CSV out, a piece at a time
    Predict(Predict),
    /// Write on from a prompt with a language model
    Generate(Generate),
    /// Write a model's weights for PyTorch, in safetensors under PyTorch's names
    Export(Export),
    /// Make a model of a spec and of weights from PyTorch
    Import(Import),
    /// Name the items that a user is predicted to like best
    Recommend(Recommend),
    /// Name the categories whose vectors are most alike one's
    Neighbors(Neighbors),
    /// Name what is to C as B is to A, by the model's vectors
    Analogy(Analogy),
    /// Compare a model's word vectors with what people say of pairs of words
    Similarity(Similarity),
    /// Write a model's vectors in word2vec's text or binary format
    Vectors(Vectors),
    /// Show what a data file, a spec, a model or a run holds
    Inspect(Inspect),
    /// List what a spec can name, with formulas, settings and their defaults
    List(List),
    /// Show the compiled training step of a spec after each pass
    Explain(Explain),
    /// Write a commented spec for a data file
    Init(Init),
    /// Print the JSON schema of a spec, for editors
    Schema,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is set differently from what a spec says, or from the defaults.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The column to predict
    #[arg(short, long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// Set a key of the spec, such as `optimizer.learning-rate=0.01`; may be repeated
    #[arg(short, long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Where all random numbers come from; short for `--set seed=N`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; they change the time, never the result [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What `--set` takes: `steepest list sections`, `steepest list data`, `steepest list adam`, …."
)]
pub struct Train {
    /// A spec (`.toml`), or a data file, or `-` for standard input, together with `--target`
    #[arg(required_unless_present = "resume")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArguments,
    /// The directory of the run [default: runs/NAME, numbered]
    #[arg(short, long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Go on with an interrupted run, bit for bit; `--set` may change `stop.*`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["input", "target", "seed"])]
    pub resume: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    /// The model, or the directory of its run
    pub model: PathBuf,
    /// The rows to score it on
    pub data: PathBuf,
    /// Draw the confusion matrix as NAME.svg and NAME.png
    #[arg(long, value_name = "NAME")]
    pub confusion: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Predict {
    /// The model, or the directory of its run
    pub model: PathBuf,
    /// The rows to predict; `-` for standard input, read to its end first
    pub data: PathBuf,
    /// Where the predictions go; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct Generate {
    /// The model, or the directory of its run
    pub model: PathBuf,
    /// The text to go on from [default: a line end, or else a space]
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// Tokens to write
    #[arg(short, long, value_name = "N", default_value_t = 500)]
    pub length: usize,
    /// 0 takes the most probable token, 1 samples as the model learned, more dares more
    #[arg(short, long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    pub temperature: f64,
    /// Sample from so many of the most probable tokens only
    #[arg(short = 'k', long, value_name = "K")]
    pub top_k: Option<usize>,
    /// Where the random numbers come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The model, or the directory of its run
    pub model: PathBuf,
    /// Where the weights go; in Python: `safetensors.torch.load_file`
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// What the file is for
    #[arg(long, value_enum, default_value_t = Format::Pytorch)]
    pub format: Format,
    /// Write names that begin with FROM with TO instead; either may be empty; may be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = pair)]
    pub rename: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "To begin a training with such weights: `steepest train SPEC --set run.init-from=WEIGHTS`."
)]
pub struct Import {
    /// The spec (`.toml`) that says what the model is and what it was trained on
    pub spec: PathBuf,
    /// The weights: `safetensors.torch.save_file(model.state_dict(), WEIGHTS)`
    pub weights: PathBuf,
    #[command(flatten)]
    pub run: RunArguments,
    /// Where the model goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// What the file is of
    #[arg(long, value_enum, default_value_t = Format::Pytorch)]
    pub format: Format,
    /// Read names that begin with FROM with TO instead; either may be empty; may be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = pair)]
    pub rename: Vec<(String, String)>,
    /// Take what fits; what is missing keeps its initial values
    #[arg(long)]
    pub partial: bool,
}

/// Whose names and shapes a file of weights has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A state dictionary of PyTorch, in safetensors
    Pytorch,
}

/// A whole number of at least 1.
fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&count| count > 0).ok_or("expected a whole number of at least 1")
}

/// `FROM=TO`.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (from, to) = text.split_once('=').ok_or("expected FROM=TO")?;
    Ok((from.to_owned(), to.to_owned()))
}

#[derive(Debug, Args)]
pub struct Recommend {
    /// The model, or the directory of its run; of users and items, such as `matrix-factorization`
    pub model: PathBuf,
    /// The user, as named in the training data
    #[arg(short, long, value_name = "NAME")]
    pub user: String,
    /// How many items
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub count: usize,
    /// A file of ratings whose items are left out for the user [default: the training file]
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    pub seen: Option<PathBuf>,
    /// Leave no item out
    #[arg(long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Neighbors {
    /// The model, the directory of its run, or vectors in word2vec's text or binary format
    pub model: PathBuf,
    /// The category, as named in the training data
    pub name: String,
    /// Its column [default: the last that the model has vectors for]
    #[arg(short, long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub count: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Analogy {
    /// The model, the directory of its run, or vectors in word2vec's text or binary format
    pub model: PathBuf,
    /// A is to …
    pub a: String,
    /// … B, as …
    pub b: String,
    /// … C is to what is looked for
    pub c: String,
    /// Their column [default: the last that the model has vectors for]
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub count: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Similarity {
    /// The model, the directory of its run, or vectors in word2vec's text or binary format
    pub model: PathBuf,
    /// Files of pairs: two words and a score in each line
    #[arg(required = true)]
    pub pairs: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Vectors {
    /// The model, the directory of its run, or vectors in word2vec's text or binary format
    pub model: PathBuf,
    /// The file to write
    pub output: PathBuf,
    /// Their column [default: the last that the model has vectors for]
    #[arg(short, long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// Write the binary format [default: the text format]
    #[arg(long)]
    pub binary: bool,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A data file, a spec (`.toml`), a model (`.safetensors`) or the directory of a run
    pub file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// What kind: `optimizers`, `schedules`, `sections`, …; or the name of one thing
    pub kind: Option<String>,
    /// The name of one thing, for all that is known of it
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A spec (`.toml`), or a data file together with `--target`
    pub input: PathBuf,
    #[command(flatten)]
    pub run: RunArguments,
}

#[derive(Debug, Args)]
pub struct Init {
    /// The data file
    pub data: PathBuf,
    /// The column to predict [default: the last]
    #[arg(short, long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// Where the spec goes; `-` for standard output [default: the data file's name with `.toml`]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
