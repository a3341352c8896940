//! Steepest as a peer of the benchmark.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use bench_protocol::{Folder, FolderError, Model, Optimizer, Peer};
use steepest_bench::{LOSS, compile};
use steepest_graph::{
    Executor, ExecutorError, InputId, OutputId, PlanErrors, ScalarId, Variables, VariablesError,
};
use steepest_tensor::{DType, Pool, Shape, SliceMut, Tensor, TensorError};

/// A step that could not be built or taken.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The workload could not be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The step could not be compiled.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// The plan could not be bound or run.
    #[error(transparent)]
    Executor(#[from] Box<ExecutorError>),
    /// An initial value does not fit its variable.
    #[error(transparent)]
    Variables(#[from] Box<VariablesError>),
    /// An array does not fit its shape.
    #[error(transparent)]
    Tensor(#[from] Box<TensorError>),
    /// The plan has no input or output of this name.
    #[error("the plan lacks `{name}`")]
    Missing {
        /// The name.
        name: &'static str,
    },
}

/// The engine, ready to take steps.
pub struct Steepest {
    executor: Executor,
    variables: Variables,
    pool: Pool,
    step: Option<ScalarId>,
    rows: Option<Rows>,
    taken: usize,
}

/// The batches of a training workload.
struct Rows {
    x: Examples,
    y: Vec<u32>,
    features: InputId,
    targets: InputId,
    loss: OutputId,
    batches: usize,
}

enum Examples {
    Reals(Vec<f32>),
    Tokens(Vec<u32>),
}

impl Steepest {
    /// Builds and compiles the step.
    pub fn new(folder: &Folder, threads: NonZeroUsize) -> Result<Steepest, PeerError> {
        let workload = &folder.workload;
        let plan = compile(workload)?;
        let mut variables = Variables::new(plan.variables(), DType::F32);
        let prefix = if matches!(workload.model, Model::Mlp { .. }) { "mlp" } else { "logistic" };
        for (index, (inputs, outputs)) in workload.model.layers().into_iter().enumerate() {
            let layer = if prefix == "mlp" { format!("mlp.{index}") } else { prefix.to_owned() };
            let weight =
                Tensor::f32([inputs, outputs], folder.f32(&format!("weight{index}"))?).map_err(Box::new)?;
            variables.set(&format!("{layer}.weight"), &weight).map_err(Box::new)?;
            let bias = Tensor::f32([outputs], folder.f32(&format!("bias{index}"))?).map_err(Box::new)?;
            variables.set(&format!("{layer}.bias"), &bias).map_err(Box::new)?;
        }
        for (name, shape) in bench_protocol::parameters(&workload.model) {
            let shape = Shape::new(&shape).unwrap_or(Shape::SCALAR);
            let value = Tensor::f32(shape, folder.f32(&name)?).map_err(Box::new)?;
            variables.set(&name, &value).map_err(Box::new)?;
        }
        let mut executor = Executor::new(plan, &variables).map_err(Box::new)?;
        let rate = match workload.optimizer {
            Optimizer::Adam { learning_rate, .. } | Optimizer::Sgd { learning_rate, .. } => learning_rate,
        };
        if let Some(scalar) = executor.scalar(steepest_optim::LEARNING_RATE) {
            executor.set_scalar(scalar, rate);
        }
        let step = executor.scalar(steepest_optim::STEP);
        let rows = if let Model::Update { parameters } = workload.model {
            let start = Tensor::f32([parameters], folder.f32("parameter")?).map_err(Box::new)?;
            variables.set("parameter", &start).map_err(Box::new)?;
            drop(start);
            let gradient = input(&executor, "gradient")?;
            copy(executor.feed(gradient), &folder.f32("gradient")?);
            None
        } else {
            let (features, targets) = (input(&executor, "x")?, input(&executor, "y")?);
            let loss = executor.output(LOSS).ok_or(PeerError::Missing { name: LOSS })?;
            let x = match workload.model.vocabulary() {
                Some(_) => Examples::Tokens(folder.u32("x")?),
                None => Examples::Reals(folder.f32("x")?),
            };
            Some(Rows { x, y: folder.u32("y")?, features, targets, loss, batches: workload.batches })
        };
        Ok(Steepest { executor, variables, pool: Pool::new(threads), step, rows, taken: 0 })
    }
}

impl Rows {
    /// The batch of a step.
    fn part<'a, V>(&self, values: &'a [V], step: usize) -> &'a [V] {
        let size = values.len() / self.batches;
        let first = step % self.batches * size;
        &values[first..first + size]
    }

    /// Copies the batch of a step into the plan's inputs.
    fn feed(&self, executor: &mut Executor, step: usize) {
        match &self.x {
            Examples::Reals(x) => copy(executor.feed(self.features), self.part(x, step)),
            Examples::Tokens(x) => executor.feed_index(self.features).copy_from_slice(self.part(x, step)),
        }
        // One of the two is empty.
        let y = self.part(&self.y, step);
        executor.feed_index(self.targets).iter_mut().zip(y).for_each(|(target, y)| *target = *y);
        if let SliceMut::F32(targets) = executor.feed(self.targets) {
            targets.iter_mut().zip(y).for_each(|(target, y)| *target = *y as f32);
        }
    }
}

fn input(executor: &Executor, name: &'static str) -> Result<InputId, PeerError> {
    executor.input(name).ok_or(PeerError::Missing { name })
}

fn copy(to: SliceMut<'_>, from: &[f32]) {
    if let SliceMut::F32(to) = to {
        to.copy_from_slice(from);
    }
}

impl Peer for Steepest {
    type Error = PeerError;

    fn run(&mut self, steps: usize) -> Result<(), PeerError> {
        for _ in 0..steps {
            if let Some(rows) = &self.rows {
                rows.feed(&mut self.executor, self.taken);
            }
            self.taken += 1;
            if let Some(step) = self.step {
                self.executor.set_scalar(step, self.taken as f64);
            }
            self.executor.run(&mut self.variables, &self.pool).map_err(Box::new)?;
        }
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, PeerError> {
        if let Some(rows) = &self.rows {
            return Ok(self.executor.number(rows.loss));
        }
        let parameter = self.variables.slice("parameter").ok_or(PeerError::Missing { name: "parameter" })?;
        Ok((0..4096).map(|i| parameter.get(i).powi(2)).sum::<f64>() / 4096.0)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), steepest_tensor::instruction_set());
        BTreeMap::from([("steepest".to_owned(), version)])
    }
}
