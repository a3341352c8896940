//! The networks of the workloads in Candle, written with the names that Steepest gives their parameters.

use std::collections::BTreeMap;

use bench_protocol::{Folder, Model};
use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{BatchNorm, Module, ModuleT, ops};

/// What PyTorch adds to variances.
const EPSILON: f64 = 1e-5;

/// A network that is trained.
pub struct Network {
    model: Model,
    variables: BTreeMap<String, Var>,
    norms: BTreeMap<String, BatchNorm>,
}

impl Network {
    /// The network of a workload with its initial values.
    pub fn new(folder: &Folder) -> std::result::Result<Network, Box<dyn std::error::Error>> {
        let (mut variables, mut norms) = (BTreeMap::new(), BTreeMap::new());
        for (name, array) in
            folder.workload.arrays.iter().filter(|(name, _)| !["x", "y"].contains(&name.as_str()))
        {
            let value = Tensor::from_vec(folder.f32(name)?, array.shape.as_slice(), &Device::Cpu)?;
            variables.insert(name.clone(), Var::from_tensor(&placed(name, value)?)?);
        }
        for (name, weight) in variables.iter().filter(|(name, _)| name.contains(".bn")) {
            let Some(name) = name.strip_suffix(".weight") else { continue };
            let (zeros, ones) = (weight.zeros_like()?, weight.ones_like()?);
            let (weight, bias) =
                (weight.as_tensor().clone(), variables[&format!("{name}.bias")].as_tensor().clone());
            let norm = BatchNorm::new(weight.elem_count(), zeros, ones, weight, bias, EPSILON)?;
            norms.insert(name.to_owned(), norm);
        }
        Ok(Network { model: folder.workload.model.clone(), variables, norms })
    }

    /// What is trained.
    pub fn variables(&self) -> Vec<Var> {
        self.variables.values().cloned().collect()
    }

    fn value(&self, name: &str) -> &Tensor {
        self.variables[name].as_tensor()
    }

    fn linear(&self, weight: &str, bias: &str, x: &Tensor) -> Result<Tensor> {
        x.matmul(self.value(weight))?.broadcast_add(self.value(bias))
    }

    fn dense(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        self.linear(&format!("{name}.weight"), &format!("{name}.bias"), x)
    }

    fn convolution(&self, name: &str, x: &Tensor, padding: usize, stride: usize) -> Result<Tensor> {
        x.conv2d(self.value(&format!("{name}.weight")), padding, stride, 1, 1)
    }

    fn batch_norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        self.norms[name].forward_t(x, true)
    }

    /// The faster `layer_norm` has no gradient.
    fn layer_norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (self.value(&format!("{name}.weight")), self.value(&format!("{name}.bias")));
        ops::layer_norm_slow(x, weight, bias, EPSILON as f32)
    }

    /// The vectors of tokens, a row for each.
    fn embedding(&self, name: &str, tokens: &Tensor) -> Result<Tensor> {
        self.value(name).index_select(&tokens.flatten_all()?, 0)
    }

    fn perceptron(&self, x: &Tensor, layers: usize) -> Result<Tensor> {
        let mut x = x.clone();
        for index in 0..layers {
            x = self.linear(&format!("weight{index}"), &format!("bias{index}"), &x)?;
            if index + 1 < layers {
                x = x.relu()?;
            }
        }
        Ok(x)
    }

    fn cnn(&self, x: &Tensor, convolutions: usize) -> Result<Tensor> {
        let mut x = x.permute((0, 3, 1, 2))?;
        for index in 1..=convolutions {
            let name = format!("cnn.conv{index}");
            let bias = self.value(&format!("{name}.bias")).reshape((1, (), 1, 1))?;
            x = self.convolution(&name, &x, 0, 1)?.broadcast_add(&bias)?.relu()?;
        }
        let x = pooled(&x)?.permute((0, 2, 3, 1))?.flatten_from(1)?;
        self.dense("cnn.fc2", &self.dense("cnn.fc1", &x)?.relu()?)
    }

    fn resnet(&self, x: &Tensor, stages: usize, blocks: usize) -> Result<Tensor> {
        let x = self.convolution("resnet.conv1", &x.permute((0, 3, 1, 2))?, 1, 1)?;
        let mut x = self.batch_norm("resnet.bn1", &x)?.relu()?;
        for stage in 1..=stages {
            for index in 0..blocks {
                let stride = if stage > 1 && index == 0 { 2 } else { 1 };
                x = self.block(&format!("resnet.layer{stage}.{index}"), &x, stride)?;
            }
        }
        self.dense("resnet.fc", &x.mean((2, 3))?)
    }

    fn block(&self, name: &str, x: &Tensor, stride: usize) -> Result<Tensor> {
        let h = self.convolution(&format!("{name}.conv1"), x, 1, stride)?;
        let h = self.batch_norm(&format!("{name}.bn1"), &h)?.relu()?;
        let h = self.convolution(&format!("{name}.conv2"), &h, 1, 1)?;
        let h = self.batch_norm(&format!("{name}.bn2"), &h)?;
        let missing = h.dim(1)? - x.dim(1)?;
        if missing == 0 {
            return (h + x)?.relu();
        }
        let (batch, read, height, width) = x.dims4()?;
        let x = x.reshape((batch, read, height / stride, stride, width / stride, stride))?;
        let x = x.narrow(3, 0, 1)?.narrow(5, 0, 1)?.squeeze(5)?.squeeze(3)?;
        (h + x.pad_with_zeros(1, missing / 2, missing - missing / 2)?)?.relu()
    }

    /// A language model: vectors of tokens, their states over time, a head.
    fn recurrent(&self, name: &str, x: &Tensor, hidden: usize) -> Result<Tensor> {
        let (batch, length) = x.dims2()?;
        let parameter = |kind: &str| self.value(&format!("{name}.recurrent.{kind}_l0"));
        let x = self.embedding(&format!("{name}.tokens.weight"), &x.t()?)?;
        // The input's products of all steps are one product.
        let inputs = x.matmul(parameter("weight_ih"))?;
        let (bias, bias_h, weight) = (parameter("bias_ih"), parameter("bias_hh"), parameter("weight_hh"));
        let zero = Tensor::zeros((batch, hidden), x.dtype(), x.device())?;
        let states = if name == "lstm" {
            let inputs = inputs.broadcast_add(&(bias + bias_h)?)?.reshape((length, batch, ()))?;
            memory_states(&inputs, weight, zero)?
        } else {
            let inputs = inputs.broadcast_add(bias)?.reshape((length, batch, ()))?;
            gated_states(&inputs, weight, bias_h, zero)?
        };
        self.dense(&format!("{name}.head"), &Tensor::stack(&states, 1)?.flatten_to(1)?)
    }

    fn gpt(&self, x: &Tensor, layers: usize, heads: usize) -> Result<Tensor> {
        let (batch, length) = x.dims2()?;
        let h = self.embedding("gpt.tokens.weight", x)?.reshape((batch, length, ()))?;
        let mut h = h.broadcast_add(self.value("gpt.positions.weight"))?.flatten_to(1)?;
        let hidden = hidden(length)?;
        for layer in 0..layers {
            let name = format!("gpt.layers.{layer}");
            let parts = self.dense(
                &format!("{name}.self_attn.in_proj"),
                &self.layer_norm(&format!("{name}.norm1"), &h)?,
            )?;
            let mixed = attention(&parts.reshape((batch, length, 3, heads, ()))?, &hidden)?;
            h = (h + self.dense(&format!("{name}.self_attn.out_proj"), &mixed)?)?;
            let inner =
                self.dense(&format!("{name}.linear1"), &self.layer_norm(&format!("{name}.norm2"), &h)?)?;
            h = (h + self.dense(&format!("{name}.linear2"), &inner.gelu_erf()?)?)?;
        }
        self.layer_norm("gpt.norm", &h)?.matmul(&self.value("gpt.tokens.weight").t()?)
    }
}

impl Module for Network {
    /// The logits of a batch, one row for each target.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.model {
            Model::Mlp { layers } | Model::Logistic { layers } => self.perceptron(x, layers.len() - 1),
            Model::Cnn { channels, .. } => self.cnn(x, channels.len()),
            Model::ResNet { blocks, channels, .. } => self.resnet(x, channels.len(), *blocks),
            Model::Lstm { hidden, .. } => self.recurrent("lstm", x, *hidden),
            Model::Gru { hidden, .. } => self.recurrent("gru", x, *hidden),
            Model::Gpt { layers, heads, .. } => self.gpt(x, *layers, *heads),
            Model::Update { .. } => candle_core::bail!("an update alone has no network"),
        }
    }
}

/// A parameter in the layout of this library; gates' blocks side by side: one product for all of them.
fn placed(name: &str, value: Tensor) -> Result<Tensor> {
    match value.rank() {
        4 => value.permute((3, 2, 0, 1)),
        3 => value.transpose(0, 1)?.flatten_from(1),
        2 if name.contains(".bias") => value.flatten_all(),
        _ => Ok(value),
    }
}

/// The largest of each 2×2 pixels. The gradient of `max_pool2d` is too small by the number of pixels.
fn pooled(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    x.reshape((batch, channels, height / 2, 2, width / 2, 2))?.max(5)?.max(3)
}

/// The steps of a sequence, its first axis. The gradient of a part is as large as what it was taken from: halves of
/// halves cost less than parts of the whole.
fn steps(x: &Tensor) -> Result<Vec<Tensor>> {
    if x.dim(0)? == 1 {
        return Ok(vec![x.squeeze(0)?]);
    }
    let halves: Vec<Vec<Tensor>> = x.chunk(2, 0)?.iter().map(steps).collect::<Result<_>>()?;
    Ok(halves.concat())
}

/// The states of long short-term memory.
fn memory_states(inputs: &Tensor, weight: &Tensor, zero: Tensor) -> Result<Vec<Tensor>> {
    let (mut h, mut c) = (zero.clone(), zero);
    let step = |input: Tensor| {
        let gates = (input + h.matmul(weight)?)?.chunk(4, 1)?;
        c = ((ops::sigmoid(&gates[1])? * &c)? + (ops::sigmoid(&gates[0])? * gates[2].tanh()?)?)?;
        h = (ops::sigmoid(&gates[3])? * c.tanh()?)?;
        Ok(h.clone())
    };
    steps(inputs)?.into_iter().map(step).collect()
}

/// The states of gated recurrent units.
fn gated_states(inputs: &Tensor, weight: &Tensor, bias: &Tensor, zero: Tensor) -> Result<Vec<Tensor>> {
    let mut h = zero;
    let step = |input: Tensor| {
        let (input, state) = (input.chunk(3, 1)?, h.matmul(weight)?.broadcast_add(bias)?.chunk(3, 1)?);
        let r = ops::sigmoid(&(&input[0] + &state[0])?)?;
        let z = ops::sigmoid(&(&input[1] + &state[1])?)?;
        let n = (&input[2] + (r * &state[2])?)?.tanh()?;
        h = (&n + (z * (&h - &n)?)?)?;
        Ok(h.clone())
    };
    steps(inputs)?.into_iter().map(step).collect()
}

/// What is added to scores: minus infinity where a position would look at a later one.
fn hidden(length: usize) -> Result<Tensor> {
    let scores = (0..length * length).map(|i| if i % length > i / length { f32::NEG_INFINITY } else { 0.0 });
    Tensor::from_vec(scores.collect(), (length, length), &Device::Cpu)
}

/// Mixes values by causal attention, given queries, keys and values side by side.
fn attention(parts: &Tensor, hidden: &Tensor) -> Result<Tensor> {
    let (batch, length, _, heads, size) = parts.dims5()?;
    let parts = parts.permute((2, 0, 3, 1, 4))?.contiguous()?;
    let (query, key, value) = (parts.get(0)?, parts.get(1)?, parts.get(2)?);
    let scores = (query * (1.0 / (size as f64).sqrt()))?.matmul(&key.t()?)?.broadcast_add(hidden)?;
    // The library's `softmax` takes the gradient of the maximum too, and its faster one has none.
    let powers = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    let shares = powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?;
    shares.matmul(&value)?.transpose(1, 2)?.reshape((batch * length, heads * size))
}
