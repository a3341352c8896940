//! Specs and settings that cannot be used.

use crate::harness::{Folder, golden};

fn folder(spec: &str) -> Folder {
    let folder = Folder::with("run.toml", spec);
    folder.bundled("iris.csv");
    folder
}

const DATA: &str = "[data]\ntrain = \"iris.csv\"\ntarget = \"species\"\n";

#[test]
fn each_mistake_in_a_spec_points_at_its_line() {
    for (name, more) in [
        ("unknown-key", "[optimizer]\nlearning-rat = 0.1\n"),
        ("unknown-section", "[optimiser]\nkind = \"adam\"\n"),
        ("unknown-kind", "[optimizer]\nkind = \"adamm\"\n"),
        ("negative-rate", "[optimizer]\nlearning-rate = -0.1\n"),
        ("zero-rate", "[optimizer]\nlearning-rate = 0\n"),
        ("wrong-type", "[stop]\nepochs = \"ten\"\n"),
        ("zero-batch", "[batch]\nsize = 0\n"),
        ("huge-batch", "[batch]\nsize = 9000000000000\n"),
        ("syntax", "[stop\nepochs = 3\n"),
        ("bad-span", "[schedule]\nkind = \"cosine\"\nwarmup = \"5\"\n"),
        ("too-much-held-out", "[data.split]\ntest = 0.7\nvalidation = 0.5\n"),
    ] {
        let arguments = ["train", "run.toml"];
        let answer = folder(&format!("{DATA}{more}")).run(&arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{name}: {}", answer.stderr);
        golden(&format!("spec-{name}"), &arguments, &answer);
    }
}

#[test]
fn each_mistake_in_an_override_is_named() {
    for (name, set) in [
        ("unknown-key", "optimizer.lerning-rate=0.1"),
        ("negative-rate", "optimizer.learning-rate=-1"),
        ("no-value", "seed"),
        ("unknown-kind", "model.kind=logistik"),
    ] {
        let arguments = ["train", "iris.csv", "--target", "species", "--set", set];
        let answer = folder("").run(&arguments);
        assert_eq!(answer.code, 1, "{}", answer.stderr);
        golden(&format!("set-{name}"), &arguments, &answer);
    }
}

#[test]
fn a_spec_without_data_or_file_is_told() {
    for (name, arguments) in
        [("spec-no-data", vec!["train", "run.toml"]), ("spec-missing", vec!["train", "rum.toml"])]
    {
        golden(name, &arguments, &folder("seed = 3\n").run(&arguments));
    }
}

#[test]
fn init_writes_a_spec_that_can_be_read_and_never_overwrites() {
    let folder = folder("");
    let arguments = ["init", "iris.csv"];
    golden("init", &arguments, &folder.run(&arguments));
    let spec = folder.read("iris.toml");
    assert!(spec.contains("target = \"species\"") && spec.contains("train = \"iris.csv\""), "{spec}");
    assert!(spec.contains("# Length of a step, in units of the update."), "{spec}");
    let read = folder.run(&["inspect", "iris.toml"]);
    assert_eq!((read.code, read.stderr.as_str()), (0, ""));
    golden("init-again", &arguments, &folder.run(&arguments));
    let unknown = ["init", "iris.csv", "--target", "spieces", "-o", "-"];
    golden("init-unknown-target", &unknown, &folder.run(&unknown));
}

#[test]
fn init_names_the_label_that_a_format_has() {
    let rows = |row: [&str; 2]| row.map(|row| format!("{row}\n")).concat().repeat(20);
    let files = [
        ("a.svm", rows(["1 1:2 3:1", "-1 2:1"])),
        ("a.vw", rows(["1 | red fish", "-1 | blue"])),
        ("a.ft", rows(["__label__yes red fish", "__label__no blue fish"])),
    ];
    for (name, contents) in files {
        let folder = Folder::with(name, contents);
        let answer = folder.run(&["init", name]);
        assert_eq!(answer.code, 0, "{name}: {}", answer.stderr);
        let spec = name.replace(|c| c != 'a', "") + ".toml";
        assert!(folder.read(&spec).contains("target = \"label\""), "{name}: {}", folder.read(&spec));
        let inspected = folder.run(&["inspect", name]).stdout;
        assert!(inspected.contains("40 rows") && inspected.contains("label"), "{name}: {inspected}");
        assert!(!inspected.contains("left out"), "{name}: {inspected}");
        let arguments = ["train", &spec, "--set", "model.kind=logistic", "--set", "stop.epochs=30"];
        let answer = folder.run(&arguments);
        assert!(answer.stdout.contains("accuracy 1.0000"), "{name}: {}{}", answer.stdout, answer.stderr);
    }
}
