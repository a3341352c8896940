//! Weights to PyTorch's names and back.

use crate::harness::{Folder, golden};

#[test]
fn weights_leave_and_return() {
    let folder = Folder::new();
    folder.bundled("iris.csv");
    let set = ["model.hidden=[5]", "stop.epochs=30", "data.split.validation=0.2", "run.threads=1"];
    let sets: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    let run = |arguments: &[&str]| {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
        answer
    };
    run(&[&["train", "iris.csv", "--target", "species", "--out", "run"][..], &sets].concat());
    let told = run(&["export", "run", "-o", "weights.safetensors", "--rename", "2=head"]).stderr;
    assert_eq!(told, "wrote 4 tensors in weights.safetensors\n");
    golden(
        "import-mismatch",
        &["import"],
        &folder.run(&["import", "run/run.toml", "weights.safetensors", "-o", "x.safetensors"]),
    );
    let back =
        ["import", "run/run.toml", "weights.safetensors", "-o", "back.safetensors", "--rename", "head=2"];
    assert_eq!(run(&back).stderr, "imported 4 tensors to back.safetensors\n");
    assert_ne!(folder.run(&back).code, 0, "it exists already");
    let first = run(&["predict", "run", "iris.csv"]).stdout;
    assert_eq!(run(&["predict", "back.safetensors", "iris.csv"]).stdout, first);
    // A training may begin with them.
    run(&[
        "train",
        "run/run.toml",
        "--out",
        "more",
        "--set",
        "run.init-from=run/model.safetensors",
        "--set",
        "stop.epochs=1",
    ]);
}
