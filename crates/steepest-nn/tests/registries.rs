//! What holds for every entry of every registry.

use std::collections::BTreeSet;

use steepest_graph::{Csr, Graph, Var};
use steepest_nn::*;
use steepest_spec::{Accepts, Default, Description, Value};
use steepest_tensor::Key;

/// The settings without which an entry cannot be built, filled in.
fn required(about: &Description) -> Vec<(String, Value)> {
    let missing = about.hyperparameters.iter().filter(|h| h.default == Default::Required);
    missing
        .map(|h| {
            let value = match (h.name, h.accepts) {
                ("function", _) => Value::Text("relu".to_owned()),
                (_, Accepts::Integer { min, .. }) => Value::Integer(min as i64),
                _ => Value::Number(1.0),
            };
            (h.name.to_owned(), value)
        })
        .collect()
}

fn is_kebab_case(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn conforms<S: Registered>() {
    let mut names = BTreeSet::new();
    for spec in S::all() {
        let about = spec.about();
        assert!(names.insert(about.name), "{} `{}` is registered twice", S::KIND, about.name);
        assert!(is_kebab_case(about.name), "{}", about.name);
        assert!(std::ptr::eq(S::find(about.name).ok().unwrap(), *spec));
        for (field, text) in [("formula", about.formula), ("summary", about.summary)] {
            assert!(!text.is_empty(), "{} `{}` has no {field}", S::KIND, about.name);
        }
        assert!(about.summary.ends_with('.'), "{}", about.name);
        let mut settings = BTreeSet::new();
        for hyper in about.hyperparameters {
            assert!(
                settings.insert(hyper.name) && is_kebab_case(hyper.name),
                "{}.{}",
                about.name,
                hyper.name
            );
            assert!(!hyper.source.is_empty(), "{}.{} has no source", about.name, hyper.name);
            assert!(hyper.summary.ends_with('.'), "{}.{}", about.name, hyper.name);
        }
        let written = required(about);
        assert!(spec.settings(written.clone()).is_ok(), "{}", about.name);
        let error = spec.settings(written.into_iter().chain([("no-such".to_owned(), Value::Bool(true))]));
        let error = error.unwrap_err();
        assert_eq!(error.key(), Some("no-such"));
        assert!(error.to_string().contains(about.name) && error.help().is_some());
    }
}

#[test]
fn names_of_other_frameworks_are_understood() {
    for (written, meant) in [
        ("LSTM", "recurrent"),
        ("MaxPool2d", "max-pool"),
        ("Dense", "dense"),
        ("Linear", "dense"),
        ("layer_norm", "layer-norm"),
        ("TransformerEncoderLayer", "transformer-block"),
        ("atention", "attention"),
    ] {
        let error = LayerSpec::find(written).unwrap_err();
        assert_eq!(error.help().unwrap(), format!("did you mean `{meant}`?"), "{written}");
    }
    assert_eq!(ModelSpec::find("transformer").unwrap_err().help().unwrap(), "did you mean `encoder`?");
    assert_eq!(ModelSpec::find("LSTM").unwrap_err().help().unwrap(), "did you mean `lstm`?");
}

#[test]
fn windows_may_be_higher_than_wide() {
    let conv = LayerSpec::find("conv2d").unwrap();
    let list = |sizes: &[i64]| Value::List(sizes.iter().map(|&size| Value::Integer(size)).collect());
    let build = |key: &str, value: Value| {
        conv.settings([("outputs".to_owned(), Value::Integer(2)), (key.to_owned(), value)])
    };
    let layer = (conv.build)(&build("kernel", list(&[3, 1])).unwrap()).unwrap();
    let graph = Graph::new();
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let y = trace.scope().apply("conv", &layer, graph.input("x", [4, 6, 6, 3]));
    assert_eq!(
        (y.shape()[..].to_vec(), trace.parameters()[0].1.shape()[..].to_vec()),
        (vec![4, 4, 6, 2], vec![3, 1, 3, 2])
    );
    let error = build("kernel", list(&[3, 1, 1])).unwrap_err().to_string();
    assert!(error.contains("at least 1, or two of them, `[height, width]`"), "{error}");
    assert!(build("padding", list(&[0, 2])).is_ok() && build("stride", list(&[0, 2])).is_err());
    let sequences = LayerSpec::find("conv1d").unwrap();
    let pair = [("outputs".to_owned(), Value::Integer(2)), ("kernel".to_owned(), list(&[3, 1]))];
    assert!(sequences.settings(pair).is_err());
}

/// The tables of a list of layers say by `kind` which layer they mean.
#[test]
fn no_setting_of_a_layer_is_called_kind() {
    for spec in LAYERS {
        let mut settings = spec.about.hyperparameters.iter();
        assert!(settings.all(|setting| setting.name != "kind"), "{}", spec.about.name);
    }
}

#[test]
fn every_entry_has_a_unique_name_a_formula_and_sources() {
    conforms::<InitializerSpec>();
    conforms::<ActivationSpec>();
    conforms::<LayerSpec>();
    conforms::<LossSpec>();
    conforms::<MetricSpec>();
    conforms::<ModelSpec>();
}

/// An input of four examples that a layer can take.
fn example<'g>(graph: &'g Graph, layer: &str) -> Var<'g> {
    match layer {
        "conv1d" => graph.input("x", [4, 9, 3]),
        "conv2d" | "conv-transpose2d" | "max-pool" | "avg-pool" | "global-avg-pool" | "adaptive-avg-pool"
        | "residual-block" => graph.input("x", [4, 6, 6, 3]),
        "group-norm" => graph.input("x", [4, 3, 64]),
        "embedding" => graph.index_input("x", [4, 3]),
        "positions" | "attention" | "transformer-block" | "recurrent" => graph.input("x", [4, 3, 2]),
        _ => graph.input("x", [4, 3]),
    }
}

/// Four examples that a model can take.
fn examples<'g>(graph: &'g Graph, model: &str) -> Inputs<'g> {
    match model {
        "cnn" | "lenet" | "vgg" | "resnet" => Inputs::new("x", graph.input("x", [4, 28, 28])),
        "matrix-factorization" => Inputs::of_category("user", graph.index_input("u", [4]), 3).with_category(
            "item",
            graph.index_input("i", [4]),
            5,
        ),
        "svdpp" => Inputs::of_category("user", graph.index_input("u", [4]), 3)
            .with_category("item", graph.index_input("i", [4]), 5)
            .with_history(Csr::input(graph, "h", 4, 9)),
        _ => Inputs::new("x", graph.input("x", [4, 3, 2])),
    }
}

/// Building from the description's defaults proves that description and configuration have the same
/// fields, for unknown and missing ones are errors.
#[test]
fn every_entry_builds_from_its_own_description() {
    for spec in LAYERS {
        let layer = (spec.build)(&spec.settings(required(&spec.about)).unwrap()).unwrap();
        let graph = Graph::new();
        let x = example(&graph, spec.about.name);
        let y = Trace::new(&graph, Key::new(0), Phase::Train).scope().apply("layer", &layer, x);
        assert_eq!((y.dim(0), graph.problems().len()), (4, 0), "{}", spec.about.name);
    }
    for spec in LOSSES {
        (spec.build)(&spec.settings([]).unwrap()).unwrap();
    }
    let tasks = [Task::Regression { outputs: 2 }, Task::Binary, Task::Multiclass { classes: 5 }];
    for task in &tasks {
        for spec in MODELS.iter().filter(|spec| (spec.suits)(task)) {
            let model = spec.build(&spec.settings([]).unwrap(), task).unwrap();
            let graph = Graph::new();
            let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
            let y = model.output(&mut trace.scope(), &examples(&graph, spec.about.name));
            assert_eq!(*y.shape(), [4, task.outputs()], "{} for {task}", spec.about.name);
            let path = format!("{}.", spec.about.name);
            assert!(trace.parameters().iter().all(|(name, _)| name.starts_with(&path)));
            assert!(graph.problems().is_empty());
        }
        for name in task.default_metrics() {
            let spec = MetricSpec::find(name).unwrap();
            assert_eq!(spec.build(&spec.settings([]).unwrap(), task).unwrap().value(), None, "{name}");
        }
        let model = ModelSpec::find(task.default_model()).unwrap();
        assert!((model.suits)(task));
        assert_eq!(LossSpec::find(task.default_loss()).unwrap().target, task.target());
    }
}

/// The settings of an entry as an object, defaults included.
fn defaults<S: Registered>(name: &str, written: &[(&str, i64)]) -> serde_json::Value {
    let written = written.iter().map(|(key, value)| ((*key).to_owned(), Value::Integer(*value)));
    let settings = S::find(name).unwrap_or_else(|error| panic!("{error}")).settings(written).unwrap();
    settings.iter().map(|(key, value)| (key.to_owned(), serde_json::to_value(value).unwrap())).collect()
}

/// A configuration as an object, without what the task or nobody sets.
fn fields(configuration: impl serde::Serialize, without: &[&str]) -> serde_json::Value {
    let serde_json::Value::Object(mut fields) = serde_json::to_value(configuration).unwrap() else {
        panic!("a configuration is an object")
    };
    fields.retain(|key, _| !without.contains(&key.as_str()));
    serde_json::Value::Object(fields)
}

#[test]
fn constructors_have_the_defaults_of_their_descriptions() {
    assert_eq!(fields(Dense::new(3), &[]), defaults::<LayerSpec>("dense", &[("outputs", 3)]));
    assert_eq!(fields(Huber::default(), &[]), defaults::<LossSpec>("huber", &[]));
    assert_eq!(fields(CrossEntropy::default(), &[]), defaults::<LossSpec>("cross-entropy", &[]));
    assert_eq!(fields(Linear::new(1), &["outputs"]), defaults::<ModelSpec>("linear", &[]));
    assert_eq!(fields(Logistic::new(1), &["outputs"]), defaults::<ModelSpec>("logistic", &[]));
    assert_eq!(fields(Softmax::new(2), &["outputs"]), defaults::<ModelSpec>("softmax", &[]));
    let conv = fields(Conv2d::new(1, 3), &[]);
    assert_eq!(conv, defaults::<LayerSpec>("conv2d", &[("outputs", 1)]));
    assert_eq!(fields(Conv1d::new(1, 3), &[]), defaults::<LayerSpec>("conv1d", &[("outputs", 1)]));
    let transposed = fields(ConvTranspose2d::new(1, 3), &[]);
    assert_eq!(transposed, defaults::<LayerSpec>("conv-transpose2d", &[("outputs", 1)]));
    assert_eq!(fields(MaxPool::new(2), &["stride"]), defaults::<LayerSpec>("max-pool", &[]));
    assert_eq!(fields(AvgPool::new(2), &["stride"]), defaults::<LayerSpec>("avg-pool", &[]));
    assert_eq!(fields(BatchNorm::default(), &[]), defaults::<LayerSpec>("batch-norm", &[]));
    assert_eq!(fields(GroupNorm::default(), &[]), defaults::<LayerSpec>("group-norm", &[]));
    let block = fields(ResidualBlock::new(1), &[]);
    assert_eq!(block, defaults::<LayerSpec>("residual-block", &[("outputs", 1)]));
    assert_eq!(fields(Cnn::new(1), &["outputs"]), defaults::<ModelSpec>("cnn", &[]));
    assert_eq!(fields(LeNet::new(1), &["outputs"]), defaults::<ModelSpec>("lenet", &[]));
    assert_eq!(fields(Vgg::new(1), &["outputs"]), defaults::<ModelSpec>("vgg", &[]));
    assert_eq!(fields(ResNet::new(1), &["outputs"]), defaults::<ModelSpec>("resnet", &[]));
    assert_eq!(fields(Hinge::default(), &[]), defaults::<LossSpec>("hinge", &[]));
    assert_eq!(fields(MulticlassHinge::default(), &[]), defaults::<LossSpec>("multiclass-hinge", &[]));
    assert_eq!(fields(EpsilonInsensitive::default(), &[]), defaults::<LossSpec>("epsilon-insensitive", &[]));
    let mlp = fields(Mlp::new(&[100], 1), &["outputs", "weight-init"]);
    assert_eq!(mlp, defaults::<ModelSpec>("mlp", &[]));
}

#[test]
fn every_activation_recommends_a_registered_initializer() {
    for spec in ACTIVATIONS {
        assert!(InitializerSpec::find(spec.initializer).is_ok(), "{}", spec.about.name);
        assert!(!spec.initializer_source.is_empty());
    }
}

#[test]
fn configurations_survive_being_written() {
    for text in ["relu", "leaky-relu(slope=0.2)", "elu(alpha=0.5)"] {
        let activation: Activation = text.parse().unwrap();
        assert_eq!(activation.to_string(), text);
        let json = serde_json::to_string(&activation).unwrap();
        assert_eq!(serde_json::from_str::<Activation>(&json).unwrap(), activation);
    }
    let dense = Dense::new(3).weight_init("normal(mean=1.0, std=0.5)".parse().unwrap());
    let json = serde_json::to_string(&dense).unwrap();
    assert_eq!(
        json,
        r#"{"outputs":3,"weight-init":"normal(mean=1.0, std=0.5)","bias-init":"zeros","use-bias":true}"#
    );
    assert_eq!(serde_json::from_str::<Dense>(&json).unwrap(), dense);
}

#[test]
fn a_wrong_name_inside_a_setting_says_which_setting_and_what_was_meant() {
    let spec = ModelSpec::find("mlp").unwrap();
    let say = |key: &str, text: &str| {
        let settings = spec.settings([(key.to_owned(), Value::Text(text.to_owned()))]).unwrap();
        let error = spec.build(&settings, &Task::Binary).err().unwrap();
        assert_eq!(error.key(), Some(key));
        format!("{error}; {}", error.help().unwrap_or_default())
    };
    assert_eq!(
        say("weight-init", "he-normall"),
        "mlp: `weight-init` = \"he-normall\": no initializer is called `he-normall`; did you mean `he-normal`?"
    );
    assert_eq!(
        say("activation", "leaky-relu(slop=1)"),
        "mlp: `activation` = \"leaky-relu(slop=1)\": leaky-relu: `leaky-relu` has no setting `slop`; did you mean `slope`?"
    );
    assert_eq!(
        say("activation", "relu("),
        "mlp: `activation` = \"relu(\": `relu(` cannot be read as activation; write a name, or a name with settings: `normal(std=0.02)`"
    );
}

#[test]
fn layers_of_a_spec_become_a_model() {
    struct Head;
    impl Layer for Head {
        fn forward<'g>(&self, cx: &mut Scope<'_, 'g>, x: Var<'g>) -> Var<'g> {
            x * cx.param("gain", [x.dim(-1)], &Init::zeros())
        }
    }
    let text = |key: &str, value: &str| vec![(key.to_owned(), Value::Text(value.to_owned()))];
    let entries = [
        ("flatten".to_owned(), vec![]),
        ("dense".to_owned(), vec![("outputs".to_owned(), Value::Integer(6))]),
        ("activation".to_owned(), text("function", "leaky-relu(slope=0.1)")),
        ("dropout".to_owned(), vec![("rate".to_owned(), Value::Number(0.1))]),
    ];
    let model = Sequential::from_spec(entries).unwrap().named("head", Head);
    let graph = Graph::new();
    let mut trace = Trace::new(&graph, Key::new(0), Phase::Train);
    let y = model.output(&mut trace.scope(), &Inputs::new("x", graph.input("x", [2, 5, 5])));
    assert_eq!(*y.shape(), [2, 6]);
    let names: Vec<&str> = trace.parameters().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["1.weight", "1.bias", "head.gain"]);
    let error = Sequential::from_spec([("dens".to_owned(), vec![])]).err().unwrap();
    assert_eq!(error.help().unwrap(), "did you mean `dense`?");
}
