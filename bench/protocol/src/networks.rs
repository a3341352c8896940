//! The workloads' networks: their parameters by name, and the products that a step takes.

use crate::Model;

/// The parameters of a network, in Steepest's names and layouts, in the order of their declaration.
///
/// Weights of products are `[inputs, outputs]`, of convolutions `[height, width, inputs, outputs]`; recurrent ones hold
/// PyTorch's blocks of gates, each transposed. Perceptrons and single layers have numbered parameters instead.
pub fn parameters(model: &Model) -> Vec<(String, Vec<usize>)> {
    let mut list = List::default();
    match model {
        Model::Mlp { .. } | Model::Logistic { .. } | Model::Update { .. } => {}
        Model::Cnn { image, channels, hidden, classes } => {
            let [mut height, mut width, mut read] = *image;
            for (index, &written) in channels.iter().enumerate() {
                list.add(&format!("cnn.conv{}.weight", index + 1), &[3, 3, read, written]);
                list.add(&format!("cnn.conv{}.bias", index + 1), &[written]);
                (height, width, read) = (height - 2, width - 2, written);
            }
            list.dense("cnn.fc1", height / 2 * (width / 2) * read, *hidden);
            list.dense("cnn.fc2", *hidden, *classes);
        }
        Model::ResNet { image, blocks, channels, classes } => {
            let mut read = channels[0];
            list.normalized("resnet.conv1", "resnet.bn1", image[2], read);
            for (stage, &written) in channels.iter().enumerate() {
                for block in 0..*blocks {
                    let name = format!("resnet.layer{}.{block}", stage + 1);
                    list.normalized(&format!("{name}.conv1"), &format!("{name}.bn1"), read, written);
                    list.normalized(&format!("{name}.conv2"), &format!("{name}.bn2"), written, written);
                    read = written;
                }
            }
            list.dense("resnet.fc", read, *classes);
        }
        Model::Lstm { vocabulary, hidden, .. } => list.recurrent("lstm", 4, *vocabulary, *hidden),
        Model::Gru { vocabulary, hidden, .. } => list.recurrent("gru", 3, *vocabulary, *hidden),
        Model::Gpt { vocabulary, layers, width, length, .. } => {
            list.add("gpt.tokens.weight", &[*vocabulary, *width]);
            list.add("gpt.positions.weight", &[*length, *width]);
            for layer in 0..*layers {
                let name = format!("gpt.layers.{layer}");
                list.norm(&format!("{name}.norm1"), *width);
                list.dense(&format!("{name}.self_attn.in_proj"), *width, 3 * width);
                list.dense(&format!("{name}.self_attn.out_proj"), *width, *width);
                list.norm(&format!("{name}.norm2"), *width);
                list.dense(&format!("{name}.linear1"), *width, 4 * width);
                list.dense(&format!("{name}.linear2"), 4 * width, *width);
            }
            list.norm("gpt.norm", *width);
        }
    }
    list.0
}

/// Multiplications that are added up for one example: forward, and forward of the layers whose inputs need no derivative.
pub fn products(model: &Model) -> (usize, usize) {
    match model {
        Model::Mlp { .. } | Model::Logistic { .. } | Model::Update { .. } => {
            let layers = model.layers();
            let product = |(inputs, outputs): &(usize, usize)| inputs * outputs;
            (layers.iter().map(product).sum(), layers.first().map_or(0, product))
        }
        Model::Cnn { image, channels, hidden, classes } => {
            let ([mut height, mut width, mut read], mut sum, mut first) = (*image, 0, 0);
            for (index, &written) in channels.iter().enumerate() {
                (height, width) = (height - 2, width - 2);
                let product = height * width * 9 * read * written;
                first += if index == 0 { product } else { 0 };
                (sum, read) = (sum + product, written);
            }
            (sum + (height / 2 * (width / 2) * read + classes) * hidden, first)
        }
        Model::ResNet { image: [height, width, colours], blocks, channels, classes } => {
            let mut positions = height * width;
            let first = positions * 9 * colours * channels[0];
            let (mut sum, mut read) = (first, channels[0]);
            for (stage, &written) in channels.iter().enumerate() {
                positions /= if stage == 0 { 1 } else { 4 };
                sum += positions * 9 * (read * written + (2 * blocks - 1) * written * written);
                read = written;
            }
            (sum + read * classes, first)
        }
        Model::Lstm { vocabulary, hidden, length } => (length * hidden * (8 * hidden + vocabulary), 0),
        Model::Gru { vocabulary, hidden, length } => (length * hidden * (6 * hidden + vocabulary), 0),
        Model::Gpt { vocabulary, layers, width, length, .. } => {
            // Of the two products of attention, a causal mask leaves about half.
            let attention = length * (length + 1) / 2 * 2 * width;
            (layers * (length * 12 * width * width + attention) + length * width * vocabulary, 0)
        }
    }
}

#[derive(Default)]
struct List(Vec<(String, Vec<usize>)>);

impl List {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.push((name.to_owned(), shape.to_vec()));
    }

    fn dense(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.add(&format!("{name}.weight"), &[inputs, outputs]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width]);
        self.add(&format!("{name}.bias"), &[width]);
    }

    fn normalized(&mut self, convolution: &str, norm: &str, read: usize, written: usize) {
        self.add(&format!("{convolution}.weight"), &[3, 3, read, written]);
        self.norm(norm, written);
    }

    fn recurrent(&mut self, name: &str, gates: usize, vocabulary: usize, hidden: usize) {
        self.add(&format!("{name}.tokens.weight"), &[vocabulary, hidden]);
        for kind in ["ih", "hh"] {
            self.add(&format!("{name}.recurrent.weight_{kind}_l0"), &[gates, hidden, hidden]);
        }
        for kind in ["ih", "hh"] {
            self.add(&format!("{name}.recurrent.bias_{kind}_l0"), &[gates, hidden]);
        }
        self.dense(&format!("{name}.head"), hidden, vocabulary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_products_are_those_counted_by_hand() {
        let count = |model: &Model| -> usize {
            parameters(model).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
        };
        let cnn = Model::Cnn { image: [28, 28, 1], channels: vec![32, 64], hidden: 128, classes: 10 };
        assert_eq!(count(&cnn), 320 + 18_496 + (9216 + 1) * 128 + 1290);
        let second = 24 * 24 * 9 * 32 * 64;
        assert_eq!(products(&cnn), (26 * 26 * 9 * 32 + second + 9216 * 128 + 1280, 26 * 26 * 9 * 32));
        let resnet = Model::ResNet { image: [32, 32, 3], blocks: 3, channels: vec![16, 32, 64], classes: 10 };
        // 269,722 as in He et al. (2016), table 6: 0.27 million; 40.6 million products.
        assert_eq!(count(&resnet), 269_722);
        assert_eq!(products(&resnet).0, 40_551_040);
        let gpt = Model::Gpt { vocabulary: 65, layers: 4, width: 128, heads: 4, length: 64 };
        assert_eq!(count(&gpt), 65 * 128 + 64 * 128 + 4 * (12 * 128 * 128 + 13 * 128) + 2 * 128);
        let lstm = Model::Lstm { vocabulary: 65, hidden: 256, length: 64 };
        assert_eq!(count(&lstm), 65 * 256 + 8 * 256 * 257 + 257 * 65);
        assert_eq!(products(&lstm).0, 64 * (8 * 256 * 256 + 256 * 65));
    }
}
