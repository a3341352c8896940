//! How the parts of a gradient meet: several uses, rows of tables, no path at all, gradients of gradients.

use steepest_graph::{Feeds, Gradient, Graph, Initial, Var, VariableKind, advance, evaluate, gradients};
use steepest_tensor::{Key, Shape, Tensor};

fn dot<'g>(a: &[Var<'g>], b: &[Var<'g>]) -> Var<'g> {
    a.iter().zip(b).map(|(&a, &b)| (a * b).sum()).fold(a[0].constant(0.0), |sum, part| sum + part)
}

fn values(graph: &Graph, of: Var<'_>) -> Vec<f64> {
    evaluate(graph, &[of], &Feeds::new()).unwrap()[0].to_f64()
}

fn real<'g>(graph: &'g Graph, shape: &[usize], values: &[f64]) -> Var<'g> {
    graph.literal(Tensor::f64(Shape::new(shape).unwrap(), values.to_vec()).unwrap())
}

fn indices<'g>(graph: &'g Graph, values: &[u32]) -> Var<'g> {
    graph.literal(Tensor::u32([values.len()], values.to_vec()).unwrap())
}

fn table(graph: &Graph) -> Var<'_> {
    graph.variable("table", VariableKind::Parameter, [4, 2], Initial::Constant(3.0))
}

#[test]
fn several_uses_add_up() {
    let graph = Graph::new();
    let x = real(&graph, &[2], &[2.0, 3.0]);
    // d/dx of x³ + 4x + Σx · x = 3x² + 4 + Σx + (Σ over the other factor)
    let y = (x * x * x + 4.0 * x + x.sum() * x).sum();
    assert_eq!(values(&graph, gradients(y, &[x])[0].dense()), [26.0, 41.0]);
}

#[test]
fn a_name_asked_for_twice_is_one_variable() {
    let graph = Graph::new();
    let tied = || graph.variable("w", VariableKind::Parameter, [2], Initial::Constant(3.0));
    let (a, b) = (tied(), tied());
    assert_eq!(values(&graph, gradients((a * b).sum(), &[a])[0].dense()), [6.0, 6.0]);
    assert_eq!(graph.host_scalar("rate").id(), graph.host_scalar("rate").id());
    assert_eq!(graph.input("x", [3]).id(), graph.input("x", [3]).id());
}

#[test]
fn a_lookup_gives_rows_and_repeated_rows_add_up() {
    let graph = Graph::new();
    let table = table(&graph);
    let picked = table.gather(indices(&graph, &[1, 3, 1]));
    let loss = (picked * real(&graph, &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum();
    let gradient = gradients(loss, &[table])[0];
    let Gradient::Rows { indices, values: rows, rows: height } = gradient else {
        panic!("a table read by index has a gradient in rows");
    };
    assert_eq!(
        (height, values(&graph, indices), rows.shape()),
        (4, vec![1.0, 3.0, 1.0], Shape::from([3, 2]))
    );
    assert_eq!(values(&graph, gradient.dense()), [0.0, 0.0, 6.0, 8.0, 0.0, 0.0, 3.0, 4.0]);
}

#[test]
fn two_lookups_stay_rows() {
    let graph = Graph::new();
    let table = table(&graph);
    let words = table.gather(graph.literal(Tensor::u32([2, 2], vec![0, 1, 1, 1]).unwrap()));
    let loss = words.sum() + 10.0 * table.gather(indices(&graph, &[3, 1])).sum();
    let gradient = gradients(loss, &[table])[0];
    let Gradient::Rows { indices, .. } = gradient else { panic!("rows and rows are rows") };
    assert_eq!(indices.shape(), Shape::from([6]));
    assert_eq!(values(&graph, gradient.dense()), [1.0, 1.0, 13.0, 13.0, 0.0, 0.0, 10.0, 10.0]);
}

#[test]
fn a_lookup_and_a_dense_use_give_a_dense_gradient() {
    let graph = Graph::new();
    let table = table(&graph);
    let loss = table.gather(indices(&graph, &[2])).sum() + (0.5 * table * table).sum();
    let gradient = gradients(loss, &[table])[0];
    assert!(matches!(gradient, Gradient::Dense(_)));
    assert_eq!(values(&graph, gradient.dense()), [3.0, 3.0, 3.0, 3.0, 4.0, 4.0, 3.0, 3.0]);
}

#[test]
fn a_lookup_in_a_computed_table_reaches_its_source() {
    let graph = Graph::new();
    let table = table(&graph);
    let loss = (2.0 * table).gather(indices(&graph, &[0, 0])).sum();
    assert_eq!(
        values(&graph, gradients(loss, &[table])[0].dense()),
        [4.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
}

#[test]
fn no_path_gives_zeros() {
    let graph = Graph::new();
    let (x, stopped) = (real(&graph, &[2], &[1.0, 2.0]), real(&graph, &[3], &[1.0, 2.0, 3.0]));
    let loss = x.sum() + stopped.stop_gradient().sum();
    let later = x * x;
    let found = gradients(loss, &[stopped, later, loss]);
    assert_eq!(values(&graph, found[0].dense()), [0.0; 3]);
    assert_eq!(values(&graph, found[1].dense()), [0.0; 2]);
    assert_eq!(values(&graph, found[2].dense()), [1.0]);
}

#[test]
fn intermediate_values_have_gradients_too() {
    let graph = Graph::new();
    let x = real(&graph, &[2], &[2.0, 3.0]);
    let y = x * x;
    let found = gradients((y * y).sum(), &[y, x]);
    assert_eq!(values(&graph, found[0].dense()), [8.0, 18.0]);
    assert_eq!(values(&graph, found[1].dense()), [32.0, 108.0]);
}

#[test]
fn a_loss_of_one_element_need_not_be_a_scalar() {
    let graph = Graph::new();
    let x = real(&graph, &[1, 1], &[3.0]);
    let slope = gradients(x * x, &[x])[0].dense();
    assert_eq!((slope.shape(), values(&graph, slope)), (Shape::from([1, 1]), vec![6.0]));
}

/// Rosenbrock's function in n dimensions, f = Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², and its Hessian by hand.
#[test]
fn hessian_vector_products_agree_with_the_hessian() {
    let point = [0.3, -1.2, 0.8, 1.1];
    let vector = [1.0, -2.0, 0.5, 3.0];
    let graph = Graph::new();
    let (x, v) = (real(&graph, &[4], &point), real(&graph, &[4], &vector));
    let (left, right) = (x.slice(0, 0, 3), x.slice(0, 1, 4));
    let f = (100.0 * (right - left * left).square() + (1.0 - left).square()).sum();
    let slope = gradients(f, &[x])[0].dense();
    let product = gradients((slope * v).sum(), &[x])[0].dense();

    let mut hessian = [[0.0; 4]; 4];
    for i in 0..3 {
        hessian[i][i] += 1200.0 * point[i] * point[i] - 400.0 * point[i + 1] + 2.0;
        hessian[i + 1][i + 1] += 200.0;
        hessian[i][i + 1] -= 400.0 * point[i];
        hessian[i + 1][i] -= 400.0 * point[i];
    }
    for (found, row) in values(&graph, product).iter().zip(hessian) {
        let expected: f64 = row.iter().zip(vector).map(|(h, v)| h * v).sum();
        assert!((found - expected).abs() < 1e-11 * expected.abs(), "{found} {expected}");
    }
}

/// uᵀHv = vᵀHu, through products, softmax, a lookup and a maximum.
#[test]
fn the_hessian_of_a_network_is_symmetric() {
    let graph = Graph::new();
    let normal = |name: &str| Initial::Normal { key: Key::new(3).stream(name), mean: 0.0, std: 0.7 };
    let variable =
        |name: &str, shape: [usize; 2]| graph.variable(name, VariableKind::Parameter, shape, normal(name));
    let (table, weight) = (variable("table", [5, 3]), variable("weight", [3, 4]));
    let hidden = table.gather(indices(&graph, &[4, 0, 4, 2])).tanh().matmul(weight);
    let shifted = hidden - hidden.max_last();
    let log_softmax = shifted - shifted.exp().sum_last().ln();
    let loss = -(log_softmax * indices(&graph, &[1, 0, 3, 3]).one_hot(4)).sum();

    let parameters = [table, weight];
    let slopes = gradients(loss, &parameters).into_iter().map(Gradient::dense).collect::<Vec<_>>();
    let direction = |name: &str| {
        parameters.map(|p| {
            let key = Key::new(8).stream(name);
            let normals: Vec<f64> = (0..p.shape().elements()).map(|i| key.normal(i as u64)).collect();
            real(&graph, &p.shape(), &normals)
        })
    };
    let curvature = |u: usize, v: usize| {
        let directions = [direction("u"), direction("v")];
        let product = gradients(dot(&slopes, &directions[v]), &parameters);
        let product: Vec<_> = product.into_iter().map(Gradient::dense).collect();
        values(&graph, dot(&directions[u], &product))[0]
    };
    let (uhv, vhu) = (curvature(0, 1), curvature(1, 0));
    assert!((uhv - vhu).abs() < 1e-12 * uhv.abs() && uhv.abs() > 0.1, "{uhv} {vhu}");
}

/// θ ← θ − η ∇f for f = ½ θᵀAθ − bᵀθ arrives at A⁻¹b.
#[test]
fn steps_along_the_gradient_solve_a_linear_system() {
    let graph = Graph::new();
    let theta = graph.variable("theta", VariableKind::Parameter, [2, 1], Initial::Constant(0.0));
    let (a, b) = (real(&graph, &[2, 2], &[4.0, 1.0, 1.0, 3.0]), real(&graph, &[2, 1], &[1.0, 2.0]));
    let f = 0.5 * theta.transpose().matmul(a).matmul(theta) - b.transpose().matmul(theta);
    let slope = gradients(f, &[theta])[0].dense();
    graph.assign(theta, theta - graph.host_scalar("rate") * slope);
    let mut feeds = Feeds::new().scalar("rate", 0.3);
    let mut losses: Vec<f64> = Vec::new();
    for _ in 0..200 {
        losses.push(advance(&graph, &[f], &mut feeds).unwrap()[0].to_f64()[0]);
    }
    assert!(losses[..15].windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    let theta = feeds.get("theta").map(Tensor::to_f64).unwrap_or_default();
    for (found, expected) in theta.iter().zip([1.0 / 11.0, 7.0 / 11.0]) {
        assert!((found - expected).abs() < 1e-14, "{theta:?}");
    }
}
