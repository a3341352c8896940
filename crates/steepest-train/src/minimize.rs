//! Minimizing any function, without data or a model.

use std::num::NonZeroUsize;

use steepest_graph::{Executor, Graph, Initial, Plan, PlanOptions, Var, VariableKind, Variables, gradients};
use steepest_optim::{
    Adam, Chain, Constant, LEARNING_RATE, Parameter, Progress, STEP, ScaleByRate, Schedule, Transform,
    apply_updates,
};
use steepest_tensor::{DType, Pool, Tensor};

use crate::TrainError;

/// Minimizes a function of some tensors, written on graph variables, in double precision.
///
/// The function is traced once; it, its gradient and the optimizer's update become one compiled step.
///
/// Defaults: Adam with a learning rate of 0.01, at most 10,000 steps, tolerance 1e-8 (the largest
/// |∂f/∂x| at which the search ends; SciPy's BFGS takes 1e-5).
///
/// ```
/// use steepest_tensor::Tensor;
/// use steepest_train::Minimize;
/// // Rosenbrock's valley, whose lowest point is at (1, 1).
/// let minimum = Minimize::new(|p| (1.0 - p[0]).square() + 100.0 * (p[1] - p[0].square()).square())
///     .from(&[Tensor::scalar(-1.2), Tensor::scalar(1.0)])
///     .run()?;
/// assert!(minimum.converged && minimum.value < 1e-12, "{minimum:?}");
/// assert!((minimum.at[0].to_f64()[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), steepest_train::TrainError>(())
/// ```
pub struct Minimize<F> {
    function: F,
    start: Vec<Tensor>,
    optimizer: Box<dyn Transform>,
    learning_rate: f64,
    schedule: Box<dyn Schedule>,
    steps: u64,
    tolerance: f64,
}

/// Where the search for a minimum has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The lowest value of the function that was seen.
    pub value: f64,
    /// Where it was seen.
    pub at: Vec<Tensor>,
    /// Steps made.
    pub steps: u64,
    /// The largest |∂f/∂x| there.
    pub largest_slope: f64,
    /// Whether that is below the tolerance.
    pub converged: bool,
}

impl<F> Minimize<F>
where
    F: for<'g> Fn(&[Var<'g>]) -> Var<'g>,
{
    /// The function: from variables of the shapes of the starting point to one number.
    pub fn new(function: F) -> Minimize<F> {
        Minimize {
            function,
            start: Vec::new(),
            optimizer: Box::new(Chain::new().then(Adam::default()).then(ScaleByRate)),
            learning_rate: 0.01,
            schedule: Box::new(Constant),
            steps: 10_000,
            tolerance: 1e-8,
        }
    }

    /// Where the search begins.
    #[must_use]
    pub fn from(mut self, start: &[Tensor]) -> Self {
        self.start = start.to_vec();
        self
    }

    /// The optimizer, a complete chain from gradient to update.
    #[must_use]
    pub fn optimizer(mut self, optimizer: impl Transform + 'static) -> Self {
        self.optimizer = Box::new(optimizer);
        self
    }

    /// The base learning rate.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = rate;
        self
    }

    /// What the learning rate is multiplied by in the course of the search.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Box::new(schedule);
        self
    }

    /// At most this many steps.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// The largest |∂f/∂x| at which the search ends; 0 uses all steps.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Searches.
    ///
    /// # Errors
    /// If the function cannot be compiled, or its value or gradient is not finite
    /// ([`TrainError::NotFinite`]).
    pub fn run(self) -> Result<Minimum, TrainError> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(TrainError::LearningRate { got: self.learning_rate });
        }
        let graph = Graph::new();
        let name = |index: usize| format!("x{index}");
        let declare = |(index, start): (usize, &Tensor)| {
            let initial = Initial::Values(start.clone());
            graph.variable(&name(index), VariableKind::Parameter, start.shape(), initial)
        };
        let x: Vec<Var<'_>> = self.start.iter().enumerate().map(declare).collect();
        let value = (self.function)(&x);
        let slopes = gradients(value, &x);
        let parameters: Vec<Parameter<'_>> =
            (0..).zip(&x).map(|(i, x)| Parameter::new(name(i), *x)).collect();
        let largest = slopes.iter().map(|slope| {
            let slope = slope.dense();
            slope.abs().max_over(&(0..slope.shape().rank()).collect::<Vec<_>>())
        });
        let largest = largest.reduce(Var::maximum).unwrap_or_else(|| graph.constant(0.0));
        apply_updates(&graph, &parameters, slopes, &*self.optimizer);
        let outputs = [("value", value), ("largest", largest)];
        let plan = Plan::compile(&graph, &outputs, &PlanOptions { dtype: DType::F64 })?;
        let variables = Variables::new(plan.variables(), DType::F64);
        self.search(Executor::new(plan, &variables)?, variables)
    }

    fn search(&self, mut executor: Executor, mut variables: Variables) -> Result<Minimum, TrainError> {
        let pool = Pool::new(NonZeroUsize::MIN);
        let (step_at, rate_at) = (executor.scalar(STEP), executor.scalar(LEARNING_RATE));
        let (value_at, largest_at) = (executor.output("value"), executor.output("largest"));
        let mut before = variables.flat().clone();
        let mut lowest = (f64::INFINITY, f64::INFINITY, variables.flat().clone());
        let mut steps = 0;
        // The values that a run reports are those before its update, so one run more than updates.
        for step in 1..=self.steps.saturating_add(1) {
            let progress = Progress { step, total: Some(self.steps), steps_per_epoch: None };
            for (at, number) in
                [(step_at, step as f64), (rate_at, self.learning_rate * self.schedule.at(progress))]
            {
                if let Some(at) = at {
                    executor.set_scalar(at, number);
                }
            }
            before.clone_from(variables.flat());
            executor.run(&mut variables, &pool)?;
            let number = |at: Option<steepest_graph::OutputId>| at.map_or(f64::NAN, |at| executor.number(at));
            let (value, largest) = (number(value_at), number(largest_at));
            if !value.is_finite() || !largest.is_finite() {
                return Err(TrainError::NotFinite { step, value, largest_slope: largest });
            }
            if value < lowest.0 {
                lowest.0 = value;
                lowest.1 = largest;
                lowest.2.clone_from(&before);
            }
            steps = step - 1;
            if largest <= self.tolerance {
                (lowest.0, lowest.1) = (value, largest);
                lowest.2.clone_from(&before);
                break;
            }
        }
        let (value, largest_slope, flat) = lowest;
        *variables.flat_mut() = flat;
        let at = (0..self.start.len()).filter_map(|index| variables.get(&format!("x{index}"))).collect();
        Ok(Minimum { value, at, steps, largest_slope, converged: largest_slope <= self.tolerance })
    }
}

impl<F> std::fmt::Debug for Minimize<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minimize")
            .field("start", &self.start)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
