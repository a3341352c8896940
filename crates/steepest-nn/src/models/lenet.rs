//! LeNet-5.

use serde::{Deserialize, Serialize};
use steepest_graph::Var;
use steepest_spec::{Accepts, Default, Description, Hyperparameter};

use super::ModelSpec;
use crate::layers::window::images;
use crate::registry::{check_text, configure};
use crate::{Activation, ActivationSpec, AvgPool, Conv2d, Dense, Flatten, Init, Layer, Scope};

/// LeNet-5: two convolutions with mean pooling, and three dense layers.
///
/// For images `[batch, height, width, channels]` (or `[batch, height, width]`), which 28×28 were made for: 5×5×6
/// with two pixels of padding, pooling, 5×5×16, pooling, 120 and 84 units, outputs; f after each but the last.
/// Parameters are `lenet.conv1`, `lenet.conv2`, `lenet.fc1`, `lenet.fc2`, `lenet.fc3`.
///
/// The paper's pooling has a gain and a bias of its own, its second convolution sees part of the channels, and
/// its outputs are distances; today's LeNet, as this one, has none of these.
///
/// Reference: LeCun, Bottou, Bengio and Haffner, 1998, *Gradient-based learning applied to document
/// recognition*, section II.B.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{LeNet, Layer, Phase, Trace};
/// # use steepest_tensor::Key;
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
/// let logits = LeNet::new(10).forward(&mut trace.scope(), graph.input("x", [8, 28, 28]));
/// assert_eq!(*logits.shape(), [8, 10]);
/// let count: usize = trace.parameters().iter().map(|(_, p)| p.shape().elements()).sum();
/// assert_eq!(count, 61_706);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeNet {
    /// The size of the prediction's last axis.
    pub outputs: usize,
    /// f.
    pub activation: Activation,
}

impl LeNet {
    /// With tanh.
    pub fn new(outputs: usize) -> LeNet {
        LeNet { outputs, activation: Activation::tanh() }
    }
}

impl Layer for LeNet {
    #[track_caller]
    fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
        let Some(x) = images(cx, "lenet", x) else { return x };
        let conv = |outputs: usize, padding: usize| Conv2d {
            weight_init: Init::xavier_uniform(),
            ..Conv2d::new(outputs, 5).padding(padding)
        };
        cx.layer("lenet", |cx| {
            cx.called_in_pytorch("");
            let h = self.activation.apply(cx.apply("conv1", &conv(6, 2), x));
            let h = AvgPool::new(2).forward(cx, h);
            let h = self.activation.apply(cx.apply("conv2", &conv(16, 0), h));
            let h = AvgPool::new(2).forward(cx, h);
            let h = Flatten {}.forward(cx, h);
            let h = self.activation.apply(cx.apply("fc1", &Dense::new(120), h));
            let h = self.activation.apply(cx.apply("fc2", &Dense::new(84), h));
            cx.apply("fc3", &Dense::new(self.outputs), h)
        })
    }
}

/// LeNet-5.
pub static SPEC: ModelSpec = ModelSpec {
    about: Description {
        name: "lenet",
        summary: "LeNet-5, for images of 28×28 pixels and more.",
        formula: "conv 5×5×6, pool, conv 5×5×16, pool, 120, 84, outputs",
        reference: "LeCun et al., 1998, Gradient-based learning applied to document recognition, sec. II.B",
        hyperparameters: &[Hyperparameter {
            name: "activation",
            symbol: "f",
            summary: "The activation, with settings in parentheses.",
            accepts: Accepts::Text,
            default: Default::Text("tanh"),
            source: "LeCun et al., 1998, appendix A",
        }],
    },
    suits: |task| {
        !matches!(
            task,
            crate::Task::NextToken { .. } | crate::Task::Context { .. } | crate::Task::Ranking { .. }
        )
    },
    configure: |settings, task| {
        check_text::<ActivationSpec>(&SPEC.about, settings, "activation")?;
        Ok(Box::new(configure::<LeNet>(&SPEC.about, settings, &[("outputs", task.outputs())])?))
    },
};
