//! The store of everything that outlives a step: parameters, slots and states in one flat buffer.

use std::collections::HashMap;

use steepest_tensor::program::Place;
use steepest_tensor::{Buffer, DType, Reals, Shape, Slice, SliceMut, Tensor};

use crate::graph::VariableSpec;
use crate::passes::place::lay_out;

/// A variable that cannot be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VariablesError {
    /// There is no variable of that name.
    #[error("there is no variable `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value has another shape.
    #[error("variable `{name}` has shape {expected}, got {got}")]
    Shape {
        /// The name.
        name: String,
        /// The variable's shape.
        expected: Shape,
        /// The value's shape.
        got: Shape,
    },
}

/// Named variables in one flat buffer, in the order of their declaration.
///
/// ```
/// use steepest_graph::{Initial, VariableKind, VariableSpec, Variables};
/// use steepest_tensor::{DType, Tensor};
/// let spec = VariableSpec {
///     name: "w".into(), kind: VariableKind::Parameter, shape: [2].into(), initial: Initial::Constant(0.5),
/// };
/// let mut variables = Variables::new(&[spec], DType::F32);
/// variables.set("w", &Tensor::f32([2], vec![1.0, 2.0])?)?;
/// assert_eq!(variables.get("w").map(|t| t.to_f64()), Some(vec![1.0, 2.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Variables {
    specs: Vec<VariableSpec>,
    places: Vec<Place>,
    by_name: HashMap<String, usize>,
    flat: Reals,
}

impl Variables {
    /// All variables at their initial values, in single or double precision.
    pub fn new(specs: &[VariableSpec], dtype: DType) -> Variables {
        let (places, len) = lay_out(specs.iter().map(|spec| spec.shape.elements()));
        let mut flat = Reals::zeros(dtype, len);
        for (spec, place) in specs.iter().zip(&places) {
            flat.range_mut(place.offset, place.len).fill_with(|i| spec.initial.value(i));
        }
        let by_name = specs.iter().enumerate().map(|(i, spec)| (spec.name.clone(), i)).collect();
        Variables { specs: specs.to_vec(), places, by_name, flat }
    }

    /// What the variables are.
    pub fn specs(&self) -> &[VariableSpec] {
        &self.specs
    }

    /// The precision.
    pub fn dtype(&self) -> DType {
        self.flat.dtype()
    }

    pub(crate) fn place(&self, name: &str) -> Option<(Place, Shape)> {
        let index = *self.by_name.get(name)?;
        Some((self.places[index], self.specs[index].shape))
    }

    /// A view of a variable's values.
    pub fn slice(&self, name: &str) -> Option<Slice<'_>> {
        self.place(name).map(|(place, _)| self.flat.range(place.offset, place.len))
    }

    /// A writable view of a variable's values.
    pub fn slice_mut(&mut self, name: &str) -> Option<SliceMut<'_>> {
        self.place(name).map(|(place, _)| self.flat.range_mut(place.offset, place.len))
    }

    /// A copy of a variable's value.
    pub fn get(&self, name: &str) -> Option<Tensor> {
        let (place, shape) = self.place(name)?;
        match self.flat.range(place.offset, place.len) {
            Slice::F32(values) => Tensor::f32(shape, values.to_vec()).ok(),
            Slice::F64(values) => Tensor::f64(shape, values.to_vec()).ok(),
        }
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// If there is no variable of that name, or it has another shape.
    pub fn set(&mut self, name: &str, value: &Tensor) -> Result<(), VariablesError> {
        let unknown = || VariablesError::Unknown { name: name.to_owned() };
        let (place, expected) = self.place(name).ok_or_else(unknown)?;
        if value.shape() != expected {
            return Err(VariablesError::Shape { name: name.to_owned(), expected, got: value.shape() });
        }
        let mut to = self.flat.range_mut(place.offset, place.len);
        match value.buffer() {
            Buffer::F32(values) => to.fill_with(|i| values[i].into()),
            Buffer::F64(values) => to.fill_with(|i| values[i]),
            Buffer::U32(values) => to.fill_with(|i| values[i].into()),
        }
        Ok(())
    }

    /// The buffer of all variables, for a checkpoint in one piece.
    pub fn flat(&self) -> &Reals {
        &self.flat
    }

    /// The buffer of all variables, to restore it.
    pub fn flat_mut(&mut self) -> &mut Reals {
        &mut self.flat
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables").field("specs", &self.specs).finish_non_exhaustive()
    }
}
