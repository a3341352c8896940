//! The product of a sparse matrix and a dense one.

use steepest_tensor::{Shape, Tensor};

use crate::csr::Csr;
use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// y[r, …] = Σ values[k] · dense[columns[k], …] over offsets[r] ≤ k < offsets[r + 1].
///
/// The inputs are offsets `[rows + 1]`, columns `[capacity]`, values `[capacity]` and a dense `[features, n]`.
/// Entries behind the last offset are padding. A column outside contributes nothing. The derivative by the
/// dense factor is row-sparse.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatMul;

impl Rule for SparseMatMul {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let offsets = ops::needs(inputs[0], Element::Index)?;
        let columns = ops::needs(inputs[1], Element::Index)?;
        let values = ops::needs(inputs[2], Element::Real)?;
        let dense = ops::needs(inputs[3], Element::Real)?;
        if offsets.rank() != 1 || offsets[0] == 0 {
            return Err(ProblemKind::Rank { expected: "one axis of at least one offset", got: offsets });
        }
        if columns.rank() != 1 || values != columns {
            return Err(ProblemKind::Shape { expected: columns, got: values });
        }
        if dense.rank() != 2 {
            return Err(ProblemKind::Rank { expected: "two axes", got: dense });
        }
        Ok(Type::real(Shape::new(&[offsets[0] - 1, dense[1]])?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (csr, dense) = (Csr::new(at.inputs[0], at.inputs[1], at.inputs[2]), at.inputs[3]);
        let of_entry = at.grad.gather_or_zero(csr.rows_of_entries());
        let by_values = (dense.gather_or_zero(csr.columns) * of_entry).sum_over(&[1]);
        let by_dense = csr.values.reshape([csr.capacity(), 1]) * of_entry;
        vec![
            Partial::Zero,
            Partial::Zero,
            Partial::Of(by_values),
            Partial::Rows { indices: csr.columns, values: by_dense },
        ]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (offsets, columns) = (ops::as_indices(inputs[0]), ops::as_indices(inputs[1]));
        let (values, dense) = (inputs[2].to_f64(), inputs[3].to_f64());
        let (features, n) = (inputs[3].shape()[0], output.shape[1]);
        let mut y = vec![0.0; output.shape.elements()];
        for (row, range) in offsets.windows(2).enumerate() {
            for k in range[0].min(values.len())..range[1].min(values.len()) {
                if columns[k] < features {
                    for j in 0..n {
                        y[row * n + j] += values[k] * dense[columns[k] * n + j];
                    }
                }
            }
        }
        ops::tensor(output.shape, y)
    }
}
