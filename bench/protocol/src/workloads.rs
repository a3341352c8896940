//! What is measured: models, batches, optimizers, and the least work that a step of each takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::networks::{parameters, products};

/// The description of a workload, written beside its arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The name given on the command line.
    pub name: String,
    /// What is trained.
    pub model: Model,
    /// Rows of a batch.
    pub batch: usize,
    /// Batches in the data; step `s` takes batch `s mod batches`.
    pub batches: usize,
    /// The update rule.
    pub optimizer: Optimizer,
    /// First steps whose losses are compared.
    pub losses: usize,
    /// Timed steps of a round.
    pub steps: usize,
    /// Steps between two readings of the clock.
    pub chunk: usize,
    /// Floating-point operations of a step.
    pub flops: f64,
    /// Bytes that a step must move: each batch read, each parameter and slot read and written once.
    pub bytes: f64,
    /// The arrays in the folder, by name.
    pub arrays: BTreeMap<String, Array>,
}

/// What is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Model {
    /// Dense layers with ReLU between them, softmax cross-entropy averaged over the batch.
    Mlp {
        /// Inputs, hidden sizes, classes.
        layers: Vec<usize>,
    },
    /// One dense layer with one output, binary cross-entropy.
    Logistic {
        /// Inputs and 1.
        layers: Vec<usize>,
    },
    /// The optimizer's update alone, with a constant gradient.
    Update {
        /// Elements of the parameter.
        parameters: usize,
    },
    /// 3×3 convolutions with ReLU, 2×2 maximum pooling, a hidden layer, softmax cross-entropy.
    Cnn {
        /// Height, width, channels.
        image: [usize; 3],
        /// Channels of each convolution.
        channels: Vec<usize>,
        /// Units of the hidden layer.
        hidden: usize,
        /// Classes.
        classes: usize,
    },
    /// The residual network of the CIFAR experiments, shortcuts padded with zeros; batch normalization.
    ResNet {
        /// Height, width, channels.
        image: [usize; 3],
        /// Blocks of each stage.
        blocks: usize,
        /// Channels of each stage.
        channels: Vec<usize>,
        /// Classes.
        classes: usize,
    },
    /// A language model: embedding, long short-term memory from a zero state, dense head.
    Lstm {
        /// Tokens.
        vocabulary: usize,
        /// Units, and size of a token's vector.
        hidden: usize,
        /// Tokens of a window.
        length: usize,
    },
    /// The same with gated recurrent units.
    Gru {
        /// Tokens.
        vocabulary: usize,
        /// Units, and size of a token's vector.
        hidden: usize,
        /// Tokens of a window.
        length: usize,
    },
    /// A language model of pre-norm causal transformer blocks, learned positions, GELU, tied head.
    Gpt {
        /// Tokens.
        vocabulary: usize,
        /// Blocks.
        layers: usize,
        /// Size of a token's vector.
        width: usize,
        /// Heads of each block.
        heads: usize,
        /// Tokens of a window.
        length: usize,
    },
}

/// The update rule and its hyperparameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba, 2015), ε after the bias correction.
    Adam {
        /// α.
        learning_rate: f64,
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        epsilon: f64,
    },
    /// Gradient descent; momentum keeps the rate outside the velocity, as PyTorch does.
    Sgd {
        /// α.
        learning_rate: f64,
        /// γ, 0 for none.
        momentum: f64,
    },
}

/// The form of an array in the folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Array {
    /// Sizes of its axes, outermost first.
    pub shape: Vec<usize>,
    /// `f32` or `u32`.
    pub dtype: String,
}

/// Every workload, in the order of the tables.
pub fn workloads() -> Vec<Workload> {
    let adam = Optimizer::Adam { learning_rate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let momentum = Optimizer::Sgd { learning_rate: 0.05, momentum: 0.9 };
    // Adam's first steps divide rounding errors by rounding errors wherever a filter sees almost nothing, and a step
    // that is too long turns them into other maxima of the pools: PyTorch with and without its compiler then differ too.
    let images = Optimizer::Sgd { learning_rate: 2e-4, momentum: 0.9 };
    let plain = Optimizer::Sgd { learning_rate: 0.01, momentum: 0.0 };
    let mlp = |layers: &[usize]| Model::Mlp { layers: layers.to_vec() };
    let large = || mlp(&[784, 512, 256, 10]);
    let cnn = Model::Cnn { image: [28, 28, 1], channels: vec![32, 64], hidden: 128, classes: 10 };
    let resnet = Model::ResNet { image: [32, 32, 3], blocks: 3, channels: vec![16, 32, 64], classes: 10 };
    let vocabulary = 65;
    let gpt = |length| Model::Gpt { vocabulary, layers: 4, width: 128, heads: 4, length };
    vec![
        workload("mlp-784-512-256-10-b32", large(), (32, 512), &adam, (600, 10)),
        workload("mlp-784-512-256-10-b128", large(), (128, 128), &adam, (400, 10)),
        workload("mlp-784-512-256-10-b512", large(), (512, 32), &adam, (200, 5)),
        workload("mlp-30-64-32-2-b32", mlp(&[30, 64, 32, 2]), (32, 512), &momentum, (20000, 100)),
        workload(
            "logistic-100",
            Model::Logistic { layers: vec![100, 1] },
            (1, 200_000),
            &plain,
            (20_000, 500),
        ),
        workload("adam-10m", Model::Update { parameters: 10_000_000 }, (1, 1), &adam, (200, 5)),
        workload("cnn-28-b64", cnn, (64, 64), &images, (40, 2)),
        workload("resnet-20-b64", resnet, (64, 32), &images, (20, 1)),
        workload(
            "lstm-256-t64-b32",
            Model::Lstm { vocabulary, hidden: 256, length: 64 },
            (32, 64),
            &adam,
            (40, 2),
        ),
        workload(
            "gru-256-t64-b32",
            Model::Gru { vocabulary, hidden: 256, length: 64 },
            (32, 64),
            &adam,
            (40, 2),
        ),
        workload("gpt-4x128-t64-b16", gpt(64), (16, 64), &adam, (40, 2)),
        workload("gpt-4x128-t256-b4", gpt(256), (4, 64), &adam, (40, 2)),
    ]
}

/// The workload of this name, or the names there are.
pub fn find(name: &str) -> Result<Workload, Vec<String>> {
    let all = workloads();
    let names = all.iter().map(|workload| workload.name.clone()).collect();
    all.into_iter().find(|workload| workload.name == name).ok_or(names)
}

/// A workload of a model in batches of so many rows, of which there are so many; a turn takes so many steps, of which so
/// many are timed together.
pub fn workload(
    name: &str,
    model: Model,
    (batch, batches): (usize, usize),
    optimizer: &Optimizer,
    (steps, chunk): (usize, usize),
) -> Workload {
    let (flops, bytes) = least_work(&model, batch, optimizer);
    let arrays = arrays(&model, batch * batches);
    let name = name.to_owned();
    Workload {
        name,
        model,
        batch,
        batches,
        optimizer: optimizer.clone(),
        losses: 100,
        steps,
        chunk,
        flops,
        bytes,
        arrays,
    }
}

impl Model {
    /// Pairs of inputs and outputs, first layer first.
    pub fn layers(&self) -> Vec<(usize, usize)> {
        match self {
            Model::Mlp { layers } | Model::Logistic { layers } => {
                layers.windows(2).map(|pair| (pair[0], pair[1])).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The number of trained numbers.
    pub fn parameters(&self) -> usize {
        match self {
            Model::Update { parameters } => *parameters,
            Model::Mlp { .. } | Model::Logistic { .. } => {
                self.layers().iter().map(|(inputs, outputs)| (inputs + 1) * outputs).sum()
            }
            _ => parameters(self).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum(),
        }
    }

    /// The shape of an example, empty for an update alone.
    pub fn example(&self) -> Vec<usize> {
        match self {
            Model::Update { .. } => Vec::new(),
            Model::Mlp { .. } | Model::Logistic { .. } => vec![self.layers()[0].0],
            Model::Cnn { image, .. } | Model::ResNet { image, .. } => image.to_vec(),
            Model::Lstm { length, .. } | Model::Gru { length, .. } | Model::Gpt { length, .. } => {
                vec![*length]
            }
        }
    }

    /// Tokens of a language model; its examples are windows of tokens, and its targets the same one further.
    pub fn vocabulary(&self) -> Option<usize> {
        match *self {
            Model::Lstm { vocabulary, .. }
            | Model::Gru { vocabulary, .. }
            | Model::Gpt { vocabulary, .. } => Some(vocabulary),
            _ => None,
        }
    }
}

/// Operations and bytes of one step, counted by hand: products forward, for the weights' gradients and, but
/// for the first layer, for the inputs' gradients; and the update.
fn least_work(model: &Model, batch: usize, optimizer: &Optimizer) -> (f64, f64) {
    let (update_flops, slots) = match optimizer {
        Optimizer::Adam { .. } => (14, 2),
        Optimizer::Sgd { momentum, .. } if *momentum > 0.0 => (4, 1),
        Optimizer::Sgd { .. } => (2, 0),
    };
    let parameters = model.parameters();
    let state = 8 * (1 + slots) * parameters;
    let (forward, first) = products(model);
    let flops = 2 * batch * (3 * forward - first) + update_flops * parameters;
    let fed = match model {
        Model::Update { parameters } => 4 * parameters,
        _ => {
            let inputs: usize = model.example().iter().product();
            4 * batch * (inputs + if model.vocabulary().is_some() { inputs } else { 1 })
        }
    };
    (flops as f64, (state + fed) as f64)
}

fn arrays(model: &Model, rows: usize) -> BTreeMap<String, Array> {
    let mut arrays = BTreeMap::new();
    let mut add = |name: String, shape: &[usize], dtype: &str| {
        arrays.insert(name, Array { shape: shape.to_vec(), dtype: dtype.to_owned() });
    };
    if let Model::Update { parameters } = model {
        add("parameter".to_owned(), &[*parameters], "f32");
        add("gradient".to_owned(), &[*parameters], "f32");
        return arrays;
    }
    let layers = model.layers();
    for (index, (inputs, outputs)) in layers.iter().enumerate() {
        add(format!("weight{index}"), &[*inputs, *outputs], "f32");
        add(format!("bias{index}"), &[*outputs], "f32");
    }
    for (name, shape) in parameters(model) {
        add(name, &shape, "f32");
    }
    let examples: Vec<usize> = std::iter::once(rows).chain(model.example()).collect();
    if model.vocabulary().is_some() {
        add("x".to_owned(), &examples, "u32");
        add("y".to_owned(), &examples, "u32");
    } else {
        add("x".to_owned(), &examples, "f32");
        add("y".to_owned(), &[rows], "u32");
    }
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_work_of_a_small_network_is_counted_by_hand() {
        let sgd = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0 };
        let (flops, bytes) = least_work(&Model::Mlp { layers: vec![3, 4, 2] }, 5, &sgd);
        // Forward 2·5·(12+8), weight gradients the same, input gradient of the second layer 2·5·8;
        // 26 parameters with two operations each.
        assert_eq!(flops, 200.0 + 200.0 + 80.0 + 52.0);
        assert_eq!(bytes, (8 * 26 + 4 * 5 * 4) as f64);
    }

    #[test]
    fn chunks_divide_rounds_and_names_are_unique() {
        let all = workloads();
        for workload in &all {
            assert_eq!(workload.steps % workload.chunk, 0, "{}", workload.name);
            assert_eq!(find(&workload.name).as_ref(), Ok(workload));
        }
        assert_eq!(find("nothing").unwrap_err().len(), all.len());
    }
}
