//! What PyTorch calls a model's parameters, and how it stores them.

use steepest_graph::Var;
use steepest_tensor::{Buffer, Shape, Tensor};

use crate::{Scope, Trace};

/// How PyTorch stores a parameter or a state of ours.
///
/// Our tensor is cut into axes of certain sizes, they are put in another order, and joined to PyTorch's shape. That is
/// all the difference there is between the two: a dense layer's weight is transposed, a convolution's axes are turned
/// round, the gates of a recurrent layer stand below one another instead of in an axis of their own.
///
/// Names are those of PyTorch's modules and of its own examples: `mlp` is a `Sequential` of `Linear`s and activations
/// (`0.weight`, `2.weight`, …), `cnn` the MNIST example (`conv1`, `conv2`, `fc1`, `fc2`), `resnet` and `vgg` are
/// torchvision's, `lstm` is `tokens`, `lstm.weight_ih_l0`, …, `head`; blocks of transformers are
/// `TransformerEncoderLayer`s (`layers.0.self_attn.in_proj_weight`, …). The first part of our names, the model's, is
/// left out.
///
/// Where features of images `[height, width, channels]` are flattened for a dense layer, its rows are put in PyTorch's
/// order, channels first.
///
/// ```
/// use steepest_graph::Graph;
/// use steepest_nn::{Layer, Mlp, Phase, Trace};
/// use steepest_tensor::{Key, Tensor};
/// let graph = Graph::new();
/// let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
/// Mlp::new(&[8], 2).forward(&mut trace.scope(), graph.input("x", [1, 3]));
/// let names: Vec<&str> = trace.pytorch().iter().map(|(_, stored)| stored.name()).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
///
/// let (own, stored) = &trace.pytorch()[2];
/// assert_eq!((own.as_str(), stored.shape()), ("mlp.1.weight", &[2, 8][..]));
/// let weight = Tensor::f32([8, 2], (0..16).map(|i| i as f32).collect())?;
/// let theirs = stored.export(&weight).unwrap();
/// assert_eq!(theirs.to_f64()[..3], [0.0, 2.0, 4.0]);
/// assert_eq!(stored.import(&theirs).unwrap(), weight);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyTorch {
    name: String,
    own_shape: Vec<usize>,
    /// The axes that our tensor is cut into.
    sizes: Vec<usize>,
    /// Which of them are PyTorch's, first to last.
    order: Vec<usize>,
    /// What they are joined to.
    shape: Vec<usize>,
}

impl PyTorch {
    pub(crate) fn same(name: String, shape: &[usize]) -> PyTorch {
        let (own_shape, sizes, order) = (shape.to_vec(), shape.to_vec(), (0..shape.len()).collect());
        PyTorch { name, own_shape, sizes, order, shape: shape.to_vec() }
    }

    /// The name in PyTorch's state dictionary.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape there.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Our tensor as PyTorch stores it; none if it is not of our shape.
    pub fn export(&self, own: &Tensor) -> Option<Tensor> {
        let places = self.places();
        if own.shape().elements() != places.len() {
            return None;
        }
        fn pick<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().filter_map(|&place| values.get(place).copied()).collect()
        }
        let buffer = match own.buffer() {
            Buffer::F32(values) => Buffer::F32(pick(values, &places)),
            Buffer::F64(values) => Buffer::F64(pick(values, &places)),
            Buffer::U32(values) => Buffer::U32(pick(values, &places)),
        };
        Tensor::new(Shape::new(&self.shape).ok()?, buffer).ok()
    }

    /// PyTorch's tensor as ours; none if it has another shape.
    pub fn import(&self, theirs: &Tensor) -> Option<Tensor> {
        if theirs.shape()[..] != self.shape[..] {
            return None;
        }
        fn put<T: Copy + std::default::Default>(values: &[T], places: &[usize]) -> Vec<T> {
            let mut own = vec![T::default(); values.len()];
            for (&place, &value) in places.iter().zip(values) {
                if let Some(slot) = own.get_mut(place) {
                    *slot = value;
                }
            }
            own
        }
        let places = self.places();
        let buffer = match theirs.buffer() {
            Buffer::F32(values) => Buffer::F32(put(values, &places)),
            Buffer::F64(values) => Buffer::F64(put(values, &places)),
            Buffer::U32(values) => Buffer::U32(put(values, &places)),
        };
        Tensor::new(Shape::new(&self.own_shape).ok()?, buffer).ok()
    }

    /// Where each of PyTorch's elements stands in ours.
    fn places(&self) -> Vec<usize> {
        let mut strides = vec![1; self.sizes.len()];
        for axis in (1..self.sizes.len()).rev() {
            strides[axis - 1] = strides[axis] * self.sizes[axis];
        }
        self.order.iter().fold(vec![0], |places, &axis| {
            let (size, stride) = (self.sizes[axis], strides[axis]);
            places.iter().flat_map(|place| (0..size).map(move |i| place + i * stride)).collect()
        })
    }
}

impl<'g> Trace<'g> {
    /// How PyTorch stores the parameters and states, by our names, in the order of their declaration.
    pub fn pytorch(&self) -> &[(String, PyTorch)] {
        &self.pytorch
    }
}

impl<'g> Scope<'_, 'g> {
    /// What this part is called in PyTorch, where that is not its own name; empty: nothing, its parts stand where it
    /// stands. It comes before all parameters and parts.
    pub fn called_in_pytorch(&mut self, name: &str) {
        self.twin.truncate(self.twin_of_parent);
        self.twin = joined(&self.twin, name);
    }

    /// How PyTorch stores a parameter or state of this scope: under which name, cut into axes of which sizes, in which
    /// order, joined to which shape. Without this it has the same name, axes and shape.
    pub fn stored_in_pytorch(
        &mut self,
        own: &str,
        name: &str,
        sizes: &[usize],
        order: &[usize],
        shape: &[usize],
    ) {
        let (full, name) = (self.full_name(own), joined(&self.twin, name));
        let count = |sizes: &[usize]| sizes.iter().product::<usize>();
        let is_order = (0..sizes.len()).all(|axis| order.contains(&axis)) && order.len() == sizes.len();
        if let Some((_, stored)) = self.trace.pytorch.iter_mut().find(|(known, _)| *known == full)
            && is_order
            && count(sizes) == count(shape)
            && count(shape) == count(&stored.own_shape)
        {
            let own_shape = stored.own_shape.clone();
            *stored = PyTorch {
                name,
                own_shape,
                sizes: sizes.to_vec(),
                order: order.to_vec(),
                shape: shape.to_vec(),
            };
        }
    }

    /// The same for axes that are only in another order.
    pub(crate) fn turned_in_pytorch(&mut self, own: &str, sizes: &[usize], order: &[usize]) {
        let shape: Vec<usize> = order.iter().filter_map(|&axis| sizes.get(axis).copied()).collect();
        self.stored_in_pytorch(own, own, sizes, order, &shape);
    }

    /// Notes that `y` has the features of `x`, one by one.
    pub(crate) fn same_features(&mut self, x: Var<'g>, y: Var<'g>) {
        if x.id() != y.id()
            && let Some(axes) = self.flattened(x)
        {
            self.trace.flattened.push((y.id(), axes));
        }
    }

    /// Notes that the features of `flat` are those of `x`, of which PyTorch has the channels first: images, and what
    /// convolutions make of sequences.
    pub(crate) fn flattens(&mut self, x: Var<'g>, flat: Var<'g>) {
        let rank = x.shape().rank();
        if rank == 4 || rank == 3 && self.trace.channels_first {
            self.trace.flattened.push((flat.id(), x.shape()[1..].to_vec()));
        }
    }

    /// Says whether PyTorch has the channels of sequences before their steps, as its convolutions do.
    pub(crate) fn channels_first(&mut self, first: bool) {
        self.trace.channels_first = first;
    }

    /// The axes that features were flattened from, channels last.
    fn flattened(&self, x: Var<'g>) -> Option<Vec<usize>> {
        self.trace.flattened.iter().find(|(id, _)| *id == x.id()).map(|(_, axes)| axes.clone())
    }

    /// A weight `[features of x, outputs]`, which PyTorch has transposed.
    pub(crate) fn transposed_in_pytorch(
        &mut self,
        own: &str,
        x: Option<Var<'g>>,
        inputs: usize,
        outputs: usize,
    ) {
        let mut sizes = x.and_then(|x| self.flattened(x)).unwrap_or_else(|| vec![inputs]);
        let order = channels_first(sizes.len());
        let order: Vec<usize> = std::iter::once(sizes.len()).chain(order).collect();
        sizes.push(outputs);
        self.stored_in_pytorch(own, own, &sizes, &order, &[outputs, inputs]);
    }

    /// Notes that y has the features of x one by one, with parameters `[features]`.
    pub(crate) fn normalizes(&mut self, own: &[&str], x: Var<'g>, y: Var<'g>) {
        let Some(sizes) = self.flattened(x) else { return };
        self.same_features(x, y);
        for own in own {
            self.stored_in_pytorch(own, own, &sizes, &channels_first(sizes.len()), &[sizes.iter().product()]);
        }
    }
}

/// The last axis, then the others.
fn channels_first(rank: usize) -> Vec<usize> {
    rank.checked_sub(1).into_iter().chain(0..rank.saturating_sub(1)).collect()
}

/// Two parts of a name, of which either may be empty.
pub(crate) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() || name.is_empty() { format!("{path}{name}") } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use steepest_graph::Graph;
    use steepest_tensor::Key;

    use super::*;
    use crate::*;

    /// Names, shapes and the parameters of ours.
    fn stored(model: &dyn Model, inputs: impl for<'g> FnOnce(&'g Graph) -> Inputs<'g>) -> Vec<String> {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
        model.output(&mut trace.scope(), &inputs(&graph));
        assert!(graph.problems().is_empty(), "{:?}", graph.problems());
        let declared = trace.parameters().len() + trace.states().len();
        assert_eq!(trace.pytorch().len(), declared);
        trace.pytorch().iter().map(|(_, stored)| format!("{} {:?}", stored.name(), stored.shape())).collect()
    }

    fn text(graph: &Graph) -> Inputs<'_> {
        Inputs::new("x", graph.index_input("x", [1, 5]))
    }

    fn images(graph: &Graph) -> Inputs<'_> {
        Inputs::new("x", graph.input("x", [1, 8, 8, 3]))
    }

    #[test]
    fn names_and_shapes_are_those_of_pytorch() {
        let cnn = stored(&Cnn { channels: vec![4, 5], hidden: 7, ..Cnn::new(2) }, images);
        assert_eq!(cnn[0], "conv1.weight [4, 3, 3, 3]");
        assert_eq!(cnn[4..], ["fc1.weight [7, 20]", "fc1.bias [7]", "fc2.weight [2, 7]", "fc2.bias [2]"]);
        let resnet = stored(
            &ResNet { blocks: 1, channels: vec![4, 6], shortcut: Shortcut::Project, ..ResNet::new(2) },
            images,
        );
        assert_eq!(resnet[..2], ["conv1.weight [4, 3, 3, 3]", "bn1.weight [4]"]);
        assert!(resnet.contains(&"bn1.running_var [4]".to_owned()), "{resnet:?}");
        assert!(resnet.contains(&"layer2.0.downsample.0.weight [6, 4, 1, 1]".to_owned()), "{resnet:?}");
        let vgg = stored(&Vgg { channels: vec![4, 6], depth: 2, hidden: 7, ..Vgg::new(2) }, images);
        let places: Vec<&str> = vgg
            .iter()
            .filter(|name| name.ends_with("3, 3]"))
            .filter_map(|name| name.split(' ').next())
            .collect();
        // As torchvision's vgg13_bn: convolution, normalization, rectifier, twice; pooling.
        assert_eq!(
            places,
            ["features.0.weight", "features.3.weight", "features.7.weight", "features.10.weight"]
        );
        assert_eq!(vgg[vgg.len() - 2..], ["classifier.3.weight [2, 7]", "classifier.3.bias [2]"]);
    }

    #[test]
    fn sequences_have_the_names_of_pytorchs_modules() {
        let lstm = stored(&RecurrentModel::new(Cell::Lstm, 6, 9), text);
        assert_eq!(
            lstm[..3],
            ["tokens.weight [9, 6]", "lstm.weight_ih_l0 [24, 6]", "lstm.weight_hh_l0 [24, 6]"]
        );
        assert_eq!(lstm[3..5], ["lstm.bias_ih_l0 [24]", "lstm.bias_hh_l0 [24]"]);
        let gpt = stored(&Gpt { layers: 1, width: 8, heads: 2, ..Gpt::new(9) }, text);
        assert!(gpt.contains(&"layers.0.self_attn.in_proj_weight [24, 8]".to_owned()), "{gpt:?}");
        assert!(gpt.contains(&"layers.0.self_attn.out_proj.weight [8, 8]".to_owned()), "{gpt:?}");
        assert!(gpt.contains(&"layers.0.linear1.weight [32, 8]".to_owned()), "{gpt:?}");
    }

    /// Pixels of ours are [h, w, c], PyTorch's [c, h, w]: its input 1 of 2·2·2 is pixel (0, 1) of channel 0, our 2.
    #[test]
    fn flattened_images_have_their_channels_first() {
        let graph = Graph::new();
        let mut trace = Trace::new(&graph, Key::new(0), Phase::Eval);
        let net = Sequential::new().then(Flatten {}).then(Activation::relu()).then(Dense::new(1));
        net.forward(&mut trace.scope(), graph.input("x", [1, 2, 2, 2]));
        let (own, stored) = &trace.pytorch()[0];
        assert_eq!((own.as_str(), stored.name()), ("2.weight", "2.weight"));
        let weight = Tensor::f64([8, 1], (0..8).map(f64::from).collect()).unwrap();
        assert_eq!(stored.export(&weight).unwrap().to_f64(), [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]);
        assert_eq!(stored.import(&stored.export(&weight).unwrap()).unwrap(), weight);
        assert!(
            stored.import(&weight).is_none()
                && stored.export(&Tensor::f64([2], vec![0.0; 2]).unwrap()).is_none()
        );
    }
}
