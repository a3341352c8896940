//! Trains a model on a CSV file and checks how well it does on rows it has not seen.
use steepest::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/iris.csv");
    let spec = RunSpec::new(file, "species")?.with("optimizer.learning-rate", 0.01)?;
    let mut trainer = Trainer::new(&spec)?;
    println!("{}", trainer.train()?);
    let test = trainer.evaluate(Part::Test)?.ok_or("no rows were held out")?;
    println!("{test}");
    assert!(test.metric("accuracy") > Some(0.9));
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
