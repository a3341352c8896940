//! What depth does to gradients: perceptrons of 30 hidden layers with tanh that cannot be trained, and what mends them.
//!
//! `cargo run --release --example depth -- FOLDER` writes two pictures into the folder (`runs/depth`), as SVG and PNG: the norm
//! of the gradient of each layer's weight before the first step, and the loss of training.
//!
//! Weights from N(0, 0.05²) shrink what goes forward through a layer of width 64 by √64 · 0.05 = 0.4, and what comes back
//! as well. The gradient of a weight is the product of the two, so that each of 30 layers has one of about 0.4²⁹: nothing
//! learns. Weights from N(0, 0.3²) saturate tanh, and what comes back grows from layer to layer. Xavier's initial values
//! keep both sizes (Glorot and Bengio, 2010). Normalization sets the size of what goes forward anew in each layer, and with
//! it that of what comes back (Ba, Kiros and Hinton, 2016); residuals give both a way around the layers (He et al., 2016);
//! clipping leaves the gradient's direction and bounds the step (Pascanu, Mikolov and Bengio, 2013).
use std::path::{Path, PathBuf};

use steepest::graph::{Feeds, evaluate};
use steepest::nn::{LayerNorm, Trace};
use steepest::prelude::*;
use steepest::report::{Series, chart, write_drawing};

type Failure = Box<dyn std::error::Error>;

const LAYERS: usize = 30;
const WIDTH: usize = 64;
const EPOCHS: u64 = 12;
const RATE: f64 = 0.003;

/// A perceptron of many layers.
#[derive(Clone)]
struct Deep {
    init: Init,
    normalized: bool,
    residual: bool,
}

impl Layer for Deep {
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let mut h = x;
        for layer in 0..LAYERS {
            let dense = Dense::new(WIDTH).weight_init(self.init.clone());
            let mut y = cx.apply(&format!("layer{layer:02}"), &dense, h);
            if self.normalized {
                y = cx.apply(&format!("norm{layer:02}"), &LayerNorm::default(), y);
            }
            // The first layer changes the width, so there is nothing to go around it.
            h = if self.residual && layer > 0 { h + y.tanh() } else { y.tanh() };
        }
        cx.apply("head", &Dense::new(10), h)
    }
}

/// One way to set up the network, the learning rate, and whether gradients are clipped.
struct Variant {
    name: &'static str,
    model: Deep,
    rate: f64,
    clip: bool,
}

fn variants() -> Result<Vec<Variant>, Failure> {
    let normal = |std: f64| Init::normal().with("std", std);
    let variant = |name, init, normalized, residual| {
        let model = Deep { init, normalized, residual };
        Variant { name, model, rate: RATE, clip: false }
    };
    let fast = Variant {
        rate: 10.0 * RATE,
        ..variant("Xavier, tenfold rate", Init::xavier_uniform(), false, false)
    };
    let clipped =
        Variant { name: "Xavier, tenfold rate, clipped", model: fast.model.clone(), clip: true, ..fast };
    Ok(vec![
        variant("N(0, 0.05²)", normal(0.05)?, false, false),
        variant("N(0, 0.3²)", normal(0.3)?, false, false),
        variant("Xavier", Init::xavier_uniform(), false, false),
        variant("N(0, 0.3²), normalized", normal(0.3)?, true, false),
        variant("N(0, 0.05²), residual", normal(0.05)?, false, true),
        fast,
        clipped,
    ])
}

/// Handwritten digits: 64 pixels from −1 to 1, and which digit it is.
fn digits() -> Result<(Vec<f32>, Vec<u32>), Failure> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/digits.csv");
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(file)?.lines().skip(1) {
        let numbers = line.split(',').map(str::parse::<f32>).collect::<Result<Vec<f32>, _>>()?;
        pixels.extend(numbers[..64].iter().map(|pixel| pixel / 8.0 - 1.0));
        labels.push(numbers[64] as u32);
    }
    Ok((pixels, labels))
}

/// ‖∂L/∂W‖ of each hidden layer on a batch, before the first step.
fn gradient_norms(model: &Deep, pixels: &[f32], labels: &[u32]) -> Result<Vec<f64>, Failure> {
    let (graph, rows) = (Graph::new(), labels.len());
    let (x, y) = (graph.input("x", [rows, 64]), graph.index_input("y", [rows]));
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let logits = model.forward(&mut trace.scope(), x);
    let loss = CrossEntropy::default().per_example(logits, y).mean();
    let layers =
        trace.parameters().iter().filter(|(name, _)| name.starts_with("layer") && name.ends_with("weight"));
    let weights: Vec<Var<'_>> = layers.map(|(_, value)| *value).collect();
    let norms: Vec<Var<'_>> =
        gradients(loss, &weights).into_iter().map(|slope| slope.dense().square().sum().sqrt()).collect();
    let values = pixels.iter().map(|&pixel| f64::from(pixel)).collect();
    let feeds = Feeds::new()
        .with("x", Tensor::f64([rows, 64], values)?)
        .with("y", Tensor::u32([rows], labels.to_vec())?);
    Ok(evaluate(&graph, &norms, &feeds)?.iter().map(|norm| norm.to_f64()[0]).collect())
}

/// The mean loss of each epoch, by gradient descent with momentum.
fn train(variant: &Variant, data: &Dataset) -> Result<Vec<(f64, f64)>, Failure> {
    let clip = variant.clip.then_some(ClipGlobalNorm { norm: 1.0 });
    let descent = Chain::new().then_some(clip).then(Momentum { gamma: 0.9 }).then(ScaleByRate);
    let stop = StopOptions { epochs: Some(EPOCHS), patience: Some(0), ..StopOptions::default() };
    let training = Training::new(data.clone()).model(variant.model.clone()).optimizer(descent);
    let mut trainer = training.learning_rate(variant.rate).stop(stop).trainer()?;
    let mut losses = Vec::new();
    for event in trainer.run() {
        match event? {
            Event::Eval(report) => losses.push((report.epoch, report.train_loss)),
            // A loss that is not finite ends the run: what it was before is what there is to see.
            Event::Stopped(reason) => println!("{:30} {reason}", variant.name),
            _ => {}
        }
    }
    Ok(losses)
}

fn show(folder: &Path) -> Result<(), Failure> {
    let (pixels, labels) = digits()?;
    let names = (0..10).map(|digit| digit.to_string());
    let data = Dataset::classification([64], pixels.clone(), labels.clone(), names)?;
    let variants = variants()?;
    let (mut norms, mut losses) = (Vec::new(), Vec::new());
    for variant in &variants {
        norms.push(gradient_norms(&variant.model, &pixels[..64 * 64], &labels[..64])?);
        losses.push(train(variant, &data)?);
    }
    let series = |key: &str, points: Vec<(f64, f64)>| Series { key: key.to_owned(), points };
    let by_layer = |norms: &[f64]| (1..).zip(norms).map(|(layer, &norm)| (f64::from(layer), norm)).collect();
    // Rate and clipping do not change what is there before the first step.
    let profiles: Vec<(&str, Series)> = variants
        .iter()
        .zip(&norms)
        .filter(|(variant, _)| variant.rate == RATE)
        .map(|(variant, norms)| (variant.name, series("norm", by_layer(norms))))
        .collect();
    let curves: Vec<(&str, Series)> = variants
        .iter()
        .zip(&losses)
        .map(|(variant, losses)| (variant.name, series("loss", losses.clone())))
        .collect();
    let heading = "Gradient of each layer's weight before the first step";
    let pictures = [
        ("gradients", chart::profile(heading, "norm", "layer", &profiles)),
        ("losses", chart::profile("30 layers with tanh on digits", "training loss", "epoch", &curves)),
    ];
    for (name, picture) in pictures {
        write_drawing(&picture.ok_or("nothing to draw")?, &folder.join(name))?;
    }
    let last: Vec<f64> =
        losses.iter().map(|losses| losses.last().map_or(f64::INFINITY, |last| last.1)).collect();
    for ((variant, norms), last) in variants.iter().zip(&norms).zip(&last) {
        let (first, top) = (norms[0], norms[LAYERS - 1]);
        println!(
            "{:30} gradient of layer 1 {first:.1e}, of layer 30 {top:.1e}; last loss {last:.3}",
            variant.name
        );
    }
    let [small, large, xavier, normalized, residual, fast, clipped] = last[..] else {
        return Err("seven variants".into());
    };
    let share = |k: usize| norms[k][0] / norms[k][LAYERS - 1];
    assert!(norms[0].iter().all(|&norm| norm < 1e-8), "small weights lose the gradient: {:?}", norms[0]);
    assert!(share(1) > 10.0, "large weights enlarge it: {:e}", share(1));
    assert!(norms[2].iter().all(|&norm| norm > 1e-3), "Xavier's do not: {:?}", norms[2]);
    assert!(share(2) > 0.05 && share(2) < 20.0, "Xavier keeps it: {:e}", share(2));
    // ln 10 = 2.303 is the loss of knowing nothing.
    assert!(small > 2.29 && large > 2.29 && fast > 2.29, "{small} {large} {fast}");
    assert!(xavier < 0.5 && normalized < 0.5 && residual < 0.5 && clipped < 0.5, "{last:?}");
    Ok(())
}

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "runs/depth".to_owned()));
    std::fs::create_dir_all(&folder)?;
    show(&folder)?;
    println!("pictures in {}", folder.display());
    Ok(())
}

#[test]
fn runs() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("steepest-depth-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let shown = show(&folder);
    let written = ["gradients.svg", "losses.svg"].iter().all(|name| folder.join(name).is_file());
    std::fs::remove_dir_all(&folder)?;
    shown?;
    assert!(written);
    Ok(())
}
