//! Every operation: the plan of its value and of its gradients computes what the reference does.

use steepest_graph::{Feeds, Graph, Initial, Var, VariableKind, evaluate, gradients};
use steepest_tensor::{DType, Key, Shape, Tensor};

use crate::dice::Dice;
use crate::harness::{Compiled, agree, pool};
use crate::table::{Argument, Case, Leaf, cases};

fn declare<'g>(graph: &'g Graph, arguments: &[Argument], dice: &mut Dice) -> (Vec<Var<'g>>, Feeds) {
    let mut feeds = Feeds::new();
    let mut vars = Vec::new();
    for (k, argument) in arguments.iter().enumerate() {
        let (name, shape) = (format!("x{k}"), Shape::new(&argument.shape).unwrap());
        vars.push(match argument.leaf {
            Leaf::Input => graph.input(&name, shape),
            Leaf::HostScalar => graph.host_scalar(&name),
            Leaf::Variable => graph.variable(&name, VariableKind::Parameter, shape, Initial::Constant(0.0)),
        });
        feeds = feeds.with(&name, dice.reals(shape, argument.range));
    }
    (vars, feeds)
}

/// The value, a weighted sum of it, and the sum's gradients.
fn outputs<'g>(y: Var<'g>, x: &[Var<'g>]) -> Vec<Var<'g>> {
    let key = Key::new(99);
    let weights =
        (0..y.shape().elements()).map(|i| f64::from((0.4 + key.uniform(i as u64)) as f32)).collect();
    let loss = (y * y.graph().literal(Tensor::f64(y.shape(), weights).unwrap())).sum();
    let slopes = gradients(loss, x).into_iter().map(|gradient| gradient.dense());
    [y, loss].into_iter().chain(slopes).collect()
}

pub fn check(case: &Case, seed: u64) {
    let (graph, one, two) = (Graph::new(), pool(1), pool(2));
    let (x, feeds) = declare(&graph, &case.arguments, &mut Dice::new(seed));
    let outputs = outputs((case.build)(&graph, &x), &x);
    let expected = evaluate(&graph, &outputs, &feeds).unwrap();
    let shapes: Vec<_> = case.arguments.iter().map(|argument| &argument.shape).collect();
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
        for (block, pool) in [(None, &one), (Some(2), &two)] {
            let mut plan = Compiled::new(&graph, &outputs, dtype, block);
            plan.start_from(&feeds);
            let got = plan.run(&graph, &feeds, pool);
            for (k, (got, want)) in got.iter().zip(&expected).enumerate() {
                let label = || format!("{} of {shapes:?}, {dtype:?}, output {k}\n{}", case.op, plan.text);
                agree(got, &want.to_f64(), tolerance, label);
            }
        }
    }
}

#[test]
fn the_table_of_derivatives() {
    for (k, case) in cases().iter().enumerate() {
        check(case, k as u64);
    }
}
