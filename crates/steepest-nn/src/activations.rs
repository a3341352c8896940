//! Activation functions, one row of a table each.

use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter, Settings};

use crate::registry::{Configured, registered};
use crate::{Layer, Scope};

/// An activation function's entry.
#[derive(Debug)]
pub struct ActivationSpec {
    /// Name, formula, hyperparameters.
    pub about: Description,
    /// The function, element by element.
    pub apply: for<'g> fn(&Settings, Var<'g>) -> Var<'g>,
    /// The initializer of the weights in front of it, by name.
    pub initializer: &'static str,
    /// Who recommends that initializer.
    pub initializer_source: &'static str,
}

registered!(ActivationSpec, "activation", ACTIVATIONS);

/// An activation function with its settings, written `relu` or `leaky-relu(slope=0.2)` in a spec.
///
/// It is a [`Layer`] without parameters.
///
/// ```
/// use steepest_graph::{Feeds, Graph, evaluate};
/// use steepest_nn::Activation;
/// let graph = Graph::new();
/// let x = graph.host_scalar("x");
/// let y = "leaky-relu(slope=0.2)".parse::<Activation>()?.apply(x);
/// assert_eq!(evaluate(&graph, &[y], &Feeds::new().scalar("x", -3.0))?[0].to_f64(), [-0.6000000000000001]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Activation = Configured<ActivationSpec>;

impl Activation {
    /// The function of each element of `x`.
    #[track_caller]
    pub fn apply<'g>(&self, x: Var<'g>) -> Var<'g> {
        (self.spec().apply)(self.settings(), x)
    }
}

impl Layer for Activation {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let y = self.apply(x);
        cx.same_features(x, y);
        y
    }
}

/// x where x > 0, else `negative`. At 0 the derivative is that of `negative`, as in PyTorch.
#[track_caller]
fn where_positive<'g>(x: Var<'g>, negative: Var<'g>) -> Var<'g> {
    x.constant(0.0).less(x).select(x, negative)
}

/// α (eˣ − 1) where x ≤ 0, else 0: large x never reach the exponential.
#[track_caller]
fn exponential_branch(x: Var<'_>, alpha: f64) -> Var<'_> {
    let zero = x.constant(0.0);
    alpha * (zero.less(x).select(zero, x).exp() - 1.0)
}

/// y = x Φ(x), y′ = Φ(x) + x φ(x), with the normal distribution's Φ and its density φ.
#[track_caller]
fn gelu(x: Var<'_>) -> Var<'_> {
    use std::f64::consts::{FRAC_1_SQRT_2, PI};
    let below = 0.5 * (x * FRAC_1_SQRT_2).erf() + 0.5;
    let density = (-0.5 * x.square()).exp() * (1.0 / (2.0 * PI).sqrt());
    with_slope(x, x * below, below + x * density)
}

/// y = x p, p = ½ (1 + tanh u), y′ = p + 2 x p (1 − p) u′, with u = √(2/π) (x + c x³).
#[track_caller]
fn gelu_tanh(x: Var<'_>) -> Var<'_> {
    const C: f64 = 0.044715;
    let root = (2.0 / std::f64::consts::PI).sqrt();
    let square = x.square();
    let p = 0.5 * (root * x * (1.0 + C * square)).tanh() + 0.5;
    let inner = root * (1.0 + 3.0 * C * square);
    with_slope(x, x * p, p + 2.0 * x * p * (1.0 - p) * inner)
}

/// y(x) with its derivative, element by element: that one is all that has to be kept for the way back.
#[track_caller]
fn with_slope<'g>(x: Var<'g>, y: Var<'g>, slope: Var<'g>) -> Var<'g> {
    y.with_derivative(x, &[slope], |grad, _, others| grad * others[0])
}

const HE: (&str, &str) = ("he-normal", "He et al., 2015, for rectifiers");
const XAVIER: (&str, &str) = ("xavier-uniform", "Glorot and Bengio, 2010, for units that are linear near 0");
const LECUN: (&str, &str) = ("lecun-normal", "Klambauer et al., 2017, for self-normalizing networks");

const fn setting(
    name: &'static str,
    symbol: &'static str,
    summary: &'static str,
    default: f64,
    source: &'static str,
) -> Hyperparameter {
    let (accepts, default) = (Accepts::NON_NEGATIVE, Default::Number(default));
    Hyperparameter { name, symbol, summary, accepts, default, source }
}

macro_rules! activations {
    ($($name:literal $ctor:ident: $formula:literal, $summary:literal, $reference:literal,
       $init:ident, $hyper:expr, $apply:expr;)*) => {
        /// All activation functions.
        pub static ACTIVATIONS: &[&ActivationSpec] = &[$(&ActivationSpec {
            about: Description {
                name: $name,
                summary: $summary,
                formula: $formula,
                reference: $reference,
                hyperparameters: $hyper,
            },
            apply: $apply,
            initializer: $init.0,
            initializer_source: $init.1,
        }),*];

        impl Activation {
            $(
                #[doc = concat!($summary, "\n\n", $formula, "\n\nReference: ", $reference)]
                pub fn $ctor() -> Activation {
                    Activation::of_name($name)
                }
            )*
        }
    };
}

activations! {
    "identity" identity: "y = x", "No activation.", "none: the function of a linear layer",
        XAVIER, &[], |_, x| x;
    "relu" relu: "y = max(x, 0); y′(0) = 0", "The rectifier.",
        "Nair and Hinton, 2010, Rectified linear units improve restricted Boltzmann machines",
        HE, &[], |_, x| x.relu();
    "leaky-relu" leaky_relu: "y = x if x > 0, else a x", "The rectifier with a slope for negative inputs.",
        "Maas, Hannun and Ng, 2013, Rectifier nonlinearities improve neural network acoustic models",
        HE, &[setting("slope", "a", "Slope for negative inputs.", 0.01, "Maas et al., 2013; PyTorch")],
        |s, x| where_positive(x, x * s.number("slope"));
    "elu" elu: "y = x if x > 0, else α (eˣ − 1)", "The exponential linear unit.",
        "Clevert, Unterthiner and Hochreiter, 2016, Fast and accurate deep network learning by ELUs, eq. 15",
        HE, &[setting("alpha", "α", "The value for x → −∞ is −α.", 1.0, "Clevert et al., 2016; PyTorch")],
        |s, x| where_positive(x, exponential_branch(x, s.number("alpha")));
    "selu" selu: "y = λ x if x > 0, else λ α (eˣ − 1); λ = 1.0507…, α = 1.6733…",
        "The self-normalizing exponential linear unit.",
        "Klambauer, Unterthiner, Mayr and Hochreiter, 2017, Self-normalizing neural networks, eq. 2",
        LECUN, &[],
        |_, x| 1.050_700_987_355_480_5 * where_positive(x, exponential_branch(x, 1.673_263_242_354_377_2));
    "gelu" gelu: "y = x Φ(x) = ½ x (1 + erf(x / √2))", "The Gaussian error linear unit, exact.",
        "Hendrycks and Gimpel, 2016, Gaussian error linear units",
        HE, &[], |_, x| gelu(x);
    "gelu-tanh" gelu_tanh: "y = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))",
        "The Gaussian error linear unit, approximated by tanh (as in GPT-2).",
        "Hendrycks and Gimpel, 2016, Gaussian error linear units",
        HE, &[], |_, x| gelu_tanh(x);
    "silu" silu: "y = x σ(x)", "The sigmoid linear unit.",
        "Elfwing, Uchibe and Doya, 2018, Sigmoid-weighted linear units, eq. 5",
        HE, &[], |_, x| x * x.sigmoid();
    "swish" swish: "y = x σ(β x)", "The sigmoid linear unit with a steepness; silu for β = 1.",
        "Ramachandran, Zoph and Le, 2017, Searching for activation functions",
        HE, &[setting("beta", "β", "Steepness; 0 gives x/2, large values the rectifier.", 1.0, "Ramachandran et al., 2017")],
        |s, x| x * (s.number("beta") * x).sigmoid();
    "tanh" tanh: "y = tanh x", "The hyperbolic tangent.",
        "LeCun, Bottou, Orr and Müller, 1998, Efficient BackProp, sec. 4.4",
        XAVIER, &[], |_, x| x.tanh();
    "sigmoid" sigmoid: "y = σ(x) = 1 / (1 + e⁻ˣ)", "The logistic function.",
        "Rumelhart, Hinton and Williams, 1986, Learning representations by back-propagating errors, eq. 2",
        XAVIER, &[], |_, x| x.sigmoid();
    "softplus" softplus: "y = ln(1 + eˣ)", "The smooth rectifier.",
        "Dugas, Bengio, Bélisle, Nadeau and Garcia, 2001, Incorporating second-order functional knowledge",
        HE, &[], |_, x| x.softplus();
    "hard-tanh" hard_tanh: "y = min(max(x, −1), 1); y′(±1) = 0", "The hyperbolic tangent by straight lines.",
        "Collobert, 2004, Large scale machine learning (thesis)",
        XAVIER, &[], |_, x| x.abs().less(x.constant(1.0)).select(x, x.sign());
}

impl Activation {
    /// A row of the table above; the name is right because the table's macro wrote both.
    fn of_name(name: &str) -> Activation {
        let row = ACTIVATIONS.iter().find(|spec| spec.about.name == name);
        Activation::of(row.copied().unwrap_or(ACTIVATIONS[0]))
    }
}
