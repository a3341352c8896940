//! The executor: a plan bound to its variables, with its arena.

use std::sync::Arc;

use steepest_tensor::program::{Place, Space};
use steepest_tensor::{DType, Machine, Pool, ProgramError, Shape, Slice, SliceMut};

use crate::plan::Plan;
use crate::variables::Variables;

/// A plan that cannot be bound or run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExecutorError {
    /// The store lacks a variable of the plan.
    #[error("the plan needs variable `{name}`, which the store does not have")]
    MissingVariable {
        /// The variable's name.
        name: String,
    },
    /// The store's variable has another shape.
    #[error("the plan has variable `{name}` with shape {expected}, the store with {got}")]
    VariableShape {
        /// The variable's name.
        name: String,
        /// The plan's shape.
        expected: Shape,
        /// The store's shape.
        got: Shape,
    },
    /// The store has another precision.
    #[error("the plan computes in {expected:?}, the variables are {got:?}")]
    Precision {
        /// The plan's precision.
        expected: DType,
        /// The store's.
        got: DType,
    },
    /// The program is not sound: a defect of the compiler, never of the user.
    #[error(
        "the compiled program is not sound ({0}); this is a defect, please report the model that shows it"
    )]
    Program(#[from] ProgramError),
}

/// An input of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputId(usize);

/// A host scalar of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalarId(usize);

/// An output of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputId(usize);

/// A plan, its arena, and where its variables are. Running allocates nothing.
///
/// Inputs are written straight into the arena, outputs are read from it; both keep their values from
/// one run to the next.
pub struct Executor {
    machine: Machine,
    inputs: Vec<(String, Place)>,
    scalars: Vec<(String, usize)>,
    outputs: Vec<(String, Place, Shape)>,
}

impl Executor {
    /// Binds a plan to a store of variables by name. The store may have more variables than the plan: an
    /// evaluation plan has no slots.
    ///
    /// # Errors
    /// If a variable is missing, or has another shape or precision.
    pub fn new(plan: Plan, variables: &Variables) -> Result<Executor, ExecutorError> {
        if plan.program.dtype != variables.dtype() {
            return Err(ExecutorError::Precision { expected: plan.program.dtype, got: variables.dtype() });
        }
        let mut moves: Vec<(usize, usize)> = Vec::with_capacity(plan.variables.len());
        for (spec, own) in plan.variables.iter().zip(&plan.variable_places) {
            let missing = || ExecutorError::MissingVariable { name: spec.name.clone() };
            let (place, shape) = variables.place(&spec.name).ok_or_else(missing)?;
            if shape != spec.shape {
                let (name, expected) = (spec.name.clone(), spec.shape);
                return Err(ExecutorError::VariableShape { name, expected, got: shape });
            }
            moves.push((own.offset, place.offset));
        }
        // Offsets within a variable move along with its start.
        let moved = |offset: usize| {
            let at = moves.partition_point(|&(from, _)| from <= offset).saturating_sub(1);
            moves.get(at).map_or(offset, |&(from, to)| to + (offset - from))
        };
        let len = variables.flat().as_slice().len();
        let outputs = plan.outputs.into_iter().map(|(name, mut place, shape)| {
            if place.space == Space::Variables {
                place.offset = moved(place.offset);
            }
            (name, place, shape)
        });
        let outputs = outputs.collect();
        let program = plan.program.with_variables(len, moved);
        let machine = Machine::new(Arc::new(program))?;
        Ok(Executor { machine, inputs: plan.inputs, scalars: plan.scalars, outputs })
    }

    /// The input of a name.
    pub fn input(&self, name: &str) -> Option<InputId> {
        self.inputs.iter().position(|(own, _)| own == name).map(InputId)
    }

    /// Whether an input is of indices.
    pub fn takes_indices(&self, input: InputId) -> bool {
        self.inputs[input.0].1.space == Space::Index
    }

    /// The host scalar of a name.
    pub fn scalar(&self, name: &str) -> Option<ScalarId> {
        self.scalars.iter().find(|(own, _)| own == name).map(|(_, number)| ScalarId(*number))
    }

    /// The output of a name.
    pub fn output(&self, name: &str) -> Option<OutputId> {
        self.outputs.iter().position(|(own, ..)| own == name).map(OutputId)
    }

    /// An output's shape.
    pub fn shape(&self, output: OutputId) -> Shape {
        self.outputs[output.0].2
    }

    /// Where to write a real input's values; empty for an index input.
    #[inline]
    pub fn feed(&mut self, input: InputId) -> SliceMut<'_> {
        let place = self.inputs[input.0].1;
        self.machine.write(if place.space == Space::Arena { place } else { NOTHING })
    }

    /// Where to write an index input's values; empty for a real input.
    #[inline]
    pub fn feed_index(&mut self, input: InputId) -> &mut [u32] {
        let place = self.inputs[input.0].1;
        self.machine.write_index(if place.space == Space::Index { place } else { NOTHING })
    }

    /// Asks the processor's cache for the rows of variables that a run will read by these indices of an input. Changes
    /// nothing but time: that of small steps that touch a few rows of a large table.
    pub fn prefetch(&self, variables: &Variables, input: InputId, indices: &[u32]) {
        self.machine.prefetch(variables.flat(), self.inputs[input.0].1, indices);
    }

    /// Sets a host scalar for the runs to come.
    pub fn set_scalar(&mut self, scalar: ScalarId, value: f64) {
        self.machine.scalars_mut()[scalar.0] = value;
    }

    /// Runs the plan once: outputs are computed, variables assigned.
    ///
    /// # Errors
    /// If `variables` is not the store the executor was made for, nor one of the same layout.
    pub fn run(&mut self, variables: &mut Variables, pool: &Pool) -> Result<(), ExecutorError> {
        Ok(self.machine.run(variables.flat_mut(), pool)?)
    }

    /// A real output's values; empty for an index output.
    pub fn value(&self, output: OutputId) -> Slice<'_> {
        let place = self.outputs[output.0].1;
        self.machine.read(if place.space == Space::Arena { place } else { NOTHING })
    }

    /// An index output's values; empty for a real output.
    pub fn index_value(&self, output: OutputId) -> &[u32] {
        let place = self.outputs[output.0].1;
        self.machine.read_index(if place.space == Space::Index { place } else { NOTHING })
    }

    /// A scalar output.
    pub fn number(&self, output: OutputId) -> f64 {
        self.value(output).get(0)
    }
}

const NOTHING: Place = Place { space: Space::Arena, offset: 0, len: 0 };
