//! Burn on its fastest backend for processors, Flex.
#![forbid(unsafe_code)]

mod networks;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;

use bench_protocol::{Folder, FolderError, Model, Optimizer as Rule, Peer};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, AdamState, GradientsParams, ModuleOptimizer, Optimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Parser;
use networks::{Cnn, Gpt, Initial, Kind, Network, Perceptron, Recurrent, ResNet};
use peers_rust::{Arguments, MOST_BATCHES};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let folder = Folder::open(&arguments.folder)?;
    let device = Device::flex().autodiff();
    let initial = Initial { folder: &folder, device: &device };
    match &folder.workload.model {
        Model::Update { .. } => Ok(bench_protocol::serve(&mut Update::new(&folder)?, &folder.workload)?),
        Model::Mlp { layers } | Model::Logistic { layers } => {
            train(&initial, Perceptron::new(&initial, layers.len() - 1)?)
        }
        Model::Cnn { image, channels, .. } => train(&initial, Cnn::new(&initial, *image, channels.len())?),
        Model::ResNet { image, blocks, channels, .. } => {
            train(&initial, ResNet::new(&initial, *image, channels.len(), *blocks)?)
        }
        Model::Lstm { .. } => train(&initial, Recurrent::lstm(&initial)?),
        Model::Gru { .. } => train(&initial, Recurrent::gru(&initial)?),
        Model::Gpt { layers, heads, .. } => train(&initial, Gpt::new(&initial, *layers, *heads)?),
    }
}

fn train<N: Network>(initial: &Initial<'_>, network: N) -> Result<(), Box<dyn Error>> {
    let mut training = Training::new(initial, network)?;
    Ok(bench_protocol::serve(&mut training, &initial.folder.workload)?)
}

fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([("burn".to_owned(), "0.22.1 (flex)".to_owned())])
}

struct Training<N: Network> {
    network: Option<N>,
    optimizer: ModuleOptimizer,
    rate: f64,
    device: Device,
    binary: bool,
    batches: Vec<(Tensor<2, N::Kind>, Tensor<1, Int>)>,
    step: usize,
    loss: Option<Tensor<1>>,
}

impl<N: Network> Training<N> {
    fn new(initial: &Initial<'_>, network: N) -> Result<Training<N>, FolderError> {
        let workload = &initial.folder.workload;
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
        let (x, y) = (N::Kind::examples(initial.folder)?, initial.folder.u32("y")?);
        let (examples, targets) = (x.len() / workload.batches, y.len() / workload.batches);
        let pairs = x.chunks(examples).zip(y.chunks(targets)).take(MOST_BATCHES);
        let device = initial.device.clone();
        let batches = pairs.map(|(x, y)| {
            let y: Vec<i64> = y.iter().map(|class| i64::from(*class)).collect();
            let x = TensorData::new(x.to_vec(), [workload.batch, examples / workload.batch]);
            let y = TensorData::new(y, [targets]);
            (Tensor::from_data(x, &device), Tensor::from_data(y, &device))
        });
        let batches = batches.collect();
        let binary = matches!(workload.model, Model::Logistic { .. });
        Ok(Training { network: Some(network), optimizer, rate, device, binary, batches, step: 0, loss: None })
    }
}

impl<N: Network> Peer for Training<N> {
    type Error = Infallible;

    fn run(&mut self, steps: usize) -> Result<(), Infallible> {
        for _ in 0..steps {
            let Some(network) = self.network.take() else { break };
            let (x, y) = self.batches[self.step % self.batches.len()].clone();
            let logits = network.logits(x);
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
        let first = parameter.clone().narrow(0, 0, 4096).into_data();
        let squares = first.iter::<f32>().map(|value| f64::from(value) * f64::from(value));
        Ok(squares.sum::<f64>() / 4096.0)
    }

    fn versions(&self) -> BTreeMap<String, String> {
        versions()
    }
}
