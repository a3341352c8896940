//! A compiled plan with its inputs and outputs looked up once, and batches copied straight into it.

use steepest_data::{DataError, Dataset, FeatureForm, TargetsMut, WordField};
use steepest_graph::{Executor, Feed, InputId, OutputId, Plan, ScalarId, Variables};
use steepest_nn::{bpr, word2vec};
use steepest_optim::{LEARNING_RATE, STEP};
use steepest_tensor::{Pool, Slice, SliceMut};

use crate::TrainError;
use crate::blueprint::{FEATURES, HISTORY, LOSS, LOSSES, PREDICTIONS, SPARSE, TARGETS, WEIGHTS, category};

/// A compiled plan for a fixed number of rows. Filling and running it allocates nothing.
pub(crate) struct Program {
    executor: Executor,
    features: Option<InputId>,
    /// Offsets, columns and values of sparse features.
    sparse: Option<[InputId; 3]>,
    /// The columns of categories, by number.
    categories: Vec<(usize, InputId)>,
    /// Offsets, columns and values of the items of each row's user.
    history: Option<[InputId; 3]>,
    /// An item for each row that its user has not chosen.
    others: Option<InputId>,
    /// Words of a text.
    words: Vec<(WordField, InputId)>,
    /// Which sentence each word is in.
    sentences: Vec<(WordField, InputId)>,
    /// Offsets, rows and shares of what each word is made of.
    subwords: Vec<(WordField, [InputId; 3])>,
    /// How many steps of each sequence count.
    lengths: Option<InputId>,
    targets: Option<InputId>,
    /// How much each row counts.
    weights: Option<InputId>,
    step: Option<ScalarId>,
    continues: Option<ScalarId>,
    rate: Option<ScalarId>,
    loss: Option<OutputId>,
    losses: Option<OutputId>,
    predictions: Option<OutputId>,
}

impl Program {
    /// Binds a plan for features of a form.
    pub fn new(plan: Plan, variables: &Variables, form: &FeatureForm) -> Result<Program, TrainError> {
        let executor = Executor::new(plan, variables)?;
        let rows = |name: &str| {
            let part = |part: &str| executor.input(&format!("{name}.{part}"));
            Some([part("offsets")?, part("columns")?, part("values")?])
        };
        let (sparse, history) = (rows(SPARSE), rows(HISTORY));
        let fields = match form {
            FeatureForm::Categories { fields, .. } => fields.as_slice(),
            _ => &[],
        };
        let categories = fields.iter().enumerate();
        let categories =
            categories.filter_map(|(at, (name, _))| Some((at, executor.input(&category(name))?))).collect();
        let named = |field| match field {
            WordField::Center => word2vec::CENTER,
            WordField::Around => word2vec::AROUND,
            WordField::CenterAndNegatives => word2vec::CENTER_AND_NEGATIVES,
            WordField::AroundAndNegatives => word2vec::AROUND_AND_NEGATIVES,
        };
        let words = WordField::ALL.into_iter();
        let words = words.filter_map(|field| Some((field, executor.input(named(field))?)));
        let sentences = WordField::ALL.into_iter();
        let sentences = sentences
            .filter_map(|field| Some((field, executor.input(&word2vec::sentence_of(named(field)))?)));
        let subwords = WordField::ALL.into_iter();
        let subwords = subwords.filter_map(|field| Some((field, rows(&word2vec::parts_of(named(field)))?)));
        Ok(Program {
            subwords: subwords.collect(),
            sparse,
            categories,
            history,
            others: executor.input(bpr::OTHER),
            words: words.collect(),
            sentences: sentences.collect(),
            features: executor.input(FEATURES),
            lengths: executor.input(steepest_nn::LENGTHS),
            targets: executor.input(TARGETS),
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
        if let Some(weights) = self.weights {
            match self.executor.feed(weights) {
                SliceMut::F32(weights) => data.fill_weights(rows.clone(), weights)?,
                SliceMut::F64(weights) => data.fill_weights(rows.clone(), weights)?,
            }
        }
        if let Some([offsets, columns, values]) = self.sparse {
            data.fill_offsets(rows.clone(), self.executor.feed_index(offsets))?;
            data.fill_columns(rows.clone(), self.executor.feed_index(columns))?;
            match self.executor.feed(values) {
                SliceMut::F32(values) => data.fill_values(rows.clone(), values)?,
                SliceMut::F64(values) => data.fill_values(rows.clone(), values)?,
            }
            return self.fill_targets(data, rows);
        }
        if !self.categories.is_empty() {
            for &(field, input) in &self.categories {
                data.fill_category(rows.clone(), field, self.executor.feed_index(input))?;
            }
            if let Some(others) = self.others {
                data.fill_others(rows.clone(), self.executor.feed_index(others))?;
            }
            if let Some([offsets, columns, values]) = self.history {
                data.fill_history_offsets(rows.clone(), self.executor.feed_index(offsets))?;
                data.fill_history(rows.clone(), self.executor.feed_index(columns))?;
                match self.executor.feed(values) {
                    SliceMut::F32(values) => data.fill_history_values(rows.clone(), values)?,
                    SliceMut::F64(values) => data.fill_history_values(rows.clone(), values)?,
                }
            }
            return self.fill_targets(data, rows);
        }
        for &(field, input) in &self.words {
            data.fill_words(rows.clone(), field, self.executor.feed_index(input))?;
        }
        for &(field, input) in &self.sentences {
            match self.executor.feed(input) {
                SliceMut::F32(sentences) => data.fill_sentences(rows.clone(), field, sentences)?,
                SliceMut::F64(sentences) => data.fill_sentences(rows.clone(), field, sentences)?,
            }
        }
        for &(field, [offsets, parts, shares]) in &self.subwords {
            data.fill_subword_offsets(rows.clone(), field, self.executor.feed_index(offsets))?;
            data.fill_subwords(rows.clone(), field, self.executor.feed_index(parts))?;
            match self.executor.feed(shares) {
                SliceMut::F32(shares) => data.fill_subword_shares(rows.clone(), field, shares)?,
                SliceMut::F64(shares) => data.fill_subword_shares(rows.clone(), field, shares)?,
            }
        }
        if let Some(lengths) = self.lengths {
            match self.executor.feed(lengths) {
                SliceMut::F32(lengths) => data.fill_lengths(rows.clone(), lengths)?,
                SliceMut::F64(lengths) => data.fill_lengths(rows.clone(), lengths)?,
            }
        }
        match (self.features, self.targets) {
            (Some(features), Some(targets)) => match self.executor.feed_pair(features, targets) {
                (Feed::Real(SliceMut::F32(x)), Feed::Real(SliceMut::F32(y))) => {
                    data.fill(rows, x, TargetsMut::Real(y))
                }
                (Feed::Real(SliceMut::F64(x)), Feed::Real(SliceMut::F64(y))) => {
                    data.fill(rows, x, TargetsMut::Real(y))
                }
                (Feed::Real(SliceMut::F32(x)), Feed::Index(y)) => data.fill(rows, x, TargetsMut::Classes(y)),
                (Feed::Real(SliceMut::F64(x)), Feed::Index(y)) => data.fill(rows, x, TargetsMut::Classes(y)),
                (Feed::Index(x), Feed::Index(y)) => data.fill_tokens(rows, x, Some(y)),
                // Tokens have tokens for targets, and a plan has one precision.
                _ => Ok(0),
            },
            (Some(features), None) if data.is_indices() => {
                data.fill_tokens(rows, self.executor.feed_index(features), None)
            }
            (Some(features), None) => match self.executor.feed(features) {
                SliceMut::F32(x) => data.fill(rows, x, TargetsMut::None),
                SliceMut::F64(x) => data.fill(rows, x, TargetsMut::None),
            },
            // A model that does not look at the features leaves nothing to predict from.
            (None, _) => Ok(0),
        }
        .map(drop)
    }

    fn fill_targets(&mut self, data: &Dataset, rows: impl Iterator<Item = usize>) -> Result<(), DataError> {
        let Some(targets) = self.targets else { return Ok(()) };
        let indices = self.executor.feed_index(targets);
        if !indices.is_empty() {
            return data.fill_targets::<f32>(rows, TargetsMut::Classes(indices));
        }
        match self.executor.feed(targets) {
            SliceMut::F32(y) => data.fill_targets(rows, TargetsMut::Real(y)),
            SliceMut::F64(y) => data.fill_targets(rows, TargetsMut::Real(y)),
        }
    }

    /// Where to write the features; none if the model does not look at them.
    pub fn features(&mut self) -> Option<SliceMut<'_>> {
        self.features.map(|features| self.executor.feed(features))
    }

    /// Where to write the tokens; empty if the features are real.
    pub fn tokens(&mut self) -> &mut [u32] {
        self.features.map_or(&mut [], |features| self.executor.feed_index(features))
    }

    /// Asks the processor's cache for what rows will read of tables: the weights of their features.
    pub fn prefetch(&self, data: &Dataset, variables: &Variables, rows: impl Iterator<Item = usize>) {
        let Some([_, columns, _]) = self.sparse else { return };
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
