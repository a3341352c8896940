//! Burn on its fastest backend for processors, Flex.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;

use bench_protocol::{Folder, Model, Optimizer as Rule, Peer};
use burn::module::{Module, Param};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, AdamState, GradientsParams, ModuleOptimizer, Optimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use clap::Parser;
use peers_rust::{Arguments, MOST_BATCHES};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let folder = Folder::open(&arguments.folder)?;
    match folder.workload.model {
        Model::Update { .. } => bench_protocol::serve(&mut Update::new(&folder)?, &folder.workload)?,
        _ => bench_protocol::serve(&mut Training::new(&folder)?, &folder.workload)?,
    }
    Ok(())
}

fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([("burn".to_owned(), "0.22.1 (flex)".to_owned())])
}

#[derive(Module, Debug)]
struct Network {
    layers: Vec<Linear>,
}

impl Network {
    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if index + 1 < self.layers.len() {
                x = activation::relu(x);
            }
        }
        x
    }
}

struct Training {
    network: Option<Network>,
    optimizer: ModuleOptimizer,
    rate: f64,
    device: Device,
    binary: bool,
    batches: Vec<(Tensor<2>, Tensor<1, Int>)>,
    step: usize,
    loss: Option<Tensor<1>>,
}

impl Training {
    fn new(folder: &Folder) -> Result<Training, Box<dyn Error>> {
        let workload = &folder.workload;
        let device = Device::flex().autodiff();
        let sizes = workload.model.layers();
        let mut layers = Vec::new();
        for (index, (inputs, outputs)) in sizes.iter().enumerate() {
            let mut layer = LinearConfig::new(*inputs, *outputs).init(&device);
            let weight = TensorData::new(folder.f32(&format!("weight{index}"))?, [*inputs, *outputs]);
            let bias = TensorData::new(folder.f32(&format!("bias{index}"))?, [*outputs]);
            layer.weight = Param::from_data(weight, &device);
            layer.bias = Some(Param::from_data(bias, &device));
            layers.push(layer);
        }
        let (optimizer, rate) = match workload.optimizer {
            Rule::Adam { learning_rate, beta1, beta2, epsilon } => {
                let config = AdamConfig::new().with_beta_1(beta1 as f32).with_beta_2(beta2 as f32);
                (config.with_epsilon(epsilon as f32).init(), learning_rate)
            }
            Rule::Sgd { learning_rate, momentum } => {
                let momentum = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
                let plain = matches!(workload.optimizer, Rule::Sgd { momentum: 0.0, .. });
                let config = SgdConfig::new().with_momentum((!plain).then_some(momentum));
                (config.init(), learning_rate)
            }
        };
        let (x, y) = (folder.f32("x")?, folder.u32("y")?);
        let (batch, inputs) = (workload.batch, sizes[0].0);
        let pairs = x.chunks(batch * inputs).zip(y.chunks(batch)).take(MOST_BATCHES);
        let batches = pairs.map(|(x, y)| {
            let targets: Vec<i64> = y.iter().map(|class| i64::from(*class)).collect();
            let x = Tensor::from_data(TensorData::new(x.to_vec(), [batch, inputs]), &device);
            (x, Tensor::from_data(TensorData::new(targets, [batch]), &device))
        });
        let batches = batches.collect();
        let binary = matches!(workload.model, Model::Logistic { .. });
        let network = Some(Network { layers });
        Ok(Training { network, optimizer, rate, device, binary, batches, step: 0, loss: None })
    }
}

impl Peer for Training {
    type Error = Infallible;

    fn run(&mut self, steps: usize) -> Result<(), Infallible> {
        for _ in 0..steps {
            let Some(network) = self.network.take() else { break };
            let (x, y) = self.batches[self.step % self.batches.len()].clone();
            let logits = network.forward(x);
            let loss = if self.binary {
                let criterion = BinaryCrossEntropyLossConfig::new().with_logits(true).init(&self.device);
                criterion.forward(logits, y.unsqueeze_dim(1))
            } else {
                CrossEntropyLossConfig::new().init(&self.device).forward(logits, y)
            };
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            self.network = Some(self.optimizer.step(self.rate, network, gradients));
            self.loss = Some(loss);
            self.step += 1;
        }
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, Infallible> {
        Ok(self.loss.clone().map_or(f64::NAN, |loss| f64::from(loss.into_scalar::<f32>())))
    }

    fn versions(&self) -> BTreeMap<String, String> {
        versions()
    }
}

/// The optimizer alone, with a constant gradient.
struct Update {
    optimizer: Adam,
    rate: f64,
    parameter: Option<Tensor<1>>,
    gradient: Tensor<1>,
    state: Option<AdamState<1>>,
}

impl Update {
    fn new(folder: &Folder) -> Result<Update, Box<dyn Error>> {
        let Rule::Adam { learning_rate, beta1, beta2, epsilon } = folder.workload.optimizer else {
            return Err("the update alone is measured for Adam".into());
        };
        let device = Device::flex();
        let tensor = |values: Vec<f32>| {
            let size = values.len();
            Tensor::from_data(TensorData::new(values, [size]), &device)
        };
        let config = AdamConfig::new().with_beta_1(beta1 as f32).with_beta_2(beta2 as f32);
        Ok(Update {
            optimizer: config.with_epsilon(epsilon as f32).build(),
            rate: learning_rate,
            parameter: Some(tensor(folder.f32("parameter")?)),
            gradient: tensor(folder.f32("gradient")?),
            state: None,
        })
    }
}

impl Peer for Update {
    type Error = Infallible;

    fn run(&mut self, steps: usize) -> Result<(), Infallible> {
        for _ in 0..steps {
            let Some(parameter) = self.parameter.take() else { break };
            let (parameter, state) =
                self.optimizer.step(self.rate, parameter, self.gradient.clone(), self.state.take());
            self.parameter = Some(parameter);
            self.state = state;
        }
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, Infallible> {
        let Some(parameter) = &self.parameter else { return Ok(f64::NAN) };
        let first = parameter.clone().slice([0..4096]).into_data();
        let squares = first.iter::<f32>().map(|value| f64::from(value) * f64::from(value));
        Ok(squares.sum::<f64>() / 4096.0)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        versions()
    }
}
