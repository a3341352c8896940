//! Model files that cannot be used.

use std::fs;

use crate::harness::{Folder, golden};
use crate::runs::trained;

#[test]
fn a_file_that_is_no_model_is_told() {
    let folder = Folder::with("model.safetensors", "x,y\n1,2\n");
    folder.bundled("iris.csv");
    for (name, arguments) in [
        ("model-not-one", vec!["predict", "model.safetensors", "iris.csv"]),
        ("model-missing", vec!["evaluate", "modell.safetensors", "iris.csv"]),
        ("model-empty-folder", vec!["inspect", "."]),
    ] {
        let answer = folder.run(&arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{}", answer.stderr);
        golden(name, &arguments, &answer);
    }
}

#[test]
fn a_truncated_a_damaged_and_a_newer_model_are_told_apart() {
    let folder = trained("iris.csv", "species", &[]);
    let whole = fs::read(folder.path("run/model.safetensors")).unwrap();
    let mut damaged = whole.clone();
    let last = damaged.len() - 3;
    damaged[last] ^= 0x40;
    let pattern = br#"\"version\":1"#;
    let at = whole.windows(pattern.len()).position(|window| window == pattern).unwrap();
    let mut newer = whole.clone();
    newer[at + pattern.len() - 1] = b'9';
    folder.write("newer.safetensors", newer);
    let arguments = ["predict", "newer.safetensors", "iris.csv"];
    let answer = folder.run(&arguments);
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{}", answer.stderr);
    golden("model-newer", &arguments, &answer);
    for (name, bytes, says) in
        [("truncated", whole[..whole.len() / 2].to_vec(), "truncated"), ("damaged", damaged, "checksum")]
    {
        folder.write("bad.safetensors", bytes);
        let answer = folder.run(&["predict", "bad.safetensors", "iris.csv"]);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{name}");
        assert!(answer.stderr.contains(says) && answer.stderr.contains("help: "), "{}", answer.stderr);
    }
}
