//! Weights go to PyTorch's names and shapes and come back to the bit, and what does not fit is told.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use steepest_data::{BatchSize, Dataset};
use steepest_nn::{
    Activation, Cell, Cnn, Conv1d, Conv2d, ConvTranspose2d, Dense, Encoder, Flatten, Gpt, Mlp, Model,
    RecurrentModel, ResNet, Sequential, Shortcut,
};
use steepest_tensor::Key;
use steepest_train::{Prediction, Predictor, PyTorchOptions, SavedModel, TrainError, Trainer, Training};

fn classes(example: &[usize]) -> Dataset {
    let (key, size) = (Key::new(5), example.iter().product::<usize>());
    let x: Vec<f32> = (0..24 * size).map(|i| key.normal(i as u64) as f32).collect();
    let labels = (0..24).map(|i| i % 3).collect();
    let shape = steepest_tensor::Shape::new(example).unwrap();
    Dataset::classification(shape, x, labels, ["a", "b", "c"].map(str::to_owned)).unwrap()
}

fn text() -> Dataset {
    let tokens = (0..40).map(|i| (i * i) % 5).collect();
    Dataset::language(tokens, 6, 1, ["a", "b", "c", "d", "e"].map(str::to_owned)).unwrap()
}

/// A model trained for an epoch, so that no tensor is as it began.
fn trained(data: Dataset, model: impl Model + 'static, seed: u64) -> Trainer {
    let training = Training::new(data).model(model).batch(BatchSize::new(8).unwrap()).epochs(1).seed(seed);
    let mut trainer = training.trainer().unwrap();
    trainer.train().unwrap();
    trainer
}

fn bits(model: &SavedModel) -> Vec<(String, Vec<usize>, Vec<u64>)> {
    let number = |x: f64| x.to_bits();
    let all = model.weights().iter();
    all.map(|(name, t)| (name.clone(), t.shape().to_vec(), t.to_f64().into_iter().map(number).collect()))
        .collect()
}

/// Names and shapes in a file.
fn shapes(path: &Path) -> HashMap<String, Vec<usize>> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect()
}

/// Exports one model and imports it into another of the same kind that was trained from another seed.
fn round_trip(make: impl Fn(u64) -> Trainer, expected: &[(&str, &[usize])]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let (first, mut second) = (make(1), make(2));
    let all = PyTorchOptions::default();
    let count = first.model().export_pytorch(&path, &all).unwrap();
    let written = shapes(&path);
    assert_eq!(count, written.len());
    for (name, shape) in expected {
        assert_eq!(written.get(*name).map(Vec::as_slice), Some(*shape), "{name} of {written:?}");
    }
    assert_ne!(bits(&first.model()), bits(&second.model()));
    let imported = second.import_pytorch(&path, &all).unwrap();
    assert_eq!(imported.tensors, count);
    assert_eq!(bits(&first.model()), bits(&second.model()));
    let (third, _) = make(3).model().with_pytorch(&path, &all).unwrap();
    assert_eq!(bits(&first.model()), bits(&third));
}

#[test]
fn weights_go_there_and_come_back() {
    round_trip(
        |seed| trained(classes(&[4]), Mlp::new(&[5], 3), seed),
        &[("0.weight", &[5, 4]), ("0.bias", &[5]), ("2.weight", &[3, 5])],
    );
    let cnn = || Cnn { channels: vec![2, 3], hidden: 5, ..Cnn::new(3) };
    round_trip(
        |seed| trained(classes(&[8, 8, 2]), cnn(), seed),
        &[("conv1.weight", &[2, 2, 3, 3]), ("conv2.weight", &[3, 2, 3, 3]), ("fc1.weight", &[5, 12])],
    );
    let resnet = || ResNet { channels: vec![2, 3], blocks: 1, shortcut: Shortcut::Project, ..ResNet::new(3) };
    round_trip(
        |seed| trained(classes(&[8, 8, 2]), resnet(), seed),
        &[("layer2.0.downsample.1.running_var", &[3]), ("bn1.running_mean", &[2]), ("fc.weight", &[3, 3])],
    );
    round_trip(
        |seed| trained(text(), RecurrentModel::new(Cell::Lstm, 4, 5), seed),
        &[("lstm.weight_ih_l0", &[16, 4]), ("lstm.bias_hh_l0", &[16]), ("head.weight", &[5, 4])],
    );
    round_trip(
        |seed| trained(classes(&[5, 2]), RecurrentModel::new(Cell::Gru, 4, 3), seed),
        &[("gru.weight_ih_l0", &[12, 2]), ("gru.weight_hh_l0", &[12, 4])],
    );
    round_trip(
        |seed| trained(text(), Gpt { layers: 1, width: 8, heads: 2, ..Gpt::new(5) }, seed),
        &[("layers.0.self_attn.in_proj_weight", &[24, 8]), ("tokens.weight", &[5, 8]), ("norm.bias", &[8])],
    );
}

/// An array that `golden/pytorch.py` wrote.
#[derive(serde::Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// A module of PyTorch: its state dict, an input and what it makes of it.
#[derive(serde::Deserialize)]
struct Module {
    weights: BTreeMap<String, Array>,
    x: Array,
    y: Array,
}

/// Loads a module's state dict into a model of ours and compares what both make of the input.
fn agrees(name: &str, model: impl Model + 'static) {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden/pytorch.json")).unwrap();
    let Module { weights, x, y } = serde_json::from_value(golden[name].clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let bytes = |array: &Array| array.values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let bytes: Vec<Vec<u8>> = weights.values().map(bytes).collect();
    let views = weights
        .iter()
        .zip(&bytes)
        .map(|((key, array), bytes)| (key, TensorView::new(Dtype::F32, array.shape.clone(), bytes).unwrap()));
    fs::write(&path, serialize(views, None).unwrap()).unwrap();
    let example = steepest_tensor::Shape::new(&x.shape[1..]).unwrap();
    let targets = y.values.iter().map(|&y| f64::from(y)).collect();
    let data = Dataset::regression(example, x.values.clone(), targets).unwrap();
    let mut trainer = Training::new(data).model(model).trainer().unwrap();
    let imported = trainer.import_pytorch(&path, &PyTorchOptions::default()).unwrap();
    assert_eq!(imported.tensors, weights.len(), "{name}");
    let (model, rows) = (trainer.model(), Dataset::unlabelled(example, x.values).unwrap());
    let predicted = Predictor::new(&model).unwrap().dataset(&rows).unwrap();
    let got: Vec<f64> = predicted
        .into_iter()
        .flat_map(|prediction| match prediction {
            Prediction::Numbers(numbers) => numbers,
            Prediction::Class { .. } => panic!("numbers"),
        })
        .collect();
    assert_eq!(got.len(), y.values.len(), "{name}");
    for (got, &wanted) in got.iter().zip(&y.values) {
        assert!((got - f64::from(wanted)).abs() < 2e-5, "{name}: {got} and {wanted}");
    }
}

/// What PyTorch wrote means here what it means there: kernels higher than wide, both directions of time, heads.
#[test]
fn modules_of_pytorch_give_the_same_outputs_here() {
    let conv = Conv2d::new(3, [3, 1]).padding([1, 0]);
    let back = ConvTranspose2d::new(2, [2, 3]).stride([2, 1]);
    let convolutions = Sequential::new().then(conv).then(Activation::relu()).then(back);
    agrees("convolutions", convolutions.then(Flatten {}).then(Dense::new(2)));
    let steps = Sequential::new().then(Conv1d::new(4, 2)).then(Activation::tanh());
    agrees("steps", steps.then(Flatten {}).then(Dense::new(2)));
    let lstm = RecurrentModel { layers: 2, bidirectional: true, ..RecurrentModel::new(Cell::Lstm, 4, 2) };
    agrees("lstm", lstm);
    agrees("encoder", Encoder { layers: 2, width: 6, heads: 2, ..Encoder::new(2) });
}

fn write(path: &Path, tensors: &[(&str, Dtype, Vec<usize>)]) {
    let sizes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, dtype, shape)| {
            vec![0; shape.iter().product::<usize>() * if *dtype == Dtype::F32 { 4 } else { 8 }]
        })
        .collect();
    let views = tensors.iter().zip(&sizes);
    let views = views
        .map(|((name, dtype, shape), bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    fs::write(path, serialize(views, None).unwrap()).unwrap();
}

fn said(path: &Path, options: &PyTorchOptions) -> Result<usize, TrainError> {
    let mut trainer = Training::new(classes(&[4])).model(Mlp::new(&[5], 3)).trainer().unwrap();
    trainer.import_pytorch(path, options).map(|imported| imported.tensors)
}

#[test]
fn what_does_not_fit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let f32s = |name: &'static str, shape: &[usize]| (name, Dtype::F32, shape.to_vec());
    let good =
        [f32s("0.weight", &[5, 4]), f32s("0.bias", &[5]), f32s("2.weight", &[3, 5]), f32s("2.bias", &[3])];
    let all = PyTorchOptions::default();
    write(&path, &good);
    assert_eq!(said(&path, &all).unwrap(), 4);

    write(&path, &[good[0].clone(), good[1].clone(), f32s("head.weight", &[3, 5]), f32s("head.bias", &[3])]);
    let error = said(&path, &all).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("missing: `2.weight` [3, 5] · `2.bias` [3]"), "{text}");
    assert!(text.contains("not in the model: `head.bias` [3] · `head.weight` [3, 5]"), "{text}");
    assert!(error.help().unwrap().contains("--rename"), "{:?}", error.help());
    let renamed = PyTorchOptions { rename: vec![("head".to_owned(), "2".to_owned())], ..all.clone() };
    assert_eq!(said(&path, &renamed).unwrap(), 4);
    assert_eq!(said(&path, &PyTorchOptions { partial: true, ..all.clone() }).unwrap(), 2);

    write(&path, &[good[0].clone(), good[1].clone(), f32s("2.weight", &[5, 3]), good[3].clone()]);
    let text = said(&path, &PyTorchOptions { partial: true, ..all.clone() }).unwrap_err().to_string();
    assert!(text.contains("of another shape: `2.weight` is [5, 3], expected [3, 5]"), "{text}");

    write(&path, &[good[0].clone(), ("0.bias", Dtype::I64, vec![5]), good[2].clone(), good[3].clone()]);
    assert!(said(&path, &all).unwrap_err().to_string().contains("`0.bias` holds I64"));
    fs::write(&path, "no").unwrap();
    assert!(said(&path, &all).unwrap_err().to_string().contains("not a safetensors file"));
    assert!(said(&folder.path().join("none"), &all).unwrap_err().to_string().contains("cannot read"));
}
