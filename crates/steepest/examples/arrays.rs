//! A perceptron on arrays: train, save, load, predict.
use steepest::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Points of a square, and whether both coordinates have the same sign: no line tells the two classes apart.
    let points: Vec<f32> = (0..2000).map(|i| 2.0 * Key::new(1).uniform(i) as f32 - 1.0).collect();
    let labels: Vec<u32> = points.chunks(2).map(|p| u32::from(p[0] * p[1] > 0.0)).collect();
    let data = Dataset::classification([2], points, labels, ["differ", "agree"].map(str::to_owned))?;
    // Of two classes, one output tells: the logarithm of the odds.
    let model = || Sequential::new().then(Dense::new(32)).then(Activation::relu()).then(Dense::new(1));
    let mut trainer = Training::new(data).model(model()).learning_rate(0.01).epochs(30).trainer()?;
    println!("{}", trainer.train()?);

    let file = std::env::temp_dir().join("signs.safetensors");
    trainer.model().save(&file)?;
    // The file holds the weights; the code of a model written in Rust is yours. Models of specs need only `load`.
    let saved = SavedModel::load_with(&file, model())?;
    let corners = Dataset::unlabelled([2], vec![0.7_f32, 0.6, -0.7, 0.6])?;
    let predicted = Predictor::new(&saved)?.dataset(&corners)?;
    println!("{predicted:?}");
    assert!(matches!(predicted[0], Prediction::Class { class: 1, .. }));
    assert!(matches!(predicted[1], Prediction::Class { class: 0, .. }));
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
