//! An optimizer of one's own: the paper's formula, line by line. The compiler fuses it with the rest.
use steepest::prelude::*;

/// Lion (Chen et al., 2023, algorithm 2): c = β₁m + (1 − β₁)g; u = sign(c); m ← β₂m + (1 − β₂)g.
struct Lion {
    beta1: f64,
    beta2: f64,
}

impl Transform for Lion {
    fn name(&self) -> &str {
        "lion"
    }

    fn apply<'g>(&self, cx: &mut UpdateScope<'_, 'g>, updates: Updates<'g>) -> Updates<'g> {
        cx.each(updates, |p, g| {
            let m = p.slot("m", 0.0);
            p.set_slot(m, self.beta2 * m + (1.0 - self.beta2) * g);
            (self.beta1 * m + (1.0 - self.beta1) * g).sign()
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/wine.csv");
    let spec = RunSpec::new(file, "cultivar")?;
    let data = steepest::data::prepare(&spec.data, spec.seed)?;
    let lion = Chain::new().then(Lion { beta1: 0.9, beta2: 0.99 }).then(ScaleByRate);
    let mut trainer = Training::from_spec(&spec, data)?.optimizer(lion).learning_rate(1e-3).trainer()?;
    println!("{}", trainer.train()?);
    let test = trainer.evaluate(Part::Test)?.ok_or("no rows were held out")?;
    println!("{test}");
    assert!(test.metric("accuracy") > Some(0.9));
    assert!(trainer.tensor("mlp.0.weight/lion.m").is_some(), "the slot is a tensor like any other");
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
