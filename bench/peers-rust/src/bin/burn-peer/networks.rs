//! The networks of the workloads as Burn's modules.

use bench_protocol::{Folder, FolderError};
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Embedding, LayerNorm, LayerNormConfig, Linear, PaddingConfig2d};
use burn::tensor::kind::Basic;
use burn::tensor::module::linear;
use burn::tensor::{Bool, Device, Element, Float, Int, Tensor, TensorData, activation, s};

/// A network, trained on batches of which each example is a row.
pub trait Network: Module {
    /// What examples consist of.
    type Kind: Kind;

    /// The logits of a batch, one row for each target.
    fn logits(&self, x: Tensor<2, Self::Kind>) -> Tensor<2>;
}

/// What examples consist of: numbers or tokens.
pub trait Kind: Basic {
    type Value: Element;

    /// All examples, one after another.
    fn examples(folder: &Folder) -> Result<Vec<Self::Value>, FolderError>;
}

impl Kind for Float {
    type Value = f32;

    fn examples(folder: &Folder) -> Result<Vec<f32>, FolderError> {
        folder.f32("x")
    }
}

impl Kind for Int {
    type Value = i64;

    fn examples(folder: &Folder) -> Result<Vec<i64>, FolderError> {
        Ok(folder.u32("x")?.into_iter().map(i64::from).collect())
    }
}

/// The initial values of a workload, and the layers that begin with them.
pub struct Initial<'a> {
    pub folder: &'a Folder,
    pub device: &'a Device,
}

impl Initial<'_> {
    fn tensor<const D: usize>(&self, name: &str) -> Result<Tensor<D>, FolderError> {
        let values = self.folder.f32(name)?;
        let shape = self.folder.workload.arrays[name].shape.clone();
        Ok(Tensor::from_data(TensorData::new(values, shape), self.device))
    }

    /// A parameter of its own, whatever its value was taken from.
    fn own<const D: usize>(&self, value: Tensor<D>) -> Param<Tensor<D>> {
        Param::from_data(value.into_data(), self.device)
    }

    fn parameter<const D: usize>(&self, name: &str) -> Result<Param<Tensor<D>>, FolderError> {
        Ok(self.own(self.tensor(name)?))
    }

    fn linear(&self, weight: &str, bias: &str) -> Result<Linear, FolderError> {
        Ok(Linear { weight: self.parameter(weight)?, bias: Some(self.parameter(bias)?) })
    }

    fn dense(&self, name: &str) -> Result<Linear, FolderError> {
        self.linear(&format!("{name}.weight"), &format!("{name}.bias"))
    }

    fn embedding(&self, name: &str) -> Result<Embedding, FolderError> {
        Ok(Embedding { weight: self.parameter(&format!("{name}.weight"))? })
    }

    fn convolution(&self, name: &str, stride: usize, padding: usize) -> Result<Conv2d, FolderError> {
        let weight = self.tensor::<4>(&format!("{name}.weight"))?.permute([3, 2, 0, 1]);
        let [written, read, height, width] = weight.dims();
        let padding = PaddingConfig2d::Explicit(padding, padding, padding, padding);
        let config = Conv2dConfig::new([read, written], [height, width]).with_stride([stride, stride]);
        let mut layer = config.with_padding(padding).with_bias(false).init(self.device);
        layer.weight = self.own(weight);
        Ok(layer)
    }

    fn batch_norm(&self, name: &str) -> Result<BatchNorm, FolderError> {
        let gamma: Param<Tensor<1>> = self.parameter(&format!("{name}.weight"))?;
        let mut norm = BatchNormConfig::new(gamma.dims()[0]).init(self.device);
        (norm.gamma, norm.beta) = (gamma, self.parameter(&format!("{name}.bias"))?);
        Ok(norm)
    }

    fn layer_norm(&self, name: &str) -> Result<LayerNorm, FolderError> {
        let gamma: Param<Tensor<1>> = self.parameter(&format!("{name}.weight"))?;
        let mut norm = LayerNormConfig::new(gamma.dims()[0]).init(self.device);
        (norm.gamma, norm.beta) = (gamma, Some(self.parameter(&format!("{name}.bias"))?));
        Ok(norm)
    }

    /// Gates' blocks side by side: one product for all of them.
    fn gates(&self, name: &str, kind: &str) -> Result<Linear, FolderError> {
        let weight: Tensor<3> = self.tensor(&format!("{name}.recurrent.weight_{kind}_l0"))?;
        let bias: Tensor<2> = self.tensor(&format!("{name}.recurrent.bias_{kind}_l0"))?;
        let weight = self.own(weight.swap_dims(0, 1).flatten::<2>(1, 2));
        Ok(Linear { weight, bias: Some(self.own(bias.flatten::<1>(0, 1))) })
    }
}

#[derive(Module, Debug)]
pub struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    pub fn new(initial: &Initial<'_>, layers: usize) -> Result<Perceptron, FolderError> {
        let layer = |index| initial.linear(&format!("weight{index}"), &format!("bias{index}"));
        Ok(Perceptron { layers: (0..layers).map(layer).collect::<Result<_, _>>()? })
    }
}

impl Network for Perceptron {
    type Kind = Float;

    fn logits(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if index + 1 < self.layers.len() {
                x = activation::relu(x);
            }
        }
        x
    }
}

/// Images with their channels first, of which the rows have them last.
fn images(x: Tensor<2>, [height, width, channels]: [usize; 3]) -> Tensor<4> {
    let batch = x.dims()[0];
    x.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}

#[derive(Module, Debug)]
pub struct Cnn {
    image: [usize; 3],
    convolutions: Vec<Conv2d>,
    fc1: Linear,
    fc2: Linear,
}

impl Cnn {
    pub fn new(initial: &Initial<'_>, image: [usize; 3], convolutions: usize) -> Result<Cnn, FolderError> {
        let layer = |index| {
            let name = format!("cnn.conv{index}");
            let bias = Some(initial.parameter(&format!("{name}.bias"))?);
            Ok(Conv2d { bias, ..initial.convolution(&name, 1, 0)? })
        };
        Ok(Cnn {
            image,
            convolutions: (1..=convolutions).map(layer).collect::<Result<_, FolderError>>()?,
            fc1: initial.dense("cnn.fc1")?,
            fc2: initial.dense("cnn.fc2")?,
        })
    }
}

impl Network for Cnn {
    type Kind = Float;

    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let mut x = images(x, self.image);
        for layer in &self.convolutions {
            x = activation::relu(layer.forward(x));
        }
        let x = MaxPool2dConfig::new([2, 2]).init().forward(x).permute([0, 2, 3, 1]).flatten::<2>(1, 3);
        self.fc2.forward(activation::relu(self.fc1.forward(x)))
    }
}

#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let h = activation::relu(self.bn1.forward(self.conv1.forward(x.clone())));
        let h = self.bn2.forward(self.conv2.forward(h));
        let missing = h.dims()[1] - x.dims()[1];
        let x = if missing > 0 {
            let x = x.slice(s![.., .., ..;2, ..;2]);
            x.pad([(0, 0), (missing / 2, missing - missing / 2), (0, 0), (0, 0)], 0.0)
        } else {
            x
        };
        activation::relu(h + x)
    }
}

#[derive(Module, Debug)]
pub struct ResNet {
    image: [usize; 3],
    conv1: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    fc: Linear,
}

impl ResNet {
    pub fn new(
        initial: &Initial<'_>,
        image: [usize; 3],
        stages: usize,
        blocks: usize,
    ) -> Result<ResNet, FolderError> {
        let block = |(stage, index)| {
            let name = format!("resnet.layer{stage}.{index}");
            Ok(Block {
                conv1: initial.convolution(
                    &format!("{name}.conv1"),
                    if stage > 1 && index == 0 { 2 } else { 1 },
                    1,
                )?,
                bn1: initial.batch_norm(&format!("{name}.bn1"))?,
                conv2: initial.convolution(&format!("{name}.conv2"), 1, 1)?,
                bn2: initial.batch_norm(&format!("{name}.bn2"))?,
            })
        };
        let places = (1..=stages).flat_map(|stage| (0..blocks).map(move |index| (stage, index)));
        Ok(ResNet {
            image,
            conv1: initial.convolution("resnet.conv1", 1, 1)?,
            bn1: initial.batch_norm("resnet.bn1")?,
            blocks: places.map(block).collect::<Result<_, FolderError>>()?,
            fc: initial.dense("resnet.fc")?,
        })
    }
}

impl Network for ResNet {
    type Kind = Float;

    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let x = activation::relu(self.bn1.forward(self.conv1.forward(images(x, self.image))));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.fc.forward(x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2))
    }
}

/// One layer of gated units over time, long short-term memory or gated recurrent units.
#[derive(Module, Debug)]
pub struct Recurrent {
    memory: bool,
    tokens: Embedding,
    input: Linear,
    state: Linear,
    head: Linear,
}

impl Recurrent {
    pub fn lstm(initial: &Initial<'_>) -> Result<Recurrent, FolderError> {
        Recurrent::new(initial, "lstm", true)
    }

    pub fn gru(initial: &Initial<'_>) -> Result<Recurrent, FolderError> {
        Recurrent::new(initial, "gru", false)
    }

    fn new(initial: &Initial<'_>, name: &str, memory: bool) -> Result<Recurrent, FolderError> {
        Ok(Recurrent {
            memory,
            tokens: initial.embedding(&format!("{name}.tokens"))?,
            input: initial.gates(name, "ih")?,
            state: initial.gates(name, "hh")?,
            head: initial.dense(&format!("{name}.head"))?,
        })
    }

    fn memory_states(&self, x: Tensor<3>) -> Vec<Tensor<2>> {
        let bias = self.input.bias.iter().chain(&self.state.bias).map(Param::val).reduce(|a, b| a + b);
        let inputs = linear(x, self.input.weight.val(), bias);
        let weight = self.state.weight.val();
        let zero = self.zero(&inputs);
        let (mut h, mut c) = (zero.clone(), zero);
        let mut step = |input| {
            let gates: Tensor<2> = input + h.clone().matmul(weight.clone());
            let [i, f, g, o] = parts(gates);
            c = activation::sigmoid(f) * c.clone() + activation::sigmoid(i) * g.tanh();
            h = activation::sigmoid(o) * c.clone().tanh();
            h.clone()
        };
        steps(inputs).into_iter().map(&mut step).collect()
    }

    fn gated_states(&self, x: Tensor<3>) -> Vec<Tensor<2>> {
        let inputs = self.input.forward(x);
        let mut h = self.zero(&inputs);
        let mut step = |input| {
            let [r, z, n] = parts(input);
            let [hr, hz, hn] = parts(self.state.forward(h.clone()));
            let n = (n + activation::sigmoid(r + hr) * hn).tanh();
            h = n.clone() + activation::sigmoid(z + hz) * (h.clone() - n);
            h.clone()
        };
        steps(inputs).into_iter().map(&mut step).collect()
    }

    fn zero(&self, inputs: &Tensor<3>) -> Tensor<2> {
        Tensor::zeros([inputs.dims()[1], self.state.weight.dims()[0]], &inputs.device())
    }
}

/// The steps of a sequence, its first axis. The gradient of a slice is as large as what it was taken from: halves of
/// halves cost less than slices of the whole.
fn steps(x: Tensor<3>) -> Vec<Tensor<2>> {
    match x.dims()[0] {
        1 => vec![x.squeeze_dim(0)],
        _ => x.chunk(2, 0).into_iter().flat_map(steps).collect(),
    }
}

/// Equal parts of each row.
fn parts<const N: usize>(x: Tensor<2>) -> [Tensor<2>; N] {
    let width = x.dims()[1] / N;
    std::array::from_fn(|part| x.clone().narrow(1, part * width, width))
}

impl Network for Recurrent {
    type Kind = Int;

    fn logits(&self, x: Tensor<2, Int>) -> Tensor<2> {
        // The input's products of all steps are one product.
        let x = self.tokens.forward(x.transpose());
        let states = if self.memory { self.memory_states(x) } else { self.gated_states(x) };
        self.head.forward(Tensor::stack::<3>(states, 1).flatten::<2>(0, 1))
    }
}

#[derive(Module, Debug)]
struct Layer {
    norm1: LayerNorm,
    in_proj: Linear,
    out_proj: Linear,
    norm2: LayerNorm,
    linear1: Linear,
    linear2: Linear,
}

impl Layer {
    fn forward(&self, x: Tensor<2>, heads: usize, hidden: &Tensor<4, Bool>) -> Tensor<2> {
        let [rows, width] = x.dims();
        let (length, size) = (hidden.dims()[2], width / heads);
        let [query, key, value] = parts(self.in_proj.forward(self.norm1.forward(x.clone())))
            .map(|part| part.reshape([rows / length, length, heads, size]).swap_dims(1, 2));
        let scores = (query / (size as f64).sqrt()).matmul(key.transpose());
        let scores = activation::softmax(scores.mask_fill(hidden.clone(), f32::NEG_INFINITY), 3);
        let mixed = scores.matmul(value).swap_dims(1, 2).reshape([rows, width]);
        let x = x + self.out_proj.forward(mixed);
        let h = activation::gelu(self.linear1.forward(self.norm2.forward(x.clone())));
        x + self.linear2.forward(h)
    }
}

#[derive(Module, Debug)]
pub struct Gpt {
    heads: usize,
    tokens: Embedding,
    positions: Param<Tensor<2>>,
    layers: Vec<Layer>,
    norm: LayerNorm,
    hidden: Tensor<4, Bool>,
}

impl Gpt {
    pub fn new(initial: &Initial<'_>, layers: usize, heads: usize) -> Result<Gpt, FolderError> {
        let layer = |index| {
            let name = format!("gpt.layers.{index}");
            Ok(Layer {
                norm1: initial.layer_norm(&format!("{name}.norm1"))?,
                in_proj: initial.dense(&format!("{name}.self_attn.in_proj"))?,
                out_proj: initial.dense(&format!("{name}.self_attn.out_proj"))?,
                norm2: initial.layer_norm(&format!("{name}.norm2"))?,
                linear1: initial.dense(&format!("{name}.linear1"))?,
                linear2: initial.dense(&format!("{name}.linear2"))?,
            })
        };
        let positions: Param<Tensor<2>> = initial.parameter("gpt.positions.weight")?;
        let length = positions.dims()[0];
        Ok(Gpt {
            heads,
            tokens: initial.embedding("gpt.tokens")?,
            positions,
            layers: (0..layers).map(layer).collect::<Result<_, FolderError>>()?,
            norm: initial.layer_norm("gpt.norm")?,
            hidden: Tensor::<2, Bool>::tril_mask([length, length], 0, initial.device).unsqueeze(),
        })
    }
}

impl Network for Gpt {
    type Kind = Int;

    fn logits(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let h = self.tokens.forward(x) + self.positions.val().unsqueeze();
        let forward = |h, layer: &Layer| layer.forward(h, self.heads, &self.hidden);
        let h = self.layers.iter().fold(h.flatten::<2>(0, 1), forward);
        self.norm.forward(h).matmul(self.tokens.weight.val().transpose())
    }
}
