//! A loss of one's own: the model learns the 90th percentile instead of the mean.
use steepest::prelude::*;

/// The quantile loss (Koenker and Bassett, 1978), lowest where nine in ten targets lie below the prediction.
fn ninetieth<'g>(prediction: Var<'g>, target: Var<'g>) -> Var<'g> {
    let error = target - prediction;
    (0.9 * error).maximum(-0.1 * error)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Waiting times of 10 minutes on average, many short and few long: nine in ten are below 23.03.
    let minutes = (0..1000).map(|i| -10.0 * (1.0 - (f64::from(i) + 0.5) / 1000.0).ln()).collect();
    let waits = Dataset::regression([1], vec![0.0_f32; 1000], minutes)?;

    let training = Training::new(waits).model(Dense::new(1)).loss(ninetieth);
    let mut trainer = training.batch(BatchSize::Full).learning_rate(0.5).epochs(500).trainer()?;
    trainer.train()?;
    let learned = trainer.tensor("bias").ok_or("the layer has a bias")?.to_f64()[0];
    println!("nine in ten wait less than {learned:.1} minutes");
    assert!((learned - 23.03).abs() < 0.5);
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
