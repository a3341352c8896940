//! What made the first number of a run that is not finite.

use std::iter::once;

use steepest_data::{FeatureForm, Position, TargetsMut};
use steepest_graph::{Feeds, Graph, Variables, first_not_finite};
use steepest_nn::Target;
use steepest_optim::{LEARNING_RATE, STEP};
use steepest_tensor::{DType, Shape, Tensor};

use super::Trainer;
use crate::blueprint::{Extent, FEATURES, TARGETS};
use crate::stepper::{StepContext, StepPlans, StepRows, in_parts};
use crate::training::set_states;
use crate::{Cause, TrainError};

/// Operations, in all steps made so far, beyond which they are not made again to find the cause.
const MOST_FLOPS: u64 = 1 << 38;
/// Operations of a step beyond which the readable kernels would take too long.
const MOST_FLOPS_OF_A_STEP: u64 = 1 << 31;

impl Trainer {
    /// What made the first number that is not finite in the update that was just made.
    ///
    /// That update has spoilt the variables it began with. A run is a function of its seed, so the updates
    /// before are made once more, and this one is looked at in the readable kernels. Nothing if that would
    /// take long, or if it finds nothing: double precision holds what single may not.
    pub(super) fn cause(&self) -> Option<Cause> {
        let (step, flops) = (self.state.step, self.cost.flops);
        if self.blueprint.form != FeatureForm::Dense
            || in_parts(&self.blueprint, &self.batches, &self.train)
            || flops > MOST_FLOPS_OF_A_STEP
            || step.saturating_mul(flops) > MOST_FLOPS
        {
            return None;
        }
        self.look_at(step).ok().flatten()
    }

    fn look_at(&self, step: u64) -> Result<Option<Cause>, TrainError> {
        let mut batches = self.batches.iter_from(Position::default());
        let variables = self.variables_before(step, &mut batches)?;
        let Some(batch) = batches.next() else { return Ok(None) };
        let (graph, rows) = (Graph::new(), batch.len());
        let loss = self.blueprint.train_graph(&graph, Extent::of(rows), &*self.optimizer)?;
        let width = self.blueprint.example.elements();
        let mut features = vec![0.0; rows * width];
        let shape = |sizes: Vec<usize>| Shape::new(&sizes).ok();
        let example = once(rows).chain(self.blueprint.example.iter().copied()).collect();
        let (Some(example), Some(tall)) = (shape(example), shape(vec![rows, self.blueprint.task.targets()]))
        else {
            return Ok(None);
        };
        let targets = match self.blueprint.loss.target() {
            Target::Labels => {
                let mut classes = vec![0; rows];
                self.train.fill(batch.rows(), &mut features, TargetsMut::Classes(&mut classes))?;
                Tensor::u32([rows], classes)
            }
            Target::Values => {
                let mut numbers = vec![0.0; tall.elements()];
                self.train.fill(batch.rows(), &mut features, TargetsMut::Real(&mut numbers))?;
                Tensor::f64(tall, numbers)
            }
            Target::Nothing => return Ok(None),
        };
        let (Ok(targets), Ok(features)) = (targets, Tensor::f64(example, features)) else { return Ok(None) };
        let mut feeds = Feeds::new().with(FEATURES, features).with(TARGETS, targets);
        feeds = feeds.scalar(STEP, step as f64).scalar(LEARNING_RATE, self.rate_at(step));
        for spec in variables.specs() {
            feeds = match variables.get(&spec.name) {
                Some(value) => feeds.with(&spec.name, value.cast(DType::F64)),
                None => feeds,
            };
        }
        let largest = if self.blueprint.precision == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
        let found = first_not_finite(&graph, &[loss], &feeds, largest)?;
        Ok(found.map(|found| Cause {
            op: found.op.to_owned(),
            layer: found.layer,
            location: found.location.to_string(),
            value: found.value,
        }))
    }

    /// The variables that an update began with.
    fn variables_before(
        &self,
        step: u64,
        batches: &mut steepest_data::BatchIter,
    ) -> Result<Variables, TrainError> {
        let plans = StepPlans::compile(&self.blueprint, &*self.optimizer, &self.batches, &self.train)?;
        let mut variables = Variables::new(&plans.variables(), self.blueprint.precision);
        set_states(&self.blueprint, &self.train, &mut variables)?;
        let mut stepper = plans.bind(&variables, &self.blueprint.form)?;
        let mut rows = Vec::with_capacity(self.batches.size());
        for made in 1..step {
            rows.clear();
            let Some((start, _)) = batches.next_into(&mut rows) else { break };
            let cx = StepContext { data: &self.train, variables: &mut variables, pool: &self.pool };
            let (full, rows) = (rows.len() == self.batches.size(), StepRows { start, rows: &rows });
            stepper.step(cx, rows, full, made, self.rate_at(made))?;
        }
        Ok(variables)
    }
}
