//! Rows added to a table.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// y = table, and then y[indices[k], …] += values[k, …] in order of k.
///
/// A table `[rows, …]`, indices `[n]` and values `[n, …]` give `[rows, …]`. An index outside the table adds
/// nothing. Assigned to the variable that it starts from, it touches only the rows that are named.
#[derive(Clone, Debug, PartialEq)]
pub struct AddRows;

impl Rule for AddRows {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        ops::rows_of_a_table(inputs)
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        vec![Partial::Of(at.grad), Partial::Zero, Partial::Of(at.grad.gather_or_zero(at.inputs[1]))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (mut y, values) = (inputs[0].to_f64(), inputs[2].to_f64());
        let width: usize = output.shape[1..].iter().product();
        for (k, index) in ops::as_indices(inputs[1]).into_iter().enumerate() {
            if index < output.shape[0] {
                for j in 0..width {
                    y[index * width + j] += values[k * width + j];
                }
            }
        }
        ops::tensor(output.shape, y)
    }
}
