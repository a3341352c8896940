//! The run spec: what it reads, what it writes, and what it says of mistakes.

use steepest_nn::{ModelSpec, Registered, Task};
use steepest_train::{RunOptions, RunSpec, SECTIONS, Section, SpecError, StopOptions, schema};

const MINIMAL: &str = "[data]\ntrain = \"a.csv\"\ntarget = \"y\"\n";

fn parse(text: &str) -> Result<RunSpec, SpecError> {
    RunSpec::parse(text, "run.toml", &[])
}

fn say(error: &SpecError) -> String {
    let help = error.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let excerpt = error.excerpt().map(|excerpt| format!("\n{excerpt}")).unwrap_or_default();
    format!("{error}{excerpt}{help}")
}

#[test]
fn only_data_and_target_are_needed() {
    let spec = parse(MINIMAL).unwrap();
    assert_eq!((spec.seed, spec.model.kind(), spec.optimizer.kind()), (0, "mlp", "adam"));
    assert_eq!((spec.schedule.kind(), spec.loss.is_none()), ("constant", true));
    assert_eq!(spec.batch.to_string(), "64");
    assert_eq!((spec.stop, spec.run), (StopOptions::default(), RunOptions::default()));
}

#[test]
fn a_resolved_spec_reads_as_itself_with_and_without_comments() {
    let text = r#"
        seed = 3
        [data]
        train = "dir with \"quotes\"/a.csv"
        target = "y"
        split = { validation = 0.2, test = 0.1 }
        delimiter = "\t"
        missing = ["", "none"]
        columns = { "zip.code" = "categorical", id = "ignored" }
        [model]
        kind = "mlp"
        hidden = [8, 4]
        activation = "tanh"
        [loss]
        kind = "huber"
        [optimizer]
        kind = "sgd-momentum"
        learning-rate = 1e-1
        [batch]
        size = "full"
        [stop]
        steps = 12
        tolerance = 1e-4
        [run]
        checkpoint-every = "2 epochs"
        precision = "f64"
    "#;
    let spec = parse(text).unwrap();
    for resolved in [spec.resolved(), spec.commented()] {
        let again = RunSpec::parse(&resolved, "", &[]).unwrap_or_else(|error| panic!("{error}\n{resolved}"));
        assert_eq!(again.resolved(), spec.resolved());
        assert_eq!(again.data, spec.data);
        assert_eq!((&again.stop, &again.run), (&spec.stop, &spec.run));
    }
    assert!(spec.resolved().contains("hidden = [8, 4]"), "{}", spec.resolved());
    assert!(spec.commented().contains("# Rows per step; 1 is"), "{}", spec.commented());
}

#[test]
fn every_key_is_written_out() {
    let resolved = parse(MINIMAL).unwrap().resolved();
    for section in SECTIONS {
        let Section::Fixed(about) = section else { continue };
        for key in about.hyperparameters {
            let written = resolved.contains(&format!("\n{} = ", key.name));
            assert!(written || resolved.contains(&format!("\n# {} is unset", key.name)), "{}", key.name);
        }
    }
}

#[test]
fn overrides_replace_what_is_written() {
    let spec = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        RunSpec::parse(
            &format!("{MINIMAL}[optimizer]\nkind = \"adam\"\nbeta1 = 0.5\n"),
            "sub/run.toml",
            &overrides,
        )
    };
    let changed = spec(&["batch.size=full", "seed=9", "data.target=z", "data.split.test=0.25"]).unwrap();
    assert_eq!(
        (changed.batch.to_string(), changed.seed, changed.data.target.as_str()),
        ("full".into(), 9, "z")
    );
    assert_eq!(changed.data.fractions(100).test, 0.25);
    // Paths in the text start at its folder, paths of overrides at the current one.
    assert_eq!(spec(&[]).unwrap().data.train, std::path::Path::new("sub/a.csv"));
    assert_eq!(spec(&["data.train=b.csv"]).unwrap().data.train, std::path::Path::new("b.csv"));
    // Another kind does not inherit the settings of the former one.
    assert_eq!(spec(&["optimizer.kind=sgd"]).unwrap().optimizer.kind(), "sgd");
    // Overrides of its own it does, in any order; and the kind that it has already changes nothing.
    let beta = |overrides: &[&str]| spec(overrides).unwrap().optimizer.settings().number("beta1");
    assert_eq!(beta(&["optimizer.beta1=0.7", "optimizer.kind=adamw"]), 0.7);
    assert_eq!(beta(&["optimizer.kind=adamw", "optimizer.beta1=0.7"]), 0.7);
    assert_eq!((beta(&["optimizer.kind=adam"]), beta(&["optimizer.kind=adamw"])), (0.5, 0.9));
    let error = spec(&["optimizer.learning-rate=-1"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--set optimizer.learning-rate=-1: `learning-rate` must be a number above 0, got -1"
    );
    assert!(spec(&["batch.size"]).unwrap_err().to_string().contains("`section.key=value`"));
}

#[test]
fn each_mistake_has_its_place_and_its_remedy() {
    let table: &[(&str, &str)] = &[
        (
            "seed = \n",
            "run.toml:1:8: not valid TOML: string values must be quoted, expected literal string\n  | seed = \n  |        ^",
        ),
        (
            "[data]\ntrain = \"a.csv\"\n",
            "run.toml: `data` needs `target`: the column to predict, `\"label\"` for images; or `tokens = \"characters\"` for a text",
        ),
        ("", "run.toml: `data` needs `train`: text"),
        (
            "[dat]\ntrain = \"a\"\n",
            "run.toml:1:2: there is no section or key `dat`\n  | [dat]\n  |  ^^^\nhelp: did you mean `data`?",
        ),
        (
            "sede = 1\n",
            "run.toml:1:1: there is no section or key `sede`\n  | sede = 1\n  | ^^^^\nhelp: did you mean `seed`?",
        ),
        (
            "batch = 3\n",
            "run.toml:1:1: `batch` is a section, not a key\n  | batch = 3\n  | ^^^^^\nhelp: did you mean `batch.size`? Its other keys: `steepest list`",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[clip]\nnorm = 1\n",
            "run.toml:4:2: there is no section or key `clip`\n  | [clip]\n  |  ^^^^\nhelp: did you mean `optimizer.clip-norm` or `optimizer.clip-value`?",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[optimizer]\nkind = \"adem\"\n",
            "run.toml:5:8: no optimizer is called `adem`\n  | kind = \"adem\"\n  |        ^^^^^^\nhelp: did you mean `adam`?",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[optimizer]\nlearning-rat = 1\n",
            "run.toml:5:1: `adam` has no setting `learning-rat`\n  | learning-rat = 1\n  | ^^^^^^^^^^^^\nhelp: did you mean `learning-rate`?",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[optimizer]\nlearning-rate = 0.0\n",
            "run.toml:5:17: `learning-rate` must be a number above 0, got 0.0\n  | learning-rate = 0.0\n  |                 ^^^",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[batch]\nsize = 0\n",
            "run.toml:5:8: `size` must be a whole number of at least 1, or \"full\", got 0\n  | size = 0\n  |        ^",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[stop]\nepochs = 2020-01-01\n",
            "run.toml:5:10: `stop.epochs` cannot be a datetime\n  | epochs = 2020-01-01\n  |          ^^^^^^^^^^",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\ncolumns = { zip = \"text\" }\n",
            "run.toml:4:19: `columns.zip` must be one of numeric, date, boolean, categorical, ignored, got \"text\"\n  | columns = { zip = \"text\" }\n  |                   ^^^^^^",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\ndelimiter = \"ab\"\n",
            "run.toml:4:13: `delimiter` must be one character, such as \";\" or \"\\t\", got \"ab\"\n  | delimiter = \"ab\"\n  |             ^^^^",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[loss]\nbeta = 1\n",
            "run.toml: `loss` needs `kind`: the name of one",
        ),
        (
            "[data]\ntrain = \"a\"\ntarget = \"y\"\n[run]\ncheckpoint-every = \"120%\"\n",
            "run.toml:5:20: `checkpoint-every` must be a span such as \"500 steps\", \"3 epochs\" or \"5%\", got \"120%\"\n  | checkpoint-every = \"120%\"\n  |                    ^^^^^^",
        ),
    ];
    for (text, expected) in table {
        let error = parse(text).expect_err(text);
        assert_eq!(say(&error), *expected, "for:\n{text}");
    }
    let error = RunSpec::load("no/such/file.toml", &[]).unwrap_err();
    assert!(error.to_string().starts_with("no/such/file.toml: cannot read the spec"), "{error}");
}

#[test]
fn places_count_characters_not_bytes() {
    let error = parse("[data]\ntrain = \"ä\" \ntarget = \"ü\"\nstratify = \"é\"\n").unwrap_err();
    assert!(say(&error).contains("run.toml:4:12:"), "{}", say(&error));
}

#[test]
fn layers_are_listed_and_written_out_again() {
    let text = r#"
        [data]
        train = "a.csv"
        target = "y"
        [model]
        kind = "sequential"
        [[model.layers]]
        kind = "dense"
        outputs = 12
        [[model.layers]]
        kind = "activation"
        function = "tanh"
    "#;
    let spec = RunSpec::parse(text, "run.toml", &[]).unwrap();
    let written = spec.resolved();
    assert!(
        written.contains(
            r#"layers = [{ kind = "dense", outputs = 12 }, { kind = "activation", function = "tanh" }]"#
        ),
        "{written}"
    );
    assert_eq!(RunSpec::parse(&written, "run.toml", &[]).unwrap().resolved(), written);
}

#[test]
fn keys_of_sections_are_found_by_their_names() {
    for (set, help) in [
        ("epochs=3", "did you mean `stop.epochs`?"),
        ("learning_rate=3", "did you mean `optimizer.learning-rate`?"),
        ("clip.norm=1", "did you mean `optimizer.clip-norm` or `optimizer.clip-value`?"),
        ("optimizer=adamw", "did you mean `optimizer.kind`? Its other keys: `steepest list`"),
        ("model.hidden=64", "a list is written in brackets: [64]"),
        ("optimizer.lr=3", "did you mean `learning-rate`?"),
        ("optimizer.weight_decay=3", "did you mean `l2`?"),
    ] {
        let spec = RunSpec::parse("[data]\ntrain = \"a\"\ntarget = \"b\"\n", "x", &[set.to_owned()]);
        assert_eq!(spec.err().and_then(|error| error.help()).as_deref(), Some(help), "{set}");
    }
}

#[test]
fn the_schema_knows_every_key_of_the_registries() {
    let schema = schema();
    let optimizers = schema["properties"]["optimizer"]["oneOf"].as_array().unwrap();
    let adam = optimizers.iter().find(|o| o["properties"]["kind"]["const"] == "adam").unwrap();
    assert_eq!(adam["properties"]["learning-rate"]["exclusiveMinimum"], 0.0);
    assert_eq!(optimizers.len(), steepest_optim::OPTIMIZERS.len());
    assert_eq!(schema["properties"]["data"]["required"], serde_json::json!(["train"]));
    assert_eq!(
        schema["properties"]["data"]["properties"]["split"]["properties"]["test"]["exclusiveMaximum"],
        1.0
    );
    assert_eq!(schema["properties"]["batch"]["properties"]["size"]["default"], 64);
}

/// The specs of the guide to networks are specs, and their models can be built.
#[test]
fn the_guide_to_networks_holds_what_it_says() {
    let guide = include_str!("../../../docs/networks.md");
    let blocks: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let data = if block.contains("[data]") { "" } else { "[data]\ntrain = \"x.ts\"\n" };
        let spec = RunSpec::parse(&format!("{data}{block}"), "guide.toml", &[]).unwrap();
        let model = ModelSpec::find(spec.model.kind()).unwrap();
        let task = match spec.data.tokens {
            Some(_) => Task::NextToken { vocabulary: 9 },
            None => Task::Multiclass { classes: 3 },
        };
        assert!(model.build(spec.model.settings(), &task).is_ok(), "{block}");
    }
}
