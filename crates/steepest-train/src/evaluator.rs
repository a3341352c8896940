//! Runs a model over rows without training it, and measures what it predicts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use steepest_data::{Dataset, FeatureForm, History, Scaling, TargetKind, TargetsMut};
use steepest_graph::Variables;
use steepest_nn::{Metric, MetricSpec, NnError, Registered, Task, Values};
use steepest_tensor::{Pool, Slice};

use crate::blueprint::{Blueprint, Extent};
use crate::program::Program;
use crate::ranker::Chosen;
use crate::stepper::ranges;
use crate::{Confusion, Evaluation, TrainError};

/// Rows that are evaluated at a time, at most.
const MOST_ROWS: usize = 512;
/// Numbers in their features, at most: 1 MiB in single precision.
const MOST_FEATURES: usize = 1 << 18;
/// Tokens that are evaluated at a time, at most.
const MOST_TOKENS: usize = 1 << 11;

/// Compiled plans for evaluation, by their number of rows, and the metrics to take.
pub(crate) struct Evaluator {
    programs: BTreeMap<Extent, Program>,
    rows: usize,
    metrics: Vec<&'static MetricSpec>,
}

/// Rows that are evaluated at a time.
pub(crate) fn rows_at_a_time(blueprint: &Blueprint) -> usize {
    // A token has as many numbers as a model makes of it, some hundreds.
    let most = if blueprint.form == FeatureForm::Tokens { MOST_TOKENS } else { MOST_FEATURES };
    match blueprint.form {
        FeatureForm::Words { row } => (MOST_TOKENS / row.around().max(1)).max(1),
        FeatureForm::Dense | FeatureForm::Sequences | FeatureForm::Tokens => {
            (most / blueprint.example.elements().max(1)).clamp(1, MOST_ROWS)
        }
        _ => MOST_ROWS,
    }
}

/// Room for some rows: of sparse ones, entries up to the next power of two, so that there are few plans.
pub(crate) fn room(data: &Dataset, rows: Range<usize>) -> Extent {
    let entries = match data.entries(rows.clone()) {
        0 if !data.form().has_entries() => 0,
        entries => entries.next_power_of_two().max(16),
    };
    Extent { rows: rows.len(), entries }
}

impl Evaluator {
    /// Metrics by name; none: those usual for the task.
    pub fn new(blueprint: &Blueprint, metrics: Option<&[String]>) -> Result<Evaluator, NnError> {
        let usual = || blueprint.task.default_metrics().iter().map(|name| (*name).to_owned()).collect();
        let names: Vec<String> = metrics.map_or_else(usual, <[String]>::to_vec);
        let metrics = names.iter().map(|name| MetricSpec::find(name)).collect::<Result<Vec<_>, _>>()?;
        let evaluator = Evaluator { programs: BTreeMap::new(), rows: rows_at_a_time(blueprint), metrics };
        evaluator.fresh_metrics(&blueprint.task)?;
        Ok(evaluator)
    }

    /// The names of the metrics.
    pub fn metrics(&self) -> Vec<String> {
        self.metrics.iter().map(|spec| spec.about.name.to_owned()).collect()
    }

    fn fresh_metrics(&self, task: &Task) -> Result<Vec<Box<dyn Metric>>, NnError> {
        self.metrics.iter().map(|spec| spec.build(&spec.settings([])?, task)).collect()
    }

    /// Empty scores for rows with these targets.
    pub fn begin(&self, task: &Task, targets: TargetKind<'_>) -> Result<Scores, NnError> {
        let (mut scaling, mut confusion) = (Scaling::IDENTITY, None);
        match targets {
            TargetKind::Regression { scaling: unit, .. } => scaling = unit,
            TargetKind::Classes { names } if !matches!(task, Task::Regression { .. }) => {
                confusion = Some(Confusion::new(names));
            }
            _ => {}
        }
        let (names, metrics) = (self.metrics(), self.fresh_metrics(task)?);
        Ok(Scores {
            rows: 0,
            loss: 0.0,
            names,
            metrics,
            scaling,
            confusion,
            predicted: Vec::new(),
            chosen: None,
        })
    }

    /// Adds all rows of a data set to the scores.
    ///
    /// Losses are added row by row in double precision, so how rows are grouped does not matter.
    pub fn add(
        &mut self,
        scores: &mut Scores,
        blueprint: &Blueprint,
        data: &Dataset,
        variables: &mut Variables,
        pool: &Pool,
    ) -> Result<(), TrainError> {
        let (classes, numbers) = (data.classes(), data.numbers());
        let ranked = matches!(blueprint.task, Task::Ranking { .. });
        if ranked {
            scores.chosen.get_or_insert_default().add(data)?;
        }
        for range in ranges(data.rows(), self.rows) {
            let extent = room(data, range.clone());
            let program = match self.programs.entry(extent) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    entry.insert(Program::new(blueprint.evaluate(extent)?, variables, &blueprint.form)?)
                }
            };
            program.fill(data, range.clone())?;
            program.run(variables, pool)?;
            let losses = program.losses();
            for row in 0..range.len() {
                scores.loss += losses.get(row);
            }
            scores.rows += range.len();
            match classes.get(range.clone()) {
                _ if ranked => {}
                _ if data.is_indices() => {
                    let mut targets = vec![0; range.len() * data.target_width()];
                    data.fill_targets::<f32>(range.clone(), TargetsMut::Classes(&mut targets))?;
                    scores.classes(program.predictions(), &targets)?;
                }
                Some(labels) if scores.confusion.is_some() => {
                    scores.classes(program.predictions(), labels)?
                }
                Some(labels) => {
                    scores.numbers(program.predictions(), labels.iter().map(|&class| f64::from(class)))?
                }
                None => {
                    let width = data.target_width();
                    let numbers = numbers.get(range.start * width..range.end * width).unwrap_or_default();
                    scores.numbers(program.predictions(), numbers.iter().copied())?;
                }
            }
        }
        Ok(())
    }

    /// Scores all rows of a data set.
    pub fn evaluate(
        &mut self,
        blueprint: &Blueprint,
        data: &Dataset,
        variables: &mut Variables,
        pool: &Pool,
    ) -> Result<Evaluation, TrainError> {
        let mut scores = self.begin(&blueprint.task, data.target_kind())?;
        self.add(&mut scores, blueprint, data, variables, pool)?;
        scores.rank(blueprint, data.history(), variables, pool)?;
        Ok(scores.finish())
    }
}

/// Loss and metrics over the rows so far.
pub(crate) struct Scores {
    rows: usize,
    loss: f64,
    names: Vec<String>,
    metrics: Vec<Box<dyn Metric>>,
    /// From the unit that the model predicts in to the target's own.
    scaling: Scaling,
    confusion: Option<Confusion>,
    /// Room for predictions and targets in the target's own unit.
    predicted: Vec<f64>,
    /// Where items are ranked, the items of each user.
    chosen: Option<Chosen>,
}

impl Scores {
    /// The rows added so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn classes(&mut self, predictions: Slice<'_>, labels: &[u32]) -> Result<(), NnError> {
        let width = predictions.len() / labels.len().max(1);
        if let Some(confusion) = &mut self.confusion {
            for (row, &label) in labels.iter().enumerate() {
                confusion.count(label as usize, class(predictions, row, width));
            }
        }
        let values = match predictions {
            Slice::F32(values) => Values::F32(values),
            Slice::F64(values) => Values::F64(values),
        };
        self.metrics.iter_mut().try_for_each(|metric| metric.update(values, labels.into()))
    }

    fn numbers(&mut self, predictions: Slice<'_>, targets: impl Iterator<Item = f64>) -> Result<(), NnError> {
        let (count, scaling) = (predictions.len(), self.scaling);
        self.predicted.clear();
        self.predicted.extend((0..count).map(|i| scaling.invert(predictions.get(i))));
        self.predicted.extend(targets.map(|target| scaling.invert(target)));
        let (predicted, targets) = self.predicted.split_at(count);
        self.metrics.iter_mut().try_for_each(|metric| metric.update(predicted.into(), targets.into()))
    }

    /// Measures how items rank, where that is the task: when all rows are there, because a user's may stand anywhere.
    pub fn rank(
        &mut self,
        blueprint: &Blueprint,
        trained: Option<&History>,
        variables: &mut Variables,
        pool: &Pool,
    ) -> Result<(), TrainError> {
        match self.chosen.take() {
            Some(chosen) => chosen.measure(blueprint, trained, variables, pool, &mut self.metrics),
            None => Ok(()),
        }
    }

    pub fn finish(self) -> Evaluation {
        Evaluation {
            rows: self.rows,
            loss: self.loss / self.rows as f64,
            metrics: self.names.into_iter().zip(self.metrics.iter().map(|metric| metric.value())).collect(),
            confusion: self.confusion,
        }
    }
}

/// The class that the logits of a row decide for, the first of equal ones. One logit z decides by z > 0.
pub(crate) fn class(logits: Slice<'_>, row: usize, width: usize) -> usize {
    if width == 1 {
        return usize::from(logits.get(row) > 0.0);
    }
    let of = |k: usize| logits.get(row * width + k);
    (1..width).fold(0, |best, k| if of(k) > of(best) { k } else { best })
}
