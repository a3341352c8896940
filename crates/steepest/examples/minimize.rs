//! Minimizes functions that have nothing to do with data: Rosenbrock's valley, and ‖Ax − b‖².
use steepest::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // (1 − x)² + 100 (y − x²)² is lowest at (1, 1).
    let minimum = Minimize::new(|p| (1.0 - p[0]).square() + 100.0 * (p[1] - p[0].square()).square())
        .from(&[Tensor::scalar(-1.2), Tensor::scalar(1.0)])
        .run()?;
    println!("Rosenbrock: {:.1e} after {} steps", minimum.value, minimum.steps);
    assert!(minimum.converged && (minimum.at[0].to_f64()[0] - 1.0).abs() < 1e-6);

    // 2x + y = 5, x + 3y = 10 has the solution (1, 3).
    let (a, b) = (Tensor::f64([2, 2], vec![2.0, 1.0, 1.0, 3.0])?, Tensor::f64([2, 1], vec![5.0, 10.0])?);
    let minimum = Minimize::new(|p| {
        let graph = p[0].graph();
        (graph.literal(a.clone()).matmul(p[0]) - graph.literal(b.clone())).square().sum()
    })
    .from(&[Tensor::f64([2, 1], vec![0.0, 0.0])?])
    .optimizer(Chain::new().then(Momentum { gamma: 0.9 }).then(ScaleByRate))
    .run()?;
    println!("2x + y = 5, x + 3y = 10: {:?}", minimum.at[0].to_f64());
    assert!((minimum.at[0].to_f64()[1] - 3.0).abs() < 1e-7);
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}
