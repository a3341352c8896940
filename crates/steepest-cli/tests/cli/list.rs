use steepest::registry::Description;

use crate::harness::{Folder, golden};

fn registered() -> Vec<(&'static str, Vec<&'static Description>)> {
    vec![
        ("models", steepest::nn::MODELS.iter().map(|spec| &spec.about).collect()),
        ("losses", steepest::nn::LOSSES.iter().map(|spec| &spec.about).collect()),
        ("optimizers", steepest::optim::OPTIMIZERS.iter().map(|spec| &spec.about).collect()),
        ("schedules", steepest::optim::SCHEDULES.iter().map(|spec| &spec.about).collect()),
        ("transforms", steepest::optim::TRANSFORMS.iter().map(|spec| &spec.about).collect()),
        ("layers", steepest::nn::LAYERS.iter().map(|spec| &spec.about).collect()),
        ("metrics", steepest::nn::METRICS.iter().map(|spec| &spec.about).collect()),
        ("activations", steepest::nn::ACTIVATIONS.iter().map(|spec| &spec.about).collect()),
        ("initializers", steepest::nn::INITIALIZERS.iter().map(|spec| &spec.about).collect()),
    ]
}

#[test]
fn everything_registered_is_listed() {
    let folder = Folder::new();
    let all = folder.run(&["list"]).stdout;
    for (kind, entries) in registered() {
        let of_kind = folder.run(&["list", kind]).stdout;
        for about in entries {
            assert!(all.contains(about.name), "`list` lacks {}", about.name);
            let line = of_kind.lines().find(|line| line.trim_start().starts_with(about.name));
            assert!(
                line.is_some_and(|line| line.ends_with(about.summary)),
                "`list {kind}` lacks {}",
                about.name
            );
        }
    }
}

#[test]
fn one_entry_shows_its_settings_defaults_and_reference() {
    let folder = Folder::new();
    for (kind, name) in [("optimizers", "adam"), ("models", "mlp"), ("schedules", "cosine")] {
        let all = registered().into_iter().find(|(known, _)| *known == kind).unwrap().1;
        let about = all.into_iter().find(|about| about.name == name).unwrap();
        let text = folder.run(&["list", kind, name]).stdout;
        for key in about.hyperparameters {
            assert!(
                text.lines().any(|line| line.trim_start().starts_with(key.name)),
                "{name} lacks {}",
                key.name
            );
        }
        assert!(text.contains("reference:"), "{text}");
    }
}

#[test]
fn an_optimizer_in_full() {
    let arguments = ["list", "adagrad"];
    golden("list-adagrad", &arguments, &Folder::new().run(&arguments));
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    for (name, arguments) in [
        ("list-unknown", vec!["list", "optimisers"]),
        ("list-unknown-name", vec!["list", "optimizers", "adan"]),
    ] {
        golden(name, &arguments, &Folder::new().run(&arguments));
    }
}
