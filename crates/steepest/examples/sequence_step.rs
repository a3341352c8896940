//! The time of a training step of sequence models: `cargo run --release -p steepest --example sequence_step`.
//!
//! Arguments: threads, seconds for each model, and a model's name (`gpt`, `gpt-long`, `lstm`, `gru`) or nothing for
//! all; `explain` behind it prints the plan.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use steepest::graph::{Executor, Graph, Plan, PlanOptions, Var, Variables};
use steepest::nn::{Cell, CrossEntropy, Gpt, Inputs, Loss, Model, Phase, RecurrentModel, Trace};
use steepest::optim::{Adam, Chain, LEARNING_RATE, Parameter, STEP, ScaleByRate, minimize};
use steepest::tensor::{DType, Key, Pool};

const VOCABULARY: usize = 65;

fn plan(batch: usize, length: usize, model: &dyn Model) -> Plan {
    let graph = Graph::new();
    let (x, y) = (graph.index_input("x", [batch, length]), graph.index_input("y", [batch, length]));
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let logits: Var<'_> = model.output(&mut trace.scope(), &Inputs::new("x", x));
    let loss = CrossEntropy::default().per_example(logits, y).mean();
    let parameters: Vec<Parameter<'_>> =
        trace.parameters().iter().map(|(name, value)| Parameter::new(name, *value)).collect();
    minimize(loss, &parameters, &Chain::new().then(Adam::default()).then(ScaleByRate));
    Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn measure(name: &str, plan: Plan, threads: usize, seconds: f64) {
    let cost = plan.cost();
    let mut variables = Variables::new(plan.variables(), DType::F32);
    let mut executor = Executor::new(plan, &variables).unwrap_or_else(|error| panic!("{error}"));
    for input in ["x", "y"] {
        let values = executor.feed_index(executor.input(input).unwrap_or_else(|| panic!("{input}")));
        values
            .iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = Key::new(3).below(i as u64, VOCABULARY as u64) as u32);
    }
    let pool = Pool::new(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN));
    let (step, rate) = (executor.scalar(STEP), executor.scalar(LEARNING_RATE));
    let loss = executor.output("loss").unwrap_or_else(|| panic!("loss"));
    let (begin, mut times, mut first) = (Instant::now(), Vec::new(), f64::NAN);
    while begin.elapsed() < Duration::from_secs_f64(seconds) || times.len() < 5 {
        step.into_iter().for_each(|step| executor.set_scalar(step, times.len() as f64 + 1.0));
        rate.into_iter().for_each(|rate| executor.set_scalar(rate, 1e-3));
        let start = Instant::now();
        executor.run(&mut variables, &pool).unwrap_or_else(|error| panic!("{error}"));
        times.push(start.elapsed().as_secs_f64() * 1e3);
        first = if first.is_nan() { executor.number(loss) } else { first };
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{name:10} median {:7.2} ms, least {:7.2} ms, {} steps, {:.2} GFLOP, {} barriers, {:.1} MB arena, loss {first:.4} → {:.4}",
        times[times.len() / 2],
        times[0],
        times.len(),
        cost.flops as f64 * 1e-9,
        cost.barriers,
        cost.arena_bytes as f64 * 1e-6,
        executor.number(loss),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize| arguments.get(k).and_then(|text| text.parse::<f64>().ok());
    let (threads, seconds) = (number(0).unwrap_or(2.0) as usize, number(1).unwrap_or(2.0));
    let wanted = |name: &str| arguments.get(2).is_none_or(|only| only == name);
    let gpt = Gpt { tied: false, ..Gpt::new(VOCABULARY) };
    let recurrent = |cell| RecurrentModel::new(cell, 256, VOCABULARY);
    let works: [(&str, usize, usize, &dyn Model); 4] = [
        ("gpt", 16, 64, &gpt),
        ("gpt-long", 4, 256, &gpt),
        ("lstm", 32, 64, &recurrent(Cell::Lstm)),
        ("gru", 32, 64, &recurrent(Cell::Gru)),
    ];
    for (name, batch, length, model) in works.into_iter().filter(|work| wanted(work.0)) {
        let begin = Instant::now();
        let plan = plan(batch, length, model);
        println!("{name} compiled in {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
        if arguments.iter().any(|text| text == "explain") {
            println!("{}", plan.explain());
        }
        measure(name, plan, threads, seconds);
    }
}
