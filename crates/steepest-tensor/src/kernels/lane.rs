//! What a formula may do with a number, so that it is written once: for numbers that are computed now,
//! and for vectors in code that is being generated.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A comparison; all but [`Test::NotEqual`] and [`Test::Unordered`] are false if an operand is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Test {
    Less,
    LessEqual,
    Equal,
    /// True if an operand is NaN.
    NotEqual,
    /// Whether an operand is NaN.
    Unordered,
    /// Of the bits, as integers without sign.
    IntegerEqual,
    /// Of the bits, as integers without sign.
    IntegerLess,
}

/// A single-precision number, seen as a number or as its bits.
pub(crate) trait Lane:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// A constant; `self` only says where it belongs.
    fn number(self, x: f32) -> Self {
        self.bits(x.to_bits())
    }
    /// A constant by its bits.
    fn bits(self, x: u32) -> Self;
    /// self · b + c, rounded once where the machine can.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// |self|
    fn abs(self) -> Self;
    /// `yes` where the test of `self` and `other` holds, else `no`.
    fn choose(self, test: Test, other: Self, yes: Self, no: Self) -> Self;
    /// The sum of the bits as integers, wrapping around.
    fn integer_add(self, other: Self) -> Self;
    /// The difference of the bits as integers, wrapping around.
    fn integer_sub(self, other: Self) -> Self;
    /// The bits that both have.
    fn and(self, other: Self) -> Self;
    /// The bits shifted to the left.
    fn shift_left(self, by: u8) -> Self;
    /// The bits, as a signed integer, shifted to the right.
    fn shift_right(self, by: u8) -> Self;
    /// The number whose bits are a signed integer, as a floating-point number.
    fn integer_to_float(self) -> Self;
}

/// A number that is computed now, on the instruction set `ISA`.
#[derive(Clone, Copy)]
pub(crate) struct Now<const ISA: u8>(pub f32);

macro_rules! operators {
    ($($trait:ident $method:ident $op:tt),*) => {
        $(impl<const ISA: u8> $trait for Now<ISA> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Now(self.0 $op other.0)
            }
        })*
    };
}
operators!(Add add +, Sub sub -, Mul mul *, Div div /);

impl<const ISA: u8> Neg for Now<ISA> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Now(-self.0)
    }
}

impl<const ISA: u8> Lane for Now<ISA> {
    #[inline(always)]
    fn bits(self, x: u32) -> Self {
        Now(f32::from_bits(x))
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Now(crate::real::Real::mul_add::<ISA>(self.0, b.0, c.0))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Now(self.0.abs())
    }
    #[inline(always)]
    fn choose(self, test: Test, other: Self, yes: Self, no: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let holds = match test {
            Test::Less => a < b,
            Test::LessEqual => a <= b,
            Test::Equal => a == b,
            Test::NotEqual => a != b,
            Test::Unordered => a.is_nan() | b.is_nan(),
            Test::IntegerEqual => a.to_bits() == b.to_bits(),
            Test::IntegerLess => a.to_bits() < b.to_bits(),
        };
        if holds { yes } else { no }
    }
    #[inline(always)]
    fn integer_add(self, other: Self) -> Self {
        self.bits(self.0.to_bits().wrapping_add(other.0.to_bits()))
    }
    #[inline(always)]
    fn integer_sub(self, other: Self) -> Self {
        self.bits(self.0.to_bits().wrapping_sub(other.0.to_bits()))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.bits(self.0.to_bits() & other.0.to_bits())
    }
    #[inline(always)]
    fn shift_left(self, by: u8) -> Self {
        self.bits(self.0.to_bits() << by)
    }
    #[inline(always)]
    fn shift_right(self, by: u8) -> Self {
        self.bits((self.0.to_bits() as i32 >> by) as u32)
    }
    #[inline(always)]
    fn integer_to_float(self) -> Self {
        Now(self.0.to_bits() as i32 as f32)
    }
}
