//! The elementwise instructions of tile programs.

/// An elementwise operation over a block of numbers that fits the first-level cache.
///
/// Truth values are 0 and 1. Maximum error of the transcendental functions: see each variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileOp {
    /// a
    Copy,
    /// −a
    Neg,
    /// |a|
    Abs,
    /// −1, 0 or 1; NaN stays NaN
    Sign,
    /// eᵃ
    Exp,
    /// ln a
    Ln,
    /// √a
    Sqrt,
    /// tanh a
    Tanh,
    /// 1 / (1 + e⁻ᵃ)
    Sigmoid,
    /// ln(1 + eᵃ)
    Softplus,
    /// max(a, 0)
    Relu,
    /// erf a
    Erf,
    /// sin a
    Sin,
    /// cos a
    Cos,
    /// ⌊a⌋
    Floor,
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a / b
    Div,
    /// aᵇ
    Pow,
    /// the larger; NaN if either is
    Maximum,
    /// the smaller; NaN if either is
    Minimum,
    /// 1 where a < b
    Less,
    /// 1 where a ≤ b
    LessEqual,
    /// 1 where a = b
    Equal,
    /// b where a ≠ 0, else c
    Select,
    /// a · b + c, rounded once where the machine can
    MulAdd,
    /// a · b − c, rounded once where the machine can
    MulSub,
    /// c − a · b, rounded once where the machine can
    NegMulAdd,
}
