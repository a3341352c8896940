//! Losses and models compose: an autoencoder, and a model with one body and two heads, each with a loss of its own.
use steepest::nn::BinaryCrossEntropy;
use steepest::prelude::*;
use steepest::tensor::Buffer;

/// Pixels of handwritten digits, 8×8, from 0 to 1, and which digits they are.
fn digits() -> Result<(Vec<f32>, Vec<u32>), Box<dyn std::error::Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/digits.csv");
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(file)?.lines().skip(1) {
        let numbers = line.split(',').map(str::parse::<f32>).collect::<Result<Vec<f32>, _>>()?;
        pixels.extend(numbers[..64].iter().map(|pixel| pixel / 16.0));
        labels.push(numbers[64] as u32);
    }
    Ok((pixels, labels))
}

/// What a model makes of 64 numbers: eight, from which it makes the 64 again.
fn autoencoder() -> Sequential {
    let encoder = Sequential::new().then(Dense::new(32)).then(Activation::relu()).then(Dense::new(8));
    let decoder = Sequential::new().then(Dense::new(32)).then(Activation::relu()).then(Dense::new(64));
    Sequential::new().named("encoder", encoder).named("decoder", decoder)
}

/// One body, and two heads that share what it has learned: is the digit even, and how much ink does it have?
struct TwoHeads {
    body: Sequential,
}

impl Layer for TwoHeads {
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let shared = cx.apply("body", &self.body, x);
        let even = cx.apply("even", &Dense::new(1), shared);
        let ink = cx.apply("ink", &Dense::new(1), shared);
        even.concat(&[ink], 1)
    }
}

/// The loss of each head on its own part of prediction and target, weighted.
fn two_losses<'g>(prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
    let part = |value: Var<'g>, k: usize| value.slice(1, k, k + 1);
    let even = BinaryCrossEntropy::default().per_example(part(prediction, 0), part(target, 0));
    let ink = (part(prediction, 1) - part(target, 1)).square().sum_last().reshape(even.shape());
    even + 10.0 * ink
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (pixels, labels) = digits()?;

    // The pixels are input and target at once.
    let targets: Vec<f64> = pixels.iter().map(|&pixel| f64::from(pixel)).collect();
    let images = Dataset::regression([64], pixels.clone(), targets.clone())?;
    let mut trainer = Training::new(images).model(autoencoder()).learning_rate(3e-3).epochs(20).trainer()?;
    trainer.train()?;
    let loss = trainer.evaluate(Part::Train)?.ok_or("no rows")?.loss;
    // Without a code, the best is each pixel's mean.
    let rows = labels.len() as f64;
    let variance = |pixel: usize| {
        let values = || targets.iter().skip(pixel).step_by(64);
        let mean = values().sum::<f64>() / rows;
        values().map(|value| (value - mean).powi(2)).sum::<f64>() / rows
    };
    let spread = (0..64).map(variance).sum::<f64>() / 64.0;
    println!("autoencoder: 8 numbers keep {:.0} % of the variance of 64", 100.0 * (1.0 - loss / spread));
    assert!(loss < 0.4 * spread, "{loss} of {spread}");

    let ink = pixels.chunks(64).map(|row| f64::from(row.iter().sum::<f32>()) / 64.0);
    let both = labels
        .iter()
        .zip(ink)
        .flat_map(|(label, ink)| [f64::from(label % 2 == 0), ink])
        .collect::<Vec<f64>>();
    let data = Dataset::regression([64], pixels.clone(), both.clone())?;
    let body = Sequential::new().then(Dense::new(64)).then(Activation::relu());
    let training = Training::new(data).model(TwoHeads { body }).loss(two_losses);
    let mut trainer = training.learning_rate(3e-3).epochs(20).trainer()?;
    trainer.train()?;
    let model = trainer.model();
    let predicted = Predictor::new(&model)?.dataset(&Dataset::unlabelled([64], pixels)?)?;
    let (mut right, mut error) = (0.0, 0.0);
    for (prediction, target) in predicted.iter().zip(both.chunks(2)) {
        let Prediction::Numbers(numbers) = prediction else { return Err("numbers were trained".into()) };
        right += f64::from(u8::from((numbers[0] > 0.0) == (target[0] > 0.5))) / rows;
        error += (numbers[1] - target[1]).abs() / rows;
    }
    println!("two heads: even or odd {:.1} % right, ink off by {error:.4} of 1 on average", 100.0 * right);
    assert!(right > 0.95 && error < 0.02, "{right} {error}");
    // Both heads moved the body they share.
    let names: Vec<&str> = trainer.tensor_names().filter(|name| name.ends_with("weight")).collect();
    assert!(
        ["body.0.weight", "even.weight", "ink.weight"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    let head = trainer.tensor("even.weight").ok_or("no head")?;
    assert!(matches!(head.buffer(), Buffer::F32(weights) if weights.len() == 64));
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
