//! Values whose derivative is given instead of found.

use std::fmt;

use steepest_tensor::Tensor;

use crate::error::ProblemKind;
use crate::op::{Element, Partial, Rule, Site, Type};
use crate::ops;
use crate::var::Var;

/// ∂L/∂x of a value y, made of ∂L/∂y, y, and other values that it needs. See
/// [`Var::with_derivative`](crate::Var::with_derivative).
pub type DerivativeRule = for<'g> fn(grad: Var<'g>, y: Var<'g>, others: &[Var<'g>]) -> Var<'g>;

/// The first input; the derivative by the second one is what a rule says, and by all others zero.
#[derive(Clone)]
pub struct CustomDerivative {
    pub(crate) rule: DerivativeRule,
}

impl fmt::Debug for CustomDerivative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomDerivative")
    }
}

impl PartialEq for CustomDerivative {
    fn eq(&self, other: &CustomDerivative) -> bool {
        std::ptr::fn_addr_eq(self.rule, other.rule)
    }
}

impl Rule for CustomDerivative {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        ops::needs(inputs[0], Element::Real)?;
        ops::needs(inputs[1], Element::Real)?;
        Ok(inputs[0])
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        let (x, others) = (at.inputs[1], &at.inputs[2..]);
        let grad = (self.rule)(at.grad, at.output, others);
        let grad = if grad.shape() == x.shape() {
            grad
        } else {
            let what = format!("its rule gives a derivative of shape {} by {}", grad.shape(), x.shape());
            let help = "let the rule return a value of the shape of x: sum over what was repeated".to_owned();
            x.invalid("custom_derivative", ProblemKind::Layer { what, help })
        };
        let rest = others.iter().map(|_| Partial::Zero);
        [Partial::Zero, Partial::Of(grad)].into_iter().chain(rest).collect()
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        ops::as_reference(inputs[0], output)
    }
}
