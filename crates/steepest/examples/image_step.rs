//! The time of a training step of networks over images: `image_step THREADS [MODEL [explain]]`.
use std::num::NonZeroUsize;
use std::time::Instant;

use steepest::graph::{Executor, Graph, Plan, PlanOptions, Variables};
use steepest::nn::{Cnn, CrossEntropy, Layer, Loss, Phase, ResNet, Trace};
use steepest::optim::{Adam, Chain, LEARNING_RATE, Parameter, STEP, ScaleByRate, minimize};
use steepest::tensor::{DType, Key, Pool};

type Failure = Box<dyn std::error::Error>;

fn plan(model: &dyn Layer, example: [usize; 3], batch: usize) -> Result<Plan, Failure> {
    let graph = Graph::new();
    let x = graph.input("x", [batch, example[0], example[1], example[2]]);
    let y = graph.index_input("y", [batch]);
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let logits = model.forward(&mut trace.scope(), x);
    let loss = CrossEntropy::default().per_example(logits, y).mean();
    let parameters: Vec<Parameter<'_>> =
        trace.parameters().iter().map(|(name, value)| Parameter::new(name, *value)).collect();
    let adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    minimize(loss, &parameters, &Chain::new().then(adam).then(ScaleByRate));
    Ok(Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default())?)
}

fn time(name: &str, plan: Plan, pool: &Pool, steps: usize) -> Result<(), Failure> {
    let cost = plan.cost();
    let mut variables = Variables::new(plan.variables(), DType::F32);
    let mut executor = Executor::new(plan, &variables)?;
    let (x, y) = (executor.input("x").ok_or("no x")?, executor.input("y").ok_or("no y")?);
    executor.feed(x).fill_with(|i| Key::new(1).normal(i as u64));
    executor.feed_index(y).iter_mut().enumerate().for_each(|(i, y)| *y = i as u32 % 10);
    let (step, rate) = (executor.scalar(STEP).ok_or("no step")?, executor.scalar(LEARNING_RATE));
    if let Some(rate) = rate {
        executor.set_scalar(rate, 1e-4);
    }
    let mut times = Vec::new();
    for number in 1..=steps {
        executor.set_scalar(step, number as f64);
        let start = Instant::now();
        executor.run(&mut variables, pool)?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let loss = executor.number(executor.output("loss").ok_or("no loss")?);
    let (median, least) = (times[steps / 2], times[0]);
    println!(
        "{name}: median {:.2} ms, least {:.2} ms, {:.0} GFLOP/s, arena {:.1} MB, loss {loss:.4}",
        median * 1e3,
        least * 1e3,
        cost.flops as f64 / least / 1e9,
        cost.arena_bytes as f64 / 1e6
    );
    Ok(())
}

/// A name, a model, the shape of an image, and the number of classes.
type Entry = (&'static str, Box<dyn Layer>, [usize; 3], usize);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let threads: NonZeroUsize = arguments.get(1).map_or(Ok(NonZeroUsize::MIN), |text| text.parse())?;
    let wanted = |name: &str| arguments.get(2).is_none_or(|only| only == name);
    let pool = Pool::new(threads);
    let models: [Entry; 2] = [
        ("cnn", Box::new(Cnn::new(10)), [28, 28, 1], 30),
        ("resnet-20", Box::new(ResNet::new(10)), [32, 32, 3], 10),
    ];
    for (name, model, example, steps) in models.into_iter().filter(|(name, ..)| wanted(name)) {
        let plan = plan(&*model, example, 64)?;
        if arguments.get(3).is_some() {
            println!("{}", plan.explain());
        }
        time(name, plan, &pool, steps)?;
    }
    Ok(())
}
