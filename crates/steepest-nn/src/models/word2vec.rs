//! Vectors of words from the company they keep.

use steepest_graph::{ProblemKind, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::Tensor;

use super::{Inputs, Model, ModelSpec};
use crate::{Init, Scope, Task};

/// The name of the input with the words of a block of text, indices `[batch, block]`.
pub const CENTER: &str = "center";
/// The name of the input with those words and the ones around them, `[batch, context + block + context]`.
pub const AROUND: &str = "around";
/// The name of the input with the words of the block and then random ones, `[batch, block + negatives]`.
pub const CENTER_AND_NEGATIVES: &str = "center and negatives";
/// The name of the input with the words around and then random ones.
pub const AROUND_AND_NEGATIVES: &str = "around and negatives";

/// The name of the input that says in which sentence each word of another input is: numbers, of which those of the
/// block and those around it are equal in one sentence, and no random word's is equal to any.
pub fn sentence_of(input: &str) -> String {
    format!("sentence of {input}")
}

/// The names of the inputs with what each word of another input is made of begin with this.
pub fn parts_of(input: &str) -> String {
    format!("parts of {input}")
}

/// Which words predict which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// A word predicts each of those near it.
    SkipGram,
    /// The mean of the words near it predicts a word.
    Cbow,
}

/// word2vec: a vector for each word, such that words that stand near the same words have vectors alike.
///
/// Skip-gram, for each word w of the text, with near words c and random ones n:
/// ℓ = Σ_c a_c·(ln(1 + exp(−v_w·u_c)) + k·E_n ln(1 + exp(v_w·u_n))).
/// CBOW, with h the mean of the near words' v, weighted by a_c:
/// ℓ = ln(1 + exp(−h·u_w)) + k·E_n ln(1 + exp(h·u_n)).
///
/// Rows of the data are blocks of running text (`data.tokens = "words"`); a row's loss is the mean over the words of
/// its block. All products of a block are three matrix products, forward and backward: its words against those around
/// them and against random words that the whole block shares, of which the mean stands for E_n. Words count as near
/// only within their sentence. Where word2vec draws the width of each word's window uniformly from 1 to W, each
/// distance counts here with its share of those windows, a_c = (W + 1 − distance) / W: the same in the mean, with less noise.
///
/// *Subwords*: where the data say what each word is made of (`data.subwords`), v_w is n^−½ Σ z over the n rows z of its own and of
/// its character n-grams, which stand behind the words in `word2vec.input`.
///
/// With plain gradient descent and batches of b blocks of B words, word2vec's rate α is the rate α·b·B here, where
/// the mean over words is made small instead of the sum. Parameters are `word2vec.input` (v, the word vectors) and
/// `word2vec.output` (u), trained by rows.
///
/// References: Mikolov, Sutskever, Chen, Corrado and Dean, 2013, *Distributed representations of words and phrases
/// and their compositionality*, eq. 4; Ji, Satish, Li and Dubey, 2016, *Parallelizing word2vec in shared and
/// distributed memory* (shared negatives); Bojanowski, Grave, Joulin and Mikolov, 2017, *Enriching word vectors with
/// subword information*.
///
/// ```
/// use steepest_graph::{Graph, Feeds, evaluate};
/// use steepest_nn::{Inputs, Model, Phase, Trace, Word2vec, words};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let inputs = words::inputs(&graph, 1, words::Row { vocabulary: 3, block: 1, context: 1, negatives: 2 });
/// let model = Word2vec { size: 1, ..Word2vec::default() };
/// let loss = model.output(&mut Trace::new(&graph, Key::new(0), Phase::Eval).scope(), &inputs);
/// let feeds = Feeds::new()
///     .with("center", Tensor::u32([1, 1], vec![1])?)
///     .with("around and negatives", Tensor::u32([1, 5], vec![0, 1, 2, 0, 0])?)
///     .with("sentence of center", Tensor::f64([1, 1], vec![0.0])?)
///     .with("sentence of around and negatives", Tensor::f64([1, 5], vec![0.0, 0.0, 1.0, -2.0, -2.0])?)
///     .with("word2vec.input", Tensor::f64([3, 1], vec![0.0, 2.0, 0.0])?)
///     .with("word2vec.output", Tensor::f64([3, 1], vec![0.5, 7.0, 7.0])?);
/// // Word 0 is near, word 2 is in the next sentence; both random words are word 0.
/// let expected = (-1f64).exp().ln_1p() + 5.0 * 1f64.exp().ln_1p();
/// assert!((evaluate(&graph, &[loss], &feeds)?[0].to_f64()[0] - expected).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Word2vec {
    /// Which words predict which.
    pub architecture: Architecture,
    /// The length of the vectors.
    pub size: usize,
    /// k, how many random words each near word is worth.
    pub negatives: f64,
}

impl std::default::Default for Word2vec {
    fn default() -> Word2vec {
        Word2vec { architecture: Architecture::SkipGram, size: 100, negatives: 5.0 }
    }
}

/// The tables, and what all architectures need to know of a batch.
struct Words<'g> {
    rows: usize,
    block: usize,
    context: usize,
    vocabulary: usize,
    /// a, how much each of the others counts for each word of the block, 0 for random ones: `[rows, block, others]`.
    near: Var<'g>,
    /// Σ a of each word of the block: `[rows, block, 1]`.
    pairs: Var<'g>,
}

/// The vectors of the words of a field, `[rows, width, size]`.
#[track_caller]
fn vectors<'g>(inputs: &Inputs<'g>, field: &str, table: Var<'g>) -> Option<Var<'g>> {
    let words = inputs.get(field)?;
    Some(match inputs.parts(field) {
        Some(parts) => parts.csr.matmul(table).reshape([words.dim(0), words.dim(1), table.dim(1)]),
        None => table.gather_or_zero(words),
    })
}

impl Word2vec {
    #[track_caller]
    fn words<'g>(inputs: &Inputs<'g>, others: &str) -> Option<Words<'g>> {
        let center = inputs.categories().find(|category| category.name == CENTER)?;
        let (own, around) = (inputs.get(&sentence_of(CENTER))?, inputs.get(AROUND)?.dim(1));
        let other = inputs.get(&sentence_of(others))?;
        let (rows, block, width) = (own.dim(0), own.dim(1), other.dim(1));
        let shape = [rows, block, width];
        let context = around.saturating_sub(block) / 2;
        let share = |at: usize| {
            let distance = (at / width + context).abs_diff(at % width);
            let near = distance > 0 && distance <= context && at % width < around;
            if near { (context + 1 - distance) as f64 / context as f64 } else { 0.0 }
        };
        let shares = Tensor::f64([1, block, width], (0..block * width).map(share).collect()).ok()?;
        let same = own.reshape([rows, block, 1]).broadcast_to(shape);
        let same = same.equal(other.reshape([rows, 1, width]).broadcast_to(shape));
        let near = own.graph().literal(shares).broadcast_to(shape) * same;
        let pairs = near.sum_over(&[2]).reshape([rows, block, 1]);
        Some(Words { rows, block, context, vocabulary: center.size, near, pairs })
    }

    #[track_caller]
    fn skip_gram<'g>(
        &self,
        words: &Words<'g>,
        inputs: &Inputs<'g>,
        v: Var<'g>,
        u: Var<'g>,
    ) -> Option<Var<'g>> {
        let v = vectors(inputs, CENTER, v)?;
        let u = u.gather_or_zero(inputs.get(AROUND_AND_NEGATIVES)?);
        let scores = v.matmul(u.permute(&[0, 2, 1]));
        let (near, all) = (words.block + 2 * words.context, scores.dim(2));
        let k = self.negatives / (all - near).max(1) as f64;
        let each = |of: &dyn Fn(bool) -> f64| {
            let row = Tensor::f64([1, 1, all], (0..all).map(|at| of(at >= near)).collect()).ok()?;
            Some(scores.graph().literal(row).broadcast_to(scores.shape()))
        };
        // One formula for near words and random ones: what differs is a row of numbers.
        let sign = each(&|random| if random { 1.0 } else { -1.0 })?;
        let random = each(&|random| if random { k } else { 0.0 })?;
        let weights = words.near + random * words.pairs;
        Some((weights * (sign * scores).softplus()).sum_over(&[1, 2]).reshape([words.rows, 1]))
    }

    #[track_caller]
    fn cbow<'g>(&self, words: &Words<'g>, inputs: &Inputs<'g>, v: Var<'g>, u: Var<'g>) -> Option<Var<'g>> {
        let (rows, block) = (words.rows, words.block);
        let v = vectors(inputs, AROUND, v)?;
        let u = u.gather_or_zero(inputs.get(CENTER_AND_NEGATIVES)?);
        // A word without others near it predicts nothing.
        let some = words.pairs.zeros_like().less(words.pairs).reshape([rows, block]);
        let weights = words.near / words.pairs.maximum(words.pairs.constant(1e-9));
        let h = weights.matmul(v);
        let all = u.dim(1);
        let (own, random) = (u.slice(1, 0, block), u.slice(1, block, all));
        let k = self.negatives / (all - block).max(1) as f64;
        let near = (-(h * own).sum_over(&[2])).softplus();
        let random = h.matmul(random.permute(&[0, 2, 1])).softplus().sum_over(&[2]);
        Some((some * (near + k * random)).sum_over(&[1]).reshape([rows, 1]))
    }
}

impl Model for Word2vec {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let others = match self.architecture {
            Architecture::SkipGram => AROUND_AND_NEGATIVES,
            Architecture::Cbow => AROUND,
        };
        let Some(words) = Word2vec::words(inputs, others) else { return lacks_words(cx, inputs) };
        let bound = 0.5 / self.size as f64;
        let init = Init::uniform().with("low", -bound).and_then(|init| init.with("high", bound));
        let init = init.unwrap_or_else(|_| Init::uniform());
        let loss = cx.layer("word2vec", |cx| {
            let rows = inputs.parts(CENTER).map_or(words.vocabulary, |parts| parts.columns);
            let v = cx.table("input", [rows, self.size], &init);
            let u = cx.table("output", [words.vocabulary, self.size], &Init::zeros());
            match self.architecture {
                Architecture::SkipGram => self.skip_gram(&words, inputs, v, u),
                Architecture::Cbow => self.cbow(&words, inputs, v, u),
            }
        });
        match loss {
            Some(loss) => loss * (1.0 / words.block as f64),
            None => lacks_words(cx, inputs),
        }
    }
}

/// What stands in for the loss where there is no text of words.
#[track_caller]
fn lacks_words<'g>(cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
    let what = "`word2vec` needs a text of words".to_owned();
    let help = "give a text and say that it is one of words: `data.tokens = \"words\"`".to_owned();
    cx.graph().problem("model", ProblemKind::Layer { what, help });
    let rows = inputs.first().dim(0);
    cx.graph().constant(0.0).broadcast_to([rows, 1])
}

/// word2vec.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "word2vec",
        summary: "A vector for each word, learned from the words that stand near it.",
        formula: "ℓ = Σ_c a_c·(ln(1 + exp(−v_w·u_c)) + k·E_n ln(1 + exp(v_w·u_n)))",
        reference: "Mikolov et al., 2013, Distributed representations of words and phrases and their compositionality",
        hyperparameters: &[
            Hyperparameter {
                name: "architecture",
                symbol: "",
                summary: "Whether a word predicts those near it, or these predict the word.",
                accepts: Accepts::Choice(&["skip-gram", "cbow"]),
                default: Default::Text("skip-gram"),
                source: "fastText; word2vec and gensim have CBOW",
            },
            Hyperparameter {
                name: "size",
                symbol: "d",
                summary: "The length of the vectors.",
                accepts: Accepts::SIZE,
                default: Default::Integer(100),
                source: "word2vec, gensim, fastText",
            },
            Hyperparameter {
                name: "negatives",
                symbol: "k",
                summary: "How many random words each near word is worth.",
                accepts: Accepts::POSITIVE,
                default: Default::Number(5.0),
                source: "word2vec, gensim, fastText",
            },
        ],
    },
    suits: |task| matches!(task, Task::Context { .. }),
    configure: |settings, _| {
        let cbow = settings.text("architecture") == "cbow";
        Ok(Box::new(Word2vec {
            architecture: if cbow { Architecture::Cbow } else { Architecture::SkipGram },
            size: settings.integer("size") as usize,
            negatives: settings.number("negatives"),
        }))
    },
};

/// Rows of a text of words, and the inputs of a model that they are.
pub mod words {
    use steepest_graph::{Csr, Graph};

    use super::*;

    /// What a row holds.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Row {
        /// Different words.
        pub vocabulary: usize,
        /// Words of the text.
        pub block: usize,
        /// Words on each side that count as near.
        pub context: usize,
        /// Random words.
        pub negatives: usize,
    }

    /// The inputs for so many rows: [`CENTER`], [`AROUND`] and the others.
    pub fn inputs<'g>(graph: &'g Graph, rows: usize, row: Row) -> Inputs<'g> {
        let around = row.block + 2 * row.context;
        let first = Inputs::of_category(CENTER, graph.index_input(CENTER, [rows, row.block]), row.vocabulary);
        let fields = [
            (CENTER, row.block),
            (AROUND, around),
            (CENTER_AND_NEGATIVES, row.block + row.negatives),
            (AROUND_AND_NEGATIVES, around + row.negatives),
        ];
        fields.into_iter().fold(first, |inputs, (name, width)| {
            let sentence = sentence_of(name);
            let numbers = graph.input(&sentence, [rows, width]);
            let inputs = inputs.with(&sentence, numbers);
            if name == CENTER { inputs } else { inputs.with(name, graph.index_input(name, [rows, width])) }
        })
    }

    /// Adds what the words of the block and those around it are made of, so many parts at most, with vectors of their own
    /// and `buckets` more that their n-grams share.
    pub fn with_subwords<'g>(
        inputs: Inputs<'g>,
        rows: usize,
        row: Row,
        buckets: usize,
        capacity: usize,
    ) -> Inputs<'g> {
        let graph = inputs.first().graph();
        let fields = [(CENTER, row.block), (AROUND, row.block + 2 * row.context)];
        fields.into_iter().fold(inputs, |inputs, (name, width)| {
            let csr = Csr::input(graph, &parts_of(name), rows * width, capacity);
            inputs.with_parts(name, csr, row.vocabulary + buckets)
        })
    }
}
