//! A look at the size of the gradient, now and then, by a plan that changes nothing.

use steepest_data::{Batches, Position};
use steepest_graph::VariableKind;

use crate::TrainError;
use crate::blueprint::{Blueprint, Extent, LOSS};
use crate::program::Program;
use crate::stepper::{StepContext, in_parts};

/// Updates for each look, so that looking costs little.
const STEPS_PER_LOOK: u64 = 8;

/// What a look has found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gradient {
    /// The Euclidean norm of the gradient of all parameters.
    pub norm: f64,
    /// The loss of the rows that it is of: where there is none, there is no gradient either.
    pub loss: f64,
}

/// Measures the norm of the gradient on the first batch of an epoch, with the weights at its end.
pub(crate) struct GradientLook {
    /// Epochs from one look to the next.
    every: u64,
    compiled: Option<(Program, Vec<[String; 2]>)>,
}

impl GradientLook {
    pub fn new(steps_per_epoch: u64) -> GradientLook {
        GradientLook { every: STEPS_PER_LOOK.div_ceil(steps_per_epoch.max(1)), compiled: None }
    }

    /// The gradient at the end of an epoch; none after most of them if they are short.
    pub fn look(
        &mut self,
        epoch: u64,
        blueprint: &Blueprint,
        batches: &Batches,
        step: u64,
        cx: StepContext<'_>,
    ) -> Result<Option<Gradient>, TrainError> {
        if !epoch.is_multiple_of(self.every) || in_parts(blueprint, batches, cx.data) {
            return Ok(None);
        }
        let (program, names) = match &mut self.compiled {
            Some(compiled) => compiled,
            None => {
                let rows = batches.size();
                let entries = cx.data.capacities(rows).most;
                let (plan, names) = blueprint.gradient_norms(Extent { rows, entries })?;
                self.compiled.insert((Program::new(plan, cx.variables, &blueprint.form)?, names))
            }
        };
        let first = Position { epoch: epoch - 1, index: 0 };
        let Some(batch) = batches.iter_from(first).next() else { return Ok(None) };
        program.fill(cx.data, batch.rows())?;
        program.set(step, 0.0);
        let has_states = cx.variables.specs().iter().any(|spec| spec.kind == VariableKind::State);
        match has_states {
            // The forward pass of training changes states (running means), which a look must not.
            true => program.run(&mut cx.variables.clone(), cx.pool)?,
            false => program.run(cx.variables, cx.pool)?,
        }
        let norms = names
            .iter()
            .map(|[largest, squares]| program.number(largest).abs() * program.number(squares).sqrt());
        Ok(Some(Gradient { norm: norms.fold(0.0, f64::hypot), loss: program.number(LOSS) }))
    }
}
