//! Functions and operators that work element by element.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Var;
use crate::ops;
use crate::ops::broadcast::broadcast_shape;

impl<'g> Var<'g> {
    /// xⁿ for a constant exponent. Small integers become products.
    #[track_caller]
    pub fn powf(self, exponent: f64) -> Var<'g> {
        if exponent == 2.0 {
            return self * self;
        }
        self.pow(self.constant(exponent))
    }

    /// self^exponent, element by element.
    #[track_caller]
    pub fn pow(self, exponent: Var<'g>) -> Var<'g> {
        self.binary(ops::pow::Pow, exponent)
    }

    /// x².
    #[track_caller]
    pub fn square(self) -> Var<'g> {
        self * self
    }

    /// The larger of two values. Ties share the derivative equally.
    #[track_caller]
    pub fn maximum(self, other: Var<'g>) -> Var<'g> {
        self.binary(ops::maximum::Maximum, other)
    }

    /// The smaller of two values. Ties share the derivative equally.
    #[track_caller]
    pub fn minimum(self, other: Var<'g>) -> Var<'g> {
        self.binary(ops::minimum::Minimum, other)
    }

    /// 1 where this value is below the other, else 0.
    #[track_caller]
    pub fn less(self, other: Var<'g>) -> Var<'g> {
        self.binary(ops::less::Less, other)
    }

    /// 1 where this value is not above the other, else 0.
    #[track_caller]
    pub fn less_equal(self, other: Var<'g>) -> Var<'g> {
        self.binary(ops::less_equal::LessEqual, other)
    }

    /// 1 where the two are equal, else 0.
    #[track_caller]
    pub fn equal(self, other: Var<'g>) -> Var<'g> {
        self.binary(ops::equal::Equal, other)
    }

    /// Where this value is nonzero `yes`, else `no`.
    #[track_caller]
    pub fn select(self, yes: Var<'g>, no: Var<'g>) -> Var<'g> {
        let shape = broadcast_shape(self.shape(), yes.shape()).and_then(|s| broadcast_shape(s, no.shape()));
        match shape {
            Some(shape) => {
                let inputs = [self.broadcast_to(shape), yes.broadcast_to(shape), no.broadcast_to(shape)];
                self.graph.push(ops::select::Select, &inputs)
            }
            None => self.graph.push(ops::select::Select, &[self, yes, no]),
        }
    }
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $method:ident = $module:ident :: $name:ident),* $(,)?) => {
        impl<'g> Var<'g> {
            $($(#[$doc])* #[track_caller] pub fn $method(self) -> Var<'g> { self.unary(ops::$module::$name) })*
        }
    };
}

unary_methods! {
    /// |x|; the derivative at 0 is 0.
    abs = abs::Abs,
    /// −1, 0 or 1; the derivative is 0.
    sign = sign::Sign,
    /// eˣ.
    exp = exp::Exp,
    /// The natural logarithm.
    ln = ln::Ln,
    /// The square root.
    sqrt = sqrt::Sqrt,
    /// The hyperbolic tangent.
    tanh = tanh::Tanh,
    /// The logistic function 1 / (1 + e⁻ˣ).
    sigmoid = sigmoid::Sigmoid,
    /// ln(1 + eˣ), without overflow.
    softplus = softplus::Softplus,
    /// max(x, 0); the derivative at 0 is 0.
    relu = relu::Relu,
    /// The error function, 2/√π ∫₀ˣ e^(−t²) dt.
    erf = erf::Erf,
    /// The sine.
    sin = sin::Sin,
    /// The cosine.
    cos = cos::Cos,
    /// The largest integer not above x; the derivative is 0.
    floor = floor::Floor,
}

impl<'g> Neg for Var<'g> {
    type Output = Var<'g>;
    #[track_caller]
    fn neg(self) -> Var<'g> {
        self.unary(ops::neg::Neg)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $module:ident),*) => {$(
        impl<'g> $trait for Var<'g> {
            type Output = Var<'g>;
            #[track_caller]
            fn $method(self, other: Var<'g>) -> Var<'g> { self.binary(ops::$module::$trait, other) }
        }

        impl<'g> $trait<f64> for Var<'g> {
            type Output = Var<'g>;
            #[track_caller]
            fn $method(self, other: f64) -> Var<'g> { $trait::$method(self, self.constant(other)) }
        }

        impl<'g> $trait<Var<'g>> for f64 {
            type Output = Var<'g>;
            #[track_caller]
            fn $method(self, other: Var<'g>) -> Var<'g> { $trait::$method(other.constant(self), other) }
        }
    )*};
}

operators!(Add add add, Sub sub sub, Mul mul mul, Div div div);
