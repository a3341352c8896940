//! A kernel machine by the Nyström method.

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};
use steepest_tensor::Tensor;

use super::random_fourier::{GAMMA, gamma};
use super::svm::{L2, USE_BIAS, linear, usual_hinge};
use super::{Inputs, Model, ModelSpec, Shrinkage};
use crate::layers::wrong_input;
use crate::{Flatten, Init, Layer, Scope, Task};

/// What is added to the diagonal of the kernel matrix, so that rows that are nearly the same do no harm.
const JITTER: f64 = 1e-6;

/// A linear machine on features of the Gaussian kernel k(x, x') = e^(−γ‖x − x'‖²) that some rows of the data make.
///
/// φ(x) = [k(x, l₁), …, k(x, l_m)] L⁻ᵀ with m training rows l, the landmarks, drawn at random, and the Cholesky factor
/// L Lᵀ = K + 10⁻⁶ I of their kernel matrix K: φ(x)·φ(x') = k(x, l) K⁻¹ k(l, x') is the kernel's projection on the landmarks.
/// Then z = φ(x) W + b as [`Svm`](crate::Svm), with its losses and penalty. For as many features it comes nearer to the kernel
/// than [`RandomFourier`](crate::RandomFourier) where the data lie close together, but a row costs m² more.
///
/// Landmarks and L⁻ᵀ are states `nystroem.landmarks` and `nystroem.whitening`, which a trainer sets before the first step
/// ([`Model::states_of`]), which are saved and never trained. Features are dense, `[batch, …]`. γ = 0 stands for 1/inputs.
///
/// scikit-learn's `Nystroem` has the symmetric root K^(−½) in the place of L⁻ᵀ, which turns the features and changes no product.
///
/// ```
/// use steepest_nn::{Model, Nystroem};
/// use steepest_tensor::Tensor;
/// let machine = Nystroem { gamma: 0.5, ..Nystroem::new(1) };
/// // Two landmarks at distance 1: K = [[1, e^−½], [e^−½, 1]].
/// let states = machine.states_of(&Tensor::f64([2, 1], vec![0.0, 1.0])?);
/// let whitening = states[1].1.to_f64();
/// let k = (-0.5f64).exp();
/// assert!((whitening[1] + k / (1.0 - k * k).sqrt()).abs() < 1e-5, "{whitening:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Reference: Williams and Seeger, 2001, *Using the Nyström method to speed up kernel machines*, eq. 8 and 9.
#[derive(Clone, Debug, PartialEq)]
pub struct Nystroem {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// m, the number of landmarks.
    pub landmarks: usize,
    /// γ, how fast the kernel falls; 0: 1/inputs.
    pub gamma: f64,
    /// λ, the strength of the penalty on W.
    pub l2: f64,
    /// Whether there is a b.
    pub use_bias: bool,
}

impl Nystroem {
    /// A machine of 256 landmarks that starts at zero.
    pub fn new(outputs: usize) -> Nystroem {
        Nystroem { outputs, landmarks: 256, gamma: 0.0, l2: 1e-6, use_bias: true }
    }

    /// k(x, l) L⁻ᵀ.
    #[track_caller]
    fn map<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let x = Flatten {}.forward(cx, inputs.first());
        let (rows, n, m) = (x.dim(0), x.dim(-1), self.landmarks);
        let l = cx.state("landmarks", [m, n], &Init::zeros());
        let whitening = cx.state("whitening", [m, m], &Init::zeros());
        let lengths = |of: Var<'g>| of.square().sum_over(&[1]);
        let distances = lengths(x).reshape([rows, 1]) + lengths(l).reshape([1, m]).broadcast_to([rows, m])
            - 2.0 * x.matmul(l.permute(&[1, 0]));
        // Rounding must not make a distance negative.
        (-gamma(self.gamma, n) * distances.relu()).exp().matmul(whitening)
    }
}

impl Model for Nystroem {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        if inputs.sparse().is_some() {
            let help = "make the columns dense, or take `random-fourier`, which has no rows to compare with";
            wrong_input("nystroem", inputs.first(), "dense features", help);
            return inputs.first().graph().constant(0.0).broadcast_to([1, self.outputs]);
        }
        cx.layer("nystroem", |cx| {
            let features = Inputs::new("features", self.map(cx, inputs));
            linear(cx, "svm", &features, self.outputs, self.use_bias)
        })
    }

    fn usual_loss(&self, task: &Task) -> Option<&'static str> {
        usual_hinge(task)
    }

    fn shrinkage(&self) -> Shrinkage {
        Shrinkage { l1: 0.0, l2: self.l2 }
    }

    fn rows_of_states(&self) -> usize {
        self.landmarks
    }

    fn states_of(&self, rows: &Tensor) -> Vec<(String, Tensor)> {
        let m = rows.shape().first().copied().unwrap_or(0);
        let values = rows.to_f64();
        let n = values.len() / m.max(1);
        let gamma = gamma(self.gamma, n);
        let row = |i: usize| &values[i * n..(i + 1) * n];
        let distance = |i, j| row(i).iter().zip(row(j)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let kernel = |i: usize, j: usize| (-gamma * distance(i, j)).exp() + if i == j { JITTER } else { 0.0 };
        let whitening = inverse_of_factor(m, kernel);
        let shaped = |shape: [usize; 2], values| Tensor::f64(shape, values).ok();
        let states = [
            ("nystroem.landmarks", shaped([m, n], values.clone())),
            ("nystroem.whitening", shaped([m, m], whitening)),
        ];
        states.into_iter().filter_map(|(name, tensor)| Some((name.to_owned(), tensor?))).collect()
    }
}

/// L⁻ᵀ, row after row, of the Cholesky factor L of a positive definite matrix.
fn inverse_of_factor(m: usize, matrix: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut factor = vec![0.0; m * m];
    for i in 0..m {
        for j in 0..=i {
            let (done, row) = factor.split_at(i * m);
            let other = if j < i { &done[j * m..j * m + j] } else { &row[..j] };
            let rest = matrix(i, j) - dot(&row[..j], other);
            factor[i * m + j] =
                if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / factor[j * m + j] };
        }
    }
    // L⁻¹ by forward substitution, stored transposed: column j of L⁻¹ is row j here.
    let mut inverse = vec![0.0; m * m];
    for (j, column) in inverse.chunks_mut(m.max(1)).enumerate() {
        for i in j..m {
            let unit = if i == j { 1.0 } else { 0.0 };
            column[i] = (unit - dot(&factor[i * m + j..i * m + i], &column[j..i])) / factor[i * m + i];
        }
    }
    inverse
}

/// A kernel machine by the Nyström method.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "nystroem",
        summary: "A support vector machine on features of the Gaussian kernel that some training rows make.",
        formula: "z = φ(x) W + b, φ(x) = k(x, l) L⁻ᵀ, L Lᵀ = k(l, l) + 10⁻⁶ I",
        reference: "Williams and Seeger, 2001, Using the Nyström method to speed up kernel machines",
        hyperparameters: &[
            Hyperparameter {
                name: "landmarks",
                symbol: "m",
                summary: "The number of training rows that rows are compared with.",
                accepts: Accepts::Integer { min: 1, max: 1 << 14 },
                default: Default::Integer(256),
                source: "ours; scikit-learn Nystroem has 100",
            },
            GAMMA,
            Hyperparameter { default: Default::Number(1e-6), source: "ours", ..L2 },
            USE_BIAS,
        ],
    },
    suits: |task| matches!(task, Task::Regression { .. } | Task::Binary | Task::Multiclass { .. }),
    configure: |settings, task| {
        Ok(Box::new(Nystroem {
            outputs: task.outputs(),
            landmarks: settings.integer("landmarks") as usize,
            gamma: settings.number("gamma"),
            l2: settings.number("l2"),
            use_bias: settings.flag("use-bias"),
        }))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Feeds, Graph, evaluate};
    use steepest_tensor::Key;

    use super::*;
    use crate::{Phase, Trace};

    /// Products of landmarks' features are the kernel.
    #[test]
    fn features_are_those_of_the_kernel() {
        let (m, n, gamma) = (7, 3, 0.4);
        let machine = Nystroem { landmarks: m, gamma, ..Nystroem::new(1) };
        let key = Key::new(4);
        let points: Vec<f64> = (0..(m * n) as u64).map(|i| key.normal(i)).collect();
        let rows = Tensor::f64([m, n], points.clone()).unwrap();
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(1), Phase::Eval);
        let phi = machine.map(&mut trace.scope(), &Inputs::new("x", graph.input("x", [m, n])));
        let product = phi.matmul(phi.permute(&[1, 0]));
        let mut feeds = Feeds::new().with("x", rows.clone());
        for (name, tensor) in machine.states_of(&rows) {
            feeds = feeds.with(name.trim_start_matches("nystroem."), tensor);
        }
        let got = evaluate(&graph, &[product], &feeds).unwrap()[0].to_f64();
        for i in 0..m {
            for j in 0..m {
                let distance: f64 = (0..n).map(|c| (points[i * n + c] - points[j * n + c]).powi(2)).sum();
                let expected = (-gamma * distance).exp();
                assert!((got[i * m + j] - expected).abs() < 1e-5, "{} for {expected}", got[i * m + j]);
            }
        }
    }

    #[test]
    fn landmarks_that_are_the_same_do_no_harm() {
        let machine = Nystroem { landmarks: 3, ..Nystroem::new(1) };
        let states = machine.states_of(&Tensor::f64([3, 2], vec![1.0; 6]).unwrap());
        assert!(states.iter().all(|(_, state)| state.to_f64().iter().all(|x| x.is_finite())), "{states:?}");
    }
}
