//! A layer of one's own: a struct, and the mathematics of its forward pass. It has no derivative to write.
use steepest::prelude::*;

/// y = x + W₂ tanh(W₁ x): a residual block. The size of its input is read from x.
struct Residual {
    hidden: usize,
}

impl Layer for Residual {
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let width = x.dim(-1);
        let inner = cx.param("inner", [width, self.hidden], &Init::xavier_normal());
        let outer = cx.param("outer", [self.hidden, width], &Init::zeros());
        x + x.matmul(inner).tanh().matmul(outer)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Which of two interleaved rings is a point on? A straight line cannot tell.
    let points: Vec<(f32, f32)> =
        (0..400).map(|i| (i as f32 * 0.7, if i % 2 == 0 { 1.0 } else { 2.0 })).collect();
    let x = points.iter().flat_map(|(angle, radius)| [radius * angle.cos(), radius * angle.sin()]).collect();
    let labels = points.iter().map(|(_, radius)| u32::from(*radius > 1.5)).collect();
    let rings = Dataset::classification([2], x, labels, ["inner".to_owned(), "outer".to_owned()])?;

    let model =
        Sequential::new().then(Dense::new(8)).then(Residual { hidden: 16 }).named("head", Dense::new(1));
    let mut trainer = Training::new(rings).model(model).learning_rate(0.01).epochs(40).trainer()?;
    trainer.train()?;
    let result = trainer.evaluate(Part::Train)?.ok_or("no rows")?;
    println!("{result}");
    assert!(result.metric("accuracy") > Some(0.99));
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
