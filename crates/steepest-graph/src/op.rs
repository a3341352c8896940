//! What an operation is: the closed set [`Op`] and the rules each of its members must have.
//!
//! An operation lives in one file under `ops/`: its struct, how shapes flow through it, its derivative
//! in terms of [`Var`]s, its reference kernel and its tests. The macro [`operations!`] makes the set;
//! a member that lacks a rule does not compile.

use std::fmt;

use steepest_tensor::{Shape, Tensor, TileOp};

use crate::error::ProblemKind;
use crate::ops;
use crate::var::Var;

/// What the elements of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Real numbers, computed in the plan's precision (`f32` or `f64`). Truth values are 0 and 1.
    Real,
    /// Indices (`u32`): class labels, rows of a table. They have no derivative.
    Index,
}

/// The shape and the element of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// Sizes of the axes.
    pub shape: Shape,
    /// What the elements are.
    pub element: Element,
}

impl Type {
    /// Real numbers of a shape.
    pub fn real(shape: impl Into<Shape>) -> Type {
        Type { shape: shape.into(), element: Element::Real }
    }

    /// Indices of a shape.
    pub fn index(shape: impl Into<Shape>) -> Type {
        Type { shape: shape.into(), element: Element::Index }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::Real => "real",
            Element::Index => "index (u32)",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.element, self.shape)
    }
}

/// Where a derivative is taken: `output = op(inputs)` and `grad = ∂L/∂output`.
pub(crate) struct Site<'a, 'g> {
    pub inputs: &'a [Var<'g>],
    pub output: Var<'g>,
    pub grad: Var<'g>,
}

/// The derivative of the loss by one input of an operation.
pub(crate) enum Partial<'g> {
    /// ∂L/∂input, of the input's shape.
    Of(Var<'g>),
    /// Nonzero only in some rows (axis 0) of the input: row `indices[k]` receives `values[k]`.
    Rows { indices: Var<'g>, values: Var<'g> },
    /// The output does not change with this input, or only in jumps.
    Zero,
    /// There is no derivative, for the stated reason. Asking for one is an error of the plan.
    Missing(&'static str),
}

/// The rules every operation must have.
pub(crate) trait Rule {
    /// The output's type, or what is wrong with the inputs'.
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind>;

    /// One [`Partial`] for each input.
    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>>;

    /// The readable kernel: reals arrive and leave as `f64` tensors, indices as `u32` tensors.
    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor;

    /// The scalar function and the kernel, if the operation works element by element.
    fn elementwise(&self) -> Option<Pointwise> {
        None
    }
}

/// An elementwise operation as data, for the passes.
#[derive(Clone, Copy)]
pub(crate) struct Pointwise {
    pub tile: TileOp,
    /// The function on doubles; unused arguments are 0.
    pub eval: fn([f64; 3]) -> f64,
}

/// An operation that computes each output element from the elements at the same place of its inputs,
/// which all have the same shape.
pub(crate) trait Elementwise {
    /// The vector kernel.
    const TILE: TileOp;
    /// The function on doubles; arguments beyond `ARITY` are 0.
    fn eval(x: [f64; 3]) -> f64;
    /// One [`Partial`] for each input.
    fn derivative<'g>(at: &Site<'_, 'g>) -> Vec<Partial<'g>>;
}

impl<E: Elementwise> Rule for E {
    fn infer(&self, inputs: &[Type]) -> Result<Type, ProblemKind> {
        for input in inputs {
            if input.element != Element::Real {
                return Err(ProblemKind::Element { expected: Element::Real, got: input.element });
            }
            if input.shape != inputs[0].shape {
                return Err(ProblemKind::Broadcast { left: inputs[0].shape, right: input.shape });
            }
        }
        Ok(inputs[0])
    }

    fn derivative<'g>(&self, at: &Site<'_, 'g>) -> Vec<Partial<'g>> {
        E::derivative(at)
    }

    fn reference(&self, inputs: &[&Tensor], output: Type) -> Tensor {
        let inputs: Vec<Vec<f64>> = inputs.iter().map(|t| t.to_f64()).collect();
        let at = |k: usize, i: usize| inputs.get(k).map_or(0.0, |values| values[i]);
        let values = (0..output.shape.elements()).map(|i| E::eval([at(0, i), at(1, i), at(2, i)])).collect();
        ops::tensor(output.shape, values)
    }

    fn elementwise(&self) -> Option<Pointwise> {
        Some(Pointwise { tile: E::TILE, eval: E::eval })
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident in $module:ident),* $(,)?) => {
        /// A primitive operation. The set is closed; `ops/` has one file for each.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $($(#[$doc])* $name(ops::$module::$name)),*
        }

        impl Op {
            pub(crate) fn rule(&self) -> &dyn Rule {
                match self { $(Op::$name(op) => op),* }
            }

            /// The names of all operations.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($module)),*];

            /// The operation's name in plans and errors: that of its file.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$name(_) => stringify!($module)),* }
            }
        }

        $(impl From<ops::$module::$name> for Op {
            fn from(op: ops::$module::$name) -> Op { Op::$name(op) }
        })*
    };
}

operations! {
    // Leaves.
    /// A value the host feeds at every step.
    Input in input,
    /// A scalar the host feeds at every step, computed with in `f64` (a learning rate, a step count).
    HostScalar in host_scalar,
    /// A variable's value at the beginning of the step.
    Read in read,
    /// One real number.
    Constant in constant,
    /// A tensor known when the graph is built.
    Literal in literal,
    /// Uniform random numbers, a function of key, step and index.
    Uniform in uniform,

    // Elementwise, one input.
    /// −x.
    Neg in neg,
    /// |x|.
    Abs in abs,
    /// −1, 0 or 1.
    Sign in sign,
    /// eˣ.
    Exp in exp,
    /// The natural logarithm.
    Ln in ln,
    /// The square root.
    Sqrt in sqrt,
    /// The hyperbolic tangent.
    Tanh in tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid in sigmoid,
    /// ln(1 + eˣ), without overflow.
    Softplus in softplus,
    /// max(x, 0).
    Relu in relu,
    /// The error function.
    Erf in erf,
    /// The sine.
    Sin in sin,
    /// The cosine.
    Cos in cos,
    /// The largest integer not above x.
    Floor in floor,

    // Elementwise, two and three inputs.
    /// x + y.
    Add in add,
    /// x − y.
    Sub in sub,
    /// x · y.
    Mul in mul,
    /// x / y.
    Div in div,
    /// xʸ.
    Pow in pow,
    /// The larger one.
    Maximum in maximum,
    /// The smaller one.
    Minimum in minimum,
    /// 1 where x < y, else 0.
    Less in less,
    /// 1 where x ≤ y, else 0.
    LessEqual in less_equal,
    /// 1 where x = y, else 0.
    Equal in equal,
    /// y where x ≠ 0, else z.
    Select in select,

    // Reductions.
    /// The sum over some axes.
    Sum in sum,
    /// The maximum over some axes.
    Max in max,
    /// The position of the maximum along the last axis.
    ArgMax in arg_max,

    // Shapes.
    /// The same elements under another shape.
    Reshape in reshape,
    /// The axes in another order.
    Permute in permute,
    /// Repetition along new or unit axes.
    Broadcast in broadcast,
    /// A range of one axis.
    Slice in slice,
    /// Zeros around a range of one axis.
    Pad in pad,
    /// Several values one after the other along an axis.
    Concat in concat,

    // Products and tables.
    /// The matrix product over the last two axes.
    MatMul in matmul,
    /// Rows of a table, by index.
    Gather in gather,
    /// A table of zeros with rows added, by index.
    ScatterAdd in scatter_add,
    /// 1 at the index, 0 elsewhere, along a new last axis.
    OneHot in one_hot,
    /// A table with rows added, by index.
    AddRows in add_rows,
    /// A table with rows replaced, by index.
    SetRows in set_rows,
    /// The position at which each index stands first.
    FirstOccurrence in first_occurrence,
    /// Indices at their first occurrence, no row elsewhere.
    Distinct in distinct,
    /// The row of each entry of a sparse matrix.
    Segments in segments,
    /// The product of a sparse matrix and a dense one.
    SparseMatMul in sparse_matmul,
    /// A step repeated over time.
    Scan in scan,
    /// Identity whose derivative is defined to be zero.
    StopGradient in stop_gradient,
    /// Identity whose derivative a rule gives.
    CustomDerivative in custom_derivative,

    // Windows over images.
    /// A convolution.
    Conv2d in conv2d,
    /// A convolution's derivative by its images; the transposed convolution.
    Conv2dInputGradient in conv2d_input_gradient,
    /// A convolution's derivative by its weight.
    Conv2dWeightGradient in conv2d_weight_gradient,
    /// Values at the first maximum of each window.
    MaxPool in max_pool,
    /// Values added at the first maximum of each window.
    MaxUnpool in max_unpool,
}
