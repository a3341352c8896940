//! What stands at the beginning and the end of a step: inputs, variables, and what they become.

use steepest_tensor::{Key, Shape, Tensor};

use super::{Graph, Initial, NodeId, VariableId, VariableKind, VariableSpec};
use crate::error::ProblemKind;
use crate::op::{Op, Type};
use crate::ops;
use crate::var::Var;

impl Graph {
    /// A real-valued tensor that the host feeds at every step.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.feed(name, Type::real(shape))
    }

    /// A tensor of indices that the host feeds at every step.
    #[track_caller]
    pub fn index_input(&self, name: &str, shape: impl Into<Shape>) -> Var<'_> {
        self.feed(name, Type::index(shape))
    }

    /// A number that the host feeds at every step, such as a learning rate or the step count.
    ///
    /// Arithmetic among host scalars and constants is done in `f64` once per step, and rounded to the
    /// plan's precision where it meets a tensor; `1 − β₂ᵗ` keeps its digits.
    #[track_caller]
    pub fn host_scalar(&self, name: &str) -> Var<'_> {
        let scalar = Type::real(Shape::SCALAR);
        let known = self.nodes.borrow().iter().find_map(|node| match &node.op {
            Op::Input(input) if input.name == name => Some(input.ty),
            _ => None,
        });
        match known.filter(|&before| before != scalar) {
            Some(before) => self.redeclared("host_scalar", name, before, scalar),
            None => self.once(ops::host_scalar::HostScalar { name: name.to_owned() }),
        }
    }

    /// One real number.
    #[track_caller]
    pub fn constant(&self, value: f64) -> Var<'_> {
        self.push(ops::constant::Constant { value }, &[])
    }

    /// A tensor known now.
    #[track_caller]
    pub fn literal(&self, tensor: Tensor) -> Var<'_> {
        self.push(ops::literal::Literal { tensor: tensor.into() }, &[])
    }

    /// Uniform random numbers in `[0, 1)` of 24 bits, equal in single and double precision; `step` is a
    /// host scalar.
    ///
    /// Element `i` is `(w >> 8) · 2⁻²⁴`, where `w` is word `i mod 4` of `key.at(step).words(i / 4)`.
    #[track_caller]
    pub fn uniform<'g>(&'g self, key: Key, step: Var<'g>, shape: impl Into<Shape>) -> Var<'g> {
        self.push(ops::uniform::Uniform { key, shape: shape.into() }, &[step])
    }

    /// A variable's value at the beginning of the step.
    ///
    /// Asking for a name again gives the same variable (tied weights); its shape must be the same.
    #[track_caller]
    pub fn variable(
        &self,
        name: &str,
        kind: VariableKind,
        shape: impl Into<Shape>,
        initial: Initial,
    ) -> Var<'_> {
        let shape = shape.into();
        let known = self.variables.borrow().iter().position(|v| v.name == name);
        let id = match known {
            Some(index) => {
                let before = self.variables.borrow()[index].shape;
                if before != shape {
                    return self.redeclared("variable", name, Type::real(before), Type::real(shape));
                }
                VariableId(index as u32)
            }
            None => {
                if let Initial::Values(values) = &initial
                    && values.shape() != shape
                {
                    let kind = ProblemKind::Shape { expected: shape, got: values.shape() };
                    self.problem("variable", kind);
                    return self.stand_in(Type::real(shape));
                }
                let mut variables = self.variables.borrow_mut();
                variables.push(VariableSpec { name: name.to_owned(), kind, shape, initial });
                VariableId(variables.len() as u32 - 1)
            }
        };
        self.once(ops::read::Read { variable: id, shape })
    }

    /// What a variable becomes at the end of the step. Every read within the step sees the old value.
    ///
    /// `variable` is the [`Var`] that [`Graph::variable`] returned. The last assignment counts.
    #[track_caller]
    pub fn assign<'g>(&'g self, variable: Var<'g>, value: Var<'g>) {
        let Op::Read(read) = variable.node().op else {
            let help = "pass the value returned by `Graph::variable`".to_owned();
            let what =
                format!("assigns to the result of `{}`, which is not a variable", variable.node().op.name());
            return self.report("assign", ProblemKind::Layer { what, help }, &[variable]);
        };
        if !self.owns(value) || !self.owns(variable) {
            return self.report("assign", ProblemKind::OtherGraph, &[variable, value]);
        }
        if variable.ty() != value.ty() {
            let kind = ProblemKind::Shape { expected: variable.shape(), got: value.shape() };
            return self.report("assign", kind, &[variable, value]);
        }
        let mut assignments = self.assignments.borrow_mut();
        assignments.retain(|(id, _)| *id != read.variable);
        assignments.push((read.variable, value.id()));
    }

    /// An input of any type.
    #[track_caller]
    pub(crate) fn declare_input(&self, name: &str, ty: Type) -> Var<'_> {
        self.feed(name, ty)
    }

    #[track_caller]
    fn feed(&self, name: &str, ty: Type) -> Var<'_> {
        let known = self.nodes.borrow().iter().find_map(|node| match &node.op {
            Op::Input(input) if input.name == name => Some(input.ty),
            Op::HostScalar(scalar) if scalar.name == name => Some(node.ty),
            _ => None,
        });
        match known {
            Some(before) if before != ty => self.redeclared("input", name, before, ty),
            _ => self.once(ops::input::Input { name: name.to_owned(), ty }),
        }
    }

    /// The node that does exactly this already, or a new one.
    #[track_caller]
    fn once(&self, op: impl Into<Op>) -> Var<'_> {
        let op = op.into();
        let before = self.nodes.borrow().iter().position(|node| node.op == op);
        match before {
            Some(index) => Var::new(self, NodeId(index as u32)),
            None => self.push(op, &[]),
        }
    }

    #[track_caller]
    fn redeclared(&self, op: &'static str, name: &str, before: Type, now: Type) -> Var<'_> {
        self.problem(op, ProblemKind::Redeclared { name: name.to_owned(), before, now });
        self.stand_in(now)
    }
}
