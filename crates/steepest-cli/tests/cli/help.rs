use crate::harness::{Folder, golden};

#[test]
fn help_says_what_each_command_does() {
    let folder = Folder::new();
    for (name, arguments) in [
        ("help", vec!["--help"]),
        ("help-train", vec!["train", "--help"]),
        ("help-predict", vec!["help", "predict"]),
        ("usage-unknown-command", vec!["trian"]),
        ("usage-no-input", vec!["train"]),
    ] {
        golden(name, &arguments, &folder.run(&arguments));
    }
}

#[test]
fn the_version_is_the_crates() {
    let answer = Folder::new().run(&["--version"]);
    assert_eq!(answer.stdout, format!("steepest {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let answer = Folder::new().run(&["completions", shell]);
        assert_eq!(answer.code, 0);
        for command in ["train", "evaluate", "predict", "inspect", "list", "explain", "init", "schema"] {
            assert!(answer.stdout.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn the_schema_is_json_and_knows_the_registered_names() {
    let answer = Folder::new().run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let optimizers = schema["properties"]["optimizer"]["oneOf"].as_array().unwrap();
    let names: Vec<&str> =
        optimizers.iter().filter_map(|one| one["properties"]["kind"]["const"].as_str()).collect();
    assert!(names.contains(&"adam") && names.contains(&"sgd"), "{names:?}");
}
