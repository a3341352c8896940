//! Candle on its processor backend. It has no momentum, which is written here with its tensor operations.
#![forbid(unsafe_code)]

mod networks;

use std::collections::BTreeMap;
use std::error::Error;

use bench_protocol::{Folder, Model, Optimizer as Rule, Peer};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var, WithDType};
use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW, SGD, loss};
use clap::Parser;
use networks::Network;
use peers_rust::{Arguments, MOST_BATCHES};

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let folder = Folder::open(&arguments.folder)?;
    match folder.workload.model {
        Model::Update { .. } => bench_protocol::serve(&mut Update::new(&folder)?, &folder.workload)?,
        _ => bench_protocol::serve(&mut Training::new(&folder)?, &folder.workload)?,
    }
    Ok(())
}

fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([("candle".to_owned(), "0.11.1".to_owned())])
}

/// The update rules of the workloads.
enum Stepper {
    Adam(AdamW),
    Plain(SGD),
    Momentum { variables: Vec<Var>, velocities: Vec<Tensor>, rate: f64, momentum: f64 },
}

impl Stepper {
    fn new(rule: &Rule, variables: Vec<Var>) -> Result<Stepper> {
        Ok(match *rule {
            Rule::Adam { learning_rate: lr, beta1, beta2, epsilon: eps } => Stepper::Adam(AdamW::new(
                variables,
                ParamsAdamW { lr, beta1, beta2, eps, weight_decay: 0.0 },
            )?),
            Rule::Sgd { learning_rate, momentum: 0.0 } => Stepper::Plain(SGD::new(variables, learning_rate)?),
            Rule::Sgd { learning_rate: rate, momentum } => {
                let velocities = variables.iter().map(|var| var.zeros_like()).collect::<Result<_>>()?;
                Stepper::Momentum { variables, velocities, rate, momentum }
            }
        })
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        match self {
            Stepper::Adam(adam) => adam.step(gradients),
            Stepper::Plain(sgd) => sgd.step(gradients),
            Stepper::Momentum { variables, velocities, rate, momentum } => {
                for (variable, velocity) in variables.iter().zip(velocities) {
                    let Some(gradient) = gradients.get(variable) else { continue };
                    // A gradient remembers what it was computed from, and so would the velocity.
                    *velocity = ((&*velocity * *momentum)? + gradient)?.detach();
                    variable.set(&variable.sub(&(&*velocity * *rate)?)?)?;
                }
                Ok(())
            }
        }
    }
}

struct Training {
    network: Network,
    update: Stepper,
    binary: bool,
    batches: Vec<(Tensor, Tensor)>,
    step: usize,
    loss: Option<Tensor>,
}

impl Training {
    fn new(folder: &Folder) -> std::result::Result<Training, Box<dyn Error>> {
        let workload = &folder.workload;
        let examples: Vec<usize> = std::iter::once(workload.batch).chain(workload.model.example()).collect();
        let x = match workload.model.vocabulary() {
            Some(_) => batches(&folder.u32("x")?, &examples)?,
            None => batches(&folder.f32("x")?, &examples)?,
        };
        let y = folder.u32("y")?;
        let mut y = batches(&y, &[y.len() / workload.batches])?;
        let binary = matches!(workload.model, Model::Logistic { .. });
        if binary {
            y = y.iter().map(|y| y.to_dtype(DType::F32)?.unsqueeze(1)).collect::<Result<_>>()?;
        }
        let network = Network::new(folder)?;
        let update = Stepper::new(&workload.optimizer, network.variables())?;
        Ok(Training { network, update, binary, batches: x.into_iter().zip(y).collect(), step: 0, loss: None })
    }
}

fn batches<V: WithDType>(values: &[V], shape: &[usize]) -> Result<Vec<Tensor>> {
    let parts = values.chunks(shape.iter().product()).take(MOST_BATCHES);
    parts.map(|part| Tensor::from_slice(part, shape, &Device::Cpu)).collect()
}

impl Peer for Training {
    type Error = candle_core::Error;

    fn run(&mut self, steps: usize) -> Result<()> {
        for _ in 0..steps {
            let (x, y) = &self.batches[self.step % self.batches.len()];
            let logits = self.network.forward(x)?;
            let loss = if self.binary {
                loss::binary_cross_entropy_with_logit(&logits, y)?
            } else {
                loss::cross_entropy(&logits, y)?
            };
            self.update.step(&loss.backward()?)?;
            self.loss = Some(loss.detach());
            self.step += 1;
        }
        Ok(())
    }

    fn loss(&mut self) -> Result<f64> {
        self.loss.as_ref().map_or(Ok(f64::NAN), |loss| Ok(f64::from(loss.to_scalar::<f32>()?)))
    }

    fn versions(&self) -> BTreeMap<String, String> {
        versions()
    }
}

/// The optimizer alone, with a constant gradient.
struct Update {
    update: Stepper,
    parameter: Var,
    gradients: GradStore,
}

impl Update {
    fn new(folder: &Folder) -> std::result::Result<Update, Box<dyn Error>> {
        let parameter =
            Tensor::from_vec(folder.f32("parameter")?, folder.f32("gradient")?.len(), &Device::Cpu)?;
        let parameter = Var::from_tensor(&parameter)?;
        let gradient = Tensor::from_vec(folder.f32("gradient")?, parameter.elem_count(), &Device::Cpu)?;
        // The gradient of a product with a constant is that constant.
        let gradients = (parameter.as_tensor() * gradient)?.sum_all()?.backward()?;
        let update = Stepper::new(&folder.workload.optimizer, vec![parameter.clone()])?;
        Ok(Update { update, parameter, gradients })
    }
}

impl Peer for Update {
    type Error = candle_core::Error;

    fn run(&mut self, steps: usize) -> Result<()> {
        (0..steps).try_for_each(|_| self.update.step(&self.gradients))
    }

    fn loss(&mut self) -> Result<f64> {
        let first = self.parameter.as_tensor().narrow(0, 0, 4096)?.to_vec1::<f32>()?;
        Ok(first.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>() / 4096.0)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        versions()
    }
}
