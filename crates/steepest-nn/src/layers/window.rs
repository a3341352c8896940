//! What layers with windows over images share: pairs of sizes, settings, the axes of images.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Hyperparameter};

use super::wrong_input;
use crate::Scope;

/// Height and width. A single number stands for both.
///
/// ```
/// use steepest_nn::Pair;
/// assert_eq!(Pair::from(3), Pair::from([3, 3]));
/// assert_eq!(serde_json::from_str::<Pair>("[1, 5]").unwrap(), Pair::from([1, 5]));
/// assert_eq!(serde_json::to_string(&Pair::from(3)).unwrap(), "3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Pair(pub [usize; 2]);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Both(usize),
    Each([usize; 2]),
}

impl From<Written> for Pair {
    fn from(written: Written) -> Pair {
        match written {
            Written::Both(size) => Pair([size; 2]),
            Written::Each(sizes) => Pair(sizes),
        }
    }
}

impl From<Pair> for Written {
    fn from(Pair([height, width]): Pair) -> Written {
        if height == width { Written::Both(height) } else { Written::Each([height, width]) }
    }
}

impl From<usize> for Pair {
    fn from(size: usize) -> Pair {
        Pair([size; 2])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(sizes: [usize; 2]) -> Pair {
        Pair(sizes)
    }
}

/// The value as images `[N, H, W, C]`; `[N, H, W]` has one channel. Anything else is a problem of the graph.
#[track_caller]
pub(crate) fn images<'g>(cx: &Scope<'_, 'g>, op: &'static str, x: Var<'g>) -> Option<Var<'g>> {
    match (&x.shape()[..], x.ty().is_real()) {
        ([_, _, _, _], true) => Some(x),
        ([_, _, _], true) if cx.trace.sequences => {
            let needs = "images of shape [batch, height, width, channels], not sequences";
            wrong_input(op, x, needs, "sequences go through `conv1d`, `max-pool`, `avg-pool` or `recurrent`");
            None
        }
        (&[n, h, w], true) => Some(x.reshape([n, h, w, 1])),
        _ => {
            let needs = "real values of shape [batch, height, width, channels], or [batch, height, width]";
            wrong_input(op, x, needs, "give it images: an IDX file, a folder of pictures, or a `reshape`");
            None
        }
    }
}

/// The value as sequences `[N, T, C]`; `[N, T]` has one channel. Anything else is a problem of the graph.
#[track_caller]
pub(crate) fn sequences<'g>(cx: &mut Scope<'_, 'g>, op: &'static str, x: Var<'g>) -> Option<Var<'g>> {
    cx.trace.sequences = true;
    match (&x.shape()[..], x.ty().is_real()) {
        ([_, _, _], true) => Some(x),
        (&[n, t], true) => Some(x.reshape([n, t, 1])),
        _ => {
            let needs = "real values of shape [batch, steps, channels], or [batch, steps]";
            wrong_input(op, x, needs, "add or join axes with `reshape`");
            None
        }
    }
}

pub(super) const OUTPUTS: Hyperparameter = Hyperparameter {
    name: "outputs",
    symbol: "K",
    summary: "The number of channels written.",
    accepts: Accepts::SIZE,
    default: Default::Required,
    source: "no default: it is the layer's size",
};

pub(super) const KERNEL: Hyperparameter = Hyperparameter {
    name: "kernel",
    symbol: "k",
    summary: "Taps of the window along each axis, in pixels.",
    accepts: Accepts::Pair { min: 1 },
    default: Default::Integer(3),
    source: "Simonyan and Zisserman, 2015, sec. 2.1",
};

pub(super) const STRIDE: Hyperparameter = Hyperparameter {
    name: "stride",
    symbol: "s",
    summary: "Pixels from one position of the window to the next.",
    accepts: Accepts::Pair { min: 1 },
    default: Default::Integer(1),
    source: "PyTorch Conv2d",
};

pub(super) const PADDING: Hyperparameter = Hyperparameter {
    name: "padding",
    symbol: "p",
    summary: "Zeros on each side, in pixels.",
    accepts: Accepts::Pair { min: 0 },
    default: Default::Integer(0),
    source: "PyTorch Conv2d",
};

pub(super) const DILATION: Hyperparameter = Hyperparameter {
    name: "dilation",
    symbol: "d",
    summary: "Pixels from one tap of the window to the next.",
    accepts: Accepts::Pair { min: 1 },
    default: Default::Integer(1),
    source: "PyTorch Conv2d; Yu and Koltun, 2016",
};

/// The same for sequences, which have one axis.
pub(super) const fn along_steps(setting: Hyperparameter) -> Hyperparameter {
    let min = match setting.accepts {
        Accepts::Pair { min } => min,
        _ => 1,
    };
    Hyperparameter { accepts: Accepts::Integer { min, max: 1 << 24 }, ..setting }
}

pub(super) const GROUPS: Hyperparameter = Hyperparameter {
    name: "groups",
    symbol: "g",
    summary: "Groups of channels that do not see one another; as many as channels: depthwise.",
    accepts: Accepts::SIZE,
    default: Default::Integer(1),
    source: "PyTorch Conv2d",
};

pub(super) const WEIGHT_INIT: Hyperparameter = Hyperparameter {
    name: "weight-init",
    symbol: "W",
    summary: "Initial weights: an initializer, with settings in parentheses.",
    accepts: Accepts::Text,
    default: Default::Text("he-normal"),
    source: "He, Zhang, Ren and Sun, 2015",
};

pub(super) const BIAS_INIT: Hyperparameter = Hyperparameter {
    name: "bias-init",
    symbol: "b",
    summary: "Initial bias: an initializer, scaled by the inputs and outputs of W.",
    accepts: Accepts::Text,
    default: Default::Text("zeros"),
    source: "He et al., 2015, sec. 2.2",
};

pub(super) const USE_BIAS: Hyperparameter = Hyperparameter {
    name: "use-bias",
    symbol: "",
    summary: "Whether b is added.",
    accepts: Accepts::Bool,
    default: Default::Bool(true),
    source: "PyTorch Conv2d, Keras Conv2D",
};
