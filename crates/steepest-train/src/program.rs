//! A compiled plan with its inputs and outputs looked up once, and batches copied straight into it.

use steepest_data::{DataError, Dataset, FeatureForm, TargetsMut, WordField};
use steepest_graph::{Executor, InputId, OutputId, Plan, ScalarId, Variables};
use steepest_nn::{bpr, word2vec};
use steepest_optim::{LEARNING_RATE, STEP};
use steepest_tensor::{Pool, Slice, SliceMut};

use crate::TrainError;
use crate::blueprint::{FEATURES, HISTORY, LOSS, LOSSES, PREDICTIONS, SPARSE, TARGETS, WEIGHTS, category};

/// The inputs that a form of features has.
enum Features {
    /// The model does not look at them.
    Absent,
    Real(InputId),
    Tokens(InputId),
    /// Offsets, columns and values.
    Sparse([InputId; 3]),
    Categories(Categories),
    Words(Words),
}

struct Categories {
    /// The columns, by number.
    columns: Vec<(usize, InputId)>,
    /// Offsets, columns and values of the items of each row's user.
    history: Option<[InputId; 3]>,
    /// An item for each row that its user has not chosen.
    others: Option<InputId>,
}

struct Words {
    words: Vec<(WordField, InputId)>,
    /// Which sentence each word is in.
    sentences: Vec<(WordField, InputId)>,
    /// Offsets, rows and shares of what each word is made of.
    subwords: Vec<(WordField, [InputId; 3])>,
}

#[derive(Clone, Copy)]
enum Targets {
    Absent,
    Real(InputId),
    Indices(InputId),
}

/// A compiled plan for a fixed number of rows. Filling and running it allocates nothing.
pub(crate) struct Program {
    executor: Executor,
    features: Features,
    /// How many steps of each sequence count.
    lengths: Option<InputId>,
    targets: Targets,
    /// How much each row counts.
    weights: Option<InputId>,
    step: Option<ScalarId>,
    continues: Option<ScalarId>,
    rate: Option<ScalarId>,
    loss: Option<OutputId>,
    losses: Option<OutputId>,
    predictions: Option<OutputId>,
}

/// Runs an expression on the values of a real input in the plan's precision.
macro_rules! feed {
    ($executor:expr, $input:expr, |$values:ident| $fill:expr) => {
        match $executor.feed($input) {
            SliceMut::F32($values) => $fill,
            SliceMut::F64($values) => $fill,
        }
    };
}

impl Program {
    /// Binds a plan for features of a form.
    pub fn new(plan: Plan, variables: &Variables, form: &FeatureForm) -> Result<Program, TrainError> {
        let executor = Executor::new(plan, variables)?;
        Ok(Program {
            features: Features::of(&executor, form),
            lengths: executor.input(steepest_nn::LENGTHS),
            targets: match executor.input(TARGETS) {
                None => Targets::Absent,
                Some(targets) if executor.takes_indices(targets) => Targets::Indices(targets),
                Some(targets) => Targets::Real(targets),
            },
            weights: executor.input(WEIGHTS),
            step: executor.scalar(STEP),
            continues: executor.scalar(steepest_nn::CONTINUES),
            rate: executor.scalar(LEARNING_RATE),
            loss: executor.output(LOSS),
            losses: executor.output(LOSSES),
            predictions: executor.output(PREDICTIONS),
            executor,
        })
    }

    /// Copies rows of the data into the inputs.
    pub fn fill(
        &mut self,
        data: &Dataset,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Result<(), DataError> {
        let executor = &mut self.executor;
        if let Some(weights) = self.weights {
            feed!(executor, weights, |weights| data.fill_weights(rows.clone(), weights)?);
        }
        if let Some(lengths) = self.lengths {
            feed!(executor, lengths, |lengths| data.fill_lengths(rows.clone(), lengths)?);
        }
        match &self.features {
            Features::Absent => {}
            &Features::Real(features) => {
                feed!(executor, features, |x| data.fill(rows.clone(), x, TargetsMut::None).map(drop)?);
            }
            &Features::Tokens(tokens) => {
                data.fill_tokens(rows.clone(), executor.feed_index(tokens))?;
            }
            &Features::Sparse([offsets, columns, values]) => {
                data.fill_offsets(rows.clone(), executor.feed_index(offsets))?;
                data.fill_columns(rows.clone(), executor.feed_index(columns))?;
                feed!(executor, values, |values| data.fill_values(rows.clone(), values)?);
            }
            Features::Categories(categories) => categories.fill(executor, data, rows.clone())?,
            Features::Words(words) => words.fill(executor, data, rows.clone())?,
        }
        match self.targets {
            Targets::Absent => Ok(()),
            Targets::Indices(targets) => {
                data.fill_targets::<f32>(rows, TargetsMut::Classes(executor.feed_index(targets)))
            }
            Targets::Real(targets) => {
                feed!(executor, targets, |y| data.fill_targets(rows, TargetsMut::Real(y)))
            }
        }
    }

    /// Where to write the features; none if the model does not look at them.
    pub fn features(&mut self) -> Option<SliceMut<'_>> {
        match self.features {
            Features::Real(features) => Some(self.executor.feed(features)),
            _ => None,
        }
    }

    /// Where to write the tokens; empty if the features are real.
    pub fn tokens(&mut self) -> &mut [u32] {
        match self.features {
            Features::Tokens(tokens) => self.executor.feed_index(tokens),
            _ => &mut [],
        }
    }

    /// Asks the processor's cache for what rows will read of tables: the weights of their features.
    pub fn prefetch(&self, data: &Dataset, variables: &Variables, rows: impl Iterator<Item = usize>) {
        let Features::Sparse([_, columns, _]) = self.features else { return };
        for row in rows {
            self.executor.prefetch(variables, columns, data.columns(row));
        }
    }

    /// Sets the number of the update and its learning rate.
    pub fn set(&mut self, step: u64, rate: f64) {
        if let Some(scalar) = self.step {
            self.executor.set_scalar(scalar, step as f64);
        }
        if let Some(scalar) = self.rate {
            self.executor.set_scalar(scalar, rate);
        }
    }

    /// Says whether the step goes on where the one before ended, or an epoch begins.
    pub fn set_continues(&mut self, continues: bool) {
        if let Some(scalar) = self.continues {
            self.executor.set_scalar(scalar, f64::from(u8::from(continues)));
        }
    }

    pub fn run(&mut self, variables: &mut Variables, pool: &Pool) -> Result<(), TrainError> {
        Ok(self.executor.run(variables, pool)?)
    }

    /// The loss of the last run: NaN if the plan has none.
    pub fn loss(&self) -> f64 {
        self.loss.map_or(f64::NAN, |loss| self.executor.number(loss))
    }

    /// The loss of each row in the last run.
    pub fn losses(&self) -> Slice<'_> {
        self.losses.map_or(Slice::F32(&[]), |losses| self.executor.value(losses))
    }

    /// What the model predicted in the last run.
    pub fn predictions(&self) -> Slice<'_> {
        self.predictions.map_or(Slice::F32(&[]), |predictions| self.executor.value(predictions))
    }

    /// An output by name: NaN if there is none.
    pub fn number(&self, name: &str) -> f64 {
        self.executor.output(name).map_or(f64::NAN, |output| self.executor.number(output))
    }
}

/// Offsets, columns and values of rows by name.
fn sparse_rows(executor: &Executor, name: &str) -> Option<[InputId; 3]> {
    let part = |part: &str| executor.input(&format!("{name}.{part}"));
    Some([part("offsets")?, part("columns")?, part("values")?])
}

impl Features {
    fn of(executor: &Executor, form: &FeatureForm) -> Features {
        if let Some(sparse) = sparse_rows(executor, SPARSE) {
            return Features::Sparse(sparse);
        }
        if let FeatureForm::Categories { fields, .. } = form {
            let columns = fields.iter().enumerate();
            let column =
                |(at, (name, _)): (usize, &(String, usize))| Some((at, executor.input(&category(name))?));
            let (history, others) = (sparse_rows(executor, HISTORY), executor.input(bpr::OTHER));
            return Features::Categories(Categories {
                columns: columns.filter_map(column).collect(),
                history,
                others,
            });
        }
        match executor.input(FEATURES) {
            Some(features) if executor.takes_indices(features) => Features::Tokens(features),
            Some(features) => Features::Real(features),
            None => Words::of(executor).map_or(Features::Absent, Features::Words),
        }
    }
}

impl Categories {
    fn fill(
        &self,
        executor: &mut Executor,
        data: &Dataset,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Result<(), DataError> {
        for &(column, input) in &self.columns {
            data.fill_category(rows.clone(), column, executor.feed_index(input))?;
        }
        if let Some(others) = self.others {
            data.fill_others(rows.clone(), executor.feed_index(others))?;
        }
        if let Some([offsets, columns, values]) = self.history {
            data.fill_history_offsets(rows.clone(), executor.feed_index(offsets))?;
            data.fill_history(rows.clone(), executor.feed_index(columns))?;
            feed!(executor, values, |values| data.fill_history_values(rows.clone(), values)?);
        }
        Ok(())
    }
}

impl Words {
    /// None if there are no inputs of words.
    fn of(executor: &Executor) -> Option<Words> {
        let named = |field| match field {
            WordField::Center => word2vec::CENTER,
            WordField::Around => word2vec::AROUND,
            WordField::CenterAndNegatives => word2vec::CENTER_AND_NEGATIVES,
            WordField::AroundAndNegatives => word2vec::AROUND_AND_NEGATIVES,
        };
        let inputs = |input: &dyn Fn(&str) -> Option<InputId>| -> Vec<(WordField, InputId)> {
            WordField::ALL.into_iter().filter_map(|field| Some((field, input(named(field))?))).collect()
        };
        let subwords = WordField::ALL.into_iter();
        let subwords = subwords
            .filter_map(|field| Some((field, sparse_rows(executor, &word2vec::parts_of(named(field)))?)));
        let words = Words {
            words: inputs(&|name| executor.input(name)),
            sentences: inputs(&|name| executor.input(&word2vec::sentence_of(name))),
            subwords: subwords.collect(),
        };
        (!words.words.is_empty() || !words.subwords.is_empty()).then_some(words)
    }

    fn fill(
        &self,
        executor: &mut Executor,
        data: &Dataset,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Result<(), DataError> {
        for &(field, input) in &self.words {
            data.fill_words(rows.clone(), field, executor.feed_index(input))?;
        }
        for &(field, input) in &self.sentences {
            feed!(executor, input, |sentences| data.fill_sentences(rows.clone(), field, sentences)?);
        }
        for &(field, [offsets, parts, shares]) in &self.subwords {
            data.fill_subword_offsets(rows.clone(), field, executor.feed_index(offsets))?;
            data.fill_subwords(rows.clone(), field, executor.feed_index(parts))?;
            feed!(executor, shares, |shares| data.fill_subword_shares(rows.clone(), field, shares)?);
        }
        Ok(())
    }
}
