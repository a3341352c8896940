//! Smoke.
use steepest_graph::*;
use steepest_tensor::*;
#[test]
fn two_layers() {
    let graph = Graph::new();
    let init = |k: &str| Initial::Normal { key: Key::new(1).stream(k), mean: 0.0, std: 0.5 };
    let x = graph.input("x", [4, 3]);
    let w = graph.variable("w", VariableKind::Parameter, [3, 2], init("w"));
    let b = graph.variable("b", VariableKind::Parameter, [2], init("b"));
    let y = (x.matmul(w) + b).tanh();
    let z = (y - y.max_last()).exp();
    let p = z / z.sum_last();
    let loss = -(p.slice(1, 0, 1).ln().mean());
    let g = gradients(loss, &[w, b]);
    let feed = |w0: Option<f64>| {
        let mut wv: Vec<f64> = (0..6).map(|i| init("w").value(i)).collect();
        if let Some(d) = w0 {
            wv[2] += d;
        }
        Feeds::new()
            .with("x", Tensor::f64([4, 3], (0..12).map(|i| (i as f64 * 0.7).sin()).collect()).unwrap())
            .with("w", Tensor::f64([3, 2], wv).unwrap())
    };
    let at = |d: f64| evaluate(&graph, &[loss], &feed(Some(d))).unwrap()[0].to_f64()[0];
    let h = 1e-5;
    let numeric = (at(h) - at(-h)) / (2.0 * h);
    let exact = evaluate(&graph, &[g[0].dense()], &feed(None)).unwrap()[0].to_f64()[2];
    assert!((numeric - exact).abs() < 1e-8, "{numeric} {exact}");
}
