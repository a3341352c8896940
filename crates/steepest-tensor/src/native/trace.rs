//! From tile instructions to operations on vectors: each value once, constants and repeated work shared.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::kernels::lane::{Lane, Test};
use crate::kernels::{TileOp, math};

/// A value: the number of the operation that makes it.
pub(crate) type Value = usize;

/// Arithmetic of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// a if a > b, else b.
    Max,
    /// a if a < b, else b.
    Min,
    And,
    Xor,
    IntegerAdd,
    IntegerSub,
}

/// Products with a sum, rounded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fused {
    /// a · b + c
    MulAdd,
    /// a · b − c
    MulSub,
    /// c − a · b
    NegMulAdd,
}

/// Operations of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unary {
    Sqrt,
    Floor,
    IntegerToFloat,
    ShiftLeft(u8),
    ShiftRight(u8),
}

/// An operation on vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// The elements of a stream at the loop's position; the second number tells loads of one stream apart,
    /// before and after it is written.
    Load(usize, usize),
    /// The only element of a stream for this row, in every lane; the second number is as for a load.
    LoadRow(usize, usize),
    /// The same of a stream that is not written.
    Splat(usize),
    /// A constant by its bits, in every lane.
    Constant(u64),
    Unary(Unary, Value),
    Binary(Binary, Value, Value),
    Fused(Fused, Value, Value, Value),
    /// `yes` where the test of the first two holds, else `no`.
    Choose {
        test: Test,
        a: Value,
        b: Value,
        yes: Value,
        no: Value,
    },
    /// The sum of a row that is one vector, in every lane.
    SumRow(Value),
    /// The maximum of a row that is one vector, in every lane.
    MaxRow(Value),
    /// The only index of a stream for this row, in every lane.
    SplatIndex(usize),
    /// The whole vector at a stream's start.
    Lanes(usize),
    /// Where a vector holds several rows: a stream's element of each row, real or index, in every lane of the row; the
    /// second number is as for a load.
    Spread(usize, usize),
    /// There, the row at a stream's start, for each row of the vector.
    Repeat(usize),
    /// Writes a value to a stream.
    Store(usize, Value),
    /// Writes one lane of a value that is the same in all to a stream, for this row.
    StoreRow(usize, Value),
    /// Where a vector holds several rows: writes the first lane of each.
    Collect(usize, Value),
    /// Where a row is several vectors: writes their sum or maximum to a stream, at the row's end.
    Reduce(Reduction, usize, Value),
}

/// What becomes of the vectors of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reduction {
    Sum,
    Max,
}

impl Reduction {
    /// How many vectors it is gathered in: a sum in four, so that additions do not wait for one another.
    pub fn vectors(self) -> usize {
        match self {
            Reduction::Sum => 4,
            Reduction::Max => 1,
        }
    }
}

impl Operation {
    /// The values it takes, and how many they are.
    pub fn operands(&self) -> ([Value; 4], usize) {
        match *self {
            Operation::Load(..)
            | Operation::LoadRow(..)
            | Operation::Splat(_)
            | Operation::SplatIndex(_)
            | Operation::Lanes(_)
            | Operation::Spread(..)
            | Operation::Repeat(_)
            | Operation::Constant(_) => ([0; 4], 0),
            Operation::Unary(_, a)
            | Operation::SumRow(a)
            | Operation::MaxRow(a)
            | Operation::Store(_, a)
            | Operation::StoreRow(_, a)
            | Operation::Collect(_, a)
            | Operation::Reduce(_, _, a) => ([a, 0, 0, 0], 1),
            Operation::Binary(_, a, b) => ([a, b, 0, 0], 2),
            Operation::Fused(_, a, b, c) => ([a, b, c, 0], 3),
            Operation::Choose { a, b, yes, no, .. } => ([a, b, yes, no], 4),
        }
    }

    /// Whether its value is the same throughout a row.
    pub fn is_invariant(&self) -> bool {
        matches!(
            self,
            Operation::Splat(_)
                | Operation::SplatIndex(_)
                | Operation::Lanes(_)
                | Operation::Repeat(_)
                | Operation::Constant(_)
        )
    }

    /// Whether it writes to a stream, and has no value.
    pub fn is_store(&self) -> bool {
        matches!(
            self,
            Operation::Store(..) | Operation::StoreRow(..) | Operation::Collect(..) | Operation::Reduce(..)
        )
    }
}

/// Operations in order.
pub(crate) struct Trace {
    operations: RefCell<Vec<Operation>>,
    known: RefCell<HashMap<Operation, Value>>,
    double: bool,
}

impl Trace {
    pub fn new(double: bool) -> Trace {
        Trace { operations: RefCell::default(), known: RefCell::default(), double }
    }

    /// The value of an operation; one that is already there if it is the same.
    pub fn value(&self, operation: Operation) -> Value {
        let mut operations = self.operations.borrow_mut();
        *self.known.borrow_mut().entry(operation).or_insert_with(|| {
            operations.push(operation);
            operations.len() - 1
        })
    }

    /// Whether values are in double precision.
    pub fn is_double(&self) -> bool {
        self.double
    }

    /// The number of operations so far.
    pub fn len(&self) -> usize {
        self.operations.borrow().len()
    }

    /// Appends a store.
    pub fn store(&self, store: Operation) {
        self.operations.borrow_mut().push(store);
    }

    /// 1 in the lane that an index names, else 0; NaN everywhere if it is not below `width`.
    pub fn one_hot(&self, index: Value, lanes: Value, width: usize) -> Value {
        let hot = self.choose(Test::IntegerEqual, index, lanes, self.number(1.0), self.number(0.0));
        let width = width as u64;
        let width = if self.double { width << 32 | width } else { width };
        let width = self.value(Operation::Constant(width));
        self.choose(Test::IntegerLess, index, width, hot, self.number(f64::NAN))
    }

    fn number(&self, x: f64) -> Value {
        let bits = if self.double { x.to_bits() } else { u64::from((x as f32).to_bits()) };
        self.value(Operation::Constant(bits))
    }

    /// The operations whose values are needed, renumbered.
    pub fn finish(self) -> Vec<Operation> {
        let operations = self.operations.into_inner();
        let mut needed = vec![false; operations.len()];
        for (at, operation) in operations.iter().enumerate().rev() {
            if operation.is_store() {
                needed[at] = true;
            }
            if needed[at] {
                let (operands, n) = operation.operands();
                operands[..n].iter().for_each(|&v| needed[v] = true);
            }
        }
        let mut renumbered = vec![0; operations.len()];
        let mut kept = Vec::new();
        for (at, operation) in operations.iter().enumerate().filter(|(at, _)| needed[*at]) {
            renumbered[at] = kept.len();
            let to = |v: Value| renumbered[v];
            kept.push(match *operation {
                Operation::Unary(op, a) => Operation::Unary(op, to(a)),
                Operation::SumRow(a) => Operation::SumRow(to(a)),
                Operation::MaxRow(a) => Operation::MaxRow(to(a)),
                Operation::Store(stream, a) => Operation::Store(stream, to(a)),
                Operation::StoreRow(stream, a) => Operation::StoreRow(stream, to(a)),
                Operation::Collect(stream, a) => Operation::Collect(stream, to(a)),
                Operation::Reduce(how, stream, a) => Operation::Reduce(how, stream, to(a)),
                Operation::Binary(op, a, b) => Operation::Binary(op, to(a), to(b)),
                Operation::Fused(op, a, b, c) => Operation::Fused(op, to(a), to(b), to(c)),
                Operation::Choose { test, a, b, yes, no } => {
                    Operation::Choose { test, a: to(a), b: to(b), yes: to(yes), no: to(no) }
                }
                leaf => leaf,
            });
        }
        kept
    }

    fn formula<'a>(&'a self, value: Value, f: fn(Traced<'a>) -> Traced<'a>) -> Value {
        f(Traced { trace: self, value }).value
    }

    fn choose(&self, test: Test, a: Value, b: Value, yes: Value, no: Value) -> Value {
        self.value(Operation::Choose { test, a, b, yes, no })
    }

    fn truth(&self, test: Test, a: Value, b: Value) -> Value {
        self.choose(test, a, b, self.number(1.0), self.number(0.0))
    }

    /// The larger or smaller; NaN if either is: the machine's instruction gives the second if one is NaN.
    fn extreme(&self, op: Binary, a: Value, b: Value) -> Value {
        self.choose(Test::Unordered, a, a, a, self.value(Operation::Binary(op, a, b)))
    }

    fn select(&self, condition: Value, yes: Value, no: Value) -> Value {
        let made = self.operations.borrow()[condition];
        let zero = self.number(0.0);
        match made {
            // A comparison that only chooses need not become a number first.
            Operation::Choose { test, a, b, yes: one, no: none }
                if one == self.number(1.0) && none == zero =>
            {
                self.choose(test, a, b, yes, no)
            }
            _ => self.choose(Test::NotEqual, condition, zero, yes, no),
        }
    }

    fn negated(&self, a: Value) -> Value {
        let sign = if self.double { 1 << 63 } else { 1 << 31 };
        self.value(Operation::Binary(Binary::Xor, a, self.value(Operation::Constant(sign))))
    }

    fn magnitude(&self, a: Value) -> Value {
        let rest = if self.double { u64::MAX >> 1 } else { u64::from(u32::MAX >> 1) };
        self.value(Operation::Binary(Binary::And, a, self.value(Operation::Constant(rest))))
    }

    /// The value of a tile operation, or nothing if it has no vector code.
    pub fn tile_op(&self, op: TileOp, args: [Value; 3]) -> Option<Value> {
        let [a, b, c] = args;
        let binary = |op, a, b| self.value(Operation::Binary(op, a, b));
        let unary = |op| self.value(Operation::Unary(op, a));
        let fused = |op| self.value(Operation::Fused(op, a, b, c));
        let value = match op {
            TileOp::Copy => a,
            TileOp::Neg => self.negated(a),
            TileOp::Abs => self.magnitude(a),
            TileOp::Sign => {
                let zero = self.number(0.0);
                let sign =
                    binary(Binary::Sub, self.truth(Test::Less, zero, a), self.truth(Test::Less, a, zero));
                self.choose(Test::Unordered, a, a, a, sign)
            }
            TileOp::Sqrt => unary(Unary::Sqrt),
            TileOp::Floor => unary(Unary::Floor),
            TileOp::Relu => binary(Binary::Max, self.number(0.0), a),
            TileOp::Add => binary(Binary::Add, a, b),
            TileOp::Sub => binary(Binary::Sub, a, b),
            TileOp::Mul => binary(Binary::Mul, a, b),
            TileOp::Div => binary(Binary::Div, a, b),
            TileOp::Maximum => self.extreme(Binary::Max, a, b),
            TileOp::Minimum => self.extreme(Binary::Min, a, b),
            TileOp::Less => self.truth(Test::Less, a, b),
            TileOp::LessEqual => self.truth(Test::LessEqual, a, b),
            TileOp::Equal => self.truth(Test::Equal, a, b),
            TileOp::Select => self.select(a, b, c),
            TileOp::MulAdd => fused(Fused::MulAdd),
            TileOp::MulSub => fused(Fused::MulSub),
            TileOp::NegMulAdd => fused(Fused::NegMulAdd),
            TileOp::Sin | TileOp::Cos | TileOp::Pow => return None,
            _ if self.double => return None,
            TileOp::Exp => self.formula(a, math::exp),
            TileOp::Ln => self.formula(a, math::ln),
            TileOp::Tanh => self.formula(a, math::tanh),
            TileOp::Erf => self.formula(a, math::erf),
            TileOp::Sigmoid => self.formula(a, math::sigmoid),
            TileOp::Softplus => self.formula(a, math::softplus),
        };
        Some(value)
    }
}

/// A value under construction, for formulas written over [`Lane`].
#[derive(Clone, Copy)]
pub(crate) struct Traced<'a> {
    trace: &'a Trace,
    value: Value,
}

impl Traced<'_> {
    fn with(self, operation: Operation) -> Self {
        Traced { value: self.trace.value(operation), ..self }
    }

    fn binary(self, op: Binary, other: Self) -> Self {
        self.with(Operation::Binary(op, self.value, other.value))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),*) => {
        $(impl $trait for Traced<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.binary(Binary::$trait, other)
            }
        })*
    };
}
operators!(Add add, Sub sub, Mul mul, Div div);

impl Neg for Traced<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        Traced { value: self.trace.negated(self.value), ..self }
    }
}

impl Lane for Traced<'_> {
    fn bits(self, x: u32) -> Self {
        self.with(Operation::Constant(u64::from(x)))
    }
    fn mul_add(self, b: Self, c: Self) -> Self {
        self.with(Operation::Fused(Fused::MulAdd, self.value, b.value, c.value))
    }
    fn abs(self) -> Self {
        Traced { value: self.trace.magnitude(self.value), ..self }
    }
    fn choose(self, test: Test, other: Self, yes: Self, no: Self) -> Self {
        Traced { value: self.trace.choose(test, self.value, other.value, yes.value, no.value), ..self }
    }
    fn integer_add(self, other: Self) -> Self {
        self.binary(Binary::IntegerAdd, other)
    }
    fn integer_sub(self, other: Self) -> Self {
        self.binary(Binary::IntegerSub, other)
    }
    fn and(self, other: Self) -> Self {
        self.binary(Binary::And, other)
    }
    fn shift_left(self, by: u8) -> Self {
        self.with(Operation::Unary(Unary::ShiftLeft(by), self.value))
    }
    fn shift_right(self, by: u8) -> Self {
        self.with(Operation::Unary(Unary::ShiftRight(by), self.value))
    }
    fn integer_to_float(self) -> Self {
        self.with(Operation::Unary(Unary::IntegerToFloat, self.value))
    }
}
