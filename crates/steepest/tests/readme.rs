//! The README shows the examples as they are.

use std::path::Path;

const README: &str = include_str!("../../../README.md");

/// An example as the README shows it: without what makes it a test, its data named from the repository's root.
fn shown(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let program = text.split("\n#[test]").next().unwrap();
    let code: Vec<&str> = program.lines().skip_while(|line| line.starts_with("//!")).collect();
    code.join("\n")
        .replace("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../examples/data/", "(\"examples/data/")
        .replace("(\"examples/data/iris.csv\")", "\"examples/data/iris.csv\"")
        .replace("(\"examples/data/wine.csv\")", "\"examples/data/wine.csv\"")
}

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let blocks: Vec<&str> =
        README.split("```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert_eq!(blocks.len(), 5, "one block for each example");
    for (block, name) in
        blocks.iter().zip(["train.rs", "arrays.rs", "own_layer.rs", "own_loss.rs", "own_transform.rs"])
    {
        let example = shown(name);
        assert!(example.trim() == *block, "{name} is shown otherwise; it is\n{example}");
    }
    let lines = blocks[0].lines().count();
    assert!(lines <= 15, "the front page has {lines} lines, at most 15");
}
