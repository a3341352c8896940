//! Bad snippets, and the rule that must complain of each; good ones, and silence.

use std::path::Path;

use super::*;

/// The rules that complain when `text` stands at `path`.
fn rules_broken(path: &str, text: &str) -> Vec<&'static str> {
    let tree = Tree { files: vec![File { path: path.to_owned(), text: text.to_owned() }] };
    let mut rules: Vec<_> = check(&tree).unwrap().into_iter().map(|finding| finding.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn this_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let findings = check(&Tree::read(root).unwrap()).unwrap();
    let errors: Vec<String> =
        findings.iter().filter(|f| f.severity == Severity::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "\n{}\n", errors.join("\n\n"));
}

#[test]
fn bad_snippets_are_found() {
    const GRAPH: &str = "crates/steepest-graph/src/plan.rs";
    const TENSOR: &str = "crates/steepest-tensor/src/pool.rs";
    let cases: &[(&str, &str, &str)] = &[
        (GRAPH, "fn f() { unsafe { g() } }", "unsafe"),
        ("crates/steepest-graph/examples/a.rs", "fn f() { unsafe { g() } }", "unsafe"),
        (TENSOR, "fn f() {\n    unsafe { g() }\n}", "safety-comment"),
        (TENSOR, "// SAFETY: long ago.\nlet a = 1;\nlet b = unsafe { g() };", "safety-comment"),
        (TENSOR, "unsafe impl Send for Pool {}", "safety-comment"),
        ("crates/steepest-graph/tests/a.rs", "unsafe impl GlobalAlloc for C {}", "safety-comment"),
        ("crates/steepest-optim/src/lib.rs", "//! Docs.\n// #![forbid(unsafe_code)]", "forbid-unsafe"),
        ("xtask/src/main.rs", "fn main() {}", "forbid-unsafe"),
        (GRAPH, "use std::fs;", "pure"),
        (GRAPH, "use std::{\n    collections::BTreeMap,\n};\nfn f() { env::var(\"A\"); }", "pure"),
        (GRAPH, "let start = Instant::now();", "pure"),
        (GRAPH, "static mut COUNT: u32 = 0;", "pure"),
        (GRAPH, "static COUNT: AtomicU32 = AtomicU32::new(0);", "pure"),
        (GRAPH, "thread_local! { static A: u8 = 0; }", "pure"),
        (GRAPH, "static A: OnceLock<u8> = OnceLock::new();", "pure"),
        (GRAPH, "std::thread::spawn(f);", "pure"),
        (GRAPH, "#[cfg(test)]\nmod tests {}\nuse std::fs;", "pure"),
        ("crates/steepest-train/src/lib.rs", "#![forbid(unsafe_code)]\nfn f() { println!(\"\"); }", "prints"),
        ("crates/steepest-nn/src/utils.rs", "", "vague-name"),
        ("crates/steepest-nn/src/common/mod.rs", "", "vague-name"),
        ("README.md", concat!("a\n<<<<", "<<< HEAD\n"), "merge-marker"),
        ("README.md", concat!("a\n>>>>", ">>> branch\n"), "merge-marker"),
        (GRAPH, concat!("// TO", "DO: later"), "leftover"),
        ("bench/peers/a.py", concat!("# FIX", "ME"), "leftover"),
        ("README.md", concat!("see /wo", "rk/main"), "machine-path"),
        ("README.md", concat!("see `/t", "mp/x`"), "machine-path"),
        (GRAPH, concat!("let path = \"/ro", "ot/x\";"), "machine-path"),
        (GRAPH, concat!("/// Writes to /t", "mp."), "machine-path"),
        (GRAPH, "pub fn f<A, B, C>(a: A) {}", "type-parameters"),
        (GRAPH, "pub struct S<\n    'a,\n    A,\n    B: Fn(u8) -> u8,\n    C,\n> {}", "type-parameters"),
        ("crates/steepest-optim/src/transforms/adam.rs", "pub struct Adam;", "spec"),
        ("crates/steepest-optim/src/transforms/adam.rs", "pub static SPEC: Spec = Spec;", "registry"),
        ("crates/steepest-magic/Cargo.toml", "", "unknown-crate"),
        ("crates/steepest-graph/Cargo.toml", "[dependencies]\nsteepest-nn.workspace = true", "direction"),
        ("crates/steepest-nn/Cargo.toml", "[dependencies]\nsteepest-optim = { path = \"a\" }", "direction"),
        ("crates/steepest-optim/Cargo.toml", "[dev-dependencies]\nsteepest-nn.workspace = true", "direction"),
        ("crates/steepest-cli/Cargo.toml", "[dependencies]\nsteepest-train.workspace = true", "direction"),
        (
            "crates/steepest-tensor/Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nsteepest = \"1\"",
            "direction",
        ),
    ];
    for (path, text, rule) in cases {
        let broken = rules_broken(path, text);
        assert!(broken.contains(rule), "{path} with {text:?}: wanted {rule}, got {broken:?}");
    }
}

#[test]
fn good_snippets_are_not() {
    const GRAPH: &str = "crates/steepest-graph/src/plan.rs";
    const TENSOR: &str = "crates/steepest-tensor/src/pool.rs";
    let cases: &[(&str, &str)] = &[
        (GRAPH, "/// Never `unsafe`, no std::fs.\nlet a = \"unsafe { std::fs }\"; // unsafe"),
        (GRAPH, "let a = r#\"std::fs \"unsafe\" \"#; /* std::env /* nested */ Instant */"),
        (GRAPH, "let quote = '\"'; let b = '\\''; fn f<'a>(x: &'a str) {} // std::fs"),
        (GRAPH, "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() { println!(\"}\"); }\n}"),
        (GRAPH, "pub static SPEC: Spec = Spec; fn f(x: &'static Cell<u8>) {}"),
        (GRAPH, "pub fn f<'g, A, B>(a: A, b: impl Fn(A) -> B) {}"),
        (GRAPH, "fn dfs::x() {} let instants = 1; let my_env::x = 1;"),
        (TENSOR, "// SAFETY: the region is ours.\nlet a =\n    unsafe { g() };"),
        (TENSOR, "// SAFETY: no state.\n#[cfg(unix)]\nunsafe impl Send for Pool {}"),
        (TENSOR, "unsafe { g() } // SAFETY: checked above."),
        (TENSOR, "/// # Safety\n/// Needs AVX.\nunsafe fn f() {}"),
        (TENSOR, "std::thread::spawn(f);"),
        ("crates/steepest-cli/src/main.rs", "#![forbid(unsafe_code)]\nfn main() { println!(\"\"); }"),
        ("README.md", concat!("target/wo", "rk/x and net", "work/ro", "ot; /wo", "rkspace")),
        ("crates/steepest-train/Cargo.toml", "[dependencies]\nsteepest-nn.workspace = true\nserde = \"1\""),
    ];
    for (path, text) in cases {
        let broken = rules_broken(path, text);
        assert!(broken.is_empty(), "{path} with {text:?}: {broken:?}");
    }
}

#[test]
fn long_files_warn_then_fail() {
    let severity = |lines: usize| {
        let tree =
            Tree { files: vec![File { path: "xtask/src/a.rs".to_owned(), text: "//\n".repeat(lines) }] };
        check(&tree).unwrap().first().map(|finding| finding.severity)
    };
    assert_eq!(severity(400), None);
    assert_eq!(severity(401), Some(Severity::Warning));
    assert_eq!(severity(801), Some(Severity::Error));
}

#[test]
fn a_registered_rule_is_silent_and_a_finding_names_its_line() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let tree = Tree {
        files: vec![
            file(
                "crates/steepest-nn/src/losses/mod.rs",
                "pub mod hinge;\nmod margin;\npub static ALL: &[&Spec] = &[&hinge::SPEC];",
            ),
            file("crates/steepest-nn/src/losses/margin.rs", "pub(super) fn margin() {}"),
            file("crates/steepest-nn/src/losses/hinge.rs", "pub static SPEC: Spec = Spec;"),
        ],
    };
    assert_eq!(check(&tree).unwrap(), []);

    let tree = Tree { files: vec![file("crates/steepest-nn/src/a.rs", "//! A.\n\nuse std::fs;\n")] };
    let finding = check(&tree).unwrap().remove(0).to_string();
    assert!(finding.contains("crates/steepest-nn/src/a.rs:3") && finding.contains("std::fs"), "{finding}");
}

#[test]
fn reading_a_tree_skips_build_output_and_fetched_data() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        ["src/a.rs", "target/b.rs", "data/c.md", "crates/x/src/data/d.rs", ".git/e.md", ".ci/run", "f.png"]
    {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let tree = Tree::read(folder.path()).unwrap();
    let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".ci/run", "crates/x/src/data/d.rs", "src/a.rs"]);
    assert!(matches!(Tree::read(&folder.path().join("absent")), Err(TidyError::Read { .. })));
}
