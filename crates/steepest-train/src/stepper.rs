//! One update, on a batch of any size.

use std::ops::Range;

use steepest_data::{Batches, Capacities, Dataset, FeatureForm, Position};
use steepest_graph::{Cost, Plan, VariableSpec, Variables};
use steepest_optim::Transform;
use steepest_tensor::Pool;

use crate::TrainError;
use crate::blueprint::{Blueprint, Extent};
use crate::program::Program;

/// Numbers in a batch's features beyond which an update is cut into parts: 16 MiB in single precision.
const MOST_FEATURES: usize = 1 << 22;

/// What a stepper needs to make an update.
pub(crate) struct StepContext<'a> {
    pub data: &'a Dataset,
    pub variables: &'a mut Variables,
    pub pool: &'a Pool,
}

/// The rows of an update.
#[derive(Clone, Copy)]
pub(crate) struct StepRows<'a> {
    /// Where they stand.
    pub start: Position,
    pub rows: &'a [u32],
}

impl StepRows<'_> {
    fn iter(&self) -> impl Iterator<Item = usize> + Clone {
        self.rows.iter().map(|&row| row as usize)
    }
}

/// One update, on a batch of any size.
///
/// A batch that fits is one run of one plan. A larger one ("full" on many rows) is the exact mean over
/// all its rows: parts add their gradients up, and one more plan applies the mean.
#[allow(clippy::large_enum_variant)] // There is one for a run.
pub(crate) enum Stepper {
    /// `keeps`: the one batch holds all rows, and stays in place once it is there.
    Whole {
        batch: Sized,
        tail: Option<Sized>,
        keeps: bool,
        filled: bool,
    },
    Parts {
        part: usize,
        whole: Program,
        rest: Option<Program>,
        apply: Program,
    },
}

/// A step for a number of rows. Sparse rows differ in length: most batches fit into a program with less room.
pub(crate) struct Sized {
    usual: Program,
    /// The entries that the usual program has room for, and the program for the batches that need more.
    more: Option<(usize, Program)>,
}

impl Sized {
    fn pick(&mut self, entries: usize) -> &mut Program {
        match &mut self.more {
            Some((room, more)) if entries > *room => more,
            _ => &mut self.usual,
        }
    }
}

/// The plans of [`Sized`].
pub(crate) struct SizedPlans {
    usual: Plan,
    more: Option<(usize, Plan)>,
}

impl SizedPlans {
    fn compile(
        blueprint: &Blueprint,
        optimizer: &dyn Transform,
        data: &Dataset,
        rows: usize,
    ) -> Result<SizedPlans, TrainError> {
        let Capacities { usual, most } = data.capacities(rows);
        let plan = |entries| blueprint.train(Extent { rows, entries }, optimizer);
        let more = if usual < most { Some((usual, plan(most)?)) } else { None };
        Ok(SizedPlans { usual: plan(usual)?, more })
    }
}

/// The plans of a stepper, before there is a store of variables.
#[allow(clippy::large_enum_variant)] // There is one for a run.
pub(crate) enum StepPlans {
    Whole { batch: SizedPlans, tail: Option<SizedPlans>, keeps: bool },
    Parts { part: usize, whole: Plan, rest: Option<Plan>, apply: Plan },
}

impl StepPlans {
    pub fn compile(
        blueprint: &Blueprint,
        optimizer: &dyn Transform,
        batches: &Batches,
        data: &Dataset,
    ) -> Result<StepPlans, TrainError> {
        StepPlans::with_parts_of(rows_of_a_part(blueprint, data), blueprint, optimizer, batches, data)
    }

    /// The plans that cut batches of more than `part` rows.
    pub fn with_parts_of(
        part: usize,
        blueprint: &Blueprint,
        optimizer: &dyn Transform,
        batches: &Batches,
        data: &Dataset,
    ) -> Result<StepPlans, TrainError> {
        let rows = batches.size();
        if rows <= part || batches.per_epoch() > 1 {
            let tail = batches.tail();
            return Ok(StepPlans::Whole {
                batch: SizedPlans::compile(blueprint, optimizer, data, rows)?,
                tail: (tail > 0)
                    .then(|| SizedPlans::compile(blueprint, optimizer, data, tail))
                    .transpose()?,
                keeps: batches.per_epoch() == 1,
            });
        }
        let accumulate = |rows| blueprint.accumulate(Extent { rows, entries: data.capacities(rows).most });
        let whole = accumulate(part)?;
        let rest = rows % part;
        Ok(StepPlans::Parts {
            part,
            apply: blueprint.apply(whole.variables(), rows, optimizer)?,
            whole,
            rest: (rest > 0).then(|| accumulate(rest)).transpose()?,
        })
    }

    /// All variables of the plans, each once.
    pub fn variables(&self) -> Vec<VariableSpec> {
        let plans: [&Plan; 2] = match self {
            StepPlans::Whole { batch, .. } => [&batch.usual, &batch.usual],
            StepPlans::Parts { whole, apply, .. } => [whole, apply],
        };
        let mut all: Vec<VariableSpec> = Vec::new();
        for spec in plans.into_iter().flat_map(Plan::variables) {
            if !all.iter().any(|known| known.name == spec.name) {
                all.push(spec.clone());
            }
        }
        all
    }

    /// What the plan of a batch, or of a part of one, costs.
    pub fn cost(&self) -> Cost {
        match self {
            StepPlans::Whole { batch, .. } => batch.usual.cost(),
            StepPlans::Parts { whole, .. } => whole.cost(),
        }
    }

    /// The plan of a step, for people.
    pub fn explain(&self) -> String {
        match self {
            StepPlans::Whole { batch, .. } => batch.usual.explain(),
            StepPlans::Parts { part, whole, apply, .. } => {
                format!("each part of {part} rows:\n{}\nthen:\n{}", whole.explain(), apply.explain())
            }
        }
    }

    pub fn bind(self, variables: &Variables, form: &FeatureForm) -> Result<Stepper, TrainError> {
        let bind = |plan: Plan| Program::new(plan, variables, form);
        let sized = |SizedPlans { usual, more }| -> Result<Sized, TrainError> {
            let more = more.map(|(room, plan)| bind(plan).map(|plan| (room, plan))).transpose()?;
            Ok(Sized { usual: bind(usual)?, more })
        };
        Ok(match self {
            StepPlans::Whole { batch, tail, keeps } => Stepper::Whole {
                batch: sized(batch)?,
                tail: tail.map(sized).transpose()?,
                keeps,
                filled: false,
            },
            StepPlans::Parts { part, whole, rest, apply } => Stepper::Parts {
                part,
                whole: bind(whole)?,
                rest: rest.map(bind).transpose()?,
                apply: bind(apply)?,
            },
        })
    }
}

impl Stepper {
    /// Makes update number `step` on a batch; returns the mean loss of its rows before the update.
    pub fn step(
        &mut self,
        cx: StepContext<'_>,
        batch: StepRows<'_>,
        full: bool,
        step: u64,
        rate: f64,
    ) -> Result<f64, TrainError> {
        match self {
            Stepper::Whole { batch: whole, tail, keeps, filled } => {
                let sized = match tail {
                    Some(tail) if !full => tail,
                    _ => whole,
                };
                let epoch = cx.data.is_augmented().then(|| cx.data.at_epoch(batch.start.epoch));
                let data = epoch.as_ref().unwrap_or(cx.data);
                let entries = if sized.more.is_some() { data.entries(batch.iter()) } else { 0 };
                let program = sized.pick(entries);
                if !(*keeps && *filled) || epoch.is_some() {
                    program.fill(data, batch.iter())?;
                    *filled = true;
                }
                program.set(step, rate);
                program.set_continues(batch.start.index > 0);
                program.run(cx.variables, cx.pool)?;
                Ok(program.loss())
            }
            Stepper::Parts { part, whole, rest, apply } => {
                let (rows, mut loss) = (batch.rows.len(), 0.0);
                let parts = rows.div_ceil(*part) as u64;
                for (number, range) in ranges(rows, *part).enumerate() {
                    let program = match rest {
                        Some(rest) if range.len() < *part => &mut *rest,
                        _ => &mut *whole,
                    };
                    // All rows are in the batch, and their order does not change a mean.
                    program.fill(&cx.data.at_epoch(batch.start.epoch), range)?;
                    // Parts draw different random numbers (dropout).
                    program.set((step - 1) * parts + number as u64 + 1, rate);
                    program.run(cx.variables, cx.pool)?;
                    loss += program.loss();
                }
                apply.set(step, rate);
                apply.run(cx.variables, cx.pool)?;
                Ok(loss / rows as f64)
            }
        }
    }
}

impl Stepper {
    /// Asks the processor's cache for what a later batch of few rows will read of tables.
    pub fn prefetch(&self, data: &Dataset, variables: &Variables, rows: impl Iterator<Item = usize>) {
        if let Stepper::Whole { batch, .. } = self {
            batch.usual.prefetch(data, variables, rows);
        }
    }
}

fn rows_of_a_part(blueprint: &Blueprint, data: &Dataset) -> usize {
    let width = match blueprint.form {
        FeatureForm::Dense | FeatureForm::Sequences | FeatureForm::Tokens => blueprint.example.elements(),
        _ => data.entries(0..data.rows()) / data.rows().max(1) + 1,
    };
    (MOST_FEATURES / width.max(1)).max(1)
}

/// Whether an update is cut into parts.
pub(crate) fn in_parts(blueprint: &Blueprint, batches: &Batches, data: &Dataset) -> bool {
    batches.per_epoch() == 1 && batches.size() > rows_of_a_part(blueprint, data)
}

/// 0..rows in ranges of `size`, the last of what is left.
pub(crate) fn ranges(rows: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(size.max(1)).map(move |start| start..(start + size.max(1)).min(rows))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use steepest_data::BatchSize;
    use steepest_nn::{Mlp, Task};
    use steepest_optim::{Adam, Chain, ScaleByRate};
    use steepest_tensor::{DType, Key};

    use super::*;

    /// Weights after ten steps of "full" gradient descent, in parts of so many rows.
    fn weights(part: usize) -> Vec<f64> {
        let key = Key::new(2);
        let x: Vec<f64> = (0..23 * 3).map(|i| key.normal(i)).collect();
        let y = (0..23).map(|i| key.normal(1000 + i)).collect();
        let data = Dataset::regression([3], x, y).unwrap();
        let blueprint = Blueprint {
            loss: crate::training::usual_loss(&Mlp::new(&[5], 1), &Task::Regression { outputs: 1 }).unwrap(),
            model: Box::new(Mlp::new(&[5], 1)),
            model_at: None,
            task: Task::Regression { outputs: 1 },
            example: data.example(),
            form: data.form(),
            key,
            precision: DType::F64,
            weighted: false,
        };
        let adam = Chain::new().then(Adam::default()).then(ScaleByRate);
        let batches = Batches::sequential(23, BatchSize::Full);
        let plans = StepPlans::with_parts_of(part, &blueprint, &adam, &batches, &data).unwrap();
        let mut variables = Variables::new(&plans.variables(), DType::F64);
        let mut stepper = plans.bind(&variables, &blueprint.form).unwrap();
        let pool = Pool::new(NonZeroUsize::MIN);
        let mut losses = Vec::new();
        for (step, batch) in (1..=10).zip(batches.iter_from(Position::default())) {
            let cx = StepContext { data: &data, variables: &mut variables, pool: &pool };
            let rows: Vec<u32> = batch.rows().map(|row| row as u32).collect();
            let rows = StepRows { start: batch.start(), rows: &rows };
            losses.push(stepper.step(cx, rows, true, step, 0.01).unwrap());
        }
        let names = ["mlp.0.weight", "mlp.0.bias", "mlp.1.weight", "mlp.1.bias"];
        let weights = names.iter().flat_map(|name| variables.get(name).unwrap().to_f64());
        losses.into_iter().chain(weights).collect()
    }

    #[test]
    fn parts_of_a_batch_make_the_update_of_the_whole() {
        let whole = weights(23);
        assert!(whole[9] < whole[0], "{whole:?}");
        for part in [1, 5, 7, 22] {
            let parts = weights(part);
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * (1.0 + a.abs());
            assert!(whole.iter().zip(&parts).all(near), "parts of {part}:\n{whole:?}\n{parts:?}");
        }
    }
}
