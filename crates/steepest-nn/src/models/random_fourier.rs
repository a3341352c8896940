//! A kernel machine by random Fourier features.

use std::f64::consts::TAU;

use steepest_graph::{Initial, Var};
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::svm::{L2, USE_BIAS, linear, usual_hinge};
use super::{Inputs, Model, ModelSpec, Shrinkage};
use crate::{Flatten, Init, Layer, Scope, Task};

/// A linear machine on random features of the Gaussian kernel e^(−γ‖x − x'‖²).
///
/// φ(x) = √(2/D)·cos(x Ω + β) with Ω of shape `[inputs, D]` drawn once from N(0, 2γ) and β from `[0, 2π)`; the mean
/// of φ(x)·φ(x') is the kernel, with an error of the order of 1/√D. Then z = φ(x) W + b as [`Svm`](crate::Svm), with
/// its losses and penalty. Ω and β are states `random-fourier.frequencies` and `random-fourier.phases`, which are saved
/// and never trained; W and b are parameters `random-fourier.svm.weight` and `random-fourier.svm.bias`.
///
/// Features may be dense `[batch, …]` or sparse. γ = 0 stands for 1/inputs, that of LIBSVM and of scikit-learn's
/// `"auto"`: right for standardized columns. As scikit-learn's `RBFSampler` in front of a linear classifier.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Inputs, Model, Phase, RandomFourier, Trace};
/// use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let machine = RandomFourier { features: 64, ..RandomFourier::new(1) };
/// let z = machine.output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [8, 5])));
/// assert_eq!((z.shape().to_vec(), trace.parameters().len(), trace.states().len()), (vec![8, 1], 2, 2));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomFourier {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// D, the number of random features.
    pub features: usize,
    /// γ, how fast the kernel falls; 0: 1/inputs.
    pub gamma: f64,
    /// λ, the strength of the penalty on W.
    pub l2: f64,
    /// Whether there is a b.
    pub use_bias: bool,
}

/// γ of a kernel on so many inputs; 0 stands for 1/inputs.
pub(super) fn gamma(gamma: f64, inputs: usize) -> f64 {
    if gamma > 0.0 { gamma } else { 1.0 / inputs.max(1) as f64 }
}

impl RandomFourier {
    /// A machine of 1,024 features that starts at zero.
    pub fn new(outputs: usize) -> RandomFourier {
        RandomFourier { outputs, features: 1024, gamma: 0.0, l2: 1e-6, use_bias: true }
    }

    /// cos(x Ω + β)·√(2/D).
    #[track_caller]
    fn map<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        let sparse = inputs.sparse();
        let x = if sparse.is_none() { Flatten {}.forward(cx, inputs.first()) } else { inputs.first() };
        let n = sparse.map_or_else(|| x.dim(-1), |sparse| sparse.columns);
        let std = (2.0 * gamma(self.gamma, n)).sqrt();
        let normal = Init::normal().with("std", std).unwrap_or_else(|_| Init::normal());
        let frequencies = cx.state("frequencies", [n, self.features], &normal);
        let key = cx.key().stream("phases");
        let phases = cx.state_from("phases", [self.features], Initial::Uniform { key, low: 0.0, high: TAU });
        let turned = match sparse {
            Some(sparse) => sparse.csr.matmul(frequencies),
            None => x.matmul(frequencies),
        };
        (turned + phases).cos() * (2.0 / self.features as f64).sqrt()
    }
}

impl Model for RandomFourier {
    #[track_caller]
    fn output<'g>(&self, cx: &mut Scope<'_, 'g>, inputs: &Inputs<'g>) -> Var<'g> {
        cx.layer("random-fourier", |cx| {
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
}

/// γ, of every kernel machine.
pub(super) const GAMMA: Hyperparameter = Hyperparameter {
    name: "gamma",
    symbol: "γ",
    summary: "How fast the kernel e^(−γ‖x − x'‖²) falls; 0 stands for 1/inputs.",
    accepts: Accepts::NON_NEGATIVE,
    default: Default::Number(0.0),
    source: "LIBSVM; scikit-learn SVC, `gamma=\"auto\"`",
};

/// A kernel machine by random Fourier features.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "random-fourier",
        summary: "A support vector machine on random features of the Gaussian kernel.",
        formula: "z = φ(x) W + b, φ(x) = √(2/D)·cos(x Ω + β), Ω ~ N(0, 2γ), β ~ U(0, 2π)",
        reference: "Rahimi and Recht, 2007, Random features for large-scale kernel machines, algorithm 1",
        hyperparameters: &[
            Hyperparameter {
                name: "features",
                symbol: "D",
                summary: "The number of random features; the kernel's error falls as 1/√D.",
                accepts: Accepts::SIZE,
                default: Default::Integer(1024),
                source: "ours; scikit-learn RBFSampler has 100",
            },
            GAMMA,
            Hyperparameter { default: Default::Number(1e-6), source: "ours", ..L2 },
            USE_BIAS,
        ],
    },
    suits: |task| matches!(task, Task::Regression { .. } | Task::Binary | Task::Multiclass { .. }),
    configure: |settings, task| {
        Ok(Box::new(RandomFourier {
            outputs: task.outputs(),
            features: settings.integer("features") as usize,
            gamma: settings.number("gamma"),
            l2: settings.number("l2"),
            use_bias: settings.flag("use-bias"),
        }))
    },
};

#[cfg(test)]
mod tests {
    use steepest_graph::{Feeds, Graph, evaluate};
    use steepest_tensor::{Key, Tensor};

    use super::*;
    use crate::{Phase, Trace};

    /// Products of features come near the kernel.
    #[test]
    fn features_are_those_of_the_kernel() {
        let (features, gamma) = (4096, 0.7);
        let machine = RandomFourier { features, gamma, ..RandomFourier::new(1) };
        let graph = Graph::new();
        let x = graph.input("x", [2, 3]);
        let mut trace = Trace::new(&graph, Key::new(1), Phase::Eval);
        let phi = machine.map(&mut trace.scope(), &Inputs::new("x", x));
        let product = phi.matmul(phi.permute(&[1, 0]));
        let points = [0.3, -0.5, 1.0, 0.1, 0.4, 0.8];
        let mut feeds = Feeds::new().with("x", Tensor::f64([2, 3], points.to_vec()).unwrap());
        let (normal, uniform) = (Key::new(5), Key::new(6));
        let frequencies = (0..3 * features as u64).map(|i| (2.0 * gamma).sqrt() * normal.normal(i)).collect();
        let phases = (0..features as u64).map(|i| TAU * uniform.uniform(i)).collect();
        feeds = feeds.with("frequencies", Tensor::f64([3, features], frequencies).unwrap());
        feeds = feeds.with("phases", Tensor::f64([features], phases).unwrap());
        let got = evaluate(&graph, &[product], &feeds).unwrap()[0].to_f64();
        let distance: f64 = (0..3).map(|i| (points[i] - points[3 + i]).powi(2)).sum();
        for (got, expected) in [(got[0], 1.0), (got[1], (-gamma * distance).exp()), (got[3], 1.0)] {
            assert!((got - expected).abs() < 0.05, "{got} for {expected}");
        }
    }
}
