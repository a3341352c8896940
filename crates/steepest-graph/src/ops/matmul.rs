//! The matrix product.

use steepest_tensor::{Shape, Tensor};

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;

/// C = A · B over the last two axes, `[…, m, k] · […, k, n] → […, m, n]`; leading axes are equal.
///
/// Transposed factors are [`Permute`](crate::ops::permute::Permute) nodes, which the compiler folds into
/// the strides of the product.
#[derive(Clone, Debug, PartialEq)]
pub struct MatMul;

impl Rule for MatMul {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        let (left, right) = (inputs[0], inputs[1]);
        for ty in [left, right] {
            if ty.element != Element::Real {
                return Err(ProblemKind::Element { expected: Element::Real, got: ty.element });
            }
            if ty.shape.rank() < 2 {
                return Err(ProblemKind::Rank { expected: "at least two axes", got: ty.shape });
            }
        }
        let (l, r) = (left.shape, right.shape);
        let (lb, rb) = (l.rank() - 2, r.rank() - 2);
        if l[lb + 1] != r[rb] {
            return Err(ProblemKind::InnerDimensions { left: l, right: r });
        }
        if l[..lb] != r[..rb] {
            return Err(ProblemKind::LeadingAxes { left: l, right: r });
        }
        let mut sizes = l.to_vec();
        sizes[lb + 1] = r[rb + 1];
        Ok(Type::real(Shape::new(&sizes)?))
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        vec![Partial::Of(at.grad.matmul(b.transpose())), Partial::Of(a.transpose().matmul(at.grad))]
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let (a, b) = (inputs[0].to_f64(), inputs[1].to_f64());
        let rank = output.shape.rank();
        let (m, n) = (output.shape[rank - 2], output.shape[rank - 1]);
        let k = inputs[0].shape().columns();
        let batches = output.shape[..rank - 2].iter().product::<usize>();
        let mut c = vec![0.0; output.shape.elements()];
        for batch in 0..batches {
            for i in 0..m {
                for j in 0..n {
                    c[(batch * m + i) * n + j] = (0..k)
                        .map(|p| a[(batch * m + i) * k + p] * b[(batch * k + p) * n + j])
                        .sum();
                }
            }
        }
        ops::tensor(output.shape, c)
    }
}
