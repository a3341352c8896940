//! Ranks all items for each user, and measures where those stand that the user has chosen.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use steepest_data::{Codes, Dataset, FeatureForm, History};
use steepest_graph::Variables;
use steepest_nn::{Metric, NnError};
use steepest_tensor::Pool;

use crate::TrainError;
use crate::blueprint::{Blueprint, Extent};
use crate::program::Program;
use crate::stepper::ranges;

/// Items that are scored at a time.
const ITEMS: usize = 2048;

/// Of each user in some rows, the items that stand beside it.
#[derive(Debug, Default)]
pub(crate) struct Chosen(BTreeMap<u32, Vec<u32>>);

impl Chosen {
    /// Adds the rows of a data set.
    pub fn add(&mut self, data: &Dataset) -> Result<(), TrainError> {
        let rows = data.rows();
        let (mut users, mut items) = (vec![0; rows], vec![0; rows]);
        data.fill_category(0..rows, 0, &mut users)?;
        data.fill_category(0..rows, 1, &mut items)?;
        users.into_iter().zip(items).for_each(|(user, item)| self.0.entry(user).or_default().push(item));
        Ok(())
    }

    /// Ranks the items for each user, but for those of the training rows, and updates the metrics.
    ///
    /// Users and items that training never saw cannot be ranked: they count as not found.
    pub fn measure(
        &self,
        blueprint: &Blueprint,
        trained: Option<&History>,
        variables: &mut Variables,
        pool: &Pool,
        metrics: &mut [Box<dyn Metric>],
    ) -> Result<(), TrainError> {
        let FeatureForm::Categories { fields, .. } = &blueprint.form else { return Ok(()) };
        let items = fields.get(1).map_or(0, |(_, size)| *size);
        let mut programs: BTreeMap<usize, Program> = BTreeMap::new();
        let (mut scores, mut relevant) = (Vec::with_capacity(items), vec![0.0; items]);
        for (&user, chosen) in &self.0 {
            let codes = (0..items as u32).flat_map(|item| [user, item]).collect();
            let data = Dataset::ratings(Codes { fields: fields.clone(), codes }, vec![0.0; items])?;
            scores.clear();
            for range in ranges(items, ITEMS) {
                let program = match programs.entry(range.len()) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        let plan = blueprint.predict(Extent::of(range.len()))?;
                        entry.insert(Program::new(plan, variables, &blueprint.form)?)
                    }
                };
                program.fill(&data, range.clone())?;
                program.run(variables, pool)?;
                let predictions = program.predictions();
                scores.extend((0..range.len()).map(|at| predictions.get(at)));
            }
            let seen = trained.map_or(&[][..], |history| history.of(user));
            for &item in seen {
                if let Some(score) = scores.get_mut(item as usize) {
                    *score = f64::NEG_INFINITY;
                }
            }
            relevant.fill(0.0);
            for &item in chosen {
                if let Some(flag) = relevant.get_mut(item as usize) {
                    *flag = 1.0;
                }
            }
            let updated: Result<(), NnError> = metrics
                .iter_mut()
                .try_for_each(|metric| metric.update(scores[..].into(), relevant[..].into()));
            updated?;
        }
        Ok(())
    }
}
