//! Rows of a table replaced.

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Partial, Rule, Site, Type};
use crate::ops;

/// y = table, and then y[indices[k], …] = values[k, …] in order of k.
///
/// A table `[rows, …]`, indices `[n]` and values `[n, …]` give `[rows, …]`. An index outside the table sets
/// nothing. Assigned to the variable that it starts from, it touches only the rows that are named: this is
/// how an optimizer's slots change in a few rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SetRows;

impl Rule for SetRows {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        ops::rows_of_a_table(inputs)
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        const WHY: &str = "of repeated rows only the last one counts; add to rows, or gather them, instead";
        let gone = at.inputs[2].zeros_like();
        vec![Partial::Of(at.grad.set_rows(at.inputs[1], gone)), Partial::Zero, Partial::Missing(WHY)]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (mut y, values) = (inputs[0].to_f64(), inputs[2].to_f64());
        let width: usize = output.shape[1..].iter().product();
        for (k, index) in ops::as_indices(inputs[1]).into_iter().enumerate() {
            if index < output.shape[0] {
                y[index * width..(index + 1) * width].copy_from_slice(&values[k * width..(k + 1) * width]);
            }
        }
        ops::tensor(output.shape, y)
    }
}
